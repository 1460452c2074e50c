#include "taper/ops/ctc.h"

#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/ops/creation.h"
#include "taper/ops/random.h"
#include "taper/ops/softmax.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Labels = std::vector<int64_t>;

struct Batch {
  std::vector<Labels> targets;
  Labels steps;
  int64_t blank = 0;

  Labels counts() const {
    Labels n;
    for (const Labels& t : targets) n.push_back(static_cast<int64_t>(t.size()));
    return n;
  }
  Tensor joined() const {
    Dense d{{0}, {}};
    for (const Labels& t : targets) d.values.insert(d.values.end(), t.begin(), t.end());
    d.sizes[0] = d.numel();
    return to_tensor(d, kLong);
  }
  Tensor padded(ScalarType type) const {
    size_t most = 0;
    for (const Labels& t : targets) most = std::max(most, t.size());
    Dense d{{static_cast<int64_t>(targets.size()), static_cast<int64_t>(most)}, {}};
    for (const Labels& t : targets) {
      for (size_t i = 0; i < most; ++i) d.values.push_back(i < t.size() ? double(t[i]) : 0);
    }
    return to_tensor(d, type);
  }
};

/// By the definition: adds up all paths of one sample. p: probabilities [t][n][c].
double loss_of(const Dense& p, int64_t n, const Labels& target, int64_t steps, int64_t blank) {
  const int64_t classes = p.sizes[2];
  double total = 0;
  Labels path(steps, 0);
  std::vector<int64_t> extents(steps, classes);
  for_each_index(extents, [&](const Labels& labels) {
    Labels kept;
    double probability = 1;
    for (int64_t t = 0; t < steps; ++t) {
      probability *= p.at({t, n, labels[t]});
      if (labels[t] != blank && (t == 0 || labels[t] != labels[t - 1])) kept.push_back(labels[t]);
    }
    if (kept == target) total += probability;
  });
  return -std::log(total);
}

Dense softmax_rows(const Dense& x) {
  Dense out = x;
  const int64_t classes = x.sizes.back();
  for (int64_t row = 0; row < x.numel() / classes; ++row) {
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(x.values[row * classes + c]);
    for (int64_t c = 0; c < classes; ++c)
      out.values[row * classes + c] = std::exp(x.values[row * classes + c]) / sum;
  }
  return out;
}

const Batch kBatch{{{1, 2, 2}, {2}, {}, {1, 1}}, {5, 3, 2, 5}};
const Batch kLastBlank{{{1, 2, 2}, {0}, {}, {1, 0}}, {5, 5, 1, 4}, 3};

Sample sample(const char* label, const Batch& batch, int64_t reduction, bool padded) {
  return {label,
          {{{5, 4, 4}}},
          [=](const Tensors& x) {
            const Tensor targets = padded ? batch.padded(kInt) : batch.joined();
            return Tensors{ctc_loss(log_softmax(x[0], -1), targets, batch.steps, batch.counts(),
                                    batch.blank, reduction)};
          },
          [=](const std::vector<Dense>& x) {
            const Dense p = softmax_rows(x[0]);
            Dense out{{4}, {}};
            for (int64_t n = 0; n < 4; ++n) {
              double v = loss_of(p, n, batch.targets[n], batch.steps[n], batch.blank);
              if (reduction == Reduction::Mean) {
                v /= std::max<double>(1, double(batch.targets[n].size()));
              }
              out.values.push_back(v);
            }
            if (reduction == Reduction::None) return std::vector<Dense>{out};
            double sum = 0;
            for (const double v : out.values) sum += v;
            return std::vector<Dense>{{{}, {reduction == Reduction::Mean ? sum / 4 : sum}}};
          }};
}

OpCase ctc_case() {
  OpCase c{.name = "ctc_loss"};
  c.samples = {sample("each", kBatch, Reduction::None, false),
               sample("mean, padded", kBatch, Reduction::Mean, true),
               sample("sum, last blank", kLastBlank, Reduction::Sum, true)};
  c.dtypes = {kFloat, kDouble};
  c.tolerance = 4;  // logarithms of sums
  c.no_second_gradient = "the derivative for '_ctc_loss_backward' is not implemented";
  const auto fails = [](const char* label, const char* text, Tensor (*targets)(), Labels steps,
                        Labels counts, ErrorInput::Kind kind, int64_t blank = 0) {
    return ErrorInput{label,
                      [=] {
                        ctc_loss(zeros({3, 2, 4}), targets(), steps, counts, blank);
                      },
                      text, kind};
  };
  const auto plain = [] { return ones({2, 2}, kLong); };
  using Kind = ErrorInput::Kind;
  c.errors = {
      fails("blank", "blank must be in label range", plain, {3, 3}, {2, 2}, Kind::any, 4),
      fails("steps", "input_lengths must be of size batch_size", plain, {3}, {2, 2}, Kind::shape),
      fails("counts", "target_lengths must be of size batch_size", plain, {3, 3}, {2}, Kind::shape),
      fails("long", "Expected input_lengths to have value at most 3, but got value 4", plain,
            {3, 4}, {2, 2}, Kind::any),
      fails("negative", "but got value -1", plain, {3, -1}, {2, 2}, Kind::any),
      fails("targets", "Expected targets to hold target_lengths", plain, {3, 3}, {2, 3},
            Kind::shape),
      fails(
          "class", "is out of bounds for 4 classes",
          [] {
            return full({2, 2}, 4, kLong);
          },
          {3, 3}, {2, 2}, Kind::index),
      fails(
          "type", "targets must be Long or Int",
          [] {
            return zeros({2, 2});
          },
          {3, 3}, {2, 2}, Kind::dtype),
      fails(
          "joined", "Expected targets of size sum(target_lengths) = 3, got 4",
          [] { return ones({4}, kLong); }, {3, 3}, {1, 2}, Kind::shape),
      fails(
          "rank", "targets must be [samples, targets] or one-dimensional",
          [] {
            return ones({1, 2, 2}, kLong);
          },
          {3, 3}, {1, 2}, Kind::shape),
      {"lengths",
       [] {
         ctc_loss(zeros({3, 2, 4}), ones({2, 2}, kLong), zeros({2}), zeros({2}, kLong));
       },
       "input_lengths must be integral, got Float", Kind::dtype}};
  return c;
}

std::vector<OpCase> ctc_ops() { return {ctc_case()}; }
TAPER_OP_CASES(ctc_ops);

TEST(Ctc, LossWithoutAPathIsInfiniteOrZero) {
  Tensor x = rand({2, 2, 3}, kDouble).requires_grad_();
  const Tensor targets = tensor({{1, 1}, {1, 2}});
  const Tensor steps = tensor({2, 2}), counts = tensor({2, 2});
  const auto losses = [&](bool zero) {
    return ctc_loss(log_softmax(x, 2), targets, steps, counts, 0, Reduction::None, zero);
  };
  EXPECT_EQ(to_dense(losses(false)).values[0], INFINITY);
  const Tensor zeroed = losses(true);
  EXPECT_EQ(to_dense(zeroed).values[0], 0);
  EXPECT_EQ(to_dense(zeroed).values[1], to_dense(losses(false)).values[1]);
  zeroed.sum().backward();
  const Dense grad = to_dense(x.grad());
  for (int64_t t = 0; t < 2; ++t) {
    for (int64_t c = 0; c < 3; ++c) EXPECT_EQ(grad.at({t, 0, c}), 0);
    EXPECT_NE(grad.at({t, 1, 0}), 0);
  }
}

TEST(Ctc, OneSampleWithoutABatchAndNoSteps) {
  const Tensor x = log_softmax(rand({4, 3}), 1);
  const Tensor one = ctc_loss(x, tensor({1, 2}), {4}, {2}, 0, Reduction::None);
  EXPECT_EQ(one.dim(), 0);
  const Tensor batch = ctc_loss(x.unsqueeze(1), tensor({1, 2}), {4}, {2}, 0, Reduction::None);
  EXPECT_EQ(one.item<float>(), batch.item<float>());
  EXPECT_EQ(ctc_loss(x, zeros({0}, kLong), Labels{0}, Labels{0}).item<float>(), 0);
  EXPECT_EQ(ctc_loss(x, ones({1}, kLong), Labels{0}, Labels{1}).item<float>(), INFINITY);
}

}  // namespace
}  // namespace taper::testing
