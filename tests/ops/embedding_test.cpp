#include "taper/ops/embedding.h"

#include <algorithm>
#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/ops/creation.h"
#include "taper/ops/random.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Values = std::vector<int64_t>;

struct Setting {
  Values offsets;
  int64_t mode = 0;
  bool include_last = false;
  std::optional<int64_t> padding = std::nullopt;

  Values bounds(int64_t count) const {
    Values b = offsets;
    if (!include_last) b.push_back(count);
    return b;
  }
};

Tensor vector_of(const Values& v) {
  Dense d{{static_cast<int64_t>(v.size())}, {v.begin(), v.end()}};
  return to_tensor(d, kLong);
}

/// args: weight, indices and, maybe, weights of the samples.
std::vector<Dense> reference(const std::vector<Dense>& x, const Setting& s) {
  const Values bounds = s.bounds(x[1].numel());
  const int64_t bags = static_cast<int64_t>(bounds.size()) - 1, width = x[0].sizes[1];
  Dense out{{bags, width}, {}};
  for_each_index(out.sizes, [&](const Values& at) {
    double sum = 0, most = -INFINITY;
    int64_t count = 0;
    for (int64_t k = bounds[at[0]]; k < bounds[at[0] + 1]; ++k) {
      const auto row = static_cast<int64_t>(x[1].values[k]);
      if (s.padding && row == *s.padding) continue;
      const double v = x[0].at({row, at[1]});
      sum += v * (x.size() > 2 ? x[2].values[k] : 1);
      most = std::max(most, v);
      ++count;
    }
    out.values.push_back(count == 0    ? 0
                         : s.mode == 2 ? most
                         : s.mode == 1 ? sum / double(count)
                                       : sum);
  });
  return {out};
}

Sample sample(const char* label, const Setting& s, bool weighted = false) {
  Sample sample{
      label,
      {{{5, 3}}, index_arg({7}, 5)},
      [s](const Tensors& x) {
        const std::optional<Tensor> w = x.size() > 2 ? std::optional(x[2]) : std::nullopt;
        return Tensors{std::get<0>(embedding_bag(x[0], x[1], vector_of(s.offsets), false, s.mode,
                                                 false, w, s.include_last, s.padding))};
      },
      [s](const std::vector<Dense>& x) { return reference(x, s); }};
  if (weighted) sample.args.push_back({{7}});
  return sample;
}

ErrorInput fails(const char* label, const char* text, std::function<void()> call,
                 ErrorInput::Kind kind = ErrorInput::Kind::any) {
  return {label, std::move(call), text, kind};
}

OpCase bag_case() {
  OpCase c{.name = "embedding_bag"};
  for (int64_t mode = 0; mode < 3; ++mode) {
    c.samples.push_back(sample("bags", {{0, 3, 3, 5}, mode}));
    c.samples.push_back(sample("last offset", {{0, 2, 7}, mode, true}));
    c.samples.push_back(sample("padding", {{0, 3}, mode, false, 2}));
  }
  c.samples.push_back(sample("weights", {{0, 3, 3, 5}, 0}, true));
  c.samples.push_back(sample("weights, padding", {{0, 3, 3, 5}, 0, false, 1}, true));
  const auto w = [] { return zeros({5, 3}); };
  const auto i = [] { return vector_of({1, 2, 3}); };
  using Kind = ErrorInput::Kind;
  c.errors = {
      fails(
          "index", "Expected idx >= 0 && idx < num_embeddings but found idx to be 5",
          [=] { embedding_bag(w(), vector_of({5}), vector_of({0})); }, Kind::index),
      fails("first", "offsets[0] has to be 0", [=] { embedding_bag(w(), i(), vector_of({1})); }),
      fails("far", "offsets must not decrease",
            [=] {
              embedding_bag(w(), i(), vector_of({0, 4}));
            }),
      fails("end", "offsets[-1] can not be greater than input's length 3",
            [=] {
              embedding_bag(w(), i(), vector_of({0, 4}), false, 0, false, {}, true);
            }),
      fails("order", "offsets must not decrease",
            [=] {
              embedding_bag(w(), i(), vector_of({0, 2, 1}));
            }),
      fails(
          "type", "one of the following scalar types: Long, Int; but got Float",
          [=] { embedding_bag(w(), zeros({2}), vector_of({0})); }, Kind::dtype),
      fails(
          "rank", "indices has to be a 1D Tensor",
          [=] {
            embedding_bag(w(), zeros({2, 2}, kLong), vector_of({0}));
          },
          Kind::shape),
      fails("weights", "per_sample_weights is only supported for mode='sum' (got mode='mean')",
            [=] { embedding_bag(w(), i(), vector_of({0}), false, 1, false, zeros({3})); }),
      fails(
          "weights' sizes", "expected per_sample_weights to have the sizes [3]",
          [=] { embedding_bag(w(), i(), vector_of({0}), false, 0, false, zeros({2})); },
          Kind::shape),
      fails("mode", "mode has to be", [=] { embedding_bag(w(), i(), vector_of({0}), false, 3); }),
      fails("frequency", "max mode does not support scaling the gradient",
            [=] { embedding_bag(w(), i(), vector_of({0}), true, 2); }),
      fails(
          "padding", "padding_idx must be within the number of embeddings",
          [=] { embedding_bag(w(), i(), vector_of({0}), false, 0, false, {}, false, 5); },
          Kind::index),
      fails(
          "no offset", "number of offsets should be at least 1",
          [=] { embedding_bag(w(), i(), vector_of({}), false, 0, false, {}, true); }, Kind::shape),
      fails("no bag", "expected a bag for 3 indices",
            [=] { embedding_bag(w(), i(), vector_of({})); })};
  return c;
}

std::vector<OpCase> embedding_ops() { return {bag_case()}; }
TAPER_OP_CASES(embedding_ops);

TEST(EmbeddingBag, SaysWhichIndexWentWhere) {
  const Tensor weight = tensor({{1.0, 5.0}, {3.0, 2.0}, {9.0, 9.0}});
  const auto [out, bag, size, at] = embedding_bag(
      weight, vector_of({0, 1, 2, 1}), vector_of({0, 2, 2}), false, 2, false, {}, false, 2);
  EXPECT_EQ(to_dense(out).values, (std::vector<double>{3, 5, 0, 0, 3, 2}));
  EXPECT_EQ(to_dense(bag).values, (std::vector<double>{0, 0, 2, 2}));
  EXPECT_EQ(to_dense(size).values, (std::vector<double>{2, 0, 1}));
  EXPECT_EQ(to_dense(at).values, (std::vector<double>{1, 0, -1, -1, 1, 1}));
}

TEST(EmbeddingBag, GradientScaledByFrequency) {
  Tensor weight = ones({3, 2}, kDouble).requires_grad_();
  const auto bags = embedding_bag(weight, vector_of({0, 1, 1, 1}), vector_of({0, 2}), true);
  std::get<0>(bags).sum().backward();
  EXPECT_EQ(to_dense(weight.grad()).values, (std::vector<double>{1, 1, 1, 1, 0, 0}));
}

TEST(EmbeddingRenorm, ShortensOnlyLongRowsThatAreNamed) {
  Tensor weight = tensor({{3.0, 4.0}, {0.3, 0.4}, {6.0, 8.0}});
  EXPECT_TRUE(embedding_renorm_(weight, vector_of({0, 1, 0}), 1, 2).is_same(weight));
  const Dense d = to_dense(weight);
  EXPECT_NEAR(d.values[0], 0.6, 1e-6);
  EXPECT_NEAR(d.values[1], 0.8, 1e-6);
  EXPECT_NEAR(d.values[2], 0.3, 1e-7);
  EXPECT_EQ(d.values[4], 6);
  EXPECT_THROW(embedding_renorm_(weight, vector_of({3}), 1, 2), IndexError);
  EXPECT_THROW(embedding_renorm_(weight, vector_of({0}), -1, 2), Error);
}

}  // namespace
}  // namespace taper::testing
