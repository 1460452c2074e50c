// The fused steps against the published formulas, element by element in double.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>

#include "taper/base/parallel.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/optim/optim.h"

namespace taper {
namespace {

using optim::AdamOptions;
using optim::AdamWOptions;
using optim::SGDOptions;
using Values = std::vector<double>;

/// One element's reference: its value, what is remembered of it, and the number of its steps.
struct Element {
  double p = 0, m = 0, v = 0, most = 0;
  int t = 0;
};

void sgd_reference(const SGDOptions& o, Element& e, double g) {
  if (o.maximize()) g = -g;
  g += o.weight_decay() * e.p;
  if (o.momentum() != 0) {
    e.m = e.t == 0 ? g : o.momentum() * e.m + (1 - o.dampening()) * g;
    g = o.nesterov() ? g + o.momentum() * e.m : e.m;
  }
  e.p -= o.lr() * g;
  ++e.t;
}

template <class Options>
void adam_reference(const Options& o, Element& e, double g, bool decoupled) {
  const auto [beta1, beta2] = o.betas();
  if (o.maximize()) g = -g;
  if (decoupled) {
    e.p *= 1 - o.lr() * o.weight_decay();
  } else {
    g += o.weight_decay() * e.p;
  }
  ++e.t;
  e.m = beta1 * e.m + (1 - beta1) * g;
  e.v = beta2 * e.v + (1 - beta2) * g * g;
  e.most = std::max(e.most, e.v);
  const double m_hat = e.m / (1 - std::pow(beta1, e.t));
  const double v_hat = (o.amsgrad() ? e.most : e.v) / (1 - std::pow(beta2, e.t));
  e.p -= o.lr() * m_hat / (std::sqrt(v_hat) + o.eps());
}

class Numbers {
 public:
  Values take(int64_t count) {
    Values values(count);
    for (double& v : values) v = distribution_(engine_);
    return values;
  }

 private:
  std::mt19937 engine_{7};
  std::normal_distribution<double> distribution_;
};

Values values_of(const Tensor& t) {
  const Tensor flat = t.detach().contiguous().to(kDouble);
  const double* data = flat.data_ptr<double>();
  return Values(data, data + flat.numel());
}

/// Runs 10 steps on tensors of many sizes and compares every element with the reference. A tensor
/// skips a step (no gradient) where (step + index) % 4 == 3.
void compare(ScalarType dtype, double tolerance,
             const std::function<std::unique_ptr<optim::Optimizer>(std::vector<Tensor>)>& make,
             const std::function<void(Element&, double)>& reference, const std::string& label) {
  Numbers numbers;
  std::vector<Tensor> params;
  std::vector<std::vector<Element>> expected;
  for (const int64_t n : {1, 3, 8, 17, 64, 100, 1000}) {
    params.push_back(tensor(numbers.take(n), dtype));
    expected.emplace_back(n);
    const Values start = values_of(params.back());
    for (int64_t i = 0; i < n; ++i) expected.back()[i].p = start[i];
    params.back().set_requires_grad(true);
  }
  const auto optimizer = make(params);
  for (size_t step = 0; step < 10; ++step) {
    for (size_t k = 0; k < params.size(); ++k) {
      params[k].mutable_grad().reset();
      if ((step + k) % 4 == 3) continue;
      params[k].mutable_grad() = tensor(numbers.take(params[k].numel()), dtype);
      const Values grad = values_of(params[k].grad());
      for (size_t i = 0; i < grad.size(); ++i) reference(expected[k][i], grad[i]);
    }
    optimizer->step();
  }
  for (size_t k = 0; k < params.size(); ++k) {
    const Values got = values_of(params[k]);
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(got[i], expected[k][i].p, tolerance * (1 + std::fabs(expected[k][i].p)))
          << label << " tensor " << k << " element " << i;
    }
  }
}

struct Precision {
  ScalarType dtype;
  double tolerance;
};
const Precision kPrecisions[] = {{kDouble, 1e-13}, {kFloat, 5e-6}, {kHalf, 2e-2}, {kBFloat16, 0.2}};

TEST(OptimStep, SgdFollowsItsFormula) {
  const SGDOptions cases[] = {
      SGDOptions(0.1),
      SGDOptions(0.1).weight_decay(0.2),
      SGDOptions(0.1).momentum(0.9),
      SGDOptions(0.1).momentum(0.9).dampening(0.3).weight_decay(0.01),
      SGDOptions(0.1).momentum(0.8).nesterov(true).weight_decay(0.1),
      SGDOptions(0.01).momentum(0.5).maximize(true).weight_decay(0.1),
  };
  for (const Precision& precision : kPrecisions) {
    for (const SGDOptions& o : cases) {
      compare(
          precision.dtype, precision.tolerance,
          [&](std::vector<Tensor> p) { return std::make_unique<optim::SGD>(p, o); },
          [&](Element& e, double g) { sgd_reference(o, e, g); },
          std::string(toString(precision.dtype)) + " case " + std::to_string(&o - cases));
    }
  }
}

TEST(OptimStep, AdamFollowsItsFormula) {
  const AdamOptions cases[] = {
      AdamOptions(0.01),
      AdamOptions(0.01).weight_decay(0.3),
      AdamOptions(0.01).amsgrad(true).betas({0.5, 0.6}),
      AdamOptions(0.01).eps(0.1).maximize(true).weight_decay(0.1).amsgrad(true),
  };
  for (const Precision& precision : kPrecisions) {
    for (const AdamOptions& o : cases) {
      // float16 holds no 1e-8 and squares of small gradients underflow: both sides divide by ~0.
      if (precision.dtype == kHalf) continue;
      compare(
          precision.dtype, precision.tolerance,
          [&](std::vector<Tensor> p) { return std::make_unique<optim::Adam>(p, o); },
          [&](Element& e, double g) { adam_reference(o, e, g, false); },
          std::string(toString(precision.dtype)) + " case " + std::to_string(&o - cases));
    }
  }
}

TEST(OptimStep, AdamWFollowsItsFormula) {
  const AdamWOptions cases[] = {
      AdamWOptions(0.01),
      AdamWOptions(0.02).weight_decay(0.5).amsgrad(true),
      AdamWOptions(0.01).weight_decay(0).maximize(true),
  };
  for (const Precision& precision : {kPrecisions[0], kPrecisions[1]}) {
    for (const AdamWOptions& o : cases) {
      compare(
          precision.dtype, precision.tolerance,
          [&](std::vector<Tensor> p) { return std::make_unique<optim::AdamW>(p, o); },
          [&](Element& e, double g) { adam_reference(o, e, g, true); },
          std::string(toString(precision.dtype)) + " case " + std::to_string(&o - cases));
    }
  }
}

/// PyTorch 2.x on the CPU: p = [1, -2, 3], grad = [0.1, -0.2, 0.3], two steps, lr 0.1.
TEST(OptimStep, KnownValues) {
  const auto run = [](auto make) {
    Tensor p = tensor({1.0, -2.0, 3.0}, kDouble).set_requires_grad(true);
    p.mutable_grad() = tensor({0.1, -0.2, 0.3}, kDouble);
    auto optimizer = make(std::vector<Tensor>{p});
    optimizer.step();
    optimizer.step();
    return values_of(p);
  };
  // A constant gradient makes m_hat / sqrt(v_hat) its sign: two steps of lr, but for eps.
  const Values adam = run([](auto p) { return optim::Adam(p, 0.1); });
  EXPECT_NEAR(adam[0], 0.8, 1e-7);
  EXPECT_NEAR(adam[1], -1.8, 1e-7);
  EXPECT_NEAR(adam[2], 2.8, 1e-7);
  // 1 (1 - 0.001)^2 - 0.1 (1 - 0.001) - 0.1.
  const Values adamw = run([](auto p) { return optim::AdamW(p, 0.1); });
  EXPECT_NEAR(adamw[0], 0.998001 - 0.0999 - 0.1, 1e-7);
  // Step 1: b = 0.1; step 2: b = 0.19; p = 1 - 0.1 * 0.29.
  const Values sgd = run([](auto p) { return optim::SGD(p, SGDOptions(0.1).momentum(0.9)); });
  EXPECT_NEAR(sgd[0], 0.971, 1e-15);
}

TEST(OptimStep, NonFiniteGradientsFlow) {
  const Tensor p = tensor({1.0f, 1.0f, 1.0f}).set_requires_grad(true);
  const double inf = std::numeric_limits<double>::infinity();
  p.mutable_grad() = tensor({std::nan(""), inf, 1.0}, kFloat);
  optim::Adam adam(std::vector<Tensor>{p}, AdamOptions(0.1).amsgrad(true));
  adam.step();
  const Values got = values_of(p);
  EXPECT_TRUE(std::isnan(got[0]));
  EXPECT_TRUE(std::isnan(got[1]));  // inf / inf
  EXPECT_NEAR(got[2], 0.9, 1e-6);
  const auto& state = static_cast<optim::AdamParamState&>(*adam.state().find(p));
  EXPECT_TRUE(std::isnan(values_of(state.max_exp_avg_sq())[0]));
}

/// The same bits whether tensors are stepped together or alone, and at any thread count.
TEST(OptimStepThreads, ManyTensorsAndThreadsGiveTheSameBits) {
  const int before = get_num_threads();
  const std::vector<int64_t> sizes = {5, 70000, 1, 16, 33, 20000, 31, 100003};
  std::vector<Values> results;
  for (const int threads : {1, 2, 4}) {
    for (const bool together : {true, false}) {
      set_num_threads(threads);
      Numbers numbers;
      std::vector<Tensor> params;
      for (const int64_t n : sizes) {
        params.push_back(tensor(numbers.take(n), kFloat).set_requires_grad(true));
        params.back().mutable_grad() = tensor(numbers.take(n), kFloat);
      }
      std::vector<std::unique_ptr<optim::Optimizer>> optimizers;
      if (together) {
        optimizers.push_back(std::make_unique<optim::AdamW>(params));
      } else {
        for (const Tensor& p : params) {
          optimizers.push_back(std::make_unique<optim::AdamW>(std::vector<Tensor>{p}));
        }
      }
      for (int i = 0; i < 3; ++i) {
        for (const auto& optimizer : optimizers) optimizer->step();
      }
      Values all;
      for (const Tensor& p : params) {
        const Values values = values_of(p);
        all.insert(all.end(), values.begin(), values.end());
      }
      results.push_back(std::move(all));
    }
  }
  set_num_threads(before);
  for (size_t i = 1; i < results.size(); ++i) EXPECT_EQ(results[i], results[0]) << "run " << i;
}

}  // namespace
}  // namespace taper
