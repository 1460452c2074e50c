// Longer than other files: what one block of scores becomes, and the order of the blocks.
#include "taper/kernel/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "taper/backend/cpu/dropout.h"
#include "taper/backend/cpu/gemm.h"
#include "taper/backend/cpu/scratch.h"
#include "taper/backend/cpu/simd.h"
#include "taper/backend/cpu/transpose.h"
#include "taper/base/parallel.h"

#ifndef TAPER_ATTENTION_TYPES
#define TAPER_ATTENTION_TYPES
namespace taper::cpu {
namespace {

// A block of scores. 240 keys are five full strips of the GEMM, whose operands of 64 columns it
// then reads in place; a row of them is an odd number of cache lines, so that columns spread.
constexpr int64_t kQueries = 64;
constexpr int64_t kKeys = 240;

/// Scores of `rows` queries and `keys` keys, in rows of kKeys, and what hides or shifts them.
template <class T>
struct ScoreBlock {
  T* scores;
  int64_t rows, keys;
  int64_t seen;  // keys that the first row may see; each row sees one more
  const T* bias;
  const bool* allowed;
  int64_t mask_row, mask_key;
  const bool* kept;  // in rows of kKeys; null without dropout
  T kept_scale;
};

/// The work on one block of scores, for one target.
template <class T>
struct AttentionCode {
  /// Scores to e^(score - most), with `most` and `sums` of the rows brought up to date and what is
  /// in `out` [rows, width] rescaled; then dropout.
  void (*weigh)(const ScoreBlock<T>& block, T* most, double* sums, T* out, int64_t width);
  /// Scores to dropped weights, gradients of the weights to those of the scores.
  void (*slope)(const ScoreBlock<T>& block, T* grads, const T* log_sums, const T* means);
  /// sums[r] = sum of a[r, :] b[r, :].
  void (*row_dots)(const T* a, const T* b, int64_t rows, int64_t width, T* sums);
};

}  // namespace
}  // namespace taper::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/attention.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "taper/backend/cpu/simd_sum-inl.h"
#include "taper/backend/cpu/vmath_functions-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {
namespace {

namespace vm = taper::HWY_NAMESPACE::vm;

/// Shifts row r by the mask. What it may not see, and the rest of the last vector, becomes -inf.
template <class T>
void hide(const ScoreBlock<T>& b, int64_t r, T* x) {
  constexpr T kHidden = -std::numeric_limits<T>::infinity();
  if (b.bias != nullptr) {
    const T* bias = b.bias + r * b.mask_row;
    if (b.mask_key == 1) {
      for (int64_t j = 0; j < b.keys; ++j) x[j] += bias[j];
    } else {
      for (int64_t j = 0; j < b.keys; ++j) x[j] += bias[j * b.mask_key];
    }
  }
  if (b.allowed != nullptr) {
    const bool* allowed = b.allowed + r * b.mask_row;
    if (b.mask_key == 1) {
      for (int64_t j = 0; j < b.keys; ++j) x[j] = allowed[j] ? x[j] : kHidden;
    } else {
      for (int64_t j = 0; j < b.keys; ++j) x[j] = allowed[j * b.mask_key] ? x[j] : kHidden;
    }
  }
  const int64_t seen = std::clamp<int64_t>(b.seen + r, 0, b.keys);
  for (int64_t j = seen; j < b.keys || j % kLanes<T> != 0; ++j) x[j] = kHidden;
}

template <class T>
void drop(const ScoreBlock<T>& b, int64_t r, T* x) {
  const bool* kept = b.kept + r * kKeys;
  for (int64_t j = 0; j < b.keys; ++j) x[j] = kept[j] ? x[j] * b.kept_scale : T(0);
}

template <class T>
void scale_row(T* x, int64_t n, T factor) {
  const auto f = hn::Set(Tag<T>(), factor);
  over_columns<T>(n, [&](int64_t c, int64_t m) HWY_ATTR {
    store_columns(hn::Mul(load_columns<T>(x + c, m), f), x + c, m);
  });
}

/// e^x, with 0 for what would be subnormal: that costs a processor a hundred times as much, and
/// every hidden score is such.
template <class T>
HWY_INLINE hn::Vec<Tag<T>> weight_of(hn::Vec<Tag<T>> x) {
  const Tag<T> d;
  const auto least = hn::Set(d, sizeof(T) == 4 ? T(-87) : T(-708));
  const auto none = hn::Lt(x, least);
  return hn::IfThenZeroElse(none, vm::exp(d, hn::IfThenElse(none, least, x)));
}

template <class T>
void weigh(const ScoreBlock<T>& b, T* most, double* sums, T* out, int64_t width) {
  const Tag<T> d;
  constexpr T kHidden = -std::numeric_limits<T>::infinity();
  for (int64_t r = 0; r < b.rows; ++r) {
    T* x = b.scores + r * kKeys;
    hide(b, r, x);
    auto top = hn::Set(d, most[r]);
    for (int64_t j = 0; j < b.keys; j += kLanes<T>) top = hn::Max(top, hn::Load(d, x + j));
    const T now = join_lanes<MaxOp>(d, top);
    // A row that has seen nothing yet has weights of 0, and not of e^(-inf + inf).
    const T shift = now == kHidden ? T(0) : now;
    const auto shifts = hn::Set(d, shift);
    auto sum = hn::Zero(d);
    for (int64_t j = 0; j < b.keys; j += kLanes<T>) {
      const auto e = weight_of<T>(hn::Sub(hn::Load(d, x + j), shifts));
      hn::Store(e, d, x + j);
      sum = hn::Add(sum, e);
    }
    if (sums[r] != 0 && now != most[r]) {
      const T factor = std::exp(most[r] - shift);
      sums[r] *= static_cast<double>(factor);
      scale_row(out + r * width, width, factor);
    }
    sums[r] += static_cast<double>(join_lanes<SumOp>(d, sum));
    most[r] = now;
    if (b.kept != nullptr) drop(b, r, x);
  }
}

template <class T>
void slope(const ScoreBlock<T>& b, T* grads, const T* log_sums, const T* means) {
  const Tag<T> d;
  for (int64_t r = 0; r < b.rows; ++r) {
    T* x = b.scores + r * kKeys;
    T* g = grads + r * kKeys;
    hide(b, r, x);
    for (int64_t j = b.keys; j % kLanes<T> != 0; ++j) g[j] = T(0);
    if (b.kept != nullptr) drop(b, r, g);
    const auto shift = hn::Set(d, log_sums[r]), mean = hn::Set(d, means[r]);
    for (int64_t j = 0; j < b.keys; j += kLanes<T>) {
      const auto p = weight_of<T>(hn::Sub(hn::Load(d, x + j), shift));
      hn::Store(p, d, x + j);
      hn::Store(hn::Mul(p, hn::Sub(hn::Load(d, g + j), mean)), d, g + j);
    }
    if (b.kept != nullptr) drop(b, r, x);
  }
}

template <class T>
void row_dots(const T* a, const T* b, int64_t rows, int64_t width, T* sums) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = a + r * width;
    const T* y = b + r * width;
    sums[r] = static_cast<T>(chunked_sum<T>(width, [&](int64_t c, int64_t m) HWY_ATTR {
      return hn::Mul(load_columns(x + c, m), load_columns(y + c, m));
    }));
  }
}

AttentionCode<float> float_code() { return {weigh<float>, slope<float>, row_dots<float>}; }
AttentionCode<double> double_code() { return {weigh<double>, slope<double>, row_dots<double>}; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {

HWY_EXPORT(float_code);
HWY_EXPORT(double_code);

/// Multiply-adds below which a second thread does not pay.
constexpr int64_t kWork = int64_t{1} << 18;

int64_t blocks_of(int64_t count, int64_t block) { return (count + block - 1) / block; }

/// The matrices of one tensor: [*, rows, columns], one for each head.
template <class T>
struct Heads {
  const T* data = nullptr;
  IntArrayRef sizes, strides;
  int64_t row = 0, col = 0;

  explicit Heads(ConstView x) {
    if (!x.defined() || x.numel() == 0) return;
    data = x.data<T>();
    sizes = x.sizes();
    strides = x.strides();
    row = x.stride(x.dim() - 2);
    col = x.stride(x.dim() - 1);
  }
  const T* of(int64_t head) const {
    if (data == nullptr) return nullptr;
    int64_t at = 0;
    for (int64_t d = static_cast<int64_t>(sizes.size()) - 3; d >= 0; --d) {
      at += head % sizes[d] * strides[d];
      head /= sizes[d];
    }
    return data + at;
  }
};

/// A head's matrix [keys, columns] by blocks of kKeys: each is [columns, kKeys], as the GEMM wants
/// its second operand.
template <class T>
class Transposed {
 public:
  Transposed(const T* x, int64_t keys, int64_t columns, int64_t row, int64_t col)
      : block_(columns * kKeys), memory_(blocks_of(keys, kKeys) * block_) {
    constexpr int64_t kItem = sizeof(T);
    const TransposeFn transpose = transpose_fn(kItem);
    for (int64_t first = 0; first < keys; first += kKeys) {
      const int64_t n = std::min(kKeys, keys - first);
      const T* from = x + first * row;
      T* to = memory_.data() + first / kKeys * block_;
      if (col == 1) {
        transpose(reinterpret_cast<char*>(to), kKeys * kItem, reinterpret_cast<const char*>(from),
                  row * kItem, n, columns, false);
        continue;
      }
      for (int64_t c = 0; c < columns; ++c) {
        for (int64_t k = 0; k < n; ++k) to[c * kKeys + k] = from[k * row + c * col];
      }
    }
  }
  const T* at(int64_t key) const { return memory_.data() + key / kKeys * block_; }

 private:
  int64_t block_;
  Scratch<T> memory_;
};

/// The blocks that one part of a head's work takes: there and back, so that parts of a triangle
/// weigh the same.
struct Share {
  int64_t part = 0, of = 1;
  bool owns(int64_t block) const {
    const int64_t turn = block % (2 * of);
    return (turn < of ? turn : 2 * of - 1 - turn) == part;
  }
};

template <class T>
struct Attention {
  Heads<T> q, k, v, bias;
  Heads<bool> allowed;
  AttentionRule rule;
  int64_t heads = 1, queries, keys, depth, width;
  AttentionCode<T> code;

  Attention(ConstView q_, ConstView k_, ConstView v_, ConstView mask, const AttentionRule& rule_)
      : q(q_),
        k(k_),
        v(v_),
        bias(mask.defined() && mask.dtype() != kBool ? mask : ConstView()),
        allowed(mask.defined() && mask.dtype() == kBool ? mask : ConstView()),
        rule(rule_),
        queries(q_.size(q_.dim() - 2)),
        keys(k_.size(k_.dim() - 2)),
        depth(q_.size(q_.dim() - 1)),
        width(v_.size(v_.dim() - 1)) {
    for (int64_t d = 0; d < q_.dim() - 2; ++d) heads *= q_.size(d);
    if constexpr (std::is_same_v<T, float>) {
      code = HWY_DYNAMIC_DISPATCH(float_code)();
    } else {
      code = HWY_DYNAMIC_DISPATCH(double_code)();
    }
  }

  bool hidden(int64_t q0, int64_t rows, int64_t k0) const { return rule.causal && k0 >= q0 + rows; }
  /// scale * q k^T of one block, and what is to be known of it.
  ScoreBlock<T> score(int64_t head, int64_t q0, int64_t k0, const Transposed<T>& kt, T* scores,
                      bool* kept) const {
    const int64_t rows = std::min(kQueries, queries - q0), n = std::min(kKeys, keys - k0);
    ScoreBlock<T> b{scores, rows, n, n, bias.of(head), allowed.of(head), 0, 0, kept, T(0)};
    if (rule.causal) b.seen = q0 + 1 - k0;
    if (b.bias != nullptr) b.bias += q0 * bias.row + k0 * bias.col;
    if (b.allowed != nullptr) b.allowed += q0 * allowed.row + k0 * allowed.col;
    b.mask_row = bias.row + allowed.row;
    b.mask_key = bias.col + allowed.col;
    if (kept != nullptr) {
      b.kept_scale = static_cast<T>(rule.dropout < 1 ? 1 / (1 - rule.dropout) : 0);
      for (int64_t r = 0; r < rows; ++r) {
        draw_kept(rule.key, (head * queries + q0 + r) * keys + k0, n, rule.dropout,
                  kept + r * kKeys);
      }
    }
    product(rows, n, depth, q.of(head) + q0 * q.row, q.row, q.col, kt.at(k0), kKeys, 1, scores,
            kKeys, static_cast<T>(rule.scale), T(0));
    return b;
  }
  static void product(int64_t m, int64_t n, int64_t depth, const T* a, int64_t a_row, int64_t a_col,
                      const T* b, int64_t b_row, int64_t b_col, T* c, int64_t c_row, T alpha,
                      T beta) {
    gemm_serial(GemmArgs<T>{.m = m,
                            .n = n,
                            .k = depth,
                            .a = a,
                            .a_row = a_row,
                            .a_col = a_col,
                            .b = b,
                            .b_row = b_row,
                            .b_col = b_col,
                            .c = c,
                            .c_row = c_row,
                            .alpha = alpha,
                            .beta = beta,
                            .way = GemmWay::tiles});
  }
  size_t kept_count() const { return rule.dropout > 0 ? kQueries * kKeys : 0; }

  void forward(int64_t head, Share share, T* out, T* log_sums) const {
    const Transposed<T> kt(k.of(head), keys, depth, k.row, k.col);
    const Scratch<T> scores(kQueries * kKeys);
    const Scratch<bool> kept(kept_count());
    const T* values = v.of(head);
    out += head * queries * width;
    log_sums += head * queries;
    for (int64_t q0 = 0; q0 < queries; q0 += kQueries) {
      if (!share.owns(q0 / kQueries)) continue;
      const int64_t rows = std::min(kQueries, queries - q0);
      T most[kQueries];
      double sums[kQueries] = {};
      std::fill_n(most, kQueries, -std::numeric_limits<T>::infinity());
      T* const to = out + q0 * width;
      for (int64_t k0 = 0; k0 < keys && !hidden(q0, rows, k0); k0 += kKeys) {
        const auto block = score(head, q0, k0, kt, scores.data(), kept.data());
        code.weigh(block, most, sums, to, width);
        product(rows, width, block.keys, scores.data(), kKeys, 1, values + k0 * v.row, v.row, v.col,
                to, width, T(1), k0 == 0 ? T(0) : T(1));
      }
      finish(rows, most, sums, to, log_sums + q0);
    }
  }
  void finish(int64_t rows, const T* most, const double* sums, T* out, T* log_sums) const {
    for (int64_t r = 0; r < rows; ++r) {
      T* row = out + r * width;
      if (sums[r] == 0) {
        std::fill_n(row, width, T(0));
        log_sums[r] = 0;
        continue;
      }
      const T factor = static_cast<T>(1 / sums[r]);
      for (int64_t c = 0; c < width; ++c) row[c] *= factor;
      log_sums[r] = most[r] + static_cast<T>(std::log(sums[r]));
    }
  }

  /// What the backward reads and writes; gradients that are not wanted are null.
  struct Slopes {
    const T *grad, *out, *log_sums;
    T *q, *k, *v;
  };

  /// The gradients of q in the blocks that `down` owns, those of k and v in those of `along`: block
  /// by block of keys, and of queries within, whatever the parts are.
  void backward(int64_t head, Share down, Share along, Slopes s) const {
    const Transposed<T> kt(k.of(head), keys, depth, k.row, k.col);
    const Transposed<T> vt(v.of(head), keys, width, v.row, v.col);
    const Scratch<T> memory(2 * kQueries * kKeys + queries);
    const Scratch<bool> kept(kept_count());
    T* const scores = memory.data();
    T* const grads = scores + kQueries * kKeys;
    T* const means = grads + kQueries * kKeys;
    const int64_t first = head * queries;
    s.grad += first * width;
    s.log_sums += first;
    code.row_dots(s.grad, s.out + first * width, queries, width, means);
    if (s.q != nullptr) s.q += first * depth;
    if (s.k != nullptr) s.k += head * keys * depth;
    if (s.v != nullptr) s.v += head * keys * width;
    clear(s.q, queries, depth, kQueries, down);
    clear(s.k, keys, depth, kKeys, along);
    clear(s.v, keys, width, kKeys, along);
    for (int64_t k0 = 0; k0 < keys; k0 += kKeys) {
      if (!along.owns(k0 / kKeys)) continue;
      for (int64_t q0 = 0; q0 < queries; q0 += kQueries) {
        const int64_t rows = std::min(kQueries, queries - q0);
        if (!down.owns(q0 / kQueries) || hidden(q0, rows, k0)) continue;
        const auto block = score(head, q0, k0, kt, scores, kept.data());
        const T* const grad = s.grad + q0 * width;
        product(rows, block.keys, width, grad, width, 1, vt.at(k0), kKeys, 1, grads, kKeys, T(1),
                T(0));
        code.slope(block, grads, s.log_sums + q0, means + q0);
        add(head, q0, k0, block, grads, grad, s);
      }
    }
  }
  static void clear(T* x, int64_t count, int64_t columns, int64_t block, Share share) {
    for (int64_t i = 0; x != nullptr && i < count; i += block) {
      if (share.owns(i / block))
        std::fill_n(x + i * columns, std::min(block, count - i) * columns, T(0));
    }
  }
  /// Adds what one block gives to each gradient.
  void add(int64_t head, int64_t q0, int64_t k0, const ScoreBlock<T>& b, const T* grads,
           const T* grad, const Slopes& s) const {
    const T scale = static_cast<T>(rule.scale);
    if (s.v != nullptr) {
      product(b.keys, width, b.rows, b.scores, 1, kKeys, grad, width, 1, s.v + k0 * width, width,
              T(1), T(1));
    }
    if (s.q != nullptr) {
      product(b.rows, depth, b.keys, grads, kKeys, 1, k.of(head) + k0 * k.row, k.row, k.col,
              s.q + q0 * depth, depth, scale, T(1));
    }
    if (s.k != nullptr) {
      product(b.keys, depth, b.rows, grads, 1, kKeys, q.of(head) + q0 * q.row, q.row, q.col,
              s.k + k0 * depth, depth, scale, T(1));
    }
  }

  /// Into how many parts a head is split; 1 when the heads alone keep the threads busy.
  int64_t parts(int64_t blocks) const {
    const int64_t threads = get_num_threads();
    if (heads % threads == 0 || heads >= 4 * threads) return 1;
    return std::clamp<int64_t>((4 * threads + heads - 1) / heads, 1, std::max<int64_t>(blocks, 1));
  }
  template <class F>
  void over_parts(int64_t of, F&& f) const {
    const double work = static_cast<double>(queries) * static_cast<double>(keys) *
                        static_cast<double>(depth + width) / static_cast<double>(of);
    const int64_t grain = work >= kWork ? 1 : static_cast<int64_t>(kWork / std::max(work, 1.0));
    parallel_for(0, heads * of, grain, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) f(i / of, Share{i % of, of});
    });
  }
};

template <class T>
void run_forward(View out, View log_sums, ConstView q, ConstView k, ConstView v, ConstView mask,
                 const AttentionRule& rule) {
  const Attention<T> a(q, k, v, mask, rule);
  a.over_parts(a.parts(blocks_of(a.queries, kQueries)), [&](int64_t head, Share share) {
    a.forward(head, share, out.data<T>(), log_sums.data<T>());
  });
}

template <class T>
T* data_or_null(View x) {
  return x.defined() ? x.data<T>() : nullptr;
}

template <class T>
void run_backward(const Attention<T>& a, const typename Attention<T>::Slopes& slopes) {
  const int64_t rows = a.parts(blocks_of(a.queries, kQueries));
  const int64_t columns = a.parts(blocks_of(a.keys, kKeys));
  if (rows == 1 && columns == 1) {
    return a.over_parts(1, [&](int64_t head, Share all) { a.backward(head, all, all, slopes); });
  }
  // Too few heads for the threads: q by rows, then k and v by columns, each in the same order as
  // above. The scores are computed twice.
  auto part = slopes;
  part.k = part.v = nullptr;
  if (part.q != nullptr) {
    a.over_parts(rows, [&](int64_t head, Share s) { a.backward(head, s, Share(), part); });
  }
  part = slopes;
  part.q = nullptr;
  if (part.k != nullptr || part.v != nullptr) {
    a.over_parts(columns, [&](int64_t head, Share s) { a.backward(head, Share(), s, part); });
  }
}

}  // namespace

void attention(View out, View log_sums, ConstView q, ConstView k, ConstView v, ConstView mask,
               const AttentionRule& rule) {
  if (q.dtype() == kDouble) return run_forward<double>(out, log_sums, q, k, v, mask, rule);
  run_forward<float>(out, log_sums, q, k, v, mask, rule);
}

void attention_backward(View grad_q, View grad_k, View grad_v, ConstView grad, ConstView q,
                        ConstView k, ConstView v, ConstView mask, ConstView out, ConstView log_sums,
                        const AttentionRule& rule) {
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    run_backward<T>(Attention<T>(q, k, v, mask, rule),
                    {grad.data<T>(), out.data<T>(), log_sums.data<T>(), data_or_null<T>(grad_q),
                     data_or_null<T>(grad_k), data_or_null<T>(grad_v)});
  };
  if (q.dtype() == kDouble) return run(0.0);
  run(0.0f);
}

}  // namespace taper::cpu
#endif
