// Bytes as files of every format that Taper reads: an IoError or a value, whatever they are.
// The first byte chooses the format; tests/CMakeLists.txt says how to build it.
#include <cstddef>
#include <cstdint>
#include <string>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/io/idx.h"
#include "taper/io/jpeg.h"
#include "taper/io/npy.h"
#include "taper/io/npz.h"
#include "taper/io/safetensors.h"
#include "taper/io/torch_file.h"
#include "taper/io/zip.h"

namespace {

using taper::IoError;
using taper::MemorySource;
namespace io = taper::io;

/// An archive whose pickle is the bytes, beside a storage: past the checksums, which stop mutants.
std::string torch_file_of(const uint8_t* data, size_t size) {
  std::string bytes;
  io::ZipWriter writer(
      [&](const void* from, size_t count) { bytes.append(static_cast<const char*>(from), count); });
  writer.add("m/data.pkl", {{data, size}});
  const std::string storage(64, '\1');
  writer.add("m/data/0", {{storage.data(), storage.size()}});
  writer.finish();
  return bytes;
}

void read(uint8_t format, const uint8_t* data, size_t size) {
  const MemorySource source(data, size, "fuzz");
  switch (format % 8) {
    case 0:
      io::load_npy(source);
      return;
    case 1:
      io::load_npz(source);
      return;
    case 2:
      io::load_torch(source);
      return;
    case 3: {
      const std::string bytes = torch_file_of(data, size);
      io::load_torch(MemorySource(bytes.data(), bytes.size(), "fuzz"));
      return;
    }
    case 4:
      io::load_safetensors(source);
      return;
    case 5:
      io::read_idx(source);
      return;
    case 6:
      io::read_png(source, 1 << 24);
      return;
    case 7:
      io::read_jpeg(source, 1 << 24);
      return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  try {
    read(data[0], data + 1, size - 1);
  } catch (const IoError&) {
    return 0;  // the one error that a file may cause
  }
  return 0;
}
