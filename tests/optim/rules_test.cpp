// What every optimizer does alike, and the rules that PyTorch 1.13 does not have, against their
// published formulas in plain double.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "taper/base/parallel.h"
#include "taper/taper.h"
#include "tests/optim/golden.h"
#include "tests/support/expect_error.h"

namespace taper::testing {
namespace {

using namespace optim;

constexpr const char* kElementwise[] = {"SGD",     "Adam",    "AdamW",    "NAdam", "RAdam", "Adamax",
                                        "RMSprop", "Adagrad", "Adadelta", "ASGD",  "Rprop", "Lion"};
constexpr const char* kOthers[] = {"Adafactor", "Muon"};

/// A gradient that changes sign and scale with the step.
Tensor slope(IntArrayRef sizes, int step, ScalarType dtype = kDouble) {
  const int64_t n = taper::zeros(sizes).numel();
  Values values;
  for (int64_t i = 0; i < n; ++i) {
    const double at = static_cast<double>(i);
    values.push_back(std::sin(1.3 * at + 0.8 * step) * (0.3 + 0.2 * ((i + step) % 3)));
  }
  return tensor(values, kDouble).view(sizes).to(dtype);
}

Tensor start(IntArrayRef sizes, ScalarType dtype = kDouble) {
  return slope(sizes, 17).mul(2).to(dtype).clone().set_requires_grad(true);
}

void step_with(Optimizer& optimizer, const Tensor& param, int step) {
  param.mutable_grad() = slope(param.sizes(), step, param.scalar_type());
  optimizer.step();
}

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
          decoupled ? e.p -= lr * wd * e.p : g += wd * e.p;
          const double mu = b1 * (1 - 0.5 * std::pow(0.96, e.t * psi));
          const double next = b1 * (1 - 0.5 * std::pow(0.96, (e.t + 1) * psi));
          e.product *= mu;
          e.m = b1 * e.m + (1 - b1) * g;
          e.v = b2 * e.v + (1 - b2) * g * g;
          const double m_hat =
              next * e.m / (1 - e.product * next) + (1 - mu) * g / (1 - e.product);
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
          decoupled ? e.p -= lr * wd * e.p : g += wd * e.p;
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

/// A matrix as rows of doubles, for references.
struct Matrix {
  int64_t rows, columns;
  Values v;
  double& at(int64_t i, int64_t j) { return v[static_cast<size_t>(i * columns + j)]; }
  double at(int64_t i, int64_t j) const { return v[static_cast<size_t>(i * columns + j)]; }
};

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c{a.rows, b.columns, Values(static_cast<size_t>(a.rows * b.columns))};
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < b.columns; ++j) {
      for (int64_t k = 0; k < a.columns; ++k) c.at(i, j) += a.at(i, k) * b.at(k, j);
    }
  }
  return c;
}

Matrix transposed(const Matrix& a) {
  Matrix c{a.columns, a.rows, Values(a.v.size())};
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t j = 0; j < a.columns; ++j) c.at(j, i) = a.at(i, j);
  }
  return c;
}

double root_mean_square(const Values& values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

void expect_near(const Values& got, const Values& expected, double tolerance, int step) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], tolerance * (1 + std::fabs(expected[i])))
        << "step " << step << " element " << i;
  }
}

/// Shazeer and Stern's algorithms 4 and 5 with PyTorch's epsilons, on a matrix or a vector.
struct AdafactorReference {
  double lr, decay, eps1, eps2, d, wd;
  bool maximize;
  Values rows = {}, columns = {}, variance = {};

  Values estimate(const Matrix& g, double rest) {
    Values v(g.v.size());
    if (g.rows == 0) {  // a vector
      variance.resize(g.v.size());
      for (size_t i = 0; i < v.size(); ++i) {
        v[i] = variance[i] += rest * (g.v[i] * g.v[i] - variance[i]);
      }
      return v;
    }
    rows.resize(static_cast<size_t>(g.rows));
    columns.resize(static_cast<size_t>(g.columns));
    double mean = 0;
    for (int64_t i = 0; i < g.rows; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < g.columns; ++j) sum += g.at(i, j) * g.at(i, j);
      double& row = rows[static_cast<size_t>(i)];
      row += rest * (sum / static_cast<double>(g.columns) - row);
      mean += row / static_cast<double>(g.rows);
    }
    for (int64_t j = 0; j < g.columns; ++j) {
      double sum = 0;
      for (int64_t i = 0; i < g.rows; ++i) sum += g.at(i, j) * g.at(i, j);
      double& column = columns[static_cast<size_t>(j)];
      column += rest * (sum / static_cast<double>(g.rows) - column);
    }
    for (size_t i = 0; i < v.size(); ++i) {
      v[i] = rows[i / columns.size()] * columns[i % columns.size()] / std::max(mean, eps1);
    }
    return v;
  }

  void step(Values& p, Matrix g, int t) {
    if (maximize) {
      for (double& x : g.v) x = -x;
    }
    const double alpha =
        std::max(eps2, root_mean_square(p)) * std::min(lr, 1 / std::sqrt(static_cast<double>(t)));
    const Values v = estimate(g, std::pow(t, decay));
    Values u(v.size());
    for (size_t i = 0; i < u.size(); ++i) u[i] = g.v[i] / std::max(std::sqrt(v[i]), eps1);
    const double clip = std::max(1.0, root_mean_square(u) / d);
    for (size_t i = 0; i < u.size(); ++i) p[i] = p[i] * (1 - lr * wd) - alpha * u[i] / clip;
  }
};

TEST(OptimRules, AdafactorFollowsItsFormula) {
  struct Case {
    AdafactorOptions options;
    AdafactorReference reference;
  };
  const double eps = std::numeric_limits<double>::epsilon();
  const Case cases[] = {
      {AdafactorOptions(), {0.01, -0.8, eps, 1e-3, 1, 0, false}},
      {AdafactorOptions(0.5).beta2_decay(-0.5).eps({0.2, 0.9}).d(1.5).weight_decay(0.1),
       {0.5, -0.5, 0.2, 0.9, 1.5, 0.1, false}},
      {AdafactorOptions(0.3).maximize(true).weight_decay(0.02),
       {0.3, -0.8, eps, 1e-3, 1, 0.02, true}},
  };
  for (const Case& c : cases) {
    for (const bool is_matrix : {true, false}) {
      const std::vector<int64_t> sizes =
          is_matrix ? std::vector<int64_t>{3, 4} : std::vector<int64_t>{5};
      const Tensor p = start(sizes);
      Adafactor optimizer(std::vector<Tensor>{p}, c.options);
      AdafactorReference reference = c.reference;
      Values expected = values_of(p);
      for (int step = 1; step <= 10; ++step) {
        step_with(optimizer, p, step);
        const Matrix g{is_matrix ? 3 : 0, is_matrix ? 4 : 0, values_of(p.grad())};
        reference.step(expected, g, step);
        expect_near(values_of(p), expected, 1e-12, step);
      }
    }
  }
}

/// Adafactor of a stack of matrices is Adafactor of each, but for the scale and the clipping.
TEST(OptimRules, AdafactorKeepsFactorsOfTheLastTwoDimensions) {
  const Tensor p = start({2, 3, 4});
  Adafactor optimizer(std::vector<Tensor>{p});
  step_with(optimizer, p, 1);
  const auto& state = static_cast<AdafactorParamState&>(*optimizer.state().find(p));
  EXPECT_EQ(state.row_var().sizes(), (IntArrayRef{2, 3, 1}));
  EXPECT_EQ(state.col_var().sizes(), (IntArrayRef{2, 1, 4}));
  EXPECT_FALSE(state.variance().defined());
}

Matrix newton_schulz(Matrix x, double a, double b, double c, int steps, double eps) {
  const bool is_tall = x.rows > x.columns;
  if (is_tall) x = transposed(x);
  double norm = 0;
  for (const double v : x.v) norm += v * v;
  norm = std::max(std::sqrt(norm), eps);
  for (double& v : x.v) v /= norm;
  for (int k = 0; k < steps; ++k) {
    Matrix gram = product(x, transposed(x));
    const Matrix square = product(gram, gram);
    for (size_t i = 0; i < gram.v.size(); ++i) gram.v[i] = b * gram.v[i] + c * square.v[i];
    const Matrix change = product(gram, x);
    for (size_t i = 0; i < x.v.size(); ++i) x.v[i] = a * x.v[i] + change.v[i];
  }
  return is_tall ? transposed(x) : x;
}

TEST(OptimRules, MuonFollowsItsFormula) {
  const std::vector<std::vector<int64_t>> shapes = {{3, 5}, {6, 2}, {4, 4}};
  for (const auto& sizes : shapes) {
    for (const bool variant : {false, true}) {
      const double lr = 0.05, wd = variant ? 0.0 : 0.1, mu = variant ? 0.8 : 0.95;
      const int steps = variant ? 3 : 5;
      MuonOptions options(lr);
      if (variant) {
        options.weight_decay(wd).momentum(mu).nesterov(false).ns_steps(steps);
        options.ns_coefficients({2.0, -1.5, 0.5}).adjust_lr_fn("match_rms_adamw");
      }
      const Tensor p = start(sizes);
      Muon optimizer(std::vector<Tensor>{p}, options);
      Values expected = values_of(p), m(expected.size());
      const double rows = static_cast<double>(sizes[0]), columns = static_cast<double>(sizes[1]);
      const double rate = variant ? lr * 0.2 * std::sqrt(std::max(rows, columns))
                                  : lr * std::sqrt(std::max(1.0, rows / columns));
      for (int step = 1; step <= 10; ++step) {
        step_with(optimizer, p, step);
        const Values g = values_of(p.grad());
        Matrix x{sizes[0], sizes[1], Values(m.size())};
        for (size_t i = 0; i < m.size(); ++i) {
          m[i] = mu * m[i] + (1 - mu) * g[i];
          x.v[i] = variant ? m[i] : (1 - mu) * g[i] + mu * m[i];
        }
        x = variant ? newton_schulz(x, 2.0, -1.5, 0.5, steps, 1e-7)
                    : newton_schulz(x, 3.4445, -4.775, 2.0315, steps, 1e-7);
        for (size_t i = 0; i < m.size(); ++i) {
          expected[i] = expected[i] * (1 - lr * wd) - rate * x.v[i];
        }
        expect_near(values_of(p), expected, 1e-10, step);
      }
    }
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

TEST(OptimRules, LBFGSFindsAMinimum) {
  const Tensor x = tensor({-1.5, 2.0}, kFloat).set_requires_grad(true);
  LBFGS optimizer(std::vector<Tensor>{x},
                  LBFGSOptions(1).max_iter(50).line_search_fn("strong_wolfe"));
  const auto loss = [&] {
    const Tensor a = x.select(0, 0), b = x.select(0, 1);
    return (1 - a).square() + (b - a.square()).square() * 100;
  };
  for (int i = 0; i < 3; ++i) {
    optimizer.step([&] {
      optimizer.zero_grad();
      Tensor l = loss();
      l.backward();
      return l;
    });
  }
  EXPECT_LT(loss().item<double>(), 1e-8);
}

TEST(OptimRules, LBFGSRefusesWhatItCannotDo) {
  const Tensor x = start({3}), y = start({2});
  LBFGS optimizer(std::vector<Tensor>{x}, LBFGSOptions().line_search_fn("strong_wolfe"));
  EXPECT_ERROR(Error, optimizer.step(), "LBFGS: step() needs a closure");
  EXPECT_ERROR(Error, optimizer.step([&] { return x.mul(1); }), "a tensor of one element");
  EXPECT_ERROR(ConfigError, (LBFGS(std::vector<OptimizerParamGroup>{{{x}}, {{y}}})),
               "doesn't support per-parameter options");
  // A closure that throws in a line search leaves the parameters alone.
  const Values before = values_of(x);
  int calls = 0;
  const auto closure = [&]() -> Tensor {
    TAPER_CHECK(++calls < 2, "stop here");
    optimizer.zero_grad();
    Tensor loss = x.square().sum();
    loss.backward();
    return loss;
  };
  EXPECT_ERROR(Error, optimizer.step(closure), "stop here");
  EXPECT_EQ(values_of(x), before);
}

}  // namespace
}  // namespace taper::testing
