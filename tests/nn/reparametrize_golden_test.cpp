// Replays tests/nn/golden/reparametrize.txt, which tools/golden/reparametrize_golden.py made and
// describes: what PyTorch's parametrizations and pruning compute.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/conv.h"
#include "taper/nn/linear.h"
#include "taper/nn/parametrizations.h"
#include "taper/nn/prune.h"
#include "taper/nn/sequential.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/nn/golden_cases.h"
#include "tests/nn/near.h"

namespace taper {
namespace {

namespace prune = nn::utils::prune;
namespace parametrizations = nn::utils::parametrizations;

Tensor wave(IntArrayRef sizes) {
  const Tensor t = empty(sizes);
  for (int64_t i = 0; i < t.numel(); ++i) {
    t.data_ptr<float>()[i] = static_cast<float>(std::sin(static_cast<double>(i) * 1.7 + 0.3));
  }
  return t;
}

template <class Layer>
Layer filled(Layer layer) {
  const NoGradGuard no_grad;
  for (const Tensor& parameter : layer->parameters()) parameter.copy_(wave(parameter.sizes()));
  return layer;
}

nn::Linear linear_layer() { return filled(nn::Linear(5, 4)); }
nn::ConvTranspose2d transposed() { return filled(nn::ConvTranspose2d(3, 2, 2)); }

/// The cases, as the script has them.
nn::AnyModule make(const std::string& name) {
  namespace utils = nn::utils;
  const auto any = [](auto layer) { return nn::AnyModule(layer); };
  const Tensor mask = tensor({1.f, 0.f, 1.f, 1.f, 0.f}).expand({4, 5});
  const double inf = std::numeric_limits<double>::infinity();
  nn::Linear m = linear_layer();
  if (name.find("transposed") != std::string::npos || name == "prune ln inf") {
    manual_seed(0);
    nn::ConvTranspose2d t = transposed();
    if (name == "prune ln inf") return any(prune::ln_structured(t, "weight", 0.34, inf, 0));
    if (name == "spectral_norm of transposed") return any(utils::spectral_norm(t, "weight", 3));
    return any(parametrizations::spectral_norm(t, "weight", 2));
  }
  if (name == "weight_norm") return any(utils::weight_norm(m));
  if (name == "weight_norm dim 1") return any(utils::weight_norm(m, "weight", 1));
  if (name == "weight_norm of all") return any(utils::weight_norm(m, "weight", std::nullopt));
  if (name == "weight_norm bias") return any(utils::weight_norm(m, "bias"));
  if (name == "weight_norm removed") return any(utils::remove_weight_norm(utils::weight_norm(m)));
  if (name == "spectral_norm") return any(utils::spectral_norm(m));
  if (name == "spectral_norm removed") {
    return any(utils::remove_spectral_norm(utils::spectral_norm(m)));
  }
  if (name == "parametrized spectral_norm") return any(parametrizations::spectral_norm(m));
  if (name == "parametrized spectral_norm bias") {
    return any(parametrizations::spectral_norm(m, "bias"));
  }
  if (name.rfind("orthogonal", 0) == 0) {
    manual_seed(0);
    const std::string map = name == "orthogonal cayley"       ? "cayley"
                            : name == "orthogonal matrix_exp" ? "matrix_exp"
                                                              : "";
    const bool is_tall = name == "orthogonal tall" || map == "matrix_exp";
    const nn::Linear layer(5, is_tall ? 7 : name == "orthogonal square" ? 5 : 4);
    return any(parametrizations::orthogonal(layer, "weight", map));
  }
  if (name == "prune identity") return any(prune::identity(m, "weight"));
  if (name == "prune l1") return any(prune::l1_unstructured(m, "weight", 0.4));
  if (name == "prune l1 scores") {
    return any(prune::l1_unstructured(m, "weight", 3, wave({20}).cumsum(0).neg().view({4, 5})));
  }
  if (name == "prune l1 twice") {
    return any(prune::l1_unstructured(prune::l1_unstructured(m, "weight", 0.25), "weight", 0.3));
  }
  if (name == "prune random") return any(prune::random_unstructured(m, "weight", 0.3));
  if (name == "prune random rows") return any(prune::random_structured(m, "weight", 0.5, 0));
  if (name == "prune ln columns") return any(prune::ln_structured(m, "weight", 2, 2, 1));
  if (name == "prune ln and l1") {
    return any(prune::l1_unstructured(prune::ln_structured(m, "weight", 1, 1, 0), "weight", 5));
  }
  if (name == "prune rows twice") {
    return any(prune::ln_structured(prune::ln_structured(m, "weight", 1, 1, 0), "weight", 1, 1, 0));
  }
  if (name == "prune mask") {
    return any(prune::custom_from_mask(prune::l1_unstructured(m, "weight", 0.2), "weight", mask));
  }
  if (name == "prune removed") {
    return any(prune::remove(prune::l1_unstructured(m, "weight", 0.4), "weight"));
  }
  if (name == "prune global") {
    nn::Linear second = filled(nn::Linear(4, 3));
    {
      const NoGradGuard no_grad;
      second->weight.mul_(0.9);
    }
    prune::global_unstructured({{m, "weight"}, {second, "weight"}}, prune::L1Unstructured(0.4));
    return any(nn::Sequential(m, second));
  }
  throw std::runtime_error("no such case: " + name);
}

std::vector<double> numbers(std::istringstream& line) {
  std::vector<double> values;
  for (double value; line >> value;) values.push_back(value);
  return values;
}

void replay(const std::string& name, const Lines& lines) {
  SCOPED_TRACE(name);
  manual_seed(0);
  nn::AnyModule module = make(name);
  const bool is_image = name.find("transposed") != std::string::npos || name == "prune ln inf";
  const Tensor x = is_image ? wave({2, 3, 3, 2}) : wave({3, 5});
  Tensor output = module.forward(x);
  output = output.add(module.forward(x));
  module.ptr()->eval();
  output = output.add(module.forward(x));
  const Tensor flat = output.reshape(-1);
  flat.mul(arange(flat.numel(), kDouble).cos()).sum().backward();
  const nn::StateDict state = module.ptr()->state_dict();
  const auto parameters = module.ptr()->named_parameters();
  size_t states = 0, grads = 0;
  for (const std::string& text : lines) {
    SCOPED_TRACE(text.substr(0, 60));
    std::istringstream line(text);
    std::string kind, key, sizes;
    line >> kind;
    if (kind == "output") {
      expect_near(output, numbers(line), 2e-5);
    } else if (kind == "state") {
      line >> key >> sizes;
      ASSERT_LT(states, state.size());
      EXPECT_EQ(state.keys()[states++], key);
      ASSERT_TRUE(state.contains(key));
      std::string got;
      for (const int64_t size : state[key].sizes())
        got += (got.empty() ? "" : ",") + std::to_string(size);
      EXPECT_EQ(got.empty() ? "-" : got, sizes);
      expect_near(state[key], numbers(line), 2e-6);
    } else {
      line >> key;
      ASSERT_TRUE(parameters.contains(key));
      expect_near(parameters[key].grad(), numbers(line), 2e-5);
      ++grads;
    }
  }
  EXPECT_EQ(states, state.size());
  EXPECT_EQ(grads, parameters.size());
}

TEST(ReparametrizeGolden, EveryCase) {
  const std::map<std::string, Lines> cases = read_cases("reparametrize.txt");
  EXPECT_EQ(cases.size(), 29U);
  for (const auto& [key, lines] : cases) {
    if (TAPER_WITH_OPENBLAS || key.rfind("orthogonal", 0) != 0) replay(key, lines);
  }
}

}  // namespace
}  // namespace taper
