#include "taper/kernel/convolution.h"

#include <algorithm>
#include <atomic>

#include "taper/backend/cpu/conv.h"
#include "taper/backend/cpu/scratch.h"
#include "taper/base/parallel.h"
#include "taper/core/convert.h"

namespace taper {
namespace {
constinit std::atomic<bool> winograd{true};
}
bool winograd_enabled() { return winograd.load(std::memory_order_relaxed); }
void set_winograd_enabled(bool enabled) { winograd.store(enabled, std::memory_order_relaxed); }

namespace cpu {
namespace {

template <class T, class V>
Block4<T> block(const V& view) {
  if (!view.defined()) return {};
  Block4<T> b;
  if constexpr (std::is_void_v<std::remove_const_t<T>>) {
    b.data = view.raw_data();
  } else {
    b.data = view.template data<std::remove_const_t<T>>();
  }
  for (int d = 0; d < 4; ++d) b.stride[d] = view.stride(d);
  return b;
}

ConvShape shape_of(ConstView input_like, ConstView weight_like, ConstView out_like,
                   const ConvGeometry& g) {
  return {input_like.size(0),  input_like.size(1),
          input_like.size(2),  input_like.size(3),
          out_like.size(1),    out_like.size(2),
          out_like.size(3),    weight_like.size(2),
          weight_like.size(3), g};
}

/// A float32 copy of a tensor of a half type, in the order of its memory where that is dense.
template <class T>
class Widened {
 public:
  explicit Widened(ConstView v) : count_(v.defined() ? v.numel() : 0), memory_(count_) {
    if (!v.defined()) return;
    int64_t stride = 1;
    for (int d = static_cast<int>(v.dim()) - 1; d >= 0; --d) {
      block_.stride[d + 4 - v.dim()] = stride;
      stride *= v.size(d);
    }
    block_.data = memory_.data();
  }
  void load(ConstView v) {
    each(v, [](float& wide, const T& narrow) { wide = narrow; });
  }
  void store(View v) {
    each(v, [](const float& wide, T& narrow) { narrow = T(wide); });
  }
  const Block4<float>& block() const { return block_; }
  Block4<const float> read() const {
    Block4<const float> b{block_.data, {}};
    std::copy_n(block_.stride, 4, b.stride);
    return b;
  }
  float* data() const { return memory_.data(); }

 private:
  template <class V, class F>
  void each(const V& v, F f) {
    if (!v.defined()) return;
    int64_t size[4] = {1, 1, 1, 1}, stride[4] = {0, 0, 0, 0};
    for (int64_t d = 0; d < v.dim(); ++d) {
      size[d + 4 - v.dim()] = v.size(d);
      stride[d + 4 - v.dim()] = v.stride(d);
    }
    auto* const narrow = v.template data<T>();
    parallel_for(0, size[0] * size[1], 16, [&](int64_t first, int64_t last) {
      for (int64_t p = first; p < last; ++p) {
        float* wide = memory_.data() + p * size[2] * size[3];
        const int64_t at = p / size[1] * stride[0] + p % size[1] * stride[1];
        for (int64_t y = 0; y < size[2]; ++y) {
          auto* row = narrow + at + y * stride[2];
          for (int64_t x = 0; x < size[3]; ++x) f(*wide++, row[x * stride[3]]);
        }
      }
    });
  }

  int64_t count_;
  Scratch<float> memory_;
  Block4<float> block_;
};

template <class T>
void erase_types(ConvForward<void>& to, const ConvForward<T>& from) {
  const auto plain = [](const auto& b, auto& out) {
    out.data = b.data;
    std::copy_n(b.stride, 4, out.stride);
  };
  to.shape = from.shape;
  plain(from.out, to.out);
  plain(from.input, to.input);
  plain(from.weight, to.weight);
  to.bias = from.bias;
}
template <class T>
void erase_types(ConvBackward<void>& to, const ConvBackward<T>& from) {
  const auto plain = [](const auto& b, auto& out) {
    out.data = b.data;
    std::copy_n(b.stride, 4, out.stride);
  };
  to.shape = from.shape;
  plain(from.grad_out, to.grad_out);
  plain(from.input, to.input);
  plain(from.weight, to.weight);
  plain(from.grad_input, to.grad_input);
  plain(from.grad_weight, to.grad_weight);
  to.grad_bias = from.grad_bias;
}

void run(const ConvForward<double>& c) { conv_im2col(c); }
void run(const ConvBackward<double>& c) { conv_im2col(c); }
void run(const ConvForward<float>& c) {
  if (conv_taps(c) || conv_winograd(c)) return;
  ConvForward<void> plain;
  erase_types(plain, c);
  if (!conv_onednn(kFloat32, plain)) conv_im2col(c);
}
// Each gradient goes its own way.
void run(const ConvBackward<float>& c) {
  ConvBackward<float> rest = c;
  if (c.grad_weight.data != nullptr && (conv_taps_weight(c) || conv_winograd_weight(c))) {
    rest.grad_weight = {};
    rest.grad_bias = nullptr;
  }
  const bool wants_weight = rest.grad_weight.data != nullptr || rest.grad_bias != nullptr;
  if (c.grad_input.data != nullptr && conv_winograd_input(c)) {
    rest.grad_input = {};
  } else if (c.grad_input.data != nullptr && !wants_weight && has_few_taps(c.shape)) {
    // oneDNN pads the channels to whole vectors: two to five times the time (measured).
    return conv_im2col(rest);
  }
  if (rest.grad_input.data == nullptr && !wants_weight) return;
  ConvBackward<void> plain;
  erase_types(plain, rest);
  if (!conv_onednn(kFloat32, plain)) conv_im2col(rest);
}

template <class T>
void forward(View out, ConstView input, ConstView weight, ConstView bias, const ConvShape& shape) {
  if constexpr (std::is_floating_point_v<T>) {
    run(ConvForward<T>{shape, block<T>(out), block<const T>(input), block<const T>(weight),
                       bias.defined() ? bias.data<T>() : nullptr});
  } else {
    if (out.dtype() == kBFloat16 &&
        conv_onednn(kBFloat16, ConvForward<void>{shape, block<void>(out), block<const void>(input),
                                                 block<const void>(weight),
                                                 bias.defined() ? bias.raw_data() : nullptr})) {
      return;
    }
    Widened<T> wide_out(out), wide_input(input), wide_weight(weight), wide_bias(bias);
    wide_input.load(input);
    wide_weight.load(weight);
    wide_bias.load(bias);
    run(ConvForward<float>{shape, wide_out.block(), wide_input.read(), wide_weight.read(),
                           wide_bias.data()});
    wide_out.store(out);
  }
}

template <class T>
void backward(View grad_input, View grad_weight, View grad_bias, ConstView grad_out,
              ConstView input, ConstView weight, const ConvShape& shape) {
  if constexpr (std::is_floating_point_v<T>) {
    run(ConvBackward<T>{shape, block<const T>(grad_out), block<const T>(input),
                        block<const T>(weight), block<T>(grad_input), block<T>(grad_weight),
                        grad_bias.defined() ? grad_bias.data<T>() : nullptr});
  } else {
    if (grad_out.dtype() == kBFloat16 &&
        conv_onednn(kBFloat16,
                    ConvBackward<void>{shape, block<const void>(grad_out), block<const void>(input),
                                       block<const void>(weight), block<void>(grad_input),
                                       block<void>(grad_weight),
                                       grad_bias.defined() ? grad_bias.raw_data() : nullptr})) {
      return;
    }
    Widened<T> g(grad_out), x(input), w(weight), gx(grad_input), gw(grad_weight), gb(grad_bias);
    g.load(grad_out);
    x.load(input);
    w.load(weight);
    run(ConvBackward<float>{shape, g.read(), x.read(), w.read(), gx.block(), gw.block(),
                            gb.data()});
    gx.store(grad_input);
    gw.store(grad_weight);
    gb.store(grad_bias);
  }
}

template <class F>
void visit_floating(ScalarType dtype, F&& f) {
  visit_dtype(dtype, [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_integral_v<T>) {
      TAPER_CHECK_AS(DTypeError, false, "conv2d: expected a floating dtype, got ", dtype);
    } else {
      f(tag);
    }
  });
}

}  // namespace

void conv2d(View out, ConstView input, ConstView weight, ConstView bias,
            const ConvGeometry& geometry) {
  const ConvShape shape = shape_of(input, weight, out, geometry);
  visit_floating(out.dtype(),
                 [&](auto tag) { forward<decltype(tag)>(out, input, weight, bias, shape); });
}

void conv2d_backward(View grad_input, View grad_weight, View grad_bias, ConstView grad_out,
                     ConstView input, ConstView weight, const ConvGeometry& geometry) {
  const ConvShape shape =
      shape_of(grad_input.defined() ? grad_input : input,
               grad_weight.defined() ? grad_weight : weight, grad_out, geometry);
  visit_floating(grad_out.dtype(), [&](auto tag) {
    backward<decltype(tag)>(grad_input, grad_weight, grad_bias, grad_out, input, weight, shape);
  });
}

}  // namespace cpu
}  // namespace taper
