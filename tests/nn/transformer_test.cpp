// Transformers and attention: what the golden file does not tell.
#include "taper/nn/transformer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "taper/nn/nn.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/nn/recorded.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

nn::TransformerOptions small() {
  return nn::TransformerOptions(4, 2, 1, 1).dim_feedforward(8).dropout(0);
}

TEST(Transformers, LaterPositionsAreHidden) {
  const Tensor mask = nn::TransformerImpl::generate_square_subsequent_mask(3);
  const double inf = INFINITY;
  for (const auto& [i, j, want] : {std::tuple(0, 0, 0.0), std::tuple(0, 1, -inf),
                                   std::tuple(1, 0, 0.0), std::tuple(1, 2, -inf)}) {
    EXPECT_EQ(mask[i][j].item<double>(), want) << i << ", " << j;
  }
  manual_seed(4);
  nn::Transformer model(small());
  const Tensor src = randn({5, 2, 4}), tgt = randn({3, 2, 4});
  Tensor changed = tgt.clone();
  changed[2].fill_(3);
  const auto run = [&](const Tensor& t) { return model->forward(src, t, {}, mask); };
  const Tensor before = run(tgt), after = run(changed);
  EXPECT_TRUE(before.narrow(0, 0, 2).equal(after.narrow(0, 0, 2)));
  EXPECT_FALSE(before[2].equal(after[2]));
  EXPECT_EQ(nn::TransformerImpl::generate_square_subsequent_mask(0).numel(), 0);
  EXPECT_ERROR(ShapeError, nn::TransformerImpl::generate_square_subsequent_mask(-1), "at least 0");
}

struct EchoImpl : nn::Cloneable<EchoImpl> {
  EchoImpl() { reset(); }
  void reset() override { scale = register_parameter("scale", ones({1})); }
  Tensor forward(const Tensor& src, const Tensor&, const Tensor&) { return src.mul(scale); }
  Tensor scale;
};
TAPER_MODULE(Echo);

TEST(Transformers, TakeOtherEncodersAndActivations) {
  nn::Transformer model(small().custom_encoder(nn::AnyModule(Echo())));
  EXPECT_EQ(model->named_parameters().keys()[0], "encoder.scale");
  EXPECT_EQ(model(ones({5, 2, 4}), ones({3, 2, 4})).sizes(), IntArrayRef({3, 2, 4}));
  const auto copy = std::dynamic_pointer_cast<nn::TransformerImpl>(model->clone());
  expect_near(copy->forward(ones({5, 2, 4}), ones({3, 2, 4})),
              values_of(model(ones({5, 2, 4}), ones({3, 2, 4}))));
  int calls = 0;
  nn::TransformerEncoderLayer layer(
      nn::TransformerEncoderLayerOptions(4, 2).dim_feedforward(8).dropout(0).activation(
          [&](const Tensor& x) {
            ++calls;
            return x.tanh();
          }));
  nn::TransformerEncoder stack(layer, 3);
  stack(ones({5, 2, 4}));
  EXPECT_EQ(calls, 3);
  // Copies of one layer start alike and are trained apart.
  const auto parameters = stack->named_parameters();
  EXPECT_TRUE(parameters["layers.0.linear1.weight"].equal(parameters["layers.2.linear1.weight"]));
  EXPECT_FALSE(parameters["layers.0.linear1.weight"].is_alias_of(layer->linear1->weight));
}

TEST(Transformers, CopiesOfOneNormStayApartInClones) {
  nn::Transformer model(small());
  const auto copy = std::dynamic_pointer_cast<nn::TransformerImpl>(model->clone());
  EXPECT_FALSE(copy->get_parameter("encoder.norm.weight")
                   .is_same(copy->get_parameter("decoder.norm.weight")));
  EXPECT_EQ(copy->named_parameters().keys(), model->named_parameters().keys());
}

TEST(Transformers, PrintAsATree) {
  std::ostringstream text;
  text << nn::TransformerEncoder(nn::TransformerEncoderLayer(4, 2), 2);
  EXPECT_NE(text.str().find("taper::nn::TransformerEncoder(\n  (layers): taper::nn::ModuleList(\n"),
            std::string::npos)
      << text.str();
}

TEST(Transformers, RefuseWhatDoesNotFit) {
  nn::Transformer model(small());
  const Tensor src = ones({5, 2, 4});
  EXPECT_ERROR(ShapeError, model(src, ones({3, 1, 4})),
               "the batch number of src and tgt must be equal");
  EXPECT_ERROR(ShapeError, model(src, ones({3, 2, 5})),
               "the feature number of src and tgt must be equal to d_model");
  EXPECT_ERROR(ShapeError, model(src, ones({3, 4})), "should both be batched 3-D or unbatched 2-D");
  EXPECT_ERROR(ShapeError, model(src, ones({3, 2, 4}), zeros({4, 5})),
               "The shape of the attn_mask is [4, 5], but should be [5, 5] or [4, 5, 5].");
  nn::MultiheadAttention attention(4, 2);
  EXPECT_ERROR(ShapeError, attention(src, src, src, zeros({5, 2}, kBool)),
               "expecting key_padding_mask shape of [2, 5], but got [5, 2]");
  EXPECT_ERROR(ConfigError, nn::TransformerEncoder(nn::TransformerEncoderLayer(4, 2), 0),
               "num_layers must be greater than zero");
  EXPECT_ERROR(ConfigError, nn::TransformerDecoderLayer(4, 3), "divisible by num_heads");
}

TEST(Transformers, AttentionReachesTheKeysThatAreAdded) {
  manual_seed(5);
  nn::MultiheadAttention attention(
      nn::MultiheadAttentionOptions(4, 2).add_bias_kv(true).add_zero_attn(true));
  const Tensor x = randn({3, 2, 4});
  const auto [output, weights] =
      attention(x, x, x, ones({2, 3}, kBool), true, Tensor(), /*average_attn_weights=*/true);
  EXPECT_EQ(weights.sizes(), IntArrayRef({2, 3, 5}));
  EXPECT_EQ(weights.narrow(2, 0, 3).abs().sum().item<double>(), 0) << "all keys are masked";
  EXPECT_NEAR(weights.sum().item<double>(), 6, 1e-5);
  EXPECT_TRUE(output.isfinite().all().item<bool>());
}

TEST(AdaptiveLogSoftmax, GivesADistribution) {
  manual_seed(6);
  nn::AdaptiveLogSoftmaxWithLoss layer(8, 9, std::vector<int64_t>{3, 5});
  const Tensor x = randn({4, 8});
  const Tensor all = layer->log_prob(x);
  expect_near(all.exp().sum({1}), {1, 1, 1, 1}, 1e-5);
  EXPECT_TRUE(layer->predict(x).equal(all.argmax(1)));
  const auto result = layer(x, tensor({0, 4, 8, 2}));
  expect_near(result.output,
              {all[0][0].item<double>(), all[1][4].item<double>(), all[2][8].item<double>(),
               all[3][2].item<double>()},
              1e-6);
  EXPECT_ERROR(IndexError, layer(x, tensor({0, 4, 9, 2})), "Target values should be in [0, 8]");
  EXPECT_ERROR(IndexError, layer(x, tensor({0, 4, -1, 2})), "values in range [-1, 4]");
  EXPECT_ERROR(ShapeError, layer(x, tensor({0, 4})), "the same size in the batch dimension");
  EXPECT_ERROR(ShapeError, layer(x, zeros({4, 1}, kLong)), "0D or 1D target tensor expected");
  EXPECT_ERROR(DTypeError, layer(x, zeros({4})), "expected an int64 target");
  EXPECT_ERROR(ShapeError, layer(x, tensor(1)), "0D target tensor expects 1D input");
  for (const std::vector<int64_t>& bad : {std::vector<int64_t>{}, {0, 2}, {2, 2}, {3, 2}, {2, 9}}) {
    EXPECT_ERROR(ConfigError, nn::AdaptiveLogSoftmaxWithLoss(8, 9, bad),
                 "cutoffs should be a sequence of unique, positive integers");
  }
}

}  // namespace
}  // namespace taper
