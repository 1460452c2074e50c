// What every optimizer does alike, and the elementwise rules that PyTorch 1.13 does not have,
// against their published formulas in plain double.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "taper/base/parallel.h"
#include "taper/taper.h"
#include "tests/optim/steps.h"
#include "tests/support/expect_error.h"

namespace taper::testing {
namespace {

using namespace optim;

constexpr const char* kElementwise[] = {"SGD",      "Adam",   "AdamW",   "NAdam",
                                        "RAdam",    "Adamax", "RMSprop", "Adagrad",
                                        "Adadelta", "ASGD",   "Rprop",   "Lion"};
constexpr const char* kOthers[] = {"Adafactor", "Muon"};

/// One element's reference.
struct Element {
  double p = 0, m = 0, v = 0, product = 1;
  int t = 0;
};
using Formula = std::function<void(Element&, double)>;

void expect_formula(Optimizer& optimizer, const Tensor& param, const Formula& formula,
                    const char* label) {
  std::vector<Element> elements(static_cast<size_t>(param.numel()));
  const Values first = values_of(param);
  for (size_t i = 0; i < elements.size(); ++i) elements[i].p = first[i];
  for (int step = 1; step <= 10; ++step) {
    step_with(optimizer, param, step);
    const Values got = values_of(param), grad = values_of(param.grad());
    for (size_t i = 0; i < elements.size(); ++i) {
      ++elements[i].t;
      formula(elements[i], grad[i]);
      ASSERT_NEAR(got[i], elements[i].p, 1e-13 * (1 + std::fabs(elements[i].p)))
          << label << " step " << step << " element " << i;
    }
  }
}

TEST(OptimRules, NAdamWithDecoupledDecayAndMaximize) {
  for (const bool decoupled : {false, true}) {
    const Tensor p = start({5});
    const double lr = 0.03, wd = 0.2, b1 = 0.8, b2 = 0.95, eps = 1e-6, psi = 0.01;
    NAdam optimizer(std::vector<Tensor>{p}, NAdamOptions(lr)
                                                .betas({b1, b2})
                                                .eps(eps)
                                                .weight_decay(wd)
                                                .momentum_decay(psi)
                                                .decoupled_weight_decay(decoupled)
                                                .maximize(true));
    expect_formula(
        optimizer, p,
        [&](Element& e, double g) {
          g = -g;
          decoupled ? e.p -= lr* wd* e.p : g += wd * e.p;
          const double mu = b1 * (1 - 0.5 * std::pow(0.96, e.t * psi));
          const double next = b1 * (1 - 0.5 * std::pow(0.96, (e.t + 1) * psi));
          e.product *= mu;
          e.m = b1 * e.m + (1 - b1) * g;
          e.v = b2 * e.v + (1 - b2) * g * g;
          const double m_hat = next * e.m / (1 - e.product * next) + (1 - mu) * g / (1 - e.product);
          e.p -= lr * m_hat / (std::sqrt(e.v / (1 - std::pow(b2, e.t))) + eps);
        },
        decoupled ? "decoupled" : "coupled");
  }
}

TEST(OptimRules, RAdamWithDecoupledDecayAndMaximize) {
  for (const bool decoupled : {false, true}) {
    const Tensor p = start({5});
    const double lr = 0.03, wd = 0.2, b1 = 0.8, b2 = 0.95, eps = 1e-6;
    RAdam optimizer(std::vector<Tensor>{p}, RAdamOptions(lr)
                                                .betas({b1, b2})
                                                .eps(eps)
                                                .weight_decay(wd)
                                                .decoupled_weight_decay(decoupled)
                                                .maximize(true));
    expect_formula(
        optimizer, p,
        [&](Element& e, double g) {
          g = -g;
          decoupled ? e.p -= lr* wd* e.p : g += wd * e.p;
          e.m = b1 * e.m + (1 - b1) * g;
          e.v = b2 * e.v + (1 - b2) * g * g;
          const double power = std::pow(b2, e.t), most = 2 / (1 - b2) - 1;
          const double rho = most - 2 * e.t * power / (1 - power);
          double step = lr * e.m / (1 - std::pow(b1, e.t));
          if (rho > 5) {
            const double l = std::sqrt(1 - power) / (std::sqrt(e.v) + eps);
            step *= l * std::sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho));
          }
          e.p -= step;
        },
        decoupled ? "decoupled" : "coupled");
  }
}

TEST(OptimRules, LionFollowsItsFormula) {
  for (const bool maximize : {false, true}) {
    const Tensor p = start({7});
    const double lr = 0.03, wd = 0.4, b1 = 0.7, b2 = 0.9;
    Lion optimizer(std::vector<Tensor>{p},
                   LionOptions(lr).betas({b1, b2}).weight_decay(wd).maximize(maximize));
    expect_formula(
        optimizer, p,
        [&](Element& e, double g) {
          if (maximize) g = -g;
          const double c = b1 * e.m + (1 - b1) * g;
          const double sign = c > 0 ? 1 : c < 0 ? -1 : 0;
          e.p = e.p - lr * (sign + wd * e.p);
          e.m = b2 * e.m + (1 - b2) * g;
        },
        maximize ? "maximize" : "minimize");
  }
}

/// Every type beside float64, from the same values.
TEST(OptimRules, TypesAgree) {
  struct Precision {
    ScalarType dtype;
    double tolerance;
  };
  const Precision precisions[] = {{kFloat, 1e-4}, {kHalf, 0.03}, {kBFloat16, 0.2}};
  const auto compare = [&](const char* name) {
    for (const Precision& precision : precisions) {
      const Tensor p = start({4, 9}, precision.dtype);
      const Tensor exact = p.detach().to(kDouble).clone().set_requires_grad(true);
      const auto optimizer = make_optimizer(name, {p}), other = make_optimizer(name, {exact});
      // Small roots of small squares: a half's smallest numbers would decide.
      IValue options = IValue::dict();
      const IValue group = optimizer->state_dict().at("param_groups").toListRef()[0];
      if (const IValue* eps = group.find("eps"); eps != nullptr && eps->isDouble()) {
        options.insert("eps", 1e-2);
      }
      set_options(*optimizer, options);
      set_options(*other, options);
      for (int step = 1; step <= 5; ++step) {
        p.mutable_grad() = slope({4, 9}, step, precision.dtype);
        exact.mutable_grad() = p.grad().to(kDouble);
        optimizer->step();
        other->step();
      }
      const Values got = values_of(p), expected = values_of(exact);
      for (size_t i = 0; i < got.size(); ++i) {
        ASSERT_NEAR(got[i], expected[i], precision.tolerance * (1 + std::fabs(expected[i])))
            << name << ' ' << toString(precision.dtype) << " element " << i;
      }
    }
  };
  for (const char* name : kElementwise) compare(name);
  for (const char* name : kOthers) compare(name);
}

/// Parameters and gradients in any layout get the same bits as contiguous ones; sums over whole
/// tensors may be taken in another order.
TEST(OptimRules, LayoutsDoNotMatter) {
  const auto compare = [&](const char* name, double tolerance) {
    const Tensor plain = start({4, 6});
    const Tensor turned =
        plain.detach().t().contiguous().t().detach().clone().set_requires_grad(true);
    const Tensor wide = zeros({4, 12}, kDouble);
    const Tensor strided = wide.slice(1, 0, 12, 2).detach();
    strided.copy_(plain.detach());
    strided.set_requires_grad(true);
    const std::vector<Tensor> params = {plain, turned, strided};
    const auto optimizer = make_optimizer(name, params);
    for (int step = 1; step <= 4; ++step) {
      for (const Tensor& p : params) p.mutable_grad() = slope({4, 6}, step);
      strided.mutable_grad() = slope({4, 6}, step).t().contiguous().t();
      optimizer->step();
    }
    const Values expected = values_of(plain);
    for (const Tensor& p : {turned, strided}) {
      const Values got = values_of(p);
      for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], tolerance) << name;
    }
    EXPECT_EQ(values_of(wide.slice(1, 1, 12, 2)), Values(24, 0)) << name;
    EXPECT_NE(expected, values_of(start({4, 6}))) << name;
  };
  for (const char* name : kElementwise) compare(name, 0);
  for (const char* name : kOthers) compare(name, 1e-12);
}

TEST(OptimRules, EmptyTensorsAndNonFiniteGradients) {
  for (const char* name : kElementwise) {
    const Tensor none = zeros({0}).set_requires_grad(true);
    const Tensor p = ones({3}).set_requires_grad(true), other = ones({3}).set_requires_grad(true);
    const auto optimizer = make_optimizer(name, {none, p, other});
    none.mutable_grad() = zeros({0});
    p.mutable_grad() = tensor({std::nan(""), std::numeric_limits<double>::infinity(), 1.0}, kFloat);
    other.mutable_grad() = tensor({2.0, 3.0, 1.0}, kFloat);
    optimizer->step();
    // What is not finite stays in its element.
    EXPECT_EQ(values_of(p)[2], values_of(other)[2]) << name;
  }
  for (const char* name : kOthers) {
    const Tensor none = zeros({0, 3}).set_requires_grad(true);
    const auto optimizer = make_optimizer(name, {none});
    none.mutable_grad() = zeros({0, 3});
    optimizer->step();
    EXPECT_EQ(none.numel(), 0);
  }
}

TEST(OptimRules, GradientsOfOtherSizesChangeNothing) {
  for (const char* name : kElementwise) {
    const Tensor p = start({2, 3}), q = start({3});
    const auto optimizer = make_optimizer(name, {p, q});
    step_with(*optimizer, p, 1);
    const Values before = values_of(p);
    const IValue state = optimizer->state_dict().at("state");
    p.mutable_grad() = slope({2, 3}, 2);
    q.mutable_grad() = slope({2, 3}, 2);
    EXPECT_THROW(optimizer->step(), ShapeError) << name;
    q.mutable_grad() = slope({1, 3}, 2);  // as many elements
    EXPECT_THROW(optimizer->step(), ShapeError) << name;
    EXPECT_EQ(values_of(p), before) << name;
    const IValue after = optimizer->state_dict();
    for (const auto& [index, entries] : state.toGenericDict()) {
      const IValue* now = after.at("state").find(index.toInt());
      ASSERT_NE(now, nullptr);
      EXPECT_EQ(numbers_of(now->toGenericDict()[0].second),
                numbers_of(entries.toGenericDict()[0].second))
          << name;
    }
  }
  const Tensor p = start({2, 3});
  Adafactor adafactor(std::vector<Tensor>{p});
  p.mutable_grad() = slope({3, 2}, 1);
  EXPECT_ERROR(ShapeError, adafactor.step(), "the gradient's sizes [3, 2]");
}

/// A first step that fails leaves no state behind that a later one would take for filled.
TEST(OptimRules, AFailedFirstStepIsForgotten) {
  for (const char* name : kElementwise) {
    const Tensor p = start({40}), q = start({3}), clean = start({40});
    const auto optimizer = make_optimizer(name, {p, q}), other = make_optimizer(name, {clean});
    if (name == std::string("SGD")) {
      for (const auto& o : {optimizer.get(), other.get()}) {
        static_cast<SGDOptions&>(o->param_groups()[0].options()).momentum(0.9);
      }
    }
    const size_t states = optimizer->state().size();  // Adagrad has them from the start
    p.mutable_grad() = slope({40}, 1);
    q.mutable_grad() = slope({5}, 1);
    EXPECT_THROW(optimizer->step(), ShapeError) << name;
    EXPECT_EQ(optimizer->state().size(), states) << name;
    q.mutable_grad().reset();
    for (int step = 1; step <= 3; ++step) {
      step_with(*optimizer, p, step);
      step_with(*other, clean, step);
    }
    EXPECT_EQ(values_of(p), values_of(clean)) << name;
  }
}

/// The same bits at any thread count.
TEST(OptimRulesThreads, ThreadsGiveTheSameBits) {
  const int before = get_num_threads();
  for (const char* name : kElementwise) {
    std::vector<Values> results;
    for (const int threads : {1, 2, 3}) {
      set_num_threads(threads);
      const Tensor p = start({70001}, kFloat), q = start({33}, kFloat);
      const auto optimizer = make_optimizer(name, {q, p});
      for (int step = 1; step <= 2; ++step) {
        q.mutable_grad() = slope({33}, step, kFloat);
        step_with(*optimizer, p, step);
      }
      results.push_back(values_of(p));
    }
    EXPECT_EQ(results[1], results[0]) << name;
    EXPECT_EQ(results[2], results[0]) << name;
  }
  set_num_threads(before);
}

}  // namespace
}  // namespace taper::testing
