#include "taper/ops/copy.h"

#include "taper/autograd/variable.h"
#include "taper/kernel/copy.h"
#include "taper/ops/op_util.h"

namespace taper {
namespace {

/// A fresh tensor for a copy of self in a type and a format.
Tensor new_for_copy(const char* op, const Tensor& self, ScalarType dtype, MemoryFormat format) {
  if (format == MemoryFormat::Preserve) {
    if (self.is_non_overlapping_and_dense()) {
      return Tensor(TensorImpl::empty_like(self.impl(), dtype));
    }
    return new_tensor(op, self.sizes(), dtype);
  }
  if (format == MemoryFormat::Contiguous) return new_tensor(op, self.sizes(), dtype);
  return Tensor(
      TensorImpl::make(op, self.sizes(), strides_of(op, self.sizes(), format), dtype, nullptr, 0));
}

void warn_on_discard(const Tensor& self, ScalarType dtype) {
  if (self.is_complex() && !isComplexType(dtype) && dtype != kBool) [[unlikely]] {
    warn("Casting complex values to real discards the imaginary part");
  }
}

/// Zeros for the gradient of a tensor that the op has overwritten.
Tensor overwritten(const Backward& b) {
  Tensor zeros = new_tensor("zeros", b.output().sizes, b.output().dtype);
  fill_kernel(zeros.device(), out_view(zeros), 0);
  return zeros;
}

}  // namespace

Tensor clone(const Tensor& self, std::optional<MemoryFormat> memory_format) {
  Tensor out = new_for_copy("clone", self, self.scalar_type(),
                            memory_format.value_or(MemoryFormat::Preserve));
  copy_kernel(out.device(), out_view(out), in(self));
  if (needs_grad(self)) {
    record({.name = "CloneBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [](Backward& b) { b.set(0, b.grad()); },
            .jvp = [](Forward& t) { t.add(0, t.tangent(0)); }});
  }
  return out;
}

Tensor contiguous(const Tensor& self, MemoryFormat memory_format) {
  if (self.is_contiguous(memory_format)) return self;
  TAPER_CHECK(memory_format != MemoryFormat::Preserve,
              "contiguous: preserve memory format is unsupported by the contiguous operator");
  return clone(self, memory_format);
}

Tensor& copy_(Tensor& self, const Tensor& src, bool) {
  TAPER_CHECK(self.defined() && src.defined(), "copy_: expected defined tensors");
  if (self.is_same(src)) return self;
  TAPER_CHECK_AS(ShapeError, is_expandable_to(src.sizes(), self.sizes()),
                 "copy_: output with shape ", self.sizes(),
                 " doesn't match the broadcast shape: The size of tensor a ", self.sizes(),
                 " must match the size of tensor b ", src.sizes());
  warn_on_discard(src, self.scalar_type());
  begin_inplace("copy_", self, {src});
  if (src.sizes() == self.sizes()) [[likely]] {
    copy_kernel(self.device(), out_view(self), in(src));
  } else {
    DimVector sizes, strides;
    expand_strides(src.sizes(), src.strides(), self.sizes(), sizes, strides);
    const TensorImplPtr expanded = TensorImpl::make("copy_", sizes, strides, src.scalar_type(),
                                                    src.impl().storage(), src.storage_offset());
    copy_kernel(self.device(), out_view(self), ConstView(expanded.get()));
  }
  record({.name = "CopyBackwards",
          .outputs = {self},
          .inputs = {self, src},
          .inplace = true,
          .backward =
              [](Backward& b) {
                if (b.wants(0)) b.set(0, overwritten(b));
                if (b.wants(1)) b.set(1, grad_as(sum_to(b.grad(), b.sizes(1)), b.dtype(1)));
              },
          .jvp =
              [&](Forward& t) {
                if (t.has(1))
                  t.add(0, grad_as(t.tangent(1), self.scalar_type()).expand(self.sizes()));
              }});
  return self;
}

Tensor& fill_(Tensor& self, const Scalar& value) {
  check_inplace("fill_", self.impl(), false);
  self.impl().bump_version();
  fill_kernel(self.device(), out_view(self), value);
  record({.name = "FillBackward0",
          .outputs = {self},
          .inputs = {self},
          .inplace = true,
          .backward = [](Backward& b) { b.set(0, overwritten(b)); }});
  return self;
}

Tensor& fill_(Tensor& self, const Tensor& value) {
  TAPER_CHECK_AS(ShapeError, value.dim() == 0,
                 "fill_: fill_ only supports 0-dimension value tensor but got tensor with ",
                 value.dim(), " dimensions.");
  const Scalar number = value.item();
  check_inplace("fill_", self.impl(), needs_grad(value));
  self.impl().bump_version();
  fill_kernel(self.device(), out_view(self), number);
  record({.name = "FillBackward1",
          .outputs = {self},
          .inputs = {self, value},
          .inplace = true,
          .backward = [](Backward& b) {
            if (b.wants(0)) b.set(0, overwritten(b));
            if (b.wants(1)) b.set(1, grad_as(sum_to(b.grad(), {}), b.dtype(1)));
          }});
  return self;
}

Tensor& zero_(Tensor& self) { return fill_(self, 0); }

namespace {

Tensor convert_to(const Tensor& self, ScalarType dtype, std::optional<Device> device, bool copy,
                  std::optional<MemoryFormat> format) {
  TAPER_CHECK(!device || device->is_cpu(), "to: expected a device that this build has (cpu), got ",
              device.value_or(Device()));
  // As in PyTorch, other strides are as good as contiguous ones, for which nobody asked.
  const bool has_format = !format || *format == MemoryFormat::Preserve ||
                          self.suggest_memory_format() == *format || self.is_contiguous(*format);
  if (dtype == self.scalar_type() && !copy && has_format) return self;
  warn_on_discard(self, dtype);
  Tensor out = new_for_copy("to", self, dtype, format.value_or(MemoryFormat::Preserve));
  copy_kernel(out.device(), out_view(out), in(self));
  if (isDifferentiableType(dtype) && needs_grad(self)) {
    record({.name = "ToCopyBackward0",
            .outputs = {out},
            .inputs = {self},
            .backward = [](Backward& b) { b.set(0, grad_as(b.grad(), b.dtype(0))); },
            .jvp = [dtype](Forward& t) { t.add(0, grad_as(t.tangent(0), dtype)); }});
  }
  return out;
}

}  // namespace

Tensor to(const Tensor& self, const TensorOptions& options, bool, bool copy,
          std::optional<MemoryFormat> memory_format) {
  return convert_to(self, options.dtype_opt().value_or(self.scalar_type()), options.device_opt(),
                    copy, memory_format ? memory_format : options.memory_format_opt());
}

Tensor to(const Tensor& self, std::optional<ScalarType> dtype, std::optional<Layout>,
          std::optional<Device> device, std::optional<bool>, bool, bool copy,
          std::optional<MemoryFormat> memory_format) {
  return convert_to(self, dtype.value_or(self.scalar_type()), device, copy, memory_format);
}

Tensor to(const Tensor& self, Device device, ScalarType dtype, bool, bool copy,
          std::optional<MemoryFormat> memory_format) {
  return convert_to(self, dtype, device, copy, memory_format);
}

Tensor to(const Tensor& self, ScalarType dtype, bool, bool copy,
          std::optional<MemoryFormat> memory_format) {
  return convert_to(self, dtype, std::nullopt, copy, memory_format);
}

Tensor to(const Tensor& self, const Tensor& other, bool, bool copy,
          std::optional<MemoryFormat> memory_format) {
  return convert_to(self, other.scalar_type(), other.device(), copy, memory_format);
}

Tensor type_as(const Tensor& self, const Tensor& other) {
  return convert_to(self, other.scalar_type(), other.device(), false, std::nullopt);
}

Tensor toType(const Tensor& self, ScalarType dtype) {
  return convert_to(self, dtype, std::nullopt, false, std::nullopt);
}

Tensor Tensor::cpu() const { return to(Device(kCPU), scalar_type()); }

}  // namespace taper
