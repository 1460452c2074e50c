#include "taper/io/archive.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "taper/base/error.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/io/ivalue_text.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace taper {
namespace {

using testing::slurp;
using testing::TempFolder;
using testing::to_text;

TEST(Save, TensorsToPathsAndStreams) {
  TempFolder folder;
  const Tensor x = arange(6, kFloat).view({2, 3});
  save(x, folder / "x.pt");
  Tensor y;
  load(y, folder / "x.pt");
  EXPECT_EQ(to_text(y), to_text(x));
  Tensor on_cpu;
  load(on_cpu, folder / "x.pt", kCPU);
  EXPECT_EQ(to_text(on_cpu), to_text(x));
  std::stringstream stream;
  save(x, stream);
  EXPECT_EQ(stream.str(), slurp(folder / "x.pt"));
  Tensor z;
  load(z, stream);
  EXPECT_EQ(to_text(z), to_text(x));
  const std::string bytes = slurp(folder / "x.pt");
  Tensor from_memory;
  load(from_memory, bytes.data(), bytes.size());
  EXPECT_EQ(to_text(from_memory), to_text(x));
  std::ifstream file(folder / "x.pt", std::ios::binary);
  Tensor from_file;
  load(from_file, file, kCPU);
  EXPECT_EQ(to_text(from_file), to_text(x));
}

TEST(Save, VectorsOfTensors) {
  TempFolder folder;
  const std::vector<Tensor> tensors = {arange(3, kFloat), Tensor(), arange(2, kLong)};
  save(tensors, folder / "a");
  std::vector<Tensor> back;
  load(back, folder / "a");
  ASSERT_EQ(back.size(), 3u);
  EXPECT_EQ(to_text(back[0]), to_text(tensors[0]));
  EXPECT_FALSE(back[1].defined());
  EXPECT_EQ(to_text(back[2]), to_text(tensors[2]));
}

TEST(Save, TreesOfValues) {
  TempFolder folder;
  IValue checkpoint = IValue::dict({{"epoch", 3}, {"w", arange(3, kFloat)}});
  save(checkpoint, folder / "a");
  EXPECT_EQ(to_text(load(folder / "a")), to_text(checkpoint));
  EXPECT_EQ(load(folder / "a").at("epoch").toInt(), 3);
  EXPECT_EQ(to_text(pickle_load(pickle_save(checkpoint))), to_text(checkpoint));
}

TEST(Save, WrongContentLeavesTheValue) {
  TempFolder folder;
  save(IValue(3), folder / "number");
  Tensor x = arange(2, kFloat);
  EXPECT_ERROR(IoError, load(x, folder / "number"), "the file holds a int, expected a Tensor");
  EXPECT_EQ(x.numel(), 2);
  std::vector<Tensor> tensors = {x};
  EXPECT_ERROR(IoError, load(tensors, folder / "number"), "expected a list of tensors");
  save(IValue::list({x, 1}), folder / "mixed");
  EXPECT_ERROR(IoError, load(tensors, folder / "mixed"), "expected a list of tensors only");
  EXPECT_EQ(tensors.size(), 1u);
  EXPECT_ERROR(IoError, load(x, folder / "none"), "No such file");
  EXPECT_ERROR(Error, load(x, folder / "number", Device("cuda:0")), "cuda:0 is not available");
  std::stringstream empty;
  EXPECT_ERROR(IoError, load(x, empty), "'<stream>'");
}

TEST(Archive, NamesAndNesting) {
  TempFolder folder;
  serialize::OutputArchive inner, outer;
  inner.write("w", arange(3, kFloat));
  outer.write("epoch", IValue(7));
  outer.write("x", arange(2, kLong), true);
  outer.write("inner", inner);
  outer.save_to(folder / "a");
  serialize::InputArchive archive, nested;
  archive.load_from(folder / "a");
  EXPECT_EQ(archive.keys(), (std::vector<std::string>{"epoch", "x", "inner"}));
  IValue epoch;
  archive.read("epoch", epoch);
  EXPECT_EQ(epoch.toInt(), 7);
  Tensor x;
  EXPECT_TRUE(archive.try_read("x", x));
  EXPECT_EQ(to_text(x), to_text(arange(2, kLong)));
  archive.read("inner", nested);
  Tensor w = zeros({3}, kDouble), same = w;
  nested.read("w", w);
  EXPECT_TRUE(w.is_same(same));
  EXPECT_EQ(to_text(w), to_text(arange(3, kDouble)));
  EXPECT_FALSE(archive.try_read("y", x));
  EXPECT_ERROR(IoError, archive.read("y", x), "No such serialized value: 'y'");
  EXPECT_ERROR(IoError, archive.read("epoch", x), "'epoch' is a int, expected a Tensor");
  Tensor wrong = zeros({4}, kFloat);
  EXPECT_ERROR(ShapeError, nested.read("w", wrong), "size mismatch for 'w': got [3], expected [4]");
}

TEST(Archive, DottedNamesAreNested) {
  const serialize::InputArchive archive(
      IValue::dict({{"fc.weight", 1}, {"fc.bias", 2}, {"other", 3}}));
  serialize::InputArchive fc;
  ASSERT_TRUE(archive.try_read("fc", fc));
  EXPECT_EQ(fc.keys(), (std::vector<std::string>{"weight", "bias"}));
  EXPECT_FALSE(archive.try_read("f", fc));
}

TEST(Archive, HoldsOneValueOrNames) {
  serialize::OutputArchive archive;
  archive << arange(2, kFloat);
  EXPECT_ERROR(Error, archive.write("x", IValue(1)), "it holds a Tensor, which takes no names");
  EXPECT_ERROR(Error, archive << arange(2, kFloat), "cannot add a Tensor to a Tensor");
}

}  // namespace
}  // namespace taper
