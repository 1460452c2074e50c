// Pruning of parameters, and the older forms of weight and spectral normalisation.
#include "taper/nn/prune.h"

#include <gtest/gtest.h>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/containers.h"
#include "taper/nn/conv.h"
#include "taper/nn/linear.h"
#include "taper/nn/parametrizations.h"
#include "taper/nn/sequential.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/same_bits.h"

namespace taper {
namespace {

namespace utils = nn::utils;
namespace prune = nn::utils::prune;
using testing::same_bits;
using Names = std::vector<std::string>;

int64_t zeros_of(const Tensor& t) { return t.numel() - t.count_nonzero().item<int64_t>(); }

TEST(Prune, KeepsTheParameterAndItsGradient) {
  nn::Linear layer(4, 3);
  const Tensor own = layer->weight;
  prune::l1_unstructured(layer, "weight", 0.5);
  EXPECT_EQ(layer->state_dict().keys(), (Names{"bias", "weight_orig", "weight_mask"}));
  EXPECT_TRUE(layer->get_parameter("weight_orig").is_same(own)) << "optimizers stay valid";
  EXPECT_EQ(zeros_of(layer->weight), 6);
  const Tensor x = randn({2, 4});
  layer(x).sum().backward();
  EXPECT_EQ(zeros_of(own.grad()), 6);
  {
    const NoGradGuard no_grad;
    own.fill_(1);
  }
  layer(x);
  EXPECT_TRUE(same_bits(layer->weight, layer->get_buffer("weight_mask")));
  EXPECT_TRUE(prune::is_pruned(nn::Sequential(nn::Identity(), layer)));
  prune::remove(layer, "weight");
  EXPECT_EQ(layer->state_dict().keys(), (Names{"bias", "weight"}));
  EXPECT_TRUE(layer->weight.is_same(own));
  EXPECT_EQ(zeros_of(own), 6);
  EXPECT_FALSE(prune::is_pruned(layer));
  EXPECT_ERROR(Error, prune::remove(layer, "weight"), "has to be pruned before");
}

TEST(Prune, ClonesLoadAndConvert) {
  nn::Sequential net(nn::Conv2d(2, 4, 3), nn::Flatten(), nn::Linear(16, 2));
  prune::ln_structured(net->at<nn::Conv2dImpl>(0), "weight", 1, 2, 0);
  utils::spectral_norm(net->at<nn::LinearImpl>(2));
  net->eval();
  const Tensor x = randn({1, 2, 4, 4}), y = net(x);
  nn::Sequential copy(std::dynamic_pointer_cast<nn::SequentialImpl>(net->clone()));
  EXPECT_EQ(copy->state_dict().keys(), net->state_dict().keys());
  EXPECT_EQ(copy->named_buffers().keys(), (Names{"0.weight_mask", "2.weight_u", "2.weight_v"}));
  EXPECT_TRUE(same_bits(copy(x), y));
  const nn::Module::TensorMap given{{"0.weight_orig", zeros({4, 2, 3, 3})}, {"0.bias", zeros({4})}};
  EXPECT_TRUE(
      nn::functional_call(copy, given, x).allclose(copy->at<nn::LinearImpl>(2).bias.unsqueeze(0)));
  copy->to(kDouble);
  EXPECT_TRUE(copy(x.to(kDouble)).allclose(y.to(kDouble), 1e-4, 1e-5));
  utils::remove_spectral_norm(copy->at<nn::LinearImpl>(2));
  prune::remove(copy->at<nn::Conv2dImpl>(0), "weight");
  EXPECT_TRUE(copy(x.to(kDouble)).allclose(y.to(kDouble), 1e-4, 1e-5));
  EXPECT_TRUE(prune::is_pruned(net));
}

TEST(Prune, ClearErrors) {
  nn::Linear layer(4, 3);
  EXPECT_ERROR(ConfigError, prune::l1_unstructured(layer, "weight", 1.5),
               "amount=1.5 should either be a float in the range [0, 1]");
  EXPECT_ERROR(ConfigError, prune::l1_unstructured(layer, "weight", -1), "amount=-1 should");
  EXPECT_ERROR(ConfigError, prune::l1_unstructured(layer, "weight", 13),
               "amount=13 should be smaller than the number of parameters to prune=12");
  EXPECT_ERROR(Error, prune::identity(layer, "wait"), "has no parameter with name 'wait'");
  EXPECT_ERROR(ShapeError, prune::random_structured(layer, "bias", 1, 0),
               "can only be applied to multidimensional tensors");
  EXPECT_ERROR(IndexError, prune::ln_structured(layer, "weight", 1, 2, 2),
               "Invalid index 2 for tensor of size [3, 4]");
  EXPECT_ERROR(ShapeError, prune::custom_from_mask(layer, "weight", ones({3})),
               "should have the same shape as the parameter, got [3], expected [3, 4]");
  EXPECT_ERROR(ShapeError, prune::l1_unstructured(layer, "weight", 1, ones({3})),
               "importance_scores should have the same shape");
  EXPECT_ERROR(Error, prune::global_unstructured({}, prune::L1Unstructured(1)), "no parameters");
  EXPECT_ERROR(Error, prune::global_unstructured({{layer, "weight"}}, prune::LnStructured(1, 2)),
               "Only \"unstructured\" PRUNING_TYPE supported");
  EXPECT_EQ(layer->state_dict().keys(), (Names{"weight", "bias"})) << "nothing has changed";
  layer->register_buffer("weight_mask", ones({1}));
  EXPECT_ERROR(Error, prune::identity(layer, "weight"), "attribute 'weight_mask' already exists");
  EXPECT_EQ(layer->state_dict().keys(), (Names{"weight", "bias", "weight_mask"}));
  struct UnknownImpl : nn::Module {
    UnknownImpl() { w = register_parameter("w", ones({2})); }
    Tensor w;
  };
  UnknownImpl unknown;
  EXPECT_ERROR(Error, prune::identity(unknown, "w"), "keeps 'w' in a member that is not known");
  EXPECT_ERROR(Error, utils::weight_norm(nn::ParameterList(ones({2})), "0"), "is read by name");
}

TEST(Prune, OwnMethods) {
  struct First : prune::BasePruningMethod {
    Tensor compute_mask(const Tensor& t, const Tensor& mask) const override {
      const Tensor result = mask.clone();
      if (t.numel() > 0) result.reshape(-1)[0].fill_(0);
      return result;
    }
  };
  nn::Linear layer(2, 2);
  for (int64_t i = 1; i <= 4; ++i) {
    prune::apply(*layer, "weight", First());
    EXPECT_EQ(zeros_of(layer->get_buffer("weight_mask")), i);
  }
  EXPECT_EQ(zeros_of(First().prune(ones({3}))), 1);
}

TEST(WeightNorm, ClearErrors) {
  nn::Linear layer(4, 3);
  EXPECT_ERROR(IndexError, utils::weight_norm(layer, "weight", 2), "Dimension out of range");
  EXPECT_ERROR(IndexError, utils::spectral_norm(layer, "weight", 1, 1e-12, 2),
               "Dimension out of range (expected to be in range of [-2, 1] but got 2)");
  EXPECT_ERROR(ConfigError, utils::spectral_norm(layer, "weight", 0),
               "Expected n_power_iterations to be positive");
  EXPECT_ERROR(ConfigError, utils::parametrizations::spectral_norm(layer, "weight", -1),
               "Expected n_power_iterations to be positive");
  EXPECT_ERROR(Error, utils::parametrizations::spectral_norm(layer, "w"),
               "has no parameter or buffer with name 'w'");
  EXPECT_ERROR(Error, utils::remove_weight_norm(layer), "weight_norm of 'weight' not found");
  EXPECT_ERROR(Error, utils::remove_spectral_norm(layer), "spectral_norm of 'weight' not found");
  utils::weight_norm(layer);
  EXPECT_ERROR(Error, utils::weight_norm(layer), "Cannot register two weight_norm hooks");
  EXPECT_ERROR(Error, utils::spectral_norm(layer), "has no parameter with name 'weight'");
}

TEST(WeightNorm, AsAParametrization) {
  nn::Linear layer(4, 3);
  const Tensor before = layer->weight.detach().clone();
  utils::parametrizations::weight_norm(layer);
  EXPECT_EQ(layer->state_dict().keys(), (Names{"bias", "parametrizations.weight.original0",
                                               "parametrizations.weight.original1"}));
  EXPECT_TRUE(layer->weight.allclose(before));
  EXPECT_EQ(layer->get_parameter("parametrizations.weight.original0").sizes(), IntArrayRef({3, 1}));
  nn::Linear older(4, 3);
  utils::weight_norm(older);
  older->load_state_dict(
      nn::StateDict{{"bias", layer->bias},
                    {"weight_g", layer->get_parameter("parametrizations.weight.original0")},
                    {"weight_v", layer->get_parameter("parametrizations.weight.original1")}});
  const Tensor x = randn({2, 4});
  EXPECT_TRUE(same_bits(older(x), layer(x)));
}

TEST(SpectralNorm, LargestSingularValueIsOne) {
  nn::Linear layer(4, 4);
  utils::parametrizations::spectral_norm(layer, "weight", 50);
  layer(ones({1, 4}));
  // Power method by hand: no vector grows, and one keeps its length.
  Tensor v = randn({4});
  const Tensor gram = layer->weight.detach().t().mm(layer->weight.detach());
  for (int i = 0; i < 500; ++i) v = gram.matmul(v).div(gram.matmul(v).norm());
  EXPECT_NEAR(gram.matmul(v).norm().item<double>(), 1, 1e-4);
}

TEST(Prune, AContainerComposesMethods) {
  prune::PruningContainer container;
  nn::Linear layer(4, 3);
  {
    const NoGradGuard no_grad;
    layer->weight.copy_(arange(1, 13, kFloat).view({3, 4}));
  }
  EXPECT_ERROR(ConfigError, prune::apply(layer, "weight", container), "no pruning method");
  EXPECT_ERROR(ConfigError, container.add_pruning_method(nullptr), "not a BasePruningMethod");
  container.add_pruning_method(std::make_shared<prune::L1Unstructured>(2));
  prune::apply(layer, "weight", container);
  EXPECT_TRUE(same_bits(layer->get_buffer("weight_mask").reshape(-1).slice(0, 0, 4),
                        tensor({0.0f, 0.0f, 1.0f, 1.0f})));
  // The smallest of what is left, then a whole row: as these methods do one after the other.
  container.add_pruning_method(std::make_shared<prune::L1Unstructured>(1));
  prune::apply(layer, "weight", container);
  container.add_pruning_method(std::make_shared<prune::LnStructured>(1, 2.0, 0));
  prune::apply(layer, "weight", container);
  EXPECT_TRUE(same_bits(layer->get_buffer("weight_mask"), cat({zeros({1, 4}), ones({2, 4})})));
  EXPECT_EQ(container.size(), 3u);
  EXPECT_EQ(container[2]->type(), prune::PruningType::kStructured);
  EXPECT_EQ(std::distance(container.begin(), container.end()), 3);
  EXPECT_ERROR(IndexError, container[3], "index 3 is out of range");
  // On a tensor, with a mask of what is pruned already.
  const Tensor mask = prune::PruningContainer({std::make_shared<prune::L1Unstructured>(1)})
                          .compute_mask(tensor({4.0f, 1.0f, 3.0f}), tensor({1.0f, 0.0f, 1.0f}));
  EXPECT_TRUE(same_bits(mask, tensor({1.0f, 0.0f, 0.0f})));
}

}  // namespace
}  // namespace taper
