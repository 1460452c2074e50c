#include "taper/backend/cpu/matmul_onednn.h"

#if !TAPER_WITH_ONEDNN
namespace taper::cpu {
bool matmul_onednn(View, ConstView, ConstView, ConstView, const MatmulGeometry&, Scalar, Scalar) {
  return false;
}
}  // namespace taper::cpu
#else

#include <algorithm>
#include <bit>

#include "taper/backend/cpu/onednn-inl.h"
#include "taper/backend/cpu/scratch.h"
#include "taper/base/parallel.h"
#include "taper/core/half.h"

namespace taper::cpu {
namespace {

/// A factor: matrices whose elements lie without gaps, by rows or by columns.
struct Factor {
  const BFloat16* data;
  bool by_columns;
  bool shared;  // one matrix for the whole batch
};

/// A factor as it lies in memory, or what is to be copied.
struct Source {
  const BFloat16* data;
  int64_t count, rows, cols, batch, row, col;

  bool shared() const { return count == 1 || batch == 0; }
  int64_t matrices() const { return shared() ? 1 : count; }
  bool by_rows() const { return (col == 1 || cols == 1) && (row == cols || rows == 1); }
  bool by_columns() const { return (row == 1 || rows == 1) && (col == rows || cols == 1); }
  bool dense() const { return (by_rows() || by_columns()) && (shared() || batch == rows * cols); }
  size_t room() const { return dense() ? 0 : static_cast<size_t>(matrices() * rows * cols); }
};

// The copy keeps the order in which the elements are closest.
Factor as_factor(Source s, BFloat16* room) {
  if (s.dense()) return {s.data, !s.by_rows(), s.shared()};
  const bool by_columns = s.row < s.col;
  if (by_columns) {
    std::swap(s.rows, s.cols);
    std::swap(s.row, s.col);
  }
  const int64_t grain = std::max<int64_t>(1, 16384 / s.cols);
  parallel_for(0, s.matrices() * s.rows, grain, [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      const BFloat16* from = s.data + r / s.rows * s.batch + r % s.rows * s.row;
      BFloat16* to = room + r * s.cols;
      if (s.col == 1) {
        std::copy_n(from, s.cols, to);
      } else {
        for (int64_t c = 0; c < s.cols; ++c) to[c] = from[c * s.col];
      }
    }
  });
  return {room, by_columns, s.shared()};
}

struct Key {
  int64_t batch, m, n, k;
  int64_t a_by_columns, a_shared, b_by_columns, b_shared;
  int64_t with_bias, wide, alpha, threads;
};

struct Plan {
  dnnl::matmul primitive;
  memory::desc a, b, bias, out, scratchpad;
  std::string name;
};

memory::desc matrices(const Key& key, memory::data_type type, bool shared, int64_t rows,
                      int64_t cols, bool by_columns) {
  const int64_t row = by_columns ? 1 : cols, col = by_columns ? rows : 1;
  if (key.batch == 1) return {{rows, cols}, type, memory::dims{row, col}};
  return {{shared ? 1 : key.batch, rows, cols}, type, memory::dims{rows * cols, row, col}};
}

std::shared_ptr<const Plan> make_plan(const Key& key) {
  constexpr auto kBf16 = memory::data_type::bf16;
  auto plan = std::make_shared<Plan>();
  plan->a = matrices(key, kBf16, key.a_shared, key.m, key.k, key.a_by_columns);
  plan->b = matrices(key, kBf16, key.b_shared, key.k, key.n, key.b_by_columns);
  plan->out = matrices(key, key.wide ? memory::data_type::f32 : kBf16, false, key.m, key.n, false);
  if (key.with_bias) {
    plan->bias = key.batch == 1 ? memory::desc({1, key.n}, kBf16, memory::format_tag::ab)
                                : memory::desc({1, 1, key.n}, kBf16, memory::format_tag::abc);
  }
  dnnl::primitive_attr attr = user_scratchpad();
  const float alpha = std::bit_cast<float>(static_cast<uint32_t>(key.alpha));
  if (alpha != 1) attr.set_output_scales(0, {alpha});
  const dnnl::matmul::primitive_desc pd(
      key.with_bias ? dnnl::matmul::desc(plan->a, plan->b, plan->bias, plan->out)
                    : dnnl::matmul::desc(plan->a, plan->b, plan->out),
      attr, onednn_engine());
  plan->primitive = dnnl::matmul(pd);
  plan->scratchpad = pd.scratchpad_desc();
  plan->name = pd.impl_info_str();
  return plan;
}

std::shared_ptr<const Plan> plan_for(const Key& key) {
  static PlanCache<Key, Plan>& plans = *new PlanCache<Key, Plan>;
  return plans.find(key, make_plan);
}

/// What is left to do with float32 products: out = alpha * product + beta * out + bias.
struct Finish {
  BFloat16* out;
  const BFloat16* bias;
  int64_t bias_stride;
  float alpha, beta;

  void run(const float* products, const MatmulGeometry& g) const {
    const int64_t grain = std::max<int64_t>(1, 16384 / g.n);
    parallel_for(0, g.batch * g.m, grain, [&](int64_t first, int64_t last) {
      for (int64_t r = first; r < last; ++r) {
        const float* from = products + r * g.n;
        BFloat16* to = out + r / g.m * g.out_batch + r % g.m * g.out_row;
        for (int64_t c = 0; c < g.n; ++c) {
          float value = alpha * from[c];
          if (beta != 0) value += beta * static_cast<float>(to[c * g.out_col]);
          if (bias != nullptr) value += static_cast<float>(bias[c * bias_stride]);
          to[c * g.out_col] = BFloat16(value);
        }
      }
    });
  }
};

// Below, a primitive's start costs more than it saves.
bool worth_it(const MatmulGeometry& g) {
  if (std::min({g.batch, g.m, g.n, g.k}) <= 0) return false;
  return static_cast<double>(g.batch) * static_cast<double>(g.m) * static_cast<double>(g.n) *
             static_cast<double>(g.k) >=
         32768;
}

}  // namespace

bool matmul_onednn(View out, ConstView a, ConstView b, ConstView bias, const MatmulGeometry& g,
                   Scalar alpha, Scalar beta) {
  if (!worth_it(g) || !has_bf16()) return false;
  const Source sources[] = {{a.data<BFloat16>(), g.batch, g.m, g.k, g.a_batch, g.a_row, g.a_col},
                            {b.data<BFloat16>(), g.batch, g.k, g.n, g.b_batch, g.b_row, g.b_col}};
  const Finish finish{out.data<BFloat16>(), bias.defined() ? bias.data<BFloat16>() : nullptr,
                      bias.defined() && bias.dim() == 1 ? bias.stride(0) : 1, alpha.to<float>(),
                      beta.to<float>()};
  const bool dense = (g.out_col == 1 || g.n == 1) && (g.out_row == g.n || g.m == 1) &&
                     (g.out_batch == g.m * g.n || g.batch == 1);
  const bool plain_bias = !bias.defined() || (finish.alpha == 1 && finish.bias_stride == 1);
  const bool wide = !dense || !plain_bias || finish.beta != 0;
  Scratch<BFloat16> copies(sources[0].room() + sources[1].room());
  const Factor x = as_factor(sources[0], copies.data());
  const Factor y = as_factor(sources[1], copies.data() + sources[0].room());
  Scratch<float> products(wide ? static_cast<size_t>(g.batch * g.m * g.n) : 0);
  {
    const ScopedOmpThreads scope;
    const uint32_t scale = std::bit_cast<uint32_t>(wide ? 1.0f : finish.alpha);
    const auto plan = plan_for({g.batch, g.m, g.n, g.k, x.by_columns, x.shared, y.by_columns,
                                y.shared, !wide && bias.defined(), wide, scale, scope.threads()});
    if (plan == nullptr) return false;
    const Scratch<char> pad(plan->scratchpad.get_size());
    execute(plan->primitive,
            {{DNNL_ARG_SRC, &plan->a, x.data},
             {DNNL_ARG_WEIGHTS, &plan->b, y.data},
             {DNNL_ARG_BIAS, &plan->bias, wide ? nullptr : finish.bias},
             {DNNL_ARG_DST, &plan->out, wide ? static_cast<void*>(products.data()) : finish.out},
             {DNNL_ARG_SCRATCHPAD, &plan->scratchpad, pad.data()}});
  }
  if (wide) finish.run(products.data(), g);
  return true;
}

}  // namespace taper::cpu
#endif
