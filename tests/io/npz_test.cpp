#include "taper/io/npz.h"

#include <gtest/gtest.h>

#include <string>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/io/zip.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/io/mutations.h"
#include "tests/support/expect_error.h"
#include "tests/support/same_bits.h"
#include "tests/support/temp_folder.h"

namespace taper::io {
namespace {

using taper::testing::same_bits;
using taper::testing::slurp;
using taper::testing::TempFolder;
using Dict = OrderedDict<std::string, Tensor>;

bool same(const Dict& a, const Dict& b) {
  if (a.keys() != b.keys()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!same_bits(a[i].value(), b[i].value())) return false;
  }
  return true;
}
Dict parse(const std::string& bytes) {
  return load_npz(MemorySource(bytes.data(), bytes.size(), "a.npz"));
}
Dict some() {
  return {{"x", arange(12, kFloat).view({3, 4})},
          {"layer/bias \xc3\xa9", arange(3, kLong)},
          {"none", empty({0, 2}, kBool)},
          {"turned", arange(12, kShort).view({3, 4}).t()}};
}

/// An archive of one member whose content is text.
std::string zip_of(const std::string& name, const std::string& text, bool deflate = false) {
  std::string bytes;
  ZipWriter writer(
      [&](const void* data, size_t size) { bytes.append(static_cast<const char*>(data), size); });
  writer.add(name, {{text.data(), text.size()}}, deflate);
  writer.finish();
  return bytes;
}

TEST(Npz, RoundTripStoredAndCompressed) {
  TempFolder folder;
  for (const bool compressed : {false, true}) {
    save_npz(folder / "a", some(), compressed);
    EXPECT_TRUE(same(load_npz(folder / "a"), some()));
  }
  save_npz(folder / "zeros", {{"x", zeros({1000, 100}, kFloat)}}, true);
  EXPECT_LT(slurp(folder / "zeros").size(), 4000u);
  EXPECT_TRUE(same(load_npz(folder / "zeros"), {{"x", zeros({1000, 100}, kFloat)}}));
  save_npz(folder / "empty", Dict());
  EXPECT_EQ(load_npz(folder / "empty").size(), 0u);
  const std::string before = slurp(folder / "a");
  save_npz(folder / "a", some(), true);
  EXPECT_EQ(slurp(folder / "a"), before) << "the same tensors give the same bytes";
}

TEST(Npz, RefusesNamesAndTensorsBeforeTheFileIsTouched) {
  TempFolder folder;
  const Tensor x = arange(3, kFloat);
  for (const char* name : {"", "/x", "../x", "a/../../x", "a\\b", "C:x", "\xff"}) {
    EXPECT_ERROR(IoError, save_npz(folder / "a", {{name, x}}), "the name is empty");
  }
  EXPECT_ERROR(Error, save_npz(folder / "a", {{"x", Tensor()}}), "tensor 'x' is undefined");
  EXPECT_ERROR(DTypeError, save_npz(folder / "a", {{"x", empty({1}, kBFloat16)}}), "BFloat16");
  EXPECT_EQ(folder.count(), 0);
}

TEST(Npz, NoMutantIsReadAsSomethingElse) {
  TempFolder folder;
  for (const bool compressed : {false, true}) {
    save_npz(folder / "a", some(), compressed);
    const auto counts = taper::testing::try_mutants(
        slurp(folder / "a"),
        [](const ByteSource& source) { return same(load_npz(source), some()); });
    EXPECT_GT(counts.refused, 5 * counts.read);
  }
}

TEST(Npz, RefusesWhatIsNoArchiveOfArrays) {
  EXPECT_ERROR(IoError, parse(""), "no zip archive");
  EXPECT_ERROR(IoError, parse(std::string(100, 'x')), "no zip archive");
  EXPECT_ERROR(IoError, parse(zip_of("x.txt", "hello")), "member 'x.txt' is no .npy array");
  EXPECT_ERROR(IoError, parse(zip_of("x.npy", "hello")), "member 'x.npy': truncated");
  EXPECT_ERROR(IoError, parse(zip_of("x.npy", "hello, world")), "no npy array");
  EXPECT_ERROR(IoError, parse(zip_of("../x.npy", "hello")), "the name is refused");
  EXPECT_ERROR(IoError, parse("x" + zip_of("x.npy", "hello")), "damaged zip");
}

TEST(Npz, RefusesBombs) {
  const std::string zeros(60 << 20, '\0');
  EXPECT_ERROR(IoError, parse(zip_of("x.npy", zeros, true)),
               "compressed members claim 62914560 bytes");
}

}  // namespace
}  // namespace taper::io
