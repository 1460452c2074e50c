#include "taper/ops/loss.h"

#include <cmath>

#include "taper/ops/creation.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Pair = double (*)(double, double);

Reference pairs(Pair f, int64_t reduction) {
  const Reference each = elementwise([f](const std::vector<double>& x) { return f(x[0], x[1]); });
  if (reduction == Reduction::None) return each;
  return [=](const std::vector<Dense>& args) {
    const Dense losses = each(args)[0];
    double total = 0;
    for (double v : losses.values) total += v;
    if (reduction == Reduction::Mean) total /= static_cast<double>(losses.numel());
    return std::vector<Dense>{{{}, {total}}};
  };
}

OpCase pair_case(const char* name, Tensor (*loss)(const Tensor&, const Tensor&, int64_t),
                 Pair reference) {
  OpCase c{.name = name};
  for (int64_t reduction : {Reduction::None, Reduction::Mean, Reduction::Sum}) {
    const auto op = [=](const Tensors& x) { return Tensors{loss(x[0], x[1], reduction)}; };
    c.samples.push_back({"same sizes " + std::to_string(reduction),
                         {{{3, 5}}, {{3, 5}, 2, 4}},
                         op,
                         pairs(reference, reduction)});
  }
  c.samples.push_back({"broadcast",
                       {{{3, 1}}, {{4}, 2, 4}},
                       [=](const Tensors& x) { return Tensors{loss(x[0], x[1], 1)}; },
                       pairs(reference, 1)});
  c.errors = {
      {"sizes", [=] { loss(zeros({2}), zeros({3}), 1); },
       "The size of tensor a (2) must match the size of tensor b (3)", ErrorInput::Kind::shape},
      {"integers", [=] { loss(ones({2}, kLong), ones({2}, kLong), 1); },
       "expected floating-point tensors", ErrorInput::Kind::dtype}};
  return c;
}

std::vector<OpCase> pair_losses() {
  return {
      pair_case("mse_loss", mse_loss, [](double x, double y) { return (x - y) * (x - y); }),
      pair_case("l1_loss", l1_loss, [](double x, double y) { return std::abs(x - y); }),
      // The distances of the samples lie on both sides of 2.
      pair_case(
          "smooth_l1_loss",
          [](const Tensor& x, const Tensor& y, int64_t r) { return smooth_l1_loss(x, y, r, 2); },
          [](double x, double y) {
            const double d = std::abs(x - y);
            return d < 2 ? d * d / 4 : d - 1;
          }),
      pair_case(
          "huber_loss",
          [](const Tensor& x, const Tensor& y, int64_t r) { return huber_loss(x, y, r, 2); },
          [](double x, double y) {
            const double d = std::abs(x - y);
            return d <= 2 ? d * d / 2 : 2 * (d - 1);
          }),
  };
}
TAPER_OP_CASES(pair_losses);

std::vector<OpCase> binary_losses() {
  OpCase bce{.name = "binary_cross_entropy"};
  bce.samples = {
      {"mean",
       {{{3, 4}, 0.1, 0.9}, {{3, 4}, 0.05, 0.95}},
       [](const Tensors& x) { return Tensors{binary_cross_entropy(x[0], x[1])}; },
       pairs([](double x, double y) { return -y * std::log(x) - (1 - y) * std::log(1 - x); }, 1)},
      {"weighted sum",
       {{{3, 4}, 0.1, 0.9}, {{3, 4}, 0.05, 0.95}, {{4}, 0.5, 1.5}},
       [](const Tensors& x) {
         return Tensors{binary_cross_entropy(x[0], x[1], x[2], Reduction::Sum)};
       },
       [](const std::vector<Dense>& a) {
         double total = 0;
         for (size_t i = 0; i < 12; ++i) {
           const double x = a[0].values[i], y = a[1].values[i];
           total -= a[2].values[i % 4] * (y * std::log(x) + (1 - y) * std::log(1 - x));
         }
         return std::vector<Dense>{{{}, {total}}};
       }}};
  bce.errors = {{"range", [] { binary_cross_entropy(full({2}, 1.5), zeros({2})); },
                 "all elements of input should be between 0 and 1"},
                {"sizes", [] { binary_cross_entropy(zeros({2}), zeros({3})); },
                 "that is different to the input size", ErrorInput::Kind::shape}};
  bce.tolerance = 4;  // half types round between the steps
  OpCase logits{.name = "binary_cross_entropy_with_logits"};
  const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
  logits.samples = {
      {"mean",
       {{{3, 4}, -4, 4}, {{3, 4}, 0, 1}},
       [](const Tensors& x) { return Tensors{binary_cross_entropy_with_logits(x[0], x[1])}; },
       pairs([](double x, double y) { return (1 - y) * x + std::log1p(std::exp(-x)); }, 1)},
      {"positive weight",
       {{{3, 4}, -4, 4}, {{3, 4}, 0, 1}},
       [](const Tensors& x) {
         const Tensor pos = full({4}, 3, x[0].options());
         return Tensors{binary_cross_entropy_with_logits(x[0], x[1], {}, pos, Reduction::None)};
       },
       elementwise([softplus](const std::vector<double>& v) {
         return 3 * v[1] * softplus(-v[0]) + (1 - v[1]) * softplus(v[0]);
       })}};
  logits.tolerance = 4;
  OpCase kl{.name = "kl_div"};
  kl.samples = {{"sum",
                 {{{3, 4}, -2, 0}, {{3, 4}, 0.1, 0.9}},
                 [](const Tensors& x) { return Tensors{kl_div(x[0], x[1], Reduction::Sum)}; },
                 pairs([](double x, double y) { return y * (std::log(y) - x); }, 2)},
                {"log target",
                 {{{3, 4}, -2, 0}, {{3, 4}, -2, 0}},
                 [](const Tensors& x) { return Tensors{kl_div(x[0], x[1], 1, true)}; },
                 pairs([](double x, double y) { return std::exp(y) * (y - x); }, 1)}};
  kl.tolerance = 8;  // a sum of rounded products in half types
  return {bce, logits, kl};
}
TAPER_OP_CASES(binary_losses);

/// -sum over c of goal[c] ln p[c] by sample, on [N, C, D] seen as rows of classes.
struct Classes {
  int64_t reduction = Reduction::Mean;
  double smoothing = 0;
  bool softmax = true, weighted = false;
  int64_t ignored = -100;
};
Reference class_loss(Classes k) {
  return [k](const std::vector<Dense>& args) {
    const Dense &x = args[0], &target = args[1];
    const int64_t classes = x.sizes[1];
    const int64_t places = x.numel() / x.sizes[0] / classes;
    Dense out{target.sizes, {}};
    double total = 0, weights = 0;
    for (int64_t i = 0; i < target.numel(); ++i) {
      const int64_t t = static_cast<int64_t>(target.values[i]);
      const auto at = [&](int64_t c) {
        return x.values[(i / places * classes + c) * places + i % places];
      };
      double lse = 0, loss = 0;
      for (int64_t c = 0; c < classes; ++c) lse += std::exp(at(c));
      lse = k.softmax ? std::log(lse) : 0;
      const auto w = [&](int64_t c) { return k.weighted ? args[2].values[c] : 1.0; };
      if (t != k.ignored) {
        loss = (1 - k.smoothing) * w(t) * (lse - at(t));
        for (int64_t c = 0; c < classes; ++c) {
          loss += k.smoothing / static_cast<double>(classes) * w(c) * (lse - at(c));
        }
        weights += w(t);
      }
      out.values.push_back(loss);
      total += loss;
    }
    if (k.reduction == Reduction::None) return std::vector<Dense>{out};
    return std::vector<Dense>{{{}, {k.reduction == Reduction::Mean ? total / weights : total}}};
  };
}

std::vector<OpCase> class_losses() {
  OpCase nll{.name = "nll_loss"};
  nll.samples = {
      {"mean",
       {{{5, 4}, -3, 0}, index_arg({5}, 4)},
       [](const Tensors& x) { return Tensors{nll_loss(x[0], x[1])}; },
       class_loss({.softmax = false})},
      {"each, ignoring 1",
       {{{5, 4}, -3, 0}, index_arg({5}, 4)},
       [](const Tensors& x) { return Tensors{nll_loss(x[0], x[1], {}, Reduction::None, 1)}; },
       class_loss({.reduction = Reduction::None, .softmax = false, .ignored = 1})},
      {"places",
       {{{2, 3, 4}, -3, 0}, index_arg({2, 4}, 3)},
       [](const Tensors& x) { return Tensors{nll_loss_nd(x[0], x[1], {}, Reduction::Sum)}; },
       class_loss({.reduction = Reduction::Sum, .softmax = false})}};
  nll.errors = {
      {"class",
       [] {
         nll_loss(zeros({1, 3}), full({1}, 3, kLong));
       },
       "Target 3 is out of bounds", ErrorInput::Kind::index},
      {"type",
       [] {
         nll_loss(zeros({1, 3}), full({1}, 1, kInt));
       },
       "expected scalar type Long but found Int", ErrorInput::Kind::dtype},
      {"sizes",
       [] {
         nll_loss(zeros({2, 3}), zeros({3}, kLong));
       },
       "size mismatch", ErrorInput::Kind::shape},
      {"weight",
       [] {
         nll_loss(zeros({2, 3}), zeros({2}, kLong), ones({4}));
       },
       "weight tensor should be defined either for all 3 classes", ErrorInput::Kind::shape}};
  OpCase ce{.name = "cross_entropy_loss"};
  ce.samples = {{"mean",
                 {{{5, 4}, -3, 3}, index_arg({5}, 4)},
                 [](const Tensors& x) { return Tensors{cross_entropy_loss(x[0], x[1])}; },
                 class_loss({})},
                {"each, ignoring 2",
                 {{{5, 4}, -3, 3}, index_arg({5}, 4)},
                 [](const Tensors& x) {
                   return Tensors{cross_entropy_loss(x[0], x[1], {}, Reduction::None, 2)};
                 },
                 class_loss({.reduction = Reduction::None, .ignored = 2})},
                {"smoothed and weighted",
                 {{{6, 3}, -3, 3}, index_arg({6}, 3)},
                 [](const Tensors& x) {
                   const Tensor w = tensor({0.5, 1.0, 2.0}).to(x[0].scalar_type());
                   return Tensors{cross_entropy_loss(x[0], x[1], w, Reduction::Mean, 0, 0.2)};
                 },
                 [](const std::vector<Dense>& a) {
                   return class_loss({.smoothing = 0.2, .weighted = true, .ignored = 0})(
                       {a[0], a[1], Dense{{3}, {0.5, 1, 2}}});
                 }},
                {"places",
                 {{{2, 3, 4}, -3, 3}, index_arg({2, 4}, 3)},
                 [](const Tensors& x) {
                   return Tensors{cross_entropy_loss(x[0], x[1], {}, Reduction::Mean, -100, 0.1)};
                 },
                 class_loss({.smoothing = 0.1})},
                {"probabilities",
                 {{{4, 3}, -3, 3}, {{4, 3}, 0, 1}},
                 [](const Tensors& x) { return Tensors{cross_entropy_loss(x[0], x[1])}; },
                 [](const std::vector<Dense>& a) {
                   double total = 0;
                   for (size_t i = 0; i < 4; ++i) {
                     double sum = 0;
                     for (size_t c = 0; c < 3; ++c) sum += std::exp(a[0].values[i * 3 + c]);
                     for (size_t c = 0; c < 3; ++c) {
                       total -= a[1].values[i * 3 + c] * (a[0].values[i * 3 + c] - std::log(sum));
                     }
                   }
                   return std::vector<Dense>{{{}, {total / 4}}};
                 }}};
  ce.errors = {{"class",
                [] {
                  cross_entropy_loss(zeros({1, 3}), full({1}, -1, kLong));
                },
                "Target -1 is out of bounds", ErrorInput::Kind::index},
               {"smoothing",
                [] {
                  cross_entropy_loss(zeros({1, 3}), zeros({1}, kLong), {}, 1, -100, 1.5);
                },
                "label_smoothing must be between 0.0 and 1.0. Got: 1.5"}};
  ce.tolerance = 4;  // half types round between the steps of the composites
  return {nll, ce};
}
TAPER_OP_CASES(class_losses);

TEST(Loss, OneSampleWithoutABatch) {
  const Tensor x = tensor({1.0, 2.0, 3.0});
  const Tensor loss = cross_entropy_loss(x, full({}, 2, kLong));
  EXPECT_EQ(loss.dim(), 0);
  EXPECT_NEAR(loss.item<double>(), std::log(1 + std::exp(-1) + std::exp(-2)), 1e-6);
}

TEST(Loss, AMeanOfNoSamplesIsNan) {
  const Tensor loss = cross_entropy_loss(zeros({2, 3}), full({2}, -100, kLong));
  EXPECT_TRUE(std::isnan(loss.item<float>()));
  EXPECT_TRUE(std::isnan(mse_loss(zeros({0}), zeros({0})).item<float>()));
}

TEST(Loss, LargeLogitsDoNotOverflow) {
  Tensor x = tensor({{1000.0f, -1000.0f}}).requires_grad_();
  const Tensor loss = cross_entropy_loss(x, full({1}, 1, kLong));
  EXPECT_EQ(loss.item<float>(), 2000);
  loss.backward();
  EXPECT_EQ(x.grad().select(0, 0).select(0, 0).item<float>(), 1);
  const Tensor binary = binary_cross_entropy_with_logits(full({1}, -1000.0f), ones({1}));
  EXPECT_EQ(binary.item<float>(), 1000);
}

TEST(Loss, ProbabilitiesAtTheEndsStayFinite) {
  EXPECT_EQ(binary_cross_entropy(zeros({1}), ones({1})).item<float>(), 100);
  EXPECT_EQ(binary_cross_entropy(ones({1}), ones({1})).item<float>(), 0);
}

}  // namespace
}  // namespace taper::testing
