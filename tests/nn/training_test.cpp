// Whole networks: gradients through a transformer block, weight tying, learning.
#include <gtest/gtest.h>

#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/func/gradcheck.h"
#include "taper/nn/nn.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "taper/optim/optim.h"
#include "taper/tensor/generator.h"
#include "tests/nn/near.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using Names = std::vector<std::string>;

/// Every parameter becomes linspace(-0.4, 0.5), so that outputs can be compared.
template <class Holder>
void fill_linearly(Holder& module) {
  NoGradGuard no_grad;
  for (const Tensor& p : module->parameters()) {
    p.copy_(linspace(-0.4, 0.5, p.numel()).view(p.sizes()));
  }
}

// Expected values of this file: PyTorch 1.13.1 on the same inputs.

TEST(MultiheadAttention, ComputesAsPyTorch) {
  manual_seed(0);
  nn::MultiheadAttention attention(4, 2);
  EXPECT_EQ(attention->named_parameters().keys(),
            (Names{"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"}));
  expect_near(attention->in_proj_weight, {0.222424164, 0.508506715, -0.126026362, 0.458245516},
              1e-7, true);
  const Tensor q = linspace(-1, 1, 24).view({3, 2, 4});
  const auto [out, weights] = attention->forward(q, q.mul(0.5), q.add(1));
  expect_near(
      out, {-0.493272424, -0.0126693873, -0.206250072, 0.135317087,   -0.696121097, -0.0466043539,
            -0.296320409, 0.186599255,   -0.48482132,  -0.0422193147, -0.20805797,  0.153203368,
            -0.687486172, -0.0763645321, -0.298090011, 0.204594955,   -0.476191044, -0.0719630793,
            -0.209826499, 0.17118907,    -0.679048538, -0.105865642,  -0.299894691, 0.222451612});
  expect_near(weights,
              {0.322724819, 0.328421801, 0.348853409, 0.330412775, 0.333178908, 0.336408347,
               0.341657341, 0.331253558, 0.327089071, 0.326075256, 0.33162111, 0.342303693,
               0.335645527, 0.333055466, 0.331299067, 0.348314464, 0.327818334, 0.323867142});
}

TEST(MultiheadAttention, LayoutsMasksAndErrors) {
  nn::MultiheadAttention attention(4, 2);
  nn::MultiheadAttention batch_first(nn::MultiheadAttentionOptions(4, 2).batch_first(true));
  fill_linearly(attention);
  fill_linearly(batch_first);
  const Tensor q = linspace(-1, 1, 24).view({3, 2, 4}).pow(2);
  const Tensor expected = std::get<0>(attention->forward(q, q, q));
  const Tensor turned = q.transpose(0, 1).contiguous();
  expect_near(std::get<0>(batch_first->forward(turned, turned, turned)).transpose(0, 1),
              values_of(expected));
  const Tensor one = q.select(1, 1).contiguous();
  const auto [single, weights] = attention->forward(one, one, one);
  expect_near(single, values_of(expected.select(1, 1)));
  EXPECT_EQ(weights.sizes().vec(), (std::vector<int64_t>{3, 3}));
  // Padding the last key is as if it were not there.
  const Tensor padding = tensor({{false, false, true}, {false, false, true}});
  const Tensor two = q.narrow(0, 0, 2);
  expect_near(std::get<0>(attention->forward(q, q, q, padding)),
              values_of(std::get<0>(attention->forward(q, two, two))));
  const Tensor causal = tensor({{false, true, true}, {false, false, true}, {false, false, false}});
  const auto [out, masked] = attention->forward(q, q, q, {}, true, causal, false);
  EXPECT_EQ(masked.sizes().vec(), (std::vector<int64_t>{2, 2, 3, 3}));
  expect_near(masked.select(2, 0), {1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0});
  EXPECT_FALSE(std::get<1>(attention->forward(q, q, q, {}, false)).defined());
  EXPECT_ERROR(ConfigError, nn::MultiheadAttention(4, 3),
               "embed_dim must be divisible by num_heads");
  EXPECT_ERROR(ShapeError, attention->forward(ones({4}), q, q),
               "query should be unbatched 2D or batched 3D tensor");
  nn::MultiheadAttention other(nn::MultiheadAttentionOptions(4, 2).kdim(3).vdim(5).bias(false));
  EXPECT_EQ(other->named_parameters().keys(),
            (Names{"q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight"}));
  EXPECT_EQ(std::get<0>(other->forward(q, ones({3, 2, 3}), ones({3, 2, 5}))).sizes().vec(),
            (std::vector<int64_t>{3, 2, 4}));
}

TEST(TransformerEncoderLayer, ComputesAsPyTorch) {
  nn::TransformerEncoderLayer layer(
      nn::TransformerEncoderLayerOptions(4, 2).dim_feedforward(6).dropout(0));
  EXPECT_EQ(
      layer->named_parameters().keys(),
      (Names{"self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight",
             "self_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight",
             "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"}));
  fill_linearly(layer);
  const Tensor x = linspace(-1, 1, 24).view({3, 2, 4}).pow(2);
  expect_near(layer(x), {0.0500806831,  -0.0370496772, 0.249127239,   1.25453448,    0.0500668548,
                         -0.0370403193, 0.24914448,    1.25452089,    0.0500560291,  -0.0370329656,
                         0.249158084,   1.25451016,    0.0500463508,  -0.0370264202, 0.249170139,
                         1.25450063,    0.0500391982,  -0.0370215736, 0.249179125,   1.25449347,
                         0.0500329509,  -0.0370173492, 0.249186918,   1.25448728},
              2e-5);
  nn::TransformerEncoderLayer gelu(
      nn::TransformerEncoderLayerOptions(4, 2).dim_feedforward(6).dropout(0).activation(kGELU));
  fill_linearly(gelu);
  const Tensor mask = full({3, 3}, -INFINITY).triu(1);
  expect_near(gelu(x, mask),
              {0.0340267196, -0.0341954902, 0.242374867,  1.2656188,     0.034134388, -0.0342615694,
               0.242262527,  1.26570404,    0.0340826027, -0.0342298336, 0.242316425, 1.26566315,
               0.0341466926, -0.0342690721, 0.242249802,  1.26571369,    0.034069635, -0.0342218839,
               0.24232991,   1.26565289,    0.0340613835, -0.0342168063, 0.242338568, 1.26564622},
              2e-5);
}

TEST(TransformerEncoderLayer, GradientsAreRight) {
  for (const bool norm_first : {false, true}) {
    manual_seed(3);
    nn::TransformerEncoderLayer layer(nn::TransformerEncoderLayerOptions(4, 2)
                                          .dim_feedforward(6)
                                          .dropout(0)
                                          .activation(kGELU)
                                          .batch_first(true)
                                          .norm_first(norm_first));
    layer->to(kDouble);
    std::vector<Tensor> inputs = layer->parameters();
    inputs.push_back(randn({2, 3, 4}, kDouble).set_requires_grad(true));
    EXPECT_TRUE(gradcheck(
        [&](const std::vector<Tensor>& in) { return std::vector<Tensor>{layer(in.back())}; },
        inputs));
  }
}

struct TiedImpl : nn::Module {
  TiedImpl() {
    encoder = register_module("encoder", nn::Linear(nn::LinearOptions(3, 3).bias(false)));
    decoder = register_module("decoder", nn::Linear(nn::LinearOptions(3, 3).bias(false)));
    decoder->weight = encoder->weight;
  }
  Tensor forward(const Tensor& x) { return decoder(encoder(x)); }
  nn::Linear encoder = nullptr, decoder = nullptr;
};

TEST(Training, TiedWeightsGetOneStepFromBothUses) {
  TiedImpl net;
  const Tensor w = net.encoder->weight;
  nn::init::eye_(w);
  const Tensor x = ones({1, 3});
  net.forward(x).sum().backward();
  // d/dW of sum(W W x) at W = I: ones x^T + W^T ones (W x)^T.
  expect_near(w.grad(), std::vector<double>(9, 2));
  optim::SGD sgd(std::vector<Tensor>{w}, 0.5);
  sgd.step();
  expect_near(w, {0, -1, -1, -1, 0, -1, -1, -1, 0});
}

double train_step(nn::Sequential& net, optim::Optimizer& optimizer, const Tensor& x,
                  const Tensor& y) {
  optimizer.zero_grad();
  const Tensor loss = nn::functional::mse_loss(net(x), y);
  loss.backward();
  optimizer.step();
  return loss.item<double>();
}

TEST(Training, AnMlpLearnsItsFunction) {
  manual_seed(0);
  const Tensor x = rand({64, 2}).mul(2).sub(1);
  const Tensor y = x.narrow(1, 0, 1).mul(x.narrow(1, 1, 1));
  nn::Sequential net(nn::Linear(2, 16), nn::Tanh(), nn::Linear(16, 16), nn::Tanh(),
                     nn::Linear(16, 1));
  optim::Adam adam(net->parameters(), optim::AdamOptions(0.01));
  const double first = train_step(net, adam, x, y);
  double last = first;
  for (int i = 0; i < 400; ++i) last = train_step(net, adam, x, y);
  EXPECT_GT(first, 0.05);
  EXPECT_LT(last, 0.002);
}

TEST(Training, AClassifierLearnsWithBatchNormAndDropout) {
  manual_seed(0);
  const Tensor x = randn({96, 1, 8, 8});
  const Tensor label = x.narrow(2, 0, 4).mean({1, 2, 3}).gt(x.narrow(2, 4, 4).mean({1, 2, 3}));
  const Tensor y = label.to(kLong);
  nn::Sequential net(nn::Conv2d(nn::Conv2dOptions(1, 8, 3).padding(1)), nn::BatchNorm2d(8),
                     nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(), nn::Dropout(0.1),
                     nn::Linear(128, 2));
  optim::SGD sgd(net->parameters(), optim::SGDOptions(0.05).momentum(0.9));
  for (int i = 0; i < 60; ++i) {
    sgd.zero_grad();
    nn::functional::cross_entropy(net(x), y).backward();
    nn::utils::clip_grad_norm_(net->parameters(), 5);
    sgd.step();
  }
  net->eval();
  NoGradGuard no_grad;
  const double accuracy = net(x).argmax(1).eq(y).to(kFloat).mean().item<double>();
  EXPECT_GT(accuracy, 0.95);
  EXPECT_EQ(net->named_buffers()["1.num_batches_tracked"].item<int64_t>(), 60);
}

}  // namespace
}  // namespace taper
