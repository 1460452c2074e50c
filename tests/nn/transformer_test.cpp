// Transformers and attention: what the golden file does not tell.
#include "taper/nn/transformer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "taper/nn/nn.h"
#include "taper/ops/creation.h"
#include "taper/ops/masking.h"
#include "taper/ops/matmul.h"
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

/// The hidden positions as a bool mask and as numbers to add.
std::vector<Tensor> both_forms(const Tensor& hidden) {
  return {hidden, zeros(hidden.sizes()).masked_fill(hidden, -INFINITY)};
}

TEST(Transformers, AttentionIsTheSameWithoutWeights) {
  manual_seed(8);
  const Tensor x = randn({4, 3, 6}), y = randn({5, 3, 6});
  const Tensor plane = randn({4, 5}).gt(0.8), each = randn({6, 4, 5}).gt(0.8);
  Tensor padding = zeros({3, 5}, kBool);
  padding.select(0, 1).narrow(0, 3, 2).fill_(true);
  std::vector<Tensor> attn{Tensor()}, pads{Tensor()};
  for (const Tensor& mask : {plane, each}) {
    for (const Tensor& form : both_forms(mask)) attn.push_back(form);
  }
  for (const Tensor& form : both_forms(padding)) pads.push_back(form);
  for (const bool extra : {false, true}) {
    nn::MultiheadAttention attention(
        nn::MultiheadAttentionOptions(6, 2).add_bias_kv(extra).add_zero_attn(true));
    for (const Tensor& mask : attn) {
      for (const Tensor& pad : pads) {
        const auto [with, weights] = attention(x, y, y, pad, true, mask);
        const auto [without, none] = attention(x, y, y, pad, false, mask);
        EXPECT_EQ(weights.sizes(), IntArrayRef({3, 4, extra ? 7 : 6}));
        EXPECT_FALSE(none.defined());
        expect_near(without, values_of(with), 1e-5);
      }
    }
  }
}

TEST(Transformers, TheHintStandsForTheMask) {
  manual_seed(9);
  const Tensor x = randn({5, 2, 4});
  const Tensor mask = nn::TransformerImpl::generate_square_subsequent_mask(5);
  nn::MultiheadAttention attention(4, 2);
  const auto run = [&](const Tensor& m, bool causal, const Tensor& pad = {}) {
    return std::get<0>(attention(x, x, x, pad, false, m, true, causal));
  };
  expect_near(run(mask, true), values_of(run(mask, false)), 1e-6);
  // The hint wins over what the mask says, but not where padding needs the mask.
  expect_near(run(zeros({5, 5}), true), values_of(run(mask, false)), 1e-6);
  expect_near(run(zeros({5, 5}), true, zeros({2, 5}, kBool)), values_of(run({}, false)), 1e-6);
  EXPECT_ERROR(Error, run({}, true), "Need attn_mask if specifying the is_causal hint.");
}

TEST(Transformers, StacksKnowACausalMask) {
  manual_seed(10);
  const Tensor src = randn({5, 2, 4}), tgt = randn({3, 2, 4});
  const auto mask = [](int64_t n) {
    return nn::TransformerImpl::generate_square_subsequent_mask(n);
  };
  nn::Transformer model(small());
  const auto forward = [&](const Tensor& s, const Tensor& t, std::optional<bool> s_hint,
                           std::optional<bool> t_hint) {
    return model->forward(src, tgt, s, t, {}, {}, {}, {}, s_hint, t_hint);
  };
  const auto want = values_of(forward(mask(5), mask(3), false, false));
  expect_near(forward(mask(5), mask(3), {}, {}), want, 1e-5);
  expect_near(forward(mask(5).isinf(), mask(3).isinf(), {}, {}), want, 1e-5);
  expect_near(forward(zeros({5, 5}), zeros({3, 3}), true, true), want, 1e-5);
  // A mask that wants a gradient is added, whatever its values.
  Tensor learned = mask(5).requires_grad_();
  forward(learned, mask(3), {}, {}).sum().backward();
  EXPECT_TRUE(learned.grad().defined());
}

TEST(Transformers, AnyModulesLeaveOutTheLastArguments) {
  nn::AnyModule layer(nn::TransformerEncoderLayer(
      nn::TransformerEncoderLayerOptions(4, 2).dim_feedforward(8).dropout(0)));
  const Tensor x = ones({5, 2, 4});
  const Tensor mask = nn::TransformerImpl::generate_square_subsequent_mask(5);
  expect_near(layer.forward(x, mask), values_of(layer.forward(x, mask, Tensor(), true)), 1e-5);
}

TEST(Functional, MultiHeadAttentionIsTheModules) {
  namespace F = nn::functional;
  manual_seed(12);
  const Tensor x = randn({4, 3, 6}), y = randn({5, 3, 6});
  nn::MultiheadAttention attention(nn::MultiheadAttentionOptions(6, 2).add_bias_kv(true));
  const auto& a = *attention;
  const auto options = [&] {
    return F::MultiheadAttentionForwardFuncOptions(6, 2, a.in_proj_weight, a.in_proj_bias, a.bias_k,
                                                   a.bias_v, false, 0, a.out_proj->weight,
                                                   a.out_proj->bias);
  };
  const auto [want, weights] = attention(x, y, y);
  const auto [got, got_weights] = F::multi_head_attention_forward(x, y, y, options());
  expect_near(got, values_of(want), 1e-6);
  expect_near(got_weights, values_of(weights), 1e-6);
  const auto separate = options()
                            .use_separate_proj_weight(true)
                            .q_proj_weight(a.in_proj_weight.narrow(0, 0, 6))
                            .k_proj_weight(a.in_proj_weight.narrow(0, 6, 6))
                            .v_proj_weight(a.in_proj_weight.narrow(0, 12, 6));
  expect_near(std::get<0>(F::multi_head_attention_forward(x, y, y, separate)), values_of(want),
              1e-6);
  const auto fixed = options().static_k(zeros({6, 2, 3})).static_v(ones({6, 2, 3}));
  const auto [of_ones, halves] = F::multi_head_attention_forward(x, y, y, fixed);
  expect_near(of_ones, values_of(linear(ones({4, 3, 6}), a.out_proj->weight, a.out_proj->bias)),
              1e-5);
  expect_near(halves, std::vector<double>(3 * 4 * 2, 0.5));
  EXPECT_ERROR(ShapeError, F::multi_head_attention_forward(y.narrow(2, 0, 4), y, y, options()),
               "was expecting embedding dimension of 6, but got 4");
  EXPECT_ERROR(ShapeError,
               F::multi_head_attention_forward(x, y, y, options().static_k(zeros({5, 2, 3}))),
               "expecting static_k of sizes [6, S, 3], but got [5, 2, 3]");
  EXPECT_ERROR(ConfigError,
               F::multi_head_attention_forward(x, y, y, options().use_separate_proj_weight(true)),
               "expected in_proj_weight, or q_, k_ and v_proj_weight");
  EXPECT_ERROR(ConfigError, F::multi_head_attention_forward(x, y, y, options().num_heads(4)),
               "embed_dim must be divisible by num_heads, got 6 and 4");
  EXPECT_ERROR(Error, F::multi_head_attention_forward(x, y, y, options().bias_v(Tensor())),
               "expected bias_k and bias_v, or neither");
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
