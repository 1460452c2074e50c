#include "taper/ops/attention.h"

#include <algorithm>
#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/base/parallel.h"
#include "taper/core/allocator.h"
#include "taper/ops/creation.h"
#include "taper/ops/dropout.h"
#include "taper/ops/masking.h"
#include "taper/ops/matmul.h"
#include "taper/ops/random.h"
#include "taper/ops/softmax.h"
#include "taper/ops/variants.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"
#include "tests/support/same_bits.h"

namespace taper::testing {
namespace {

enum class Mask { none, allowed, added };

struct Form {
  Mask mask = Mask::none;
  bool causal = false;
  std::optional<double> scale = std::nullopt;
  bool grouped = false;
};

/// The weight's logarithm, but for a constant, of key j for query i.
double score(const std::vector<Dense>& x, const Form& f, std::vector<int64_t> of_query,
             std::vector<int64_t> of_key, int64_t i, int64_t j) {
  const int64_t depth = x[0].sizes.back();
  std::vector<int64_t> at_mask = of_query;
  at_mask.insert(at_mask.end(), {i, j});
  of_query.insert(of_query.end(), {i, 0});
  of_key.insert(of_key.end(), {j, 0});
  double sum = 0;
  for (int64_t e = 0; e < depth; ++e) {
    of_query.back() = of_key.back() = e;
    sum += x[0].at(of_query) * x[1].at(of_key);
  }
  sum *= f.scale.value_or(1 / std::sqrt(static_cast<double>(depth)));
  if (f.mask == Mask::added) sum += x[3].at(at_mask);
  const bool hidden = (f.causal && j > i) || (f.mask == Mask::allowed && x[3].at(at_mask) == 0);
  return hidden ? -INFINITY : sum;
}

Reference attention_by(const Form& f) {
  return [f](const std::vector<Dense>& x) {
    const Dense &q = x[0], &k = x[1], &v = x[2];
    std::vector<int64_t> sizes = q.sizes;
    for (size_t d = 0; d + 2 < sizes.size(); ++d) sizes[d] = std::max(sizes[d], k.sizes[d]);
    sizes.back() = v.sizes.back();
    const int64_t keys = k.sizes[k.sizes.size() - 2];
    Dense out{sizes, {}};
    for_each_index(sizes, [&](const std::vector<int64_t>& index) {
      std::vector<int64_t> of_query(index.begin(), index.end() - 2), of_key = of_query;
      if (f.grouped) of_key.back() /= sizes[sizes.size() - 3] / k.sizes[k.sizes.size() - 3];
      std::vector<double> weights;
      for (int64_t j = 0; j < keys; ++j) {
        weights.push_back(score(x, f, of_query, of_key, index[index.size() - 2], j));
      }
      const double most = *std::max_element(weights.begin(), weights.end());
      double total = 0, sum = 0;
      for (int64_t j = 0; j < keys; ++j) {
        const double w = most == -INFINITY ? 0 : std::exp(weights[j] - most);
        std::vector<int64_t> at = of_key;
        at.insert(at.end(), {j, index.back()});
        total += w;
        sum += w * v.at(at);
      }
      out.values.push_back(total == 0 ? 0 : sum / total);
    });
    return std::vector<Dense>{out};
  };
}

OpFunction attention_op(const Form& f) {
  return [f](const Tensors& x) {
    return Tensors{scaled_dot_product_attention(x[0], x[1], x[2], x.size() > 3 ? x[3] : Tensor(), 0,
                                                f.causal, f.scale, f.grouped)};
  };
}

Sample attention_sample(const char* label, std::vector<Arg> args, const Form& f = {}) {
  return {label, std::move(args), attention_op(f), attention_by(f)};
}

std::vector<OpCase> attentions() {
  OpCase c{.name = "scaled_dot_product_attention"};
  c.same_bits = false;  // few queries: of a product
  c.samples = {
      attention_sample("matrices", {{{3, 4}}, {{5, 4}}, {{5, 2}}}),
      attention_sample("heads", {{{1, 2, 9, 2}}, {{1, 2, 9, 2}}, {{1, 2, 9, 2}}}, {.scale = 0.7}),
      attention_sample("causal", {{{2, 4, 3}}, {{2, 4, 3}}, {{2, 4, 3}}}, {.causal = true}),
      attention_sample("causal block", {{{9, 3}}, {{9, 3}}, {{9, 3}}}, {.causal = true}),
      attention_sample("allowed block", {{{9, 2}}, {{5, 2}}, {{5, 3}}, mask_arg({9, 5})},
                       {.mask = Mask::allowed}),
      attention_sample("more queries", {{{5, 3}}, {{2, 3}}, {{2, 2}}}, {.causal = true}),
      attention_sample("more keys", {{{2, 3}}, {{5, 3}}, {{5, 2}}}, {.causal = true}),
      attention_sample("allowed", {{{2, 3, 4}}, {{2, 5, 4}}, {{2, 5, 3}}, mask_arg({3, 5})},
                       {.mask = Mask::allowed}),
      attention_sample("added", {{{2, 3, 4}}, {{2, 5, 4}}, {{2, 5, 3}}, {{2, 1, 5}}},
                       {.mask = Mask::added}),
      attention_sample("broadcast", {{{2, 1, 3, 2}}, {{2, 3, 4, 2}}, {{1, 3, 4, 2}}}),
      attention_sample("grouped", {{{1, 4, 9, 2}}, {{1, 2, 5, 2}}, {{1, 2, 5, 1}}},
                       {.grouped = true}),
      attention_sample("grouped, masked",
                       {{{2, 4, 3, 2}}, {{2, 2, 5, 2}}, {{2, 2, 5, 3}}, mask_arg({1, 4, 3, 5})},
                       {.mask = Mask::allowed, .grouped = true})};
  const auto with = [](IntArrayRef q, IntArrayRef k, IntArrayRef v, const Tensor& mask,
                       double dropout, bool causal, bool grouped) {
    scaled_dot_product_attention(ones(q), ones(k), ones(v), mask, dropout, causal, {}, grouped);
  };
  using Kind = ErrorInput::Kind;
  c.errors = {{"depth",
               [=] {
                 with({3, 4}, {5, 3}, {5, 2}, {}, 0, false, false);
               },
               "expected query [*, L, E]", Kind::shape},
              {"keys",
               [=] {
                 with({3, 4}, {5, 4}, {6, 2}, {}, 0, false, false);
               },
               "expected query [*, L, E]", Kind::shape},
              {"vector",
               [=] {
                 with({4}, {5, 4}, {5, 2}, {}, 0, false, false);
               },
               "to all be at least 2 dimensional", Kind::shape},
              {"leading",
               [=] {
                 with({2, 3, 4}, {3, 5, 4}, {3, 5, 2}, {}, 0, false, false);
               },
               "", Kind::shape},
              {"types",
               [] {
                 scaled_dot_product_attention(ones({2, 2}), ones({2, 2}, kDouble), ones({2, 2}));
               },
               "Expected query, key, and value to have the same dtype", Kind::dtype},
              {"integers",
               [] {
                 const Tensor x = ones({2, 2}, kLong);
                 scaled_dot_product_attention(x, x, x);
               },
               "", Kind::dtype},
              {"mask type",
               [=] {
                 with({3, 4}, {5, 4}, {5, 2}, ones({3, 5}, kLong), 0, false, false);
               },
               "Expected attn_mask dtype to be bool or float", Kind::dtype},
              {"mask sizes",
               [=] {
                 with({3, 4}, {5, 4}, {5, 2}, ones({5, 3}), 0, false, false);
               },
               "attn_mask must broadcast to [*, L, S], [3, 5]", Kind::shape},
              {"mask and causal",
               [=] {
                 with({3, 4}, {5, 4}, {5, 2}, ones({3, 5}), 0, true, false);
               },
               "Explicit attn_mask should not be set when is_causal=True"},
              {"dropout",
               [=] {
                 with({3, 4}, {5, 4}, {5, 2}, {}, 1.5, false, false);
               },
               "dropout probability has to be between 0 and 1, but got 1.5"},
              {"groups",
               [=] {
                 with({3, 4, 2}, {2, 5, 2}, {2, 5, 2}, {}, 0, false, true);
               },
               "must divide the number of heads in query, got 3, 2 and 2", Kind::shape},
              {"groups of matrices",
               [=] {
                 with({4, 2}, {5, 2}, {5, 2}, {}, 0, false, true);
               },
               "at least 3 dimensions", Kind::shape}};
  return {c};
}
TAPER_OP_CASES(attentions);

/// Query, key and value of several blocks, two of them in memory as projections leave them.
struct Long {
  Tensor q, k, v;

  explicit Long(int64_t heads, int64_t queries, int64_t keys, ScalarType type = kDouble) {
    manual_seed(7);
    q = randn({2, queries, heads, 12}, type).transpose(1, 2);
    k = randn({2, keys, heads, 12}, type).transpose(1, 2);
    v = randn({2, heads, keys, 9}, type);
    for (Tensor* t : {&q, &k, &v}) *t = t->detach().requires_grad_();
  }
  /// The result and the three gradients.
  Tensors run(const Tensor& mask, double dropout, bool causal) const {
    manual_seed(3);
    const Tensor y = scaled_dot_product_attention(q, k, v, mask, dropout, causal);
    const Tensor weight = linspace(-1, 1, y.numel(), y.options().requires_grad(false));
    Tensors all = autograd::grad({y.mul(weight.view(y.sizes())).sum()}, {q, k, v});
    all.push_back(y.detach());
    return all;
  }
};

/// A mask that wants a gradient is added to a matrix of scores by other ops.
Tensor composed_mask(const Tensor& mask, bool causal, int64_t l, int64_t s) {
  Tensor hidden = zeros({l, s}, kBool);
  if (causal) hidden = ones({l, s}, kBool).triu(1);
  if (mask.defined() && mask.scalar_type() == kBool) hidden = mask.logical_not();
  Tensor sum = zeros({l, s}, kDouble).masked_fill(hidden, -INFINITY);
  if (mask.defined() && mask.scalar_type() != kBool) sum = sum.add(mask);
  return sum.requires_grad_();
}

void expect_close(const Tensors& got, const Tensors& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const Tensor difference = got[i].to(kDouble).sub(want[i].to(kDouble)).abs();
    EXPECT_LT(difference.max().item<double>(), tolerance) << i;
  }
}

TEST(Attention, BlocksGiveWhatTheWholeGives) {
  for (const auto& [queries, keys] : {std::pair<int64_t, int64_t>(130, 500), {70, 241}, {65, 1}}) {
    const Long x(2, queries, keys);
    manual_seed(11);
    const Tensor added = randn({queries, keys}, kDouble);
    const Tensor allowed = added.gt(0.5);
    for (const double dropout : {0.0, 0.3}) {
      for (const bool causal : {false, true}) {
        SCOPED_TRACE(::testing::Message() << queries << " " << keys << " " << dropout << causal);
        expect_close(x.run({}, dropout, causal),
                     x.run(composed_mask({}, causal, queries, keys), dropout, false), 1e-12);
      }
      for (const Tensor& mask : {added, allowed, allowed.t().contiguous().t()}) {
        expect_close(x.run(mask, dropout, false),
                     x.run(composed_mask(mask, false, queries, keys), dropout, false), 1e-12);
      }
    }
  }
}

TEST(Attention, Float32IsCloseToFloat64) {
  const Long single(2, 200, 300, kFloat), twice(2, 200, 300);
  Long same = twice;
  same.q = single.q.detach().to(kDouble).requires_grad_();
  same.k = single.k.detach().to(kDouble).requires_grad_();
  same.v = single.v.detach().to(kDouble).requires_grad_();
  expect_close(single.run({}, 0, false), same.run({}, 0, false), 2e-5);
}

TEST(Attention, QueriesThatSeeNothingGiveZero) {
  const Long x(1, 70, 250);
  Tensor allowed = ones({70, 250}, kBool);
  allowed.select(0, 66).fill_(false);
  for (const Tensor& mask :
       {allowed, zeros({70, 250}, kDouble).masked_fill(allowed.logical_not(), -INFINITY)}) {
    const Tensors got = x.run(mask, 0, false);
    for (const Tensor& t : got) EXPECT_TRUE(t.isfinite().all().item<bool>());
    EXPECT_EQ(got[3].select(2, 66).abs().max().item<double>(), 0);
    EXPECT_GT(got[3].select(2, 65).abs().max().item<double>(), 0);
    EXPECT_EQ(got[0].select(2, 66).abs().max().item<double>(), 0);
  }
  EXPECT_EQ(scaled_dot_product_attention(ones({3, 2}), ones({0, 2}), ones({0, 4}))
                .abs()
                .sum()
                .item<float>(),
            0);
  EXPECT_TRUE(scaled_dot_product_attention(ones({70, 0}), ones({300, 0}), ones({300, 4}))
                  .eq(1)
                  .all()
                  .item<bool>());
}

TEST(Attention, NotANumberSpreads) {
  Tensor q = zeros({70, 4});
  q.select(0, 69).select(0, 1).fill_(NAN);
  const Tensor y = scaled_dot_product_attention(q, ones({300, 4}), ones({300, 4}));
  EXPECT_TRUE(y.select(0, 69).isnan().all().item<bool>());
  EXPECT_FALSE(y.narrow(0, 0, 69).isnan().any().item<bool>());
}

TEST(Attention, DropoutKeepsTheMeanAndIsReproducible) {
  manual_seed(1);
  const Tensor q = randn({4, 100, 8}), k = randn({4, 300, 8}), v = ones({4, 300, 1});
  const auto draw = [&](double p) { return scaled_dot_product_attention(q, k, v, {}, p); };
  manual_seed(2);
  const Tensor first = draw(0.25), second = draw(0.25);
  manual_seed(2);
  EXPECT_TRUE(same_bits(draw(0.25), first));
  EXPECT_FALSE(same_bits(second, first));
  EXPECT_NEAR(first.mean().item<double>(), 1, 0.01);
  EXPECT_GT(first.sub(1).abs().max().item<double>(), 0.05);
  EXPECT_EQ(draw(1).abs().max().item<float>(), 0);
}

TEST(Attention, MemoryIsLinearInTheLength) {
  const auto peak = [](int64_t length) {
    const Tensor q = randn({length, 16}).requires_grad_();
    const Tensor k = randn({length, 16}).requires_grad_(), v = randn({length, 16}).requires_grad_();
    empty_cache();
    reset_peak_memory();
    const int64_t before = memory_stats().reserved;
    scaled_dot_product_attention(q, k, v).sum().backward();
    return memory_stats().peak_reserved - before;
  };
  // Result, gradients and copies of the keys are as long as a query each; a matrix of scores would
  // be 16 and 64 MB. The allocator takes whole megabytes.
  for (const int64_t length : {2048, 4096}) {
    EXPECT_LT(peak(length), 24 * 16 * 4 * length + (2 << 20));
  }
}

TEST(AttentionThreads, ChangeNoBit) {
  const int threads = get_num_threads();
  for (const int64_t heads : {1, 3}) {
    const Long x(heads, 200, 500, kFloat);
    set_num_threads(1);
    const Tensors alone = x.run({}, 0.2, true);
    for (const int team : {2, 3}) {
      set_num_threads(team);
      const Tensors together = x.run({}, 0.2, true);
      for (size_t i = 0; i < alone.size(); ++i) EXPECT_TRUE(same_bits(alone[i], together[i])) << i;
    }
  }
  set_num_threads(threads);
}

}  // namespace
}  // namespace taper::testing
