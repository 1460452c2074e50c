#include "taper/ops/normalization.h"

#include <algorithm>
#include <cmath>

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/normalization.h"
#include "taper/kernel/reduction.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise_util.h"

namespace taper {
namespace {

/// The tensor, or an undefined one where there is none.
Tensor given(const std::optional<Tensor>& t) { return t ? *t : Tensor(); }
Tensor contiguous_or_none(const std::optional<Tensor>& t) {
  return t && t->defined() ? t->contiguous() : Tensor();
}
Tensor to_type(const std::optional<Tensor>& t, ScalarType type) {
  return t && t->defined() ? t->to(type) : Tensor();
}
View view_or_none(const Tensor& t) { return t.defined() ? out_view(t) : View(); }
ConstView in_or_none(const Tensor& t) { return t.defined() ? in(t) : ConstView(); }

void check_layer_norm(const Tensor& input, IntArrayRef shape, const Tensor& weight,
                      const Tensor& bias) {
  check_floating("layer_norm", input);
  const int64_t rank = static_cast<int64_t>(shape.size());
  TAPER_CHECK_AS(ShapeError, rank >= 1,
                 "layer_norm: Expected normalized_shape to be at least 1-dimensional, i.e., "
                 "containing at least one element, but got normalized_shape = ",
                 shape);
  const bool fits =
      input.dim() >= rank && input.sizes().slice(static_cast<size_t>(input.dim() - rank)) == shape;
  TAPER_CHECK_AS(ShapeError, fits, "layer_norm: Given normalized_shape=", shape,
                 ", expected input with shape [*, ", shape, "], but got input of size",
                 input.sizes());
  for (const auto& [name, t] : {std::pair{"weight", &weight}, std::pair{"bias", &bias}}) {
    if (!t->defined()) continue;
    TAPER_CHECK_AS(ShapeError, t->sizes() == shape, "layer_norm: Expected ", name,
                   " to be of same shape as normalized_shape, but got ", name, " of shape ",
                   t->sizes(), " and normalized_shape = ", shape);
    check_same_dtype("layer_norm", input, *t);
  }
}

/// Gradients as differentiable ops, from x itself.
void layer_norm_slopes(Backward& g, int64_t rank, double eps) {
  const Tensor &x = g.saved(0), &weight = g.saved(3);
  DimVector inner, outer;
  for (int64_t d = 0; d < x.dim(); ++d) (d >= x.dim() - rank ? inner : outer).push_back(d);
  const Tensor centred = x.sub(x.mean(inner, true));
  const Tensor rstd = centred.square().mean(inner, true).add(eps).rsqrt();
  const Tensor normal = centred.mul(rstd);
  const Tensor grad = g.grad();
  if (g.wants(0)) {
    const Tensor weighted = weight.defined() ? grad.mul(weight) : grad;
    const Tensor along = normal.mul(weighted.mul(normal).mean(inner, true));
    g.set(0, weighted.sub(weighted.mean(inner, true)).sub(along).mul(rstd));
  }
  // An empty list of dimensions would mean all of them.
  const auto by_rows = [&](const Tensor& t) { return outer.empty() ? t : t.sum(outer); };
  if (g.wants(1)) g.set(1, by_rows(grad.mul(normal)));
  if (g.wants(2)) g.set(2, by_rows(grad));
}

void layer_norm_gradients(Backward& g, int64_t rank, int64_t n, double eps) {
  if (thread_state.recording()) return layer_norm_slopes(g, rank, eps);
  const Tensor &x = g.saved(0), &mean = g.saved(1), &rstd = g.saved(2), &weight = g.saved(3);
  const Tensor grad = g.grad().contiguous();
  Tensor results[3];
  for (size_t i = 0; i < 3; ++i) {
    if (g.wants(i)) results[i] = new_tensor("layer_norm_backward", g.sizes(i), g.dtype(i));
  }
  layer_norm_backward_kernel(x.device(), view_or_none(results[0]), view_or_none(results[1]),
                             view_or_none(results[2]), in(grad), in(x), in(mean), in(rstd),
                             in_or_none(weight), n);
  for (size_t i = 0; i < 3; ++i) {
    if (results[i].defined()) g.set(i, results[i]);
  }
}

std::tuple<Tensor, Tensor, Tensor> layer_norm_all(const Tensor& input, IntArrayRef shape,
                                                  const std::optional<Tensor>& weight_arg,
                                                  const std::optional<Tensor>& bias_arg,
                                                  double eps) {
  if (isReducedFloatingType(input.scalar_type())) {
    const auto [out, mean, rstd] = layer_norm_all(
        input.to(kFloat), shape, to_type(weight_arg, kFloat), to_type(bias_arg, kFloat), eps);
    return {out.to(input.scalar_type()), mean, rstd};
  }
  const Tensor weight = contiguous_or_none(weight_arg), bias = contiguous_or_none(bias_arg);
  check_layer_norm(input, shape, weight, bias);
  const int64_t rank = static_cast<int64_t>(shape.size());
  int64_t n = 1;
  for (int64_t s : shape) n *= s;
  const Tensor x = input.contiguous();
  DimVector groups(x.sizes());
  for (size_t d = groups.size() - shape.size(); d < groups.size(); ++d) groups[d] = 1;
  const Tensor result = new_tensor("layer_norm", x.sizes(), x.scalar_type());
  const Tensor mean = new_tensor("layer_norm", groups, x.scalar_type());
  const Tensor rstd = new_tensor("layer_norm", groups, x.scalar_type());
  layer_norm_kernel(x.device(), out_view(result), out_view(mean), out_view(rstd), in(x),
                    in_or_none(weight), in_or_none(bias), n, eps);
  record({.name = "NativeLayerNormBackward0",
          .outputs = {result},
          .inputs = {x, weight, bias},
          .save = {x, mean, rstd, weight},
          .backward = [rank, n, eps](Backward& g) { layer_norm_gradients(g, rank, n, eps); }});
  return {result, mean, rstd};
}

// ---- batch norm

void check_channels(const char* op, const char* name, const std::optional<Tensor>& t,
                    int64_t channels) {
  if (!given(t).defined()) return;
  TAPER_CHECK_AS(ShapeError, t->numel() == channels, op, ": ", name, " should contain ", channels,
                 " elements not ", t->numel());
  TAPER_CHECK_AS(ShapeError, t->dim() == 1, op, ": ", name, " should have one dimension, got ",
                 t->sizes());
}

/// Before anything is written: what is wrong with one must not leave the other changed.
void check_channels(const char* op, const std::optional<Tensor>& weight,
                    const std::optional<Tensor>& bias, const std::optional<Tensor>& running_mean,
                    const std::optional<Tensor>& running_var, int64_t channels) {
  check_channels(op, "running_mean", running_mean, channels);
  check_channels(op, "running_var", running_var, channels);
  check_channels(op, "weight", weight, channels);
  check_channels(op, "bias", bias, channels);
  for (const auto* t : {&running_mean, &running_var}) {
    if (given(*t).defined()) check_floating(op, **t);
  }
}

/// x as the kernels take it: contiguous, or dense with the channels innermost.
Tensor batch_layout(const Tensor& x) {
  if (x.is_contiguous()) return x;
  if (x.dim() == 4 && x.is_contiguous(MemoryFormat::ChannelsLast)) return x;
  return x.contiguous();
}
/// A gradient in the layout of a batch.
Tensor in_layout_of(const Tensor& grad, const Tensor& x) {
  if (grad.strides() == x.strides()) return grad;
  Tensor copy = Tensor(TensorImpl::empty_like(x.impl(), x.scalar_type()));
  copy.copy_(grad);
  return copy;
}
uint64_t all_but_channels() { return ~uint64_t{2}; }

DimVector channel_shape(const Tensor& x) {
  DimVector shape(x.dim(), 1);
  shape[1] = x.size(1);
  return shape;
}
DimVector other_dims(const Tensor& x) {
  DimVector dims{0};
  for (int64_t d = 2; d < x.dim(); ++d) dims.push_back(d);
  return dims;
}

/// Gradients as differentiable ops: saved are x, mean, invstd, weight.
void batch_norm_slopes(Backward& g, bool training, double eps) {
  const Tensor &x = g.saved(0), &weight = g.saved(3), &grad = g.grad();
  const DimVector shape = channel_shape(x), dims = other_dims(x);
  Tensor mean = g.saved(1).view(shape), invstd = g.saved(2).view(shape);
  if (training) {
    mean = x.mean(dims, true);
    invstd = x.sub(mean).square().mean(dims, true).add(eps).rsqrt();
  }
  const Tensor normal = x.sub(mean).mul(invstd);
  if (g.wants(0)) {
    Tensor inner = weight.defined() ? grad.mul(weight.view(shape)) : grad;
    if (training) {
      const Tensor along = normal.mul(inner.mul(normal).mean(dims, true));
      inner = inner.sub(inner.mean(dims, true)).sub(along);
    }
    g.set(0, inner.mul(invstd));
  }
  if (g.wants(1)) g.set(1, grad.mul(normal).sum(dims));
  if (g.wants(2)) g.set(2, grad.sum(dims));
}

void batch_norm_gradients(Backward& g, bool training, double eps) {
  if (thread_state.recording()) return batch_norm_slopes(g, training, eps);
  const Tensor &x = g.saved(0), &mean = g.saved(1), &invstd = g.saved(2), &weight = g.saved(3);
  const bool in_place = solely_owned(g.grad()) && g.grad().is_contiguous() && x.is_contiguous();
  const Tensor grad = in_layout_of(g.grad(), x);
  const int64_t per_channel = x.numel() / std::max<int64_t>(x.size(1), 1);
  const auto count = static_cast<double>(per_channel);
  Tensor sum, sum_x;
  if (training || g.wants(1) || g.wants(2)) {
    sum = new_tensor("batch_norm_backward", mean.sizes(), x.scalar_type());
    sum_x = new_tensor("batch_norm_backward", mean.sizes(), x.scalar_type());
    batch_norm_sums_kernel(x.device(), out_view(sum), out_view(sum_x), in(grad), in(x), in(mean));
  }
  if (g.wants(0)) {
    const Tensor result =
        in_place ? grad : Tensor(TensorImpl::empty_like(x.impl(), x.scalar_type()));
    const Tensor scale = weight.defined() ? invstd.mul(weight) : invstd;
    if (training) {
      const Tensor shift = sum.div(count);
      const Tensor slope = invstd.square().mul(sum_x).div(count);
      batch_norm_grad_kernel(x.device(), out_view(result), in(grad), in(x), in(mean), in(shift),
                             in(slope), in(scale));
    } else {
      batch_norm_grad_kernel(x.device(), out_view(result), in(grad), ConstView(), ConstView(),
                             ConstView(), ConstView(), in(scale));
    }
    g.set(0, result);
  }
  if (g.wants(1)) g.set(1, sum_x.mul(invstd));
  if (g.wants(2)) g.set(2, sum);
}

void update_running(const Tensor& running, const Tensor& batch, double momentum) {
  if (!running.defined()) return;
  running.mul_(1 - momentum).add_(batch.to(running.scalar_type()), momentum);
}

Tensor batch_norm_of(const Tensor& input, const Tensor& weight_arg, const Tensor& bias_arg,
                     const Tensor& running_mean, const Tensor& running_var, bool training,
                     double momentum, double eps) {
  const Tensor x = batch_layout(input);
  const int64_t channels = x.size(1);
  const Tensor weight = contiguous_or_none(weight_arg), bias = contiguous_or_none(bias_arg);
  Tensor mean, invstd;
  {
    const NoRecordGuard no_record;
    if (training) {
      mean = new_tensor("batch_norm", {channels}, x.scalar_type());
      const Tensor var = new_tensor("batch_norm", {channels}, x.scalar_type());
      var_kernel(x.device(), out_view(var), out_view(mean), in(x), all_but_channels(), 0.0, false);
      invstd = var.add(eps).rsqrt();
      const double count = static_cast<double>(x.numel()) / static_cast<double>(channels);
      // Nothing seen changes nothing.
      if (x.numel() > 0) update_running(running_mean, mean, momentum);
      if (x.numel() > 0 && running_var.defined()) {
        update_running(running_var, var.mul(count / (count - 1)), momentum);
      }
    } else {
      mean = running_mean.to(x.scalar_type()).contiguous();
      invstd = running_var.to(x.scalar_type()).add(eps).rsqrt().contiguous();
    }
  }
  Tensor result(TensorImpl::empty_like(x.impl(), x.scalar_type()));
  const Tensor scale = [&] {
    const NoRecordGuard no_record;
    return weight.defined() ? invstd.mul(weight) : invstd;
  }();
  channel_affine_kernel(x.device(), out_view(result), in(x), in(mean), in(scale), in_or_none(bias));
  record({.name = "NativeBatchNormBackward0",
          .outputs = {result},
          .inputs = {x, weight, bias},
          .save = {x, mean, invstd, weight},
          .backward = [training, eps](Backward& g) { batch_norm_gradients(g, training, eps); }});
  return result;
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> native_layer_norm(const Tensor& input, IntArrayRef shape,
                                                     const std::optional<Tensor>& weight,
                                                     const std::optional<Tensor>& bias,
                                                     double eps) {
  return layer_norm_all(input, shape, weight, bias, eps);
}

Tensor layer_norm(const Tensor& input, IntArrayRef shape, const std::optional<Tensor>& weight,
                  const std::optional<Tensor>& bias, double eps, bool /*cudnn_enable*/) {
  return std::get<0>(layer_norm_all(input, shape, weight, bias, eps));
}

Tensor batch_norm(const Tensor& input, const std::optional<Tensor>& weight,
                  const std::optional<Tensor>& bias, const std::optional<Tensor>& running_mean,
                  const std::optional<Tensor>& running_var, bool training, double momentum,
                  double eps, bool /*cudnn_enabled*/) {
  check_floating("batch_norm", input);
  TAPER_CHECK_AS(ShapeError, input.dim() >= 2, "batch_norm: Expected at least 2 dimensions, got ",
                 input.sizes());
  check_channels("batch_norm", weight, bias, running_mean, running_var, input.size(1));
  TAPER_CHECK(training || (given(running_mean).defined() && given(running_var).defined()),
              "batch_norm: Expected running_mean and running_var to be defined when "
              "training=False");
  if (isReducedFloatingType(input.scalar_type())) {
    return batch_norm_of(input.to(kFloat), to_type(weight, kFloat), to_type(bias, kFloat),
                         given(running_mean), given(running_var), training, momentum, eps)
        .to(input.scalar_type());
  }
  for (const auto* t : {&weight, &bias}) {
    if (given(*t).defined()) check_same_dtype("batch_norm", input, **t);
  }
  return batch_norm_of(input, given(weight), given(bias), given(running_mean), given(running_var),
                       training, momentum, eps);
}

Tensor instance_norm(const Tensor& input, const std::optional<Tensor>& weight,
                     const std::optional<Tensor>& bias, const std::optional<Tensor>& running_mean,
                     const std::optional<Tensor>& running_var, bool use_input_stats,
                     double momentum, double eps, bool cudnn_enabled) {
  TAPER_CHECK(use_input_stats || (given(running_mean).defined() && given(running_var).defined()),
              "instance_norm: Expected running_mean and running_var to be defined when "
              "use_input_stats is false");
  TAPER_CHECK_AS(ShapeError, input.dim() >= 2,
                 "instance_norm: Expected at least 2 dimensions, got ", input.sizes());
  const int64_t samples = input.size(0), channels = input.size(1);
  check_channels("instance_norm", weight, bias, running_mean, running_var, channels);
  // Samples and channels together are the channels of one large sample.
  DimVector shape(input.sizes());
  shape[0] = 1;
  shape[1] = samples * channels;
  const auto repeated = [&](const std::optional<Tensor>& t) {
    return given(t).defined() ? t->repeat({samples}) : Tensor();
  };
  const Tensor mean = repeated(running_mean), var = repeated(running_var);
  const Tensor out = batch_norm(input.contiguous().view(shape), repeated(weight), repeated(bias),
                                mean, var, use_input_stats, momentum, eps, cudnn_enabled);
  if (use_input_stats && input.numel() > 0) {
    const NoRecordGuard no_record;
    if (mean.defined()) running_mean->copy_(mean.view({samples, channels}).mean(0));
    if (var.defined()) running_var->copy_(var.view({samples, channels}).mean(0));
  }
  return out.view(input.sizes());
}

Tensor group_norm(const Tensor& input, int64_t num_groups, const std::optional<Tensor>& weight,
                  const std::optional<Tensor>& bias, double eps, bool /*cudnn_enabled*/) {
  TAPER_CHECK_AS(ShapeError, input.dim() >= 2,
                 "group_norm: Expected at least 2 dimensions for input tensor but received ",
                 input.dim());
  const int64_t samples = input.size(0), channels = input.size(1);
  TAPER_CHECK_AS(ShapeError, num_groups > 0 && channels % num_groups == 0,
                 "group_norm: Expected number of channels in input to be divisible by num_groups, "
                 "but got input of shape ",
                 input.sizes(), " and num_groups=", num_groups);
  if (isReducedFloatingType(input.scalar_type())) {
    return group_norm(input.to(kFloat), num_groups, to_type(weight, kFloat), to_type(bias, kFloat),
                      eps)
        .to(input.scalar_type());
  }
  DimVector shape(input.dim(), 1);
  shape[1] = channels;
  const int64_t count = samples == 0 ? 0 : input.numel() / (samples * num_groups);
  const Tensor groups = input.contiguous().view({samples, num_groups, count});
  Tensor out = layer_norm(groups, {count}, {}, {}, eps).view(input.sizes());
  for (const auto& [name, t] : {std::pair{"weight", &weight}, std::pair{"bias", &bias}}) {
    if (!given(*t).defined()) continue;
    TAPER_CHECK_AS(ShapeError, (*t)->dim() == 1 && (*t)->numel() == channels,
                   "group_norm: Expected ", name,
                   " to be a vector of size equal to the number of channels in input, but got ",
                   name, " of shape ", (*t)->sizes(), " and input of shape ", input.sizes());
  }
  if (given(weight).defined()) out = out.mul(weight->view(shape));
  if (given(bias).defined()) out = out.add(bias->view(shape));
  return out;
}

}  // namespace taper
