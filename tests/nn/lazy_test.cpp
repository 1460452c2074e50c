// Layers that learn their sizes from the first input.
#include "taper/nn/lazy.h"

#include <gtest/gtest.h>

#include <sstream>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/any_module.h"
#include "taper/nn/parametrizations.h"
#include "taper/nn/parametrize.h"
#include "taper/nn/prune.h"
#include "taper/nn/sequential.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "tests/support/expect_error.h"
#include "tests/support/same_bits.h"

namespace taper {
namespace {

using testing::same_bits;
using Names = std::vector<std::string>;

std::string text_of(const nn::Module& module) {
  std::ostringstream text;
  text << module;
  return text.str();
}

/// The lazy layer becomes what the plain one is: sizes, values, printing and outputs.
void expect_becomes(nn::AnyModule lazy, nn::AnyModule plain, const Tensor& x,
                    const std::string& before) {
  SCOPED_TRACE(before);
  EXPECT_EQ(text_of(*lazy.ptr()), before);
  EXPECT_EQ(lazy.ptr()->named_parameters().keys(), plain.ptr()->named_parameters().keys());
  EXPECT_EQ(lazy.ptr()->named_buffers().keys(), plain.ptr()->named_buffers().keys());
  const std::vector<Tensor> parameters = lazy.ptr()->parameters();
  manual_seed(1);
  lazy.forward(x);
  const std::vector<Tensor> after = lazy.ptr()->parameters();
  for (size_t i = 0; i < parameters.size(); ++i) EXPECT_TRUE(after[i].is_same(parameters[i]));
  EXPECT_EQ(text_of(*lazy.ptr()), text_of(*plain.ptr()));
  plain.ptr()->load_state_dict(lazy.ptr()->state_dict());
  const Tensor y = lazy.forward(x);
  EXPECT_TRUE(same_bits(y, plain.forward(x)));
  if (!parameters.empty()) y.sum().backward();
  for (const Tensor& parameter : parameters) EXPECT_TRUE(parameter.grad().defined());
}

TEST(Lazy, BecomesThePlainLayer) {
  const auto any = [](auto layer) { return nn::AnyModule(layer); };
  expect_becomes(any(nn::LazyLinear(3)), any(nn::Linear(5, 3)), randn({2, 5}),
                 "taper::nn::LazyLinear(in_features=0, out_features=3, bias=true)");
  expect_becomes(any(nn::LazyLinear(nn::LazyLinearOptions(3).bias(false))),
                 any(nn::Linear(nn::LinearOptions(5, 3).bias(false))), randn({2, 2, 5}),
                 "taper::nn::LazyLinear(in_features=0, out_features=3, bias=false)");
  expect_becomes(any(nn::LazyConv1d(4, 3)), any(nn::Conv1d(2, 4, 3)), randn({2, 6}),
                 "taper::nn::LazyConv1d(0, 4, kernel_size=3, stride=1)");
  expect_becomes(any(nn::LazyConv2d(nn::LazyConv2dOptions(4, 3).groups(2).padding(1))),
                 any(nn::Conv2d(nn::Conv2dOptions(6, 4, 3).groups(2).padding(1))),
                 randn({2, 6, 5, 5}),
                 "taper::nn::LazyConv2d(0, 4, kernel_size=[3, 3], stride=[1, 1], padding=[1, 1], "
                 "groups=2)");
  expect_becomes(any(nn::LazyConv3d(2, 2)), any(nn::Conv3d(3, 2, 2)), randn({1, 3, 4, 4, 4}),
                 "taper::nn::LazyConv3d(0, 2, kernel_size=[2, 2, 2], stride=[1, 1, 1])");
  expect_becomes(any(nn::LazyConvTranspose1d(4, 3)), any(nn::ConvTranspose1d(2, 4, 3)),
                 randn({2, 2, 6}), "taper::nn::LazyConvTranspose1d(0, 4, kernel_size=3, stride=1)");
  expect_becomes(
      any(nn::LazyConvTranspose2d(nn::LazyConvTranspose2dOptions(4, 2).bias(false))),
      any(nn::ConvTranspose2d(nn::ConvTranspose2dOptions(3, 4, 2).bias(false))), randn({3, 5, 5}),
      "taper::nn::LazyConvTranspose2d(0, 4, kernel_size=[2, 2], stride=[1, 1], bias=false)");
  expect_becomes(any(nn::LazyConvTranspose3d(2, 2)), any(nn::ConvTranspose3d(3, 2, 2)),
                 randn({1, 3, 2, 2, 2}),
                 "taper::nn::LazyConvTranspose3d(0, 2, kernel_size=[2, 2, 2], stride=[1, 1, 1])");
}

TEST(Lazy, NormsBecomeThePlainLayer) {
  const auto any = [](auto layer) { return nn::AnyModule(layer); };
  const std::string tail = "(0, eps=1e-05, momentum=0.1, affine=true, track_running_stats=true)";
  expect_becomes(any(nn::LazyBatchNorm1d()), any(nn::BatchNorm1d(3)), randn({4, 3}),
                 "taper::nn::LazyBatchNorm1d" + tail);
  expect_becomes(any(nn::LazyBatchNorm2d()), any(nn::BatchNorm2d(3)), randn({4, 3, 2, 2}),
                 "taper::nn::LazyBatchNorm2d" + tail);
  expect_becomes(any(nn::LazyBatchNorm3d()), any(nn::BatchNorm3d(3)), randn({4, 3, 2, 2, 2}),
                 "taper::nn::LazyBatchNorm3d" + tail);
  const auto options = nn::InstanceNormOptions(3).affine(true).track_running_stats(true);
  expect_becomes(any(nn::LazyInstanceNorm1d(options)), any(nn::InstanceNorm1d(options)),
                 randn({3, 5}), "taper::nn::LazyInstanceNorm1d" + tail);
  expect_becomes(any(nn::LazyInstanceNorm2d(options)), any(nn::InstanceNorm2d(options)),
                 randn({2, 3, 4, 4}), "taper::nn::LazyInstanceNorm2d" + tail);
  expect_becomes(any(nn::LazyInstanceNorm3d()), any(nn::InstanceNorm3d(3)), randn({2, 3, 2, 2, 2}),
                 "taper::nn::LazyInstanceNorm3d(0, eps=1e-05, momentum=0.1, affine=false, "
                 "track_running_stats=false)");
}

TEST(Lazy, DrawsAsThePlainLayer) {
  manual_seed(5);
  nn::LazyLinear lazy(3);
  lazy(ones({1, 4}));
  manual_seed(5);
  const nn::Linear plain(4, 3);
  EXPECT_TRUE(same_bits(lazy->weight, plain->weight) && same_bits(lazy->bias, plain->bias));
}

TEST(Lazy, FirstCallInInferenceMode) {
  nn::Sequential net(nn::LazyLinear(3), nn::LazyBatchNorm1d());
  const Tensor x = randn({4, 2});
  {
    const InferenceMode inference;
    net(x);
  }
  net(x).sum().backward();
  for (const Tensor& parameter : net->parameters()) EXPECT_TRUE(parameter.grad().defined());
}

TEST(Lazy, TakesSizesFromAStateDict) {
  const nn::Sequential from(nn::Linear(4, 3), nn::BatchNorm1d(3), nn::Linear(3, 2));
  nn::Sequential to(nn::LazyLinear(3), nn::LazyBatchNorm1d(), nn::LazyLinear(2));
  const Tensor weight = to->get_parameter("0.weight");
  nn::StateDict wrong = from->state_dict();
  wrong.set("extra", ones({1}));
  EXPECT_ERROR(Error, to->load_state_dict(wrong), "Unexpected key(s)");
  EXPECT_EQ(weight.numel(), 0) << "a failed load changes nothing";
  to->load_state_dict(from->state_dict());
  EXPECT_TRUE(to->get_parameter("0.weight").is_same(weight));
  EXPECT_TRUE(same_bits(weight, from->get_parameter("0.weight")));
  EXPECT_FALSE(weight.is_alias_of(from->get_parameter("0.weight")));
  const Tensor x = randn({5, 4});
  to->eval();
  from.ptr()->eval();
  EXPECT_TRUE(same_bits(to->forward(x), nn::Sequential(from)->forward(x)));
  EXPECT_EQ(text_of(*to), text_of(*from.ptr()));

  nn::Sequential waiting(nn::LazyLinear(3), nn::LazyBatchNorm1d(), nn::LazyLinear(2));
  waiting->load_state_dict(
      nn::Sequential(nn::LazyLinear(3), nn::LazyBatchNorm1d(), nn::LazyLinear(2))->state_dict());
  EXPECT_EQ(waiting->forward(x).sizes(), IntArrayRef({5, 2})) << "it waits on";
}

TEST(Lazy, ClonesConvertsAndMoves) {
  nn::Sequential net(nn::LazyLinear(3), nn::LazyBatchNorm1d(), nn::LazyInstanceNorm1d());
  const auto waiting = std::dynamic_pointer_cast<nn::SequentialImpl>(net->clone());
  net->to(kDouble);
  const Tensor x = randn({5, 4});
  nn::Sequential first(net->slice(0, 2));
  EXPECT_EQ(first(x.to(kDouble)).scalar_type(), kDouble);
  const auto copy = std::dynamic_pointer_cast<nn::SequentialImpl>(net->clone());
  net->eval();
  copy->eval();
  EXPECT_TRUE(same_bits(copy->slice(0, 2)->forward(x.to(kDouble)), first(x.to(kDouble))));
  EXPECT_EQ(text_of(*copy), text_of(*net));
  EXPECT_EQ(waiting->parameters()[0].numel(), 0);
  EXPECT_EQ(waiting->slice(0, 2)->forward(randn({3, 7})).sizes(), IntArrayRef({3, 3}));
}

TEST(Lazy, ClearErrors) {
  nn::LazyConv2d conv(4, 3);
  EXPECT_ERROR(ShapeError, conv(ones({3, 3})),
               "LazyConv2d: Expected 3D (unbatched) or 4D (batched) input, but got input of size: "
               "[3, 3]");
  EXPECT_ERROR(Error, nn::utils::weight_norm(conv), "can't have uninitialized parameters");
  EXPECT_ERROR(Error, nn::utils::prune::identity(conv, "weight"), "uninitialized parameters");
  EXPECT_ERROR(Error,
               nn::utils::parametrize::register_parametrization(conv, "weight", nn::Identity()),
               "uninitialized parameters");
  nn::LazyBatchNorm2d norm;
  EXPECT_ERROR(ShapeError, norm(ones({2, 3})), "expected 4D input");
  EXPECT_ERROR(ShapeError, norm(ones({})), "expected an input with channels");
  EXPECT_EQ(norm(randn({2, 3, 4, 4})).size(1), 3) << "a refused input leaves it waiting";
  nn::LazyLinear linear(2);
  EXPECT_ERROR(ShapeError, linear(ones({})), "at least one dimension");
  EXPECT_TRUE(linear->has_uninitialized_params());
  linear(ones({2, 3}));
  EXPECT_FALSE(linear->has_uninitialized_params());
  EXPECT_ERROR(Error, linear(ones({2, 4})), "mat1 and mat2 shapes cannot be multiplied");
  EXPECT_NO_THROW(nn::utils::weight_norm(linear));
}

}  // namespace
}  // namespace taper
