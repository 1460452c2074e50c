// What hostile files may cost: the file's size and 64 MB.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <string>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/io/npy.h"
#include "taper/io/npz.h"
#include "taper/io/torch_file.h"
#include "taper/io/zip.h"

namespace taper::io {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

int64_t peak_bytes() {
  struct ::rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

std::string zip_of(const std::string& name, const std::string& content, bool deflate = false) {
  std::string bytes;
  ZipWriter writer(
      [&](const void* data, size_t size) { bytes.append(static_cast<const char*>(data), size); });
  writer.add(name, {{content.data(), content.size()}}, deflate);
  writer.finish();
  return bytes;
}

std::string repeat(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

struct Hostile {
  const char* name;
  std::string steps;
};

/// Pickles whose every byte asks for as much as it can.
std::vector<Hostile> hostile_pickles() {
  const std::string zero(1, '\0');
  const std::string storage = "(X\7" + std::string(3, '\0') + "storagectorch\nFloatStorage\nX\1" +
                              std::string(3, '\0') + "0X\3" + std::string(3, '\0') + "cpuK" + zero +
                              "tQ";
  const std::string arguments = "(" + storage + "K" + zero + "K" + zero + "\x85K\1\x85\x89}t";
  const std::string text =
      "X" + std::string("\0\0\1\0", 4) + std::string(1 << 16, 'x') + "q" + zero + "0";
  return {
      {"nothing", "(" + std::string(4 << 20, 'N') + "l."},
      {"lists", "(" + std::string(4 << 20, ']') + "l."},
      {"dicts", "(" + std::string(4 << 20, '}') + "l."},
      {"marks", std::string(4 << 20, '(') + "l."},
      {"copies of a reference", "]q" + zero + "0(" + repeat("h" + zero, 2 << 20) + "l."},
      {"copies of a text", text + "(" + repeat("h" + zero, 1 << 20) + "l."},
      {"places of the memo", "N" + repeat("r\xff\xff\x0f" + zero, 1 << 20) + "."},
      {"tensors", "ctorch._utils\n_rebuild_tensor_v2\nq" + zero + "0" + arguments + "q\1" + "0(" +
                      repeat("h" + zero + "h\1R", 1 << 20) + "l."},
      {"integers", "(" + repeat("K\1", 1 << 20) + "l."},
      {"keys", "}(" + repeat("K\1N", 1 << 20) + "u."},
  };
}

TEST(HostileFiles, CostTheirSizeAndALittleMore) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep what is freed";
  int refused = 0;
  for (const Hostile& hostile : hostile_pickles()) {
    std::string bytes;
    ZipWriter writer(
        [&](const void* data, size_t size) { bytes.append(static_cast<const char*>(data), size); });
    const std::string pickle = "\x80\x02" + hostile.steps;
    writer.add("m/data.pkl", {{pickle.data(), pickle.size()}});
    writer.add("m/data/0", {});
    writer.finish();
    const int64_t before = peak_bytes();
    try {
      load_torch(MemorySource(bytes.data(), bytes.size(), "a"));
    } catch (const IoError&) {
      ++refused;
    }
    EXPECT_LE(peak_bytes() - before, static_cast<int64_t>(bytes.size()) + (64 << 20))
        << hostile.name;
  }
  EXPECT_GE(refused, 8);
}

TEST(HostileFiles, ClaimsAreComparedWithTheFile) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep what is freed";
  const int64_t before = peak_bytes();
  const std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000,)}\n";
  const std::string npy = "\x93NUMPY\1" + std::string(1, '\0') + static_cast<char>(header.size()) +
                          std::string(1, '\0') + header;
  EXPECT_THROW(load_npy(MemorySource(npy.data(), npy.size(), "a")), IoError);
  const std::string npz = zip_of("x.npy", npy, true);
  EXPECT_THROW(load_npz(MemorySource(npz.data(), npz.size(), "a")), IoError);
  EXPECT_LE(peak_bytes() - before, 64 << 20);
}

}  // namespace
}  // namespace taper::io
