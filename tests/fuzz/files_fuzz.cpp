// Bytes as files of a format that Taper reads: a value or the reader's one error, whatever they
// are.
//   taper_fuzz_files --format=npz --seeds=FOLDER FOLDER -max_total_time=60
// --seeds writes a few whole files there first. tests/CMakeLists.txt says how to build it.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/io/idx.h"
#include "taper/io/jpeg.h"
#include "taper/io/npy.h"
#include "taper/io/npz.h"
#include "taper/io/safetensors.h"
#include "taper/io/torch_file.h"
#include "taper/io/zip.h"
#include "taper/ops/creation.h"
#include "taper/train/config.h"
#include "taper/train/event_format.h"
#include "taper/train/events.h"

namespace {

using taper::MemorySource;
namespace io = taper::io;

MemorySource source_of(std::string_view bytes) { return {bytes.data(), bytes.size(), "fuzz"}; }

/// An archive whose pickle is the bytes, beside a storage: past the checksums, which stop mutants.
std::string torch_file_of(std::string_view pickle) {
  std::string bytes;
  io::ZipWriter writer(
      [&](const void* from, size_t count) { bytes.append(static_cast<const char*>(from), count); });
  writer.add("m/data.pkl", {{pickle.data(), pickle.size()}});
  const std::string storage(64, '\1');
  writer.add("m/data/0", {{storage.data(), storage.size()}});
  writer.finish();
  return bytes;
}

/// Event files are read by their path.
void read_events(std::string_view bytes) {
  const int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || (!bytes.empty() && ::write(fd, bytes.data(), bytes.size()) < 0)) std::abort();
  try {
    taper::train::read_events("/proc/self/fd/" + std::to_string(fd));
  } catch (...) {
    ::close(fd);
    throw;
  }
  ::close(fd);
}

std::string record_of(std::string_view message) {
  std::string bytes;
  taper::train::append_record(bytes, message);
  return bytes;
}

void parse_config(std::string_view bytes, taper::train::Config::Format format) {
  taper::train::Config::parse(bytes, "fuzz", format).dump();
}

const taper::Tensor& some_tensor() {
  static const taper::Tensor x = taper::arange(6, taper::kFloat).view({2, 3});
  return x;
}

io::Image some_image() { return io::Image(4, 3, 3, 200); }

void seed_config(const std::string& path, const char* text) {
  taper::write_file(path, text, std::string_view(text).size());
}

std::string some_message() {
  taper::train::MessageWriter value, summary, event;
  value.add_bytes(1, "loss").add_float(2, 0.5f);
  summary.add_bytes(1, value);
  return event.add_double(1, 1.5).add_int(2, 3).add_bytes(5, summary).bytes();
}

struct Format {
  std::string_view name;
  void (*read)(std::string_view bytes);
  /// Writes a whole file, where mutants of one get further than noise.
  void (*seed)(const std::string& path);
};

const Format kFormats[] = {
    {"npy", [](std::string_view bytes) { io::load_npy(source_of(bytes)); },
     [](const std::string& path) { io::save_npy(path, some_tensor()); }},
    {"npz", [](std::string_view bytes) { io::load_npz(source_of(bytes)); },
     [](const std::string& path) {
       io::save_npz(path, {{"x", some_tensor()}}, true);
     }},
    {"pt", [](std::string_view bytes) { io::load_torch(source_of(bytes)); },
     [](const std::string& path) { io::save_torch(path, taper::IValue(some_tensor())); }},
    {"pickle",
     [](std::string_view bytes) {
       const std::string file = torch_file_of(bytes);
       io::load_torch(source_of(file));
     },
     [](const std::string& path) {
       io::save_torch(path, taper::IValue(some_tensor()));
       const taper::ByteBuffer file = taper::read_file(path);
       const std::string bytes(file.data(), file.data() + file.size());
       const size_t begin = bytes.find("\x80\x02"), end = bytes.find("PK", begin);
       const std::string pickle(bytes.substr(begin, end - begin));
       taper::write_file(path, pickle.data(), pickle.size());
     }},
    {"safetensors", [](std::string_view bytes) { io::load_safetensors(source_of(bytes)); },
     [](const std::string& path) {
       io::save_safetensors(path, {{"x", some_tensor()}});
     }},
    {"idx", [](std::string_view bytes) { io::read_idx(source_of(bytes)); },
     [](const std::string& path) {
       const std::string file("\0\0\x08\x01\0\0\0\3abc", 11);
       taper::write_file(path, file.data(), file.size());
     }},
    {"png", [](std::string_view bytes) { io::read_png(source_of(bytes), 1 << 24); },
     [](const std::string& path) { io::write_png(path, some_image()); }},
    {"jpeg", [](std::string_view bytes) { io::read_jpeg(source_of(bytes), 1 << 24); },
     [](const std::string& path) { io::write_jpeg(path, some_image()); }},
    {"json",
     [](std::string_view bytes) { parse_config(bytes, taper::train::Config::Format::json); },
     [](const std::string& path) {
       seed_config(path, "{\"a\": [1, -2.5e3, true, null], \"b\": {\"c\": \"\\u00e9\"}} // end");
     }},
    {"toml",
     [](std::string_view bytes) { parse_config(bytes, taper::train::Config::Format::toml); },
     [](const std::string& path) {
       seed_config(path, "a = [1, 2.5]\n[b]\nc = \"x\"\nd = {e = 1}\n[[f]]\ng = '''h'''\n");
     }},
    {"events", &read_events,
     [](const std::string& path) {
       const std::string file = record_of(some_message());
       taper::write_file(path, file.data(), file.size());
     }},
    {"event", [](std::string_view bytes) { read_events(record_of(bytes)); },
     [](const std::string& path) {
       const std::string message = some_message();
       taper::write_file(path, message.data(), message.size());
     }}};

const Format* format = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  std::string seeds;
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument = (*argv)[i];
    if (argument.substr(0, 8) == "--seeds=") seeds = argument.substr(8);
    if (argument.substr(0, 9) != "--format=") continue;
    for (const Format& each : kFormats) {
      if (each.name == argument.substr(9)) format = &each;
    }
  }
  if (format == nullptr) {
    std::fputs("taper_fuzz_files: --format= is one of", stderr);
    for (const Format& each : kFormats) std::fprintf(stderr, " %s", each.name.data());
    std::fputc('\n', stderr);
    std::exit(2);
  }
  if (!seeds.empty()) {
    std::filesystem::create_directories(seeds);
    format->seed(seeds + "/whole");
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    format->read({reinterpret_cast<const char*>(data), size});
  } catch (const taper::IoError&) {
    return 0;  // the one error that a file may cause
  } catch (const taper::ConfigError&) {
    return 0;  // or a config's
  }
  return 0;
}
