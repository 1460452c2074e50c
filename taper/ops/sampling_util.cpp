#include "taper/ops/sampling_util.h"

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "taper/core/allocator.h"
#include "taper/kernel/sampling.h"
#include "taper/ops/scatter.h"

namespace taper {
namespace {

// sample() along dim 0 and its two gradients are linear in both of their arguments, and the
// gradient of each of the three is made of the other two.
Tensor weight_gradient(const Tensor& grad_arg, const Tensor& x_arg, const Taps& taps);

/// d/d x of sample() along dim 0.
Tensor input_gradient_of(const Tensor& grad_arg, const Taps& taps) {
  const Tensor grad = grad_arg.contiguous();
  const Tensor weight = taps.weight.defined() ? taps.weight.contiguous() : Tensor();
  DimVector sizes(grad.sizes());
  sizes[0] = taps.inputs;
  Tensor out = new_tensor("sample", sizes, grad.scalar_type());
  sample_transposed_kernel(out.device(), out_view(out), in(grad), in(taps.first), in(taps.index),
                           weight.defined() ? in(weight) : ConstView());
  record({.name = "SampleTransposedBackward",
          .outputs = {out},
          .inputs = {grad, weight},
          .save = {taps.first, taps.index, save_if(needs_grad(grad), weight),
                   save_if(needs_grad(weight), grad)},
          .backward = [inputs = taps.inputs](Backward& b) {
            const Taps taps{b.saved(0), b.saved(1), b.saved(2), inputs};
            if (b.wants(0)) b.set(0, sample(b.grad(), 0, taps));
            if (b.wants(1)) b.set(1, weight_gradient(b.saved(3), b.grad(), taps));
          }});
  return out;
}

/// d/d weight of sample() along dim 0.
Tensor weight_gradient(const Tensor& grad_arg, const Tensor& x_arg, const Taps& taps) {
  const Tensor grad = grad_arg.contiguous(), x = x_arg.contiguous();
  Tensor out = new_tensor("sample", taps.index.sizes(), x.scalar_type());
  sample_weights_kernel(out.device(), out_view(out), in(grad), in(x), in(taps.first),
                        in(taps.index));
  record(
      {.name = "SampleWeightsBackward",
       .outputs = {out},
       .inputs = {grad, x},
       .save = {taps.first, taps.index, save_if(needs_grad(x), grad), save_if(needs_grad(grad), x)},
       .backward = [inputs = taps.inputs](Backward& b) {
         const Taps taps{b.saved(0), b.saved(1), b.grad(), inputs};
         if (b.wants(0)) b.set(0, sample(b.saved(3), 0, taps));
         if (b.wants(1)) b.set(1, input_gradient_of(b.saved(2), taps));
       }});
  return out;
}

}  // namespace

Taps window_taps(int64_t inputs, int64_t windows, int64_t kernel, int64_t stride, int64_t padding,
                 int64_t dilation) {
  return taps_of(windows * kernel, inputs, [=](int64_t row) {
    const int64_t i = row % windows * stride + row / windows * dilation - padding;
    return i < inputs ? i : -1;
  });
}

Taps transpose(const Taps& taps) {
  Taps t;
  t.inputs = taps.rows();
  t.first = new_tensor("sample", {taps.inputs + 1}, kLong);
  t.index = new_tensor("sample", taps.index.sizes(), kLong);
  const Tensor entry = new_tensor("sample", taps.index.sizes(), kLong);
  transpose_taps_kernel(t.first.device(), out_view(t.first), out_view(t.index), out_view(entry),
                        in(taps.first), in(taps.index));
  const int64_t used = t.first.const_data_ptr<int64_t>()[taps.inputs];
  t.index = t.index.narrow(0, 0, used);
  if (taps.weight.defined()) t.weight = taps.weight.index_select(0, entry.narrow(0, 0, used));
  return t;
}

TapsBuilder::TapsBuilder(int64_t rows, int64_t inputs, int64_t taps_per_row) : inputs_(inputs) {
  // More than any machine has is not asked of operator new, which sanitizers end the process for.
  constexpr int64_t kMost = int64_t{1} << 44;
  int64_t places = 0;
  const int64_t most = memory_limit() == 0 ? kMost : memory_limit() / 8;
  const bool fits =
      !__builtin_mul_overflow(rows, taps_per_row, &places) && rows < most && places < most;
  try {
    if (!fits) throw std::length_error("places");
    first_.reserve(static_cast<size_t>(rows) + 1);
    index_.reserve(static_cast<size_t>(places));
  } catch (const std::exception&) {
    throw OutOfMemoryError(str("sample: no memory for the places of ", rows, " elements"));
  }
}

Taps TapsBuilder::done(ScalarType dtype) const {
  const auto tensor_of = [](const std::vector<int64_t>& values) {
    Tensor t = new_tensor("sample", {static_cast<int64_t>(values.size())}, kLong);
    std::copy(values.begin(), values.end(), t.data_ptr<int64_t>());
    return t;
  };
  Taps taps{tensor_of(first_), tensor_of(index_), Tensor(), inputs_};
  if (weight_.empty()) return taps;
  const Tensor weight = new_tensor("sample", taps.index.sizes(), kDouble);
  std::copy(weight_.begin(), weight_.end(), weight.data_ptr<double>());
  taps.weight = weight.to(dtype);
  return taps;
}

Tensor sample(const Tensor& x_arg, int64_t dim, const Taps& taps) {
  const Tensor x = x_arg.contiguous();
  DimVector sizes(x.sizes());
  sizes[dim] = taps.rows();
  Tensor out = new_tensor("sample", sizes, x.scalar_type());
  // Weights in another place may come from a view; the kernel reads them densely.
  const Tensor weight = taps.weight.defined() ? taps.weight.contiguous() : Tensor();
  sample_kernel(out.device(), out_view(out), in(x), in(taps.first), in(taps.index.contiguous()),
                weight.defined() ? in(weight) : ConstView(), dim);
  const bool wants_weight = needs_grad(weight);
  record(
      {.name = "SampleBackward",
       .outputs = {out},
       .inputs = {x, weight},
       .save = {taps.first, taps.index, save_if(needs_grad(x), weight), save_if(wants_weight, x)},
       .backward = [dim, inputs = taps.inputs](Backward& b) {
         const Taps taps{b.saved(0), b.saved(1), b.saved(2), inputs};
         if (b.wants(0)) {
           b.set(0, dim == 0 ? input_gradient_of(b.grad(), taps)
                             : sample(b.grad(), dim, transpose(taps)));
         }
         if (b.wants(1)) b.set(1, weight_gradient(b.grad(), b.saved(3), taps));
       }});
  return out;
}

Tensor sample_each(const Tensor& x, int64_t first, const std::vector<Taps>& taps) {
  const bool last = first >= 2 && x.suggest_memory_format() != MemoryFormat::Contiguous;
  Tensor out = last ? x.movedim(1, -1) : x;
  for (size_t i = taps.size(); i-- > 0;) {
    if (!taps[i].first.defined()) continue;
    out = sample(out, first + static_cast<int64_t>(i) - (last ? 1 : 0), taps[i]);
  }
  return last ? out.movedim(-1, 1) : out;
}

}  // namespace taper
