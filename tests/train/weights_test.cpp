#include "taper/train/weights.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "taper/base/error.h"
#include "taper/io/safetensors.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/support/temp_folder.h"

namespace taper::train {
namespace {

using taper::testing::message_of;
using taper::testing::TempFolder;

struct Inner : nn::Module {
  Inner() {
    weight = register_parameter("weight", arange(6, kFloat).view({2, 3}));
    count = register_buffer("count", empty({}, kLong).fill_(3));
  }
  Tensor weight, count;
};

struct Outer : nn::Module {
  Outer() {
    bias = register_parameter("bias", arange(4, kFloat));
    inner = register_module("inner", std::make_shared<Inner>());
  }
  Tensor bias;
  std::shared_ptr<Inner> inner;
};

float first(const Tensor& tensor) { return tensor.data_ptr<float>()[0]; }

TEST(Weights, RoundTrip) {
  TempFolder folder;
  Outer from, to;
  from.bias.data().fill_(7);
  from.inner->weight.data().fill_(8);
  from.inner->count.fill_(9);
  save_weights(folder / "a", from, {{"epoch", "1"}});
  const io::SafetensorsFile file = io::load_safetensors(folder / "a");
  ASSERT_EQ(file.tensors.size(), 3u);
  EXPECT_EQ(file.tensors[0].first, "bias");
  EXPECT_EQ(file.tensors[1].first, "inner.weight");
  EXPECT_EQ(file.tensors[2].first, "inner.count");
  load_weights(folder / "a", to);
  EXPECT_EQ(first(to.bias), 7.0f);
  EXPECT_EQ(first(to.inner->weight), 8.0f);
  EXPECT_EQ(to.inner->count.item<int64_t>(), 9);
  EXPECT_TRUE(to.bias.requires_grad());
  EXPECT_TRUE(to.bias.is_leaf());
}

TEST(Weights, LeavesOutBuffersThatDoNotPersist) {
  struct Model : nn::Module {
    Model() {
      register_parameter("weight", arange(2, kFloat));
      register_buffer("cache", arange(3, kFloat), false);
    }
  };
  TempFolder folder;
  Model model;
  save_weights(folder / "a", model);
  EXPECT_EQ(io::load_safetensors(folder / "a").tensors.size(), 1u);
  load_weights(folder / "a", model);
}

TEST(Weights, ConvertsTypes) {
  TempFolder folder;
  Outer model;
  io::save_safetensors(folder / "a", {{"bias", empty({4}, kDouble).fill_(2.5)},
                                      {"inner.weight", empty({2, 3}, kHalf).fill_(1.5)},
                                      {"inner.count", empty({}, kInt).fill_(4)}});
  load_weights(folder / "a", model);
  EXPECT_EQ(model.bias.scalar_type(), kFloat);
  EXPECT_EQ(first(model.bias), 2.5f);
  EXPECT_EQ(first(model.inner->weight), 1.5f);
  EXPECT_EQ(model.inner->count.item<int64_t>(), 4);
}

TEST(Weights, AFailedLoadChangesNothing) {
  TempFolder folder;
  Outer model;
  io::save_safetensors(folder / "a", {{"bias", empty({4}, kFloat).fill_(5)},
                                      {"inner.weight", empty({3, 2}, kFloat)},
                                      {"other", empty({1}, kFloat)}});
  const std::string text = message_of<IoError>([&] { load_weights(folder / "a", model); });
  EXPECT_NE(text.find("Missing key(s) in state_dict: \"inner.count\"."), std::string::npos) << text;
  EXPECT_NE(text.find("Unexpected key(s) in state_dict: \"other\"."), std::string::npos) << text;
  EXPECT_NE(
      text.find("size mismatch for inner.weight: copying a param with shape torch.Size([3, 2]) "
                "from checkpoint, the shape in current model is torch.Size([2, 3])."),
      std::string::npos)
      << text;
  EXPECT_EQ(first(model.bias), 0.0f);
  EXPECT_THROW(load_weights(folder / "none", model), IoError);
}

}  // namespace
}  // namespace taper::train
