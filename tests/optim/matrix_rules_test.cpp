// The optimizers that see whole tensors: Adafactor and Muon against their published formulas in
// plain double, LBFGS at work.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "taper/taper.h"
#include "tests/optim/steps.h"
#include "tests/support/expect_error.h"

namespace taper::testing {
namespace {

using namespace optim;

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
