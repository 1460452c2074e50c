#include "taper/kernel/normalization.h"

#include <algorithm>
#include <cmath>

#include "taper/backend/cpu/reduce_core.h"
#include "taper/backend/cpu/simd.h"
#include "taper/base/parallel.h"

#ifndef TAPER_NORMALIZATION_TYPES
#define TAPER_NORMALIZATION_TYPES
namespace taper::cpu {
namespace {

/// A batch as the vector code sees it: planes of `spatial` elements, one for each sample and
/// channel; or rows of `channels` elements, one for each sample and place.
struct Batch {
  int64_t samples, channels, spatial;
  bool channels_last;

  explicit Batch(ConstView x)
      : samples(x.size(0)), channels(x.size(1)), spatial(1), channels_last(false) {
    for (int64_t d = 2; d < x.dim(); ++d) spatial *= x.size(d);
    channels_last = spatial == 1 || (channels > 1 && x.stride(1) == 1);
  }
  int64_t rows() const { return samples * spatial; }
  int64_t numel() const { return rows() * channels; }
};

struct LayerNormArgs {
  void *out, *mean_out, *rstd_out, *grad_weight, *grad_bias;
  const void *grad, *x, *mean, *rstd, *weight, *bias;
  double eps;
};

/// What the channel loops read and write; absent vectors are null.
struct ChannelArgs {
  void* out;
  const void *grad, *x, *mean, *shift, *slope, *scale, *bias;
};

constexpr int64_t kNormGrain = 16384;

}  // namespace
}  // namespace taper::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "taper/backend/cpu/normalization.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "taper/backend/cpu/simd_sum-inl.h"

HWY_BEFORE_NAMESPACE();
namespace taper::cpu {
namespace HWY_NAMESPACE {

template <class T>
HWY_INLINE hn::Vec<Tag<T>> zero_past(hn::Vec<Tag<T>> v, int64_t n) {
  if (n == kLanes<T>) return v;
  return hn::IfThenElseZero(hn::FirstN(Tag<T>(), static_cast<size_t>(n)), v);
}
template <class T>
HWY_INLINE hn::Vec<Tag<T>> load_or(const T* p, int64_t i, int64_t n, T otherwise) {
  return p != nullptr ? load_columns(p + i, n) : hn::Set(Tag<T>(), otherwise);
}

template <class T>
void layer_norm_rows(const LayerNormArgs& a, int64_t first, int64_t last, int64_t n) {
  const Tag<T> d;
  const T* weight = static_cast<const T*>(a.weight);
  const T* bias = static_cast<const T*>(a.bias);
  for (int64_t r = first; r < last; ++r) {
    const T* x = static_cast<const T*>(a.x) + r * n;
    T* out = static_cast<T*>(a.out) + r * n;
    const double exact =
        chunked_sum<T>(n, [&](int64_t i, int64_t m) HWY_ATTR { return load_columns(x + i, m); }) /
        double(n);
    const T mean = static_cast<T>(exact);
    const auto centre = hn::Set(d, mean);
    const double squares = chunked_sum<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
      const auto v = zero_past<T>(hn::Sub(load_columns(x + i, m), centre), m);
      return hn::Mul(v, v);
    });
    const double off = exact - static_cast<double>(mean);
    const double variance = std::max(0.0, squares / double(n) - off * off);
    const T rstd =
        static_cast<T>(1 / std::sqrt((variance == variance ? variance : squares) + a.eps));
    static_cast<T*>(a.mean_out)[r] = mean;
    static_cast<T*>(a.rstd_out)[r] = rstd;
    const auto scale = hn::Set(d, rstd);
    over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
      auto v = hn::Mul(hn::Sub(load_columns(x + i, m), centre), scale);
      if (weight != nullptr) v = hn::Mul(v, load_columns(weight + i, m));
      if (bias != nullptr) v = hn::Add(v, load_columns(bias + i, m));
      store_columns(v, out + i, m);
    });
  }
}

/// Rows [first, last): the gradient of x, and what they add to those of weight and bias.
template <class T>
void layer_norm_backward_rows(const LayerNormArgs& a, int64_t first, int64_t last, int64_t n) {
  const Tag<T> d;
  const T* weight = static_cast<const T*>(a.weight);
  T* grad_weight = static_cast<T*>(a.grad_weight);
  T* grad_bias = static_cast<T*>(a.grad_bias);
  if (grad_weight != nullptr) std::fill_n(grad_weight, n, T(0));
  if (grad_bias != nullptr) std::fill_n(grad_bias, n, T(0));
  for (int64_t r = first; r < last; ++r) {
    const T* x = static_cast<const T*>(a.x) + r * n;
    const T* g = static_cast<const T*>(a.grad) + r * n;
    const auto mean = hn::Set(d, static_cast<const T*>(a.mean)[r]);
    const auto rstd = hn::Set(d, static_cast<const T*>(a.rstd)[r]);
    const auto normal = [&](int64_t i, int64_t m) HWY_ATTR {
      return hn::Mul(hn::Sub(load_columns(x + i, m), mean), rstd);
    };
    const auto weighted = [&](int64_t i, int64_t m) HWY_ATTR {
      const auto v = load_columns(g + i, m);
      return weight != nullptr ? hn::Mul(v, load_columns(weight + i, m)) : v;
    };
    if (a.out != nullptr) {
      T* out = static_cast<T*>(a.out) + r * n;
      const auto flat = hn::Set(d, static_cast<T>(chunked_sum<T>(n, weighted) / double(n)));
      const double along = chunked_sum<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
        return zero_past<T>(hn::Mul(weighted(i, m), normal(i, m)), m);
      });
      const auto slope = hn::Set(d, static_cast<T>(along / double(n)));
      over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
        const auto v = hn::Sub(hn::Sub(weighted(i, m), flat), hn::Mul(normal(i, m), slope));
        store_columns(hn::Mul(v, rstd), out + i, m);
      });
    }
    if (grad_weight == nullptr && grad_bias == nullptr) continue;
    over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
      const auto v = load_columns(g + i, m);
      if (grad_weight != nullptr) {
        T* to = grad_weight + i;
        store_columns(hn::MulAdd(v, normal(i, m), load_columns<T>(to, m)), to, m);
      }
      if (grad_bias != nullptr) {
        T* to = grad_bias + i;
        store_columns(hn::Add(load_columns<T>(to, m), v), to, m);
      }
    });
  }
}

/// (x - mean) * scale + bias, or with a gradient (grad - shift - (x - mean) * slope) * scale, on n
/// elements whose channels are given by at(vector, i, lanes).
template <class T, class At>
HWY_INLINE void channel_loop(const ChannelArgs& a, int64_t offset, int64_t n, At at) {
  const T* x = static_cast<const T*>(a.x);
  const T* g = static_cast<const T*>(a.grad);
  T* out = static_cast<T*>(a.out) + offset;
  const auto column = [&](const void* p, int64_t i, int64_t m)
                          HWY_ATTR { return at(static_cast<const T*>(p), i, m); };
  if (g == nullptr) {
    over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
      auto v = hn::Sub(load_columns(x + offset + i, m), column(a.mean, i, m));
      v = hn::Mul(v, column(a.scale, i, m));
      if (a.bias != nullptr) v = hn::Add(v, column(a.bias, i, m));
      store_columns(v, out + i, m);
    });
  } else if (x == nullptr) {
    over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
      store_columns(hn::Mul(load_columns(g + offset + i, m), column(a.scale, i, m)), out + i, m);
    });
  } else {
    over_columns<T>(n, [&](int64_t i, int64_t m) HWY_ATTR {
      const auto centred = hn::Sub(load_columns(x + offset + i, m), column(a.mean, i, m));
      auto v = hn::Sub(load_columns(g + offset + i, m), column(a.shift, i, m));
      v = hn::Sub(v, hn::Mul(centred, column(a.slope, i, m)));
      store_columns(hn::Mul(v, column(a.scale, i, m)), out + i, m);
    });
  }
}

/// Planes (samples * channels) or rows (samples * spatial) [first, last) of a batch.
template <class T>
void channel_pass(const ChannelArgs& a, const Batch& b, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i) {
    if (b.channels_last) {
      channel_loop<T>(a, i * b.channels, b.channels, [](const T* p, int64_t c, int64_t m) HWY_ATTR {
        return load_columns(p + c, m);
      });
    } else {
      const int64_t channel = i % b.channels;
      channel_loop<T>(a, i * b.spatial, b.spatial, [=](const T* p, int64_t, int64_t) HWY_ATTR {
        return hn::Set(Tag<T>(), p[channel]);
      });
    }
  }
}

/// sum(grad) and sum(grad * (x - mean)) over n contiguous elements of one channel, in one pass;
/// each as chunked_sum forms it.
template <class T>
void plane_sums(const void* grad, const void* x, double mean, int64_t n, double* sums) {
  const T* g = static_cast<const T*>(grad);
  const T* v = static_cast<const T*>(x);
  const Tag<T> d;
  const auto centre = hn::Set(d, static_cast<T>(mean));
  sums[0] = sums[1] = 0;
  for (int64_t start = 0; start < n; start += 4096) {
    const int64_t end = std::min(n, start + 4096);
    Partials<SumOp, T> plain, centred;
    plain.clear();
    centred.clear();
    const auto add = [&](int64_t k, int64_t i, int64_t m) HWY_ATTR {
      const auto slope = load_columns(g + i, m);
      plain.add_vector(k, slope);
      centred.add_vector(k, hn::Mul(slope, hn::Sub(load_columns(v + i, m), centre)));
    };
    int64_t i = start;
    for (; i + 64 <= end; i += 64) {
#pragma GCC unroll 64
      for (int64_t k = 0; k < kVectors<T>; ++k) add(k, i + k * kLanes<T>, kLanes<T>);
    }
#pragma GCC unroll 64
    for (int64_t k = 0; k < kVectors<T>; ++k) {
      const int64_t left = end - i - k * kLanes<T>;
      if (left > 0) add(k, i + k * kLanes<T>, std::min(left, kLanes<T>));
    }
    sums[0] += static_cast<double>(plain.total());
    sums[1] += static_cast<double>(centred.total());
  }
}
/// The same for a block of neighbouring channels over n rows, stride apart.
template <class T>
void column_sums(const void* grad, const void* x, const void* mean, int64_t n, int64_t stride,
                 int64_t columns, double* sums, double* sums_x) {
  const T* g = static_cast<const T*>(grad);
  const T* v = static_cast<const T*>(x);
  const T* centre = static_cast<const T*>(mean);
  chunked_column_sums<T>(n, columns, sums, [&](int64_t r, int64_t c, int64_t m) HWY_ATTR {
    return load_columns(g + r * stride + c, m);
  });
  chunked_column_sums<T>(n, columns, sums_x, [&](int64_t r, int64_t c, int64_t m) HWY_ATTR {
    const auto centred = hn::Sub(load_columns(v + r * stride + c, m), load_columns(centre + c, m));
    return hn::Mul(load_columns(g + r * stride + c, m), centred);
  });
}

#define TAPER_BOTH_TYPES(name, params, args) \
  void name##_any params { is_double ? name<double> args : name<float> args; }
TAPER_BOTH_TYPES(layer_norm_rows,
                 (bool is_double, const LayerNormArgs& a, int64_t first, int64_t last, int64_t n),
                 (a, first, last, n))
TAPER_BOTH_TYPES(layer_norm_backward_rows,
                 (bool is_double, const LayerNormArgs& a, int64_t first, int64_t last, int64_t n),
                 (a, first, last, n))
TAPER_BOTH_TYPES(channel_pass,
                 (bool is_double, const ChannelArgs& a, const Batch& b, int64_t first,
                  int64_t last),
                 (a, b, first, last))
TAPER_BOTH_TYPES(plane_sums,
                 (bool is_double, const void* g, const void* x, double mean, int64_t n,
                  double* sums),
                 (g, x, mean, n, sums))
TAPER_BOTH_TYPES(column_sums,
                 (bool is_double, const void* g, const void* x, const void* mean, int64_t n,
                  int64_t stride, int64_t columns, double* sums, double* sums_x),
                 (g, x, mean, n, stride, columns, sums, sums_x))
#undef TAPER_BOTH_TYPES

}  // namespace HWY_NAMESPACE
}  // namespace taper::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace taper::cpu {
namespace {

HWY_EXPORT(layer_norm_rows_any);
HWY_EXPORT(layer_norm_backward_rows_any);
HWY_EXPORT(channel_pass_any);
HWY_EXPORT(plane_sums_any);
HWY_EXPORT(column_sums_any);

void* data_or_null(View v) { return v.defined() ? v.raw_data() : nullptr; }
const void* data_or_null(ConstView v) { return v.defined() ? v.raw_data() : nullptr; }

int64_t grain_for(int64_t work) {
  return std::max<int64_t>(1, kNormGrain / std::max<int64_t>(work, 1));
}

/// Adds rows of per-group sums in order.
template <class T>
void add_groups_of(const T* groups, int64_t count, int64_t n, T* out) {
  parallel_for(0, n, kNormGrain / std::max<int64_t>(count, 1) + 1,
               [&](int64_t first, int64_t last) {
                 double totals[256];
                 for (int64_t i = first; i < last; i += 256) {
                   const int64_t m = std::min<int64_t>(256, last - i);
                   std::fill_n(totals, m, 0.0);
                   for (int64_t k = 0; k < count; ++k) {
                     const T* row = groups + k * n + i;
                     for (int64_t j = 0; j < m; ++j) totals[j] += static_cast<double>(row[j]);
                   }
                   for (int64_t j = 0; j < m; ++j) out[i + j] = static_cast<T>(totals[j]);
                 }
               });
}
void add_groups(const char* groups, int64_t count, int64_t n, View out) {
  if (!out.defined()) return;
  if (out.dtype() == kDouble) {
    add_groups_of(reinterpret_cast<const double*>(groups), count, n, out.data<double>());
  } else {
    add_groups_of(reinterpret_cast<const float*>(groups), count, n, out.data<float>());
  }
}

void over_channels(const ChannelArgs& a, const Batch& b, bool is_double) {
  const int64_t items = b.channels_last ? b.rows() : b.samples * b.channels;
  if (items == 0) return;
  parallel_for(0, items, grain_for(b.numel() / items), [&](int64_t first, int64_t last) {
    HWY_DYNAMIC_DISPATCH(channel_pass_any)(is_double, a, b, first, last);
  });
}

double element(const void* data, bool is_double, int64_t i) {
  return is_double ? static_cast<const double*>(data)[i]
                   : static_cast<double>(static_cast<const float*>(data)[i]);
}
void put_element(View v, int64_t i, double value) {
  if (v.dtype() == kDouble) {
    v.data<double>()[i] = value;
  } else {
    v.data<float>()[i] = static_cast<float>(value);
  }
}

/// Both sums of every channel for each of `parts` stretches of the batch: sums[part][2][channel].
/// A part is a sample, or the whole batch where samples have less than a block of partials.
class BatchSums {
 public:
  BatchSums(ConstView grad, ConstView x, ConstView mean)
      : b_(x),
        is_double_(x.dtype() == kDouble),
        item_(elementSize(x.dtype())),
        g_(static_cast<const char*>(grad.raw_data())),
        x_(static_cast<const char*>(x.raw_data())),
        mean_(static_cast<const char*>(mean.raw_data())),
        merged_(b_.spatial < 64),
        parts_(merged_ ? 1 : b_.samples),
        rows_(merged_ ? b_.rows() : b_.spatial),
        sums_(parts_ * 2 * b_.channels) {}

  void run(View sum_grad, View sum_grad_x) {
    if (b_.channels_last) {
      by_columns();
    } else {
      by_planes();
    }
    for (int64_t c = 0; c < b_.channels; ++c) {
      double first = 0, second = 0;
      for (int64_t p = 0; p < parts_; ++p) {
        first += sums_[p * 2 * b_.channels + c];
        second += sums_[(p * 2 + 1) * b_.channels + c];
      }
      put_element(sum_grad, c, first);
      put_element(sum_grad_x, c, second);
    }
  }

 private:
  void by_columns() {
    int64_t width = column_block(item_);
    while (width > 16 && parts_ * b_.channels < width * 4) width /= 2;
    const int64_t blocks = (b_.channels + width - 1) / width;
    parallel_for(0, parts_ * blocks, grain_for(rows_ * std::min(width, b_.channels)),
                 [&](int64_t first, int64_t last) {
                   for (int64_t i = first; i < last; ++i) {
                     const int64_t part = i / blocks, c = i % blocks * width;
                     const int64_t at = (part * rows_ * b_.channels + c) * item_;
                     double* sums = sums_.data() + part * 2 * b_.channels + c;
                     HWY_DYNAMIC_DISPATCH(column_sums_any)
                     (is_double_, g_ + at, x_ + at, mean_ + c * item_, rows_, b_.channels,
                      std::min(width, b_.channels - c), sums, sums + b_.channels);
                   }
                 });
  }

  void by_planes() {
    parallel_for(0, parts_ * b_.channels, grain_for(rows_), [&](int64_t first, int64_t last) {
      Scratch<char> packed(merged_ ? 2 * rows_ * item_ : 0);
      for (int64_t i = first; i < last; ++i) {
        const int64_t channel = i % b_.channels;
        const char* g = g_ + i * b_.spatial * item_;
        const char* x = x_ + i * b_.spatial * item_;
        if (merged_) {
          gather(g_, channel, packed.data());
          gather(x_, channel, packed.data() + rows_ * item_);
          g = packed.data();
          x = packed.data() + rows_ * item_;
        }
        double both[2];
        HWY_DYNAMIC_DISPATCH(plane_sums_any)
        (is_double_, g, x, element(mean_, is_double_, channel), rows_, both);
        double* sums = sums_.data() + i / b_.channels * 2 * b_.channels + channel;
        sums[0] = both[0];
        sums[b_.channels] = both[1];
      }
    });
  }
  /// The planes of one channel, one behind the other.
  void gather(const char* from, int64_t channel, char* to) const {
    const int64_t bytes = b_.spatial * item_;
    for (int64_t s = 0; s < b_.samples; ++s) {
      std::copy_n(from + (s * b_.channels + channel) * bytes, bytes, to + s * bytes);
    }
  }

  Batch b_;
  bool is_double_;
  int64_t item_;
  const char *g_, *x_, *mean_;
  bool merged_;
  int64_t parts_, rows_;
  Scratch<double> sums_;
};

}  // namespace

void layer_norm(View out, View mean, View rstd, ConstView x, ConstView weight, ConstView bias,
                int64_t n, double eps) {
  if (x.numel() == 0) return;
  const LayerNormArgs a{out.raw_data(),
                        mean.raw_data(),
                        rstd.raw_data(),
                        nullptr,
                        nullptr,
                        nullptr,
                        x.raw_data(),
                        nullptr,
                        nullptr,
                        data_or_null(weight),
                        data_or_null(bias),
                        eps};
  const bool is_double = x.dtype() == kDouble;
  parallel_for(0, x.numel() / n, grain_for(n), [&](int64_t first, int64_t last) {
    HWY_DYNAMIC_DISPATCH(layer_norm_rows_any)(is_double, a, first, last, n);
  });
}

void layer_norm_backward(View grad_x, View grad_weight, View grad_bias, ConstView grad, ConstView x,
                         ConstView mean, ConstView rstd, ConstView weight, int64_t n) {
  const int64_t rows = n == 0 ? 0 : x.numel() / n, item = elementSize(x.dtype());
  // Groups of rows share the sums of weight and bias; their number follows from the shape.
  int64_t groups = std::clamp<int64_t>(rows / 16, std::min<int64_t>(rows, 1), 64);
  if (grad_weight.defined() || grad_bias.defined()) {
    groups = std::min(groups, std::max<int64_t>(1, (1 << 20) / std::max<int64_t>(n, 1)));
  }
  Scratch<char> weights(grad_weight.defined() ? groups * n * item : 0);
  Scratch<char> biases(grad_bias.defined() ? groups * n * item : 0);
  const int64_t work = groups == 0 ? 1 : rows / groups * n;
  parallel_for(0, groups, grain_for(work), [&](int64_t from, int64_t to) {
    for (int64_t k = from; k < to; ++k) {
      LayerNormArgs a{data_or_null(grad_x),
                      nullptr,
                      nullptr,
                      nullptr,
                      nullptr,
                      grad.raw_data(),
                      x.raw_data(),
                      mean.raw_data(),
                      rstd.raw_data(),
                      data_or_null(weight),
                      nullptr,
                      0};
      if (grad_weight.defined()) a.grad_weight = weights.data() + k * n * item;
      if (grad_bias.defined()) a.grad_bias = biases.data() + k * n * item;
      HWY_DYNAMIC_DISPATCH(layer_norm_backward_rows_any)
      (x.dtype() == kDouble, a, rows * k / groups, rows * (k + 1) / groups, n);
    }
  });
  add_groups(weights.data(), groups, n, grad_weight);
  add_groups(biases.data(), groups, n, grad_bias);
}

void channel_affine(View out, ConstView x, ConstView mean, ConstView scale, ConstView bias) {
  const ChannelArgs a{out.raw_data(), nullptr, x.raw_data(),     mean.raw_data(),
                      nullptr,        nullptr, scale.raw_data(), data_or_null(bias)};
  over_channels(a, Batch(x), x.dtype() == kDouble);
}

void batch_norm_sums(View sum_grad, View sum_grad_x, ConstView grad, ConstView x, ConstView mean) {
  BatchSums(grad, x, mean).run(sum_grad, sum_grad_x);
}

void batch_norm_grad(View grad_x, ConstView grad, ConstView x, ConstView mean, ConstView shift,
                     ConstView slope, ConstView scale) {
  const ChannelArgs a{
      grad_x.raw_data(),   grad.raw_data(),     data_or_null(x),  data_or_null(mean),
      data_or_null(shift), data_or_null(slope), scale.raw_data(), nullptr};
  over_channels(a, Batch(grad), grad.dtype() == kDouble);
}

}  // namespace taper::cpu
#endif
