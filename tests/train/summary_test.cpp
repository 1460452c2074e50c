#include "taper/train/summary.h"

#include <gtest/gtest.h>

#include "taper/autograd/grad_mode.h"
#include "taper/base/error.h"
#include "taper/nn/nn.h"
#include "taper/ops/creation.h"
#include "tests/support/expect_error.h"

namespace taper::train {
namespace {

template <class Holder>
int64_t flops(Holder layer, IntArrayRef size) {
  return summary(nn::AnyModule(layer), size).flops;
}

TEST(Summary, CountsOperations) {
  EXPECT_EQ(flops(nn::Linear(3, 5), {2, 3}), 2 * 2 * 3 * 5 + 2 * 5);
  EXPECT_EQ(flops(nn::Linear(nn::LinearOptions(3, 5).bias(false)), {7, 2, 3}), 7 * 2 * 2 * 3 * 5);
  EXPECT_EQ(flops(nn::Conv2d(nn::Conv2dOptions(4, 6, 3).groups(2)), {2, 4, 10, 8}),
            2 * 6 * 8 * 6 * (2 * 2 * 9 + 1));
  EXPECT_EQ(flops(nn::ConvTranspose1d(nn::ConvTranspose1dOptions(4, 6, 3).bias(false)), {2, 4, 10}),
            2 * (2 * 4 * 10) * 6 * 3);
  EXPECT_EQ(flops(nn::LSTM(nn::LSTMOptions(3, 5)), {7, 2, 3}), 7 * 2 * (2 * 20 * (3 + 5) + 2 * 20));
  EXPECT_EQ(flops(nn::GRUCell(3, 5), {2, 3}), 2 * (2 * 15 * (3 + 5) + 2 * 15));
  EXPECT_EQ(flops(nn::ReLU(), {2, 3}), 0);
}

TEST(Summary, CountsAttention) {
  nn::TransformerEncoderLayer layer(nn::TransformerEncoderLayerOptions(8, 2).dim_feedforward(16));
  const ModelSummary result = summary(nn::AnyModule(layer), {5, 3, 8});
  ASSERT_EQ(result.layers[1].name, "self_attn");
  EXPECT_EQ(result.layers[1].calls, 1);
  // Four projections of 15 places, scores and their use over 5 keys each.
  EXPECT_EQ(result.layers[1].flops, 4 * 2 * 15 * 8 * 8 + 2 * 2 * 15 * 5 * 8);
}

nn::Sequential network() {
  return nn::Sequential(nn::Conv2d(1, 4, 3), nn::BatchNorm2d(4), nn::ReLU(),
                        nn::Sequential(nn::Flatten(), nn::Dropout(0.5), nn::Linear(16, 10)));
}

TEST(Summary, ListsEveryModuleWithItsShare) {
  nn::Sequential net = network();
  for (Tensor& parameter : net->children()[0]->parameters()) parameter.set_requires_grad(false);
  const ModelSummary result = summary(nn::AnyModule(net), {2, 1, 4, 4});
  ASSERT_EQ(result.layers.size(), 8u);
  EXPECT_EQ(result.layers[0].type, "Sequential");
  EXPECT_EQ(result.layers[0].parameters, 40 + 8 + 170);
  EXPECT_EQ(result.layers[0].trainable, 8 + 170);
  EXPECT_EQ(result.layers[1].type, "Conv2d");
  EXPECT_EQ(result.layers[1].output, (std::vector<int64_t>{2, 4, 2, 2}));
  EXPECT_EQ(result.layers[1].weight, (std::vector<int64_t>{4, 1, 3, 3}));
  EXPECT_EQ(result.layers[7].name, "3.2");
  EXPECT_EQ(result.layers[7].depth, 2);
  const int64_t conv = 32 * (2 * 9 + 1), linear = 20 * (2 * 16 + 1);
  EXPECT_EQ(result.layers[0].flops, conv + linear);
  EXPECT_EQ(result.layers[4].flops, linear);
  EXPECT_EQ(result.flops, conv + linear);
  EXPECT_EQ(result.parameters, 218);
  EXPECT_EQ(result.buffers, 9);
  EXPECT_EQ(result.parameter_bytes, 218 * 4 + 8 * 4 + 8);
  EXPECT_EQ(result.output_bytes, 4 * (3 * 32 + 2 * 32 + 20));
}

TEST(Summary, PrintsATable) {
  const std::string text = summary(nn::AnyModule(network()), {2, 1, 4, 4}).text(1);
  EXPECT_EQ(text,
            "Layer              Output        Weight        Parameters  FLOPs\n"
            "----------------------------------------------------------------\n"
            "Sequential         [2, 10]       -                    218  1,268\n"
            "  0 (Conv2d)       [2, 4, 2, 2]  [4, 1, 3, 3]          40    608\n"
            "  1 (BatchNorm2d)  [2, 4, 2, 2]  [4]                    8      -\n"
            "  2 (ReLU)         [2, 4, 2, 2]  -                      -      -\n"
            "  3 (Sequential)   [2, 10]       -                    170    660\n"
            "----------------------------------------------------------------\n"
            "Parameters: 218 (218 trainable), 9 values in buffers, 0.0 MiB\n"
            "Forward pass: 1,268 floating-point operations, outputs of layers 0.0 MiB\n");
}

TEST(Summary, LeavesTheModuleAsItWas) {
  nn::Sequential net = network();
  net->train();
  net->children()[1]->eval();
  EXPECT_ERROR(Error, summary(nn::AnyModule(net), {2, 1, 9, 9}), "");
  summary(nn::AnyModule(net), {2, 1, 4, 4});
  EXPECT_TRUE(net->is_training());
  EXPECT_FALSE(net->children()[1]->is_training());
  EXPECT_TRUE(net->children()[3]->is_training());
  for (const auto& module : net->modules()) EXPECT_TRUE(module->hooks().empty());
  EXPECT_EQ(net->children()[1]->named_buffers()["running_mean"].abs().sum().item<double>(), 0);
  EXPECT_TRUE(GradMode::is_enabled());
  EXPECT_ERROR(Error, summary(nn::AnyModule(), {1}), "empty AnyModule");
}

TEST(Summary, TakesAnInputOfAnyType) {
  const ModelSummary result = summary(nn::AnyModule(nn::Embedding(10, 3)), tensor({1, 2, 9}));
  EXPECT_EQ(result.layers[0].output, (std::vector<int64_t>{3, 3}));
  EXPECT_EQ(summary(nn::AnyModule(nn::Embedding(10, 3)), {4}, kLong).parameters, 30);
}

}  // namespace
}  // namespace taper::train
