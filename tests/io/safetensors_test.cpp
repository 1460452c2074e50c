#include "taper/io/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "taper/base/error.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/support/same_bits.h"
#include "tests/support/temp_folder.h"

namespace taper::io {
namespace {

using taper::testing::message_of;
using taper::testing::same_bits;
using taper::testing::slurp;
using taper::testing::spill;
using taper::testing::TempFolder;

TEST(Safetensors, RoundTripOfEveryDtype) {
  TempFolder folder;
  NamedTensors tensors;
  for (const ScalarType dtype :
       {kByte, kChar, kShort, kInt, kLong, kHalf, kFloat, kDouble, kBool, kBFloat16}) {
    Tensor tensor = empty({3, 5}, dtype);
    auto* bytes = static_cast<unsigned char*>(tensor.data_ptr());
    for (size_t i = 0; i < tensor.nbytes(); ++i) {
      bytes[i] = static_cast<unsigned char>(dtype == kBool ? i % 2 : i * 37 + 11);
    }
    tensors.emplace_back(toString(dtype), tensor);
  }
  tensors.emplace_back("scalar", empty({}, kInt).fill_(7));
  tensors.emplace_back("nothing", empty({0, 4}, kFloat));
  const float special[] = {NAN, -INFINITY, -0.0f, std::numeric_limits<float>::denorm_min()};
  Tensor values = empty({4}, kFloat);
  std::memcpy(values.data_ptr(), special, sizeof(special));
  tensors.emplace_back("special", values);
  save_safetensors(folder / "a", tensors, {{"epoch", "5"}});
  const SafetensorsFile back = load_safetensors(folder / "a");
  ASSERT_EQ(back.tensors.size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(back.tensors[i].first, tensors[i].first);
    EXPECT_TRUE(same_bits(back.tensors[i].second, tensors[i].second)) << tensors[i].first;
  }
  EXPECT_EQ(back.metadata, (Metadata{{"epoch", "5"}}));
  EXPECT_TRUE(back.contains("scalar"));
  EXPECT_FALSE(back.contains("x"));
  EXPECT_THROW(back.at("x"), IndexError);
  EXPECT_EQ(back.at("scalar").item<int>(), 7);
}

TEST(Safetensors, WritesStridedTensorsInOrder) {
  TempFolder folder;
  const Tensor base = arange(24, kInt).view({4, 6});
  save_safetensors(folder / "a", {{"t", base.t()},
                                  {"slice", base.slice(1, 1, 6, 2)},
                                  {"expanded", base.select(0, 1).unsqueeze(0).expand({2, 6})}});
  const SafetensorsFile back = load_safetensors(folder / "a");
  EXPECT_TRUE(same_bits(back.at("t"), base.t().contiguous()));
  EXPECT_TRUE(same_bits(back.at("slice"), base.slice(1, 1, 6, 2).contiguous()));
  EXPECT_TRUE(
      same_bits(back.at("expanded"), base.select(0, 1).unsqueeze(0).expand({2, 6}).contiguous()));
}

struct Item {
  std::string name;
  Tensor tensor;
  const std::string& key() const { return name; }
  const Tensor& value() const { return tensor; }
};

TEST(Safetensors, TakesDictionaries) {
  TempFolder folder;
  const std::vector<Item> dict = {{"b", arange(3, kFloat)}, {"a", arange(2, kFloat)}};
  save_safetensors(folder / "a", dict);
  const SafetensorsFile back = load_safetensors(folder / "a");
  ASSERT_EQ(back.tensors.size(), 2u);
  EXPECT_EQ(back.tensors[0].first, "b");
  EXPECT_TRUE(same_bits(back.at("a"), dict[1].tensor));
}

TEST(Safetensors, AFailedSaveLeavesTheOldFile) {
  TempFolder folder;
  save_safetensors(folder / "a", {{"a", arange(3, kFloat)}});
  const std::string before = slurp(folder / "a");
  EXPECT_THROW(save_safetensors(folder / "a", {{"a", Tensor()}}), Error);
  EXPECT_THROW(save_safetensors(folder / "a", {{"", arange(3, kFloat)}}), IoError);
  EXPECT_THROW(save_safetensors("/dev/full", {{"a", arange(3, kFloat)}}), IoError);
  EXPECT_EQ(slurp(folder / "a"), before);
  EXPECT_EQ(folder.count(), 1);
}

TEST(Safetensors, NamesTheDamagedTensor) {
  TempFolder folder;
  save_safetensors(folder / "a", {{"first", arange(3, kFloat)}, {"second", arange(3, kFloat)}});
  std::string bytes = slurp(folder / "a");
  bytes.back() = static_cast<char>(bytes.back() ^ 4);
  spill(folder / "a", bytes);
  const std::string text = message_of<IoError>([&] { load_safetensors(folder / "a"); });
  EXPECT_NE(text.find("tensor 'second'"), std::string::npos) << text;
  EXPECT_NE(text.find(folder / "a"), std::string::npos) << text;
  EXPECT_EQ(load_safetensors(folder / "a", false).tensors.size(), 2u);
  EXPECT_THROW(load_safetensors(folder / "none"), IoError);
}

}  // namespace
}  // namespace taper::io
