#include <algorithm>
#include <cmath>

#include "taper/ops/creation.h"
#include "taper/ops/loss.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Values = std::vector<double>;

Dense joined(const Dense& losses, int64_t reduction) {
  if (reduction == Reduction::None) return losses;
  double total = 0;
  for (double v : losses.values) total += v;
  if (reduction == Reduction::Mean) total /= static_cast<double>(losses.numel());
  return {{}, {total}};
}
Reference reduced(Reference each, int64_t reduction) {
  return [=](const std::vector<Dense>& x) {
    return std::vector<Dense>{joined(each(x)[0], reduction)};
  };
}

/// Labels -1 and 1 from a mask.
Tensor signs(const Tensor& mask, const Tensor& like) {
  return mask.to(like.scalar_type()).mul(2).sub(1);
}
double sign(double mask) { return 2 * mask - 1; }

using Call = std::function<Tensor(const Tensors&, int64_t)>;

OpCase with(const char* name, std::vector<Arg> args, const Call& call, const Reference& each) {
  OpCase c{.name = name};
  for (int64_t reduction : {Reduction::None, Reduction::Mean, Reduction::Sum}) {
    c.samples.push_back({"reduction " + std::to_string(reduction), args,
                         [=](const Tensors& x) { return Tensors{call(x, reduction)}; },
                         reduced(each, reduction)});
  }
  c.dtypes = {kFloat, kDouble};
  c.tolerance = 2;
  return c;
}
void add(OpCase& c, const char* label, std::vector<Arg> args, const Call& call,
         const Reference& each) {
  c.samples.push_back({label, std::move(args),
                       [=](const Tensors& x) { return Tensors{call(x, Reduction::None)}; }, each});
}

OpCase hinge_case() {
  return with(
      "hinge_embedding_loss", {{{3, 4}}, mask_arg({3, 4})},
      [](const Tensors& x, int64_t r) {
        return hinge_embedding_loss(x[0], signs(x[1], x[0]), 0.7, r);
      },
      elementwise([](const Values& v) { return v[1] != 0 ? v[0] : std::max(0.0, 0.7 - v[0]); }));
}

OpCase ranking_case() {
  OpCase c = with(
      "margin_ranking_loss", {{{5}}, {{5}}, mask_arg({5})},
      [](const Tensors& x, int64_t r) {
        return margin_ranking_loss(x[0], x[1], signs(x[2], x[0]), 0.3, r);
      },
      elementwise(
          [](const Values& v) { return std::max(0.0, -sign(v[2]) * (v[0] - v[1]) + 0.3); }));
  c.errors = {{"rank",
               [] {
                 margin_ranking_loss(zeros({2}), zeros({2, 1}), zeros({2}));
               },
               "All input tensors should have same dimension but got sizes: input1: [2], input2: "
               "[2, 1], target: [2]",
               ErrorInput::Kind::shape}};
  return c;
}

double cosine_loss(const Dense& a, const Dense& b, int64_t row, int64_t size, double y) {
  double ab = 0, aa = 0, bb = 0;
  for (int64_t k = row * size; k < (row + 1) * size; ++k) {
    ab += a.values[k] * b.values[k];
    aa += a.values[k] * a.values[k];
    bb += b.values[k] * b.values[k];
  }
  const double cosine = ab / std::sqrt(aa * bb);
  return y > 0 ? 1 - cosine : std::max(0.0, cosine - 0.1);
}

OpCase cosine_case() {
  const auto call = [](const Tensors& x, int64_t r) {
    return cosine_embedding_loss(x[0], x[1], signs(x[2], x[0]), 0.1, r);
  };
  OpCase c = with("cosine_embedding_loss", {{{4, 3}}, {{4, 3}}, mask_arg({4})}, call,
                  [](const std::vector<Dense>& x) {
                    Dense out{{4}, {}};
                    for (int64_t n = 0; n < 4; ++n) {
                      out.values.push_back(cosine_loss(x[0], x[1], n, 3, sign(x[2].values[n])));
                    }
                    return std::vector<Dense>{out};
                  });
  add(c, "one pair", {{{5}}, {{5}}, mask_arg({})}, call, [](const std::vector<Dense>& x) {
    return std::vector<Dense>{{{}, {cosine_loss(x[0], x[1], 0, 5, sign(x[2].values[0]))}}};
  });
  c.tolerance = 8;  // quotients of sums
  c.errors = {
      {"target",
       [] {
         cosine_embedding_loss(zeros({2, 2}), zeros({2, 2}), zeros({2, 2}));
       },
       "0D or 1D target tensor expected, multi-target not supported", ErrorInput::Kind::shape},
      {"input", [] { cosine_embedding_loss(zeros({2}), zeros({2}), zeros({2})); },
       "1D target tensor expects 2D input tensors, but found inputs with sizes [2] and [2]",
       ErrorInput::Kind::shape}};
  return c;
}

OpCase soft_margin_case() {
  return with(
      "soft_margin_loss", {{{3, 4}, -30, 30}, mask_arg({3, 4})},
      [](const Tensors& x, int64_t r) { return soft_margin_loss(x[0], signs(x[1], x[0]), r); },
      elementwise([](const Values& v) {
        const double z = -sign(v[1]) * v[0];
        return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z)));
      }));
}

Reference multi_margin(double p, double margin, bool weighted) {
  return [=](const std::vector<Dense>& x) {
    const bool batched = x[0].sizes.size() == 2;
    const int64_t classes = x[0].sizes.back(), rows = x[0].numel() / classes;
    Dense out{batched ? std::vector<int64_t>{rows} : std::vector<int64_t>{}, {}};
    for (int64_t n = 0; n < rows; ++n) {
      const auto t = static_cast<int64_t>(x[1].values[n]);
      double sum = 0;
      for (int64_t j = 0; j < classes; ++j) {
        if (j == t) continue;
        const double z = margin - x[0].values[n * classes + t] + x[0].values[n * classes + j];
        if (z > 0) sum += std::pow(z, p);
      }
      out.values.push_back(sum / double(classes) * (weighted ? x[2].values[t] : 1));
    }
    return std::vector<Dense>{out};
  };
}

OpCase multi_margin_case() {
  OpCase c = with(
      "multi_margin_loss", {{{4, 5}}, index_arg({4}, 5)},
      [](const Tensors& x, int64_t r) { return multi_margin_loss(x[0], x[1], 1, 1, {}, r); },
      multi_margin(1, 1, false));
  add(
      c, "squares, weighted", {{{4, 5}}, index_arg({4}, 5), {{5}, 0.5, 2}},
      [](const Tensors& x, int64_t r) { return multi_margin_loss(x[0], x[1], 2, 0.5, x[2], r); },
      multi_margin(2, 0.5, true));
  add(
      c, "one sample", {{{5}}, index_arg({}, 5)},
      [](const Tensors& x, int64_t r) { return multi_margin_loss(x[0], x[1], 1, 1, {}, r); },
      multi_margin(1, 1, false));
  c.errors = {{"power",
               [] {
                 multi_margin_loss(zeros({1, 2}), zeros({1}, kLong), 3);
               },
               "only p == 1 and p == 2 supported"},
              {"target",
               [] {
                 multi_margin_loss(zeros({1, 2}), full({1}, 2, kLong));
               },
               "target out of range", ErrorInput::Kind::index},
              {"type",
               [] {
                 multi_margin_loss(zeros({1, 2}), zeros({1}));
               },
               "expected scalar type Long but found Float", ErrorInput::Kind::dtype},
              {"sizes",
               [] {
                 multi_margin_loss(zeros({1, 2}), zeros({2}, kLong));
               },
               "inconsistent target size", ErrorInput::Kind::shape},
              {"weight",
               [] {
                 multi_margin_loss(zeros({1, 2}), zeros({1}, kLong), 1, 1, zeros({3}));
               },
               "inconsistent weight size, expected 2 but got [3]", ErrorInput::Kind::shape},
              {"empty",
               [] {
                 multi_margin_loss(zeros({2, 0}), zeros({2}, kLong));
               },
               "Expected non-empty vector or matrix", ErrorInput::Kind::shape}};
  return c;
}

double multilabel(const Dense& x, const Dense& targets, int64_t row, int64_t classes) {
  std::vector<int64_t> labels;
  for (int64_t k = 0; k < classes && targets.values[row * classes + k] >= 0; ++k) {
    labels.push_back(static_cast<int64_t>(targets.values[row * classes + k]));
  }
  double sum = 0;
  for (const int64_t t : labels) {
    for (int64_t j = 0; j < classes; ++j) {
      if (std::find(labels.begin(), labels.end(), j) != labels.end()) continue;
      sum += std::max(0.0, 1 - (x.values[row * classes + t] - x.values[row * classes + j]));
    }
  }
  return sum / double(classes);
}

OpCase multilabel_case() {
  // Classes from -1 on: some samples end early, some at once.
  const auto labels = [](std::vector<int64_t> sizes) {
    return Arg{std::move(sizes), -1, 4, Arg::Kind::index};
  };
  const auto call = [](const Tensors& x, int64_t r) {
    return multilabel_margin_loss(x[0], x[1], r);
  };
  OpCase c = with("multilabel_margin_loss", {{{6, 4}}, labels({6, 4})}, call,
                  [](const std::vector<Dense>& x) {
                    Dense out{{6}, {}};
                    for (int64_t n = 0; n < 6; ++n) {
                      out.values.push_back(multilabel(x[0], x[1], n, 4));
                    }
                    return std::vector<Dense>{out};
                  });
  add(c, "one sample", {{{4}}, labels({4})}, call, [](const std::vector<Dense>& x) {
    return std::vector<Dense>{{{}, {multilabel(x[0], x[1], 0, 4)}}};
  });
  c.errors = {{"target",
               [] {
                 multilabel_margin_loss(zeros({1, 2}), full({1, 2}, 2, kLong));
               },
               "target out of range", ErrorInput::Kind::index},
              {"sizes",
               [] {
                 multilabel_margin_loss(zeros({1, 2}), zeros({1}, kLong));
               },
               "inconsistent target size", ErrorInput::Kind::shape}};
  return c;
}

double distance(const Dense& a, const Dense& b, int64_t row, int64_t size, double p) {
  double sum = 0;
  for (int64_t k = row * size; k < (row + 1) * size; ++k) {
    sum += std::pow(std::abs(a.values[k] - b.values[k] + 1e-6), p);
  }
  return std::pow(sum, 1 / p);
}

OpCase triplet_case() {
  const auto reference = [](double p, bool swap) {
    return [=](const std::vector<Dense>& x) {
      Dense out{{4}, {}};
      for (int64_t n = 0; n < 4; ++n) {
        double far = distance(x[0], x[2], n, 3, p);
        if (swap) far = std::min(far, distance(x[1], x[2], n, 3, p));
        out.values.push_back(std::max(0.0, distance(x[0], x[1], n, 3, p) - far + 0.8));
      }
      return std::vector<Dense>{out};
    };
  };
  const std::vector<Arg> args = {{{4, 3}}, {{4, 3}}, {{4, 3}}};
  OpCase c = with(
      "triplet_margin_loss", args,
      [](const Tensors& x, int64_t r) {
        return triplet_margin_loss(x[0], x[1], x[2], 0.8, 2, 1e-6, false, r);
      },
      reference(2, false));
  add(
      c, "swap, cubes", args,
      [](const Tensors& x, int64_t r) {
        return triplet_margin_loss(x[0], x[1], x[2], 0.8, 3, 1e-6, true, r);
      },
      reference(3, true));
  c.tolerance = 8;  // roots of sums
  c.errors = {{"rank",
               [] {
                 triplet_margin_loss(zeros({2}), zeros({2, 1}), zeros({2}));
               },
               "expected to have the same number of dimensions, but got: anchor 1D, positive 2D, "
               "and negative 1D inputs",
               ErrorInput::Kind::shape}};
  return c;
}

OpCase poisson_case() {
  const std::vector<Arg> args = {{{3, 4}, 0.2, 2}, {{3, 4}, 0.1, 5}};
  OpCase c = with(
      "poisson_nll_loss", args,
      [](const Tensors& x, int64_t r) {
        return poisson_nll_loss(x[0], x[1], true, false, 1e-8, r);
      },
      elementwise([](const Values& v) { return std::exp(v[0]) - v[0] * v[1]; }));
  add(
      c, "full", args,
      [](const Tensors& x, int64_t r) {
        return poisson_nll_loss(x[0], x[1], false, true, 1e-8, r);
      },
      elementwise([](const Values& v) {
        const double y = v[1];
        const double stirling =
            y > 1 ? y * std::log(y) - y + 0.5 * std::log(2 * 3.141592653589793 * y) : 0;
        return v[0] - y * std::log(v[0] + 1e-8) + stirling;
      }));
  c.tolerance = 4;
  return c;
}

std::vector<OpCase> margin_losses() {
  return {hinge_case(),        ranking_case(),    cosine_case(),  soft_margin_case(),
          multi_margin_case(), multilabel_case(), triplet_case(), poisson_case()};
}
TAPER_OP_CASES(margin_losses);

}  // namespace
}  // namespace taper::testing
