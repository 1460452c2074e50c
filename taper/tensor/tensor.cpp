#include "taper/tensor/tensor.h"

#include "taper/core/sizes.h"

namespace taper {

void Tensor::fail_undefined() {
  throw Error("expected a defined tensor, got an undefined one (a default-made Tensor)");
}

void Tensor::check_type(ScalarType wanted) const {
  TAPER_CHECK_AS(DTypeError, scalar_type() == wanted, "data_ptr: expected scalar type ", wanted,
                 " but found ", scalar_type());
}

int64_t Tensor::size(int64_t d) const {
  TAPER_CHECK_AS(IndexError, dim() > 0, "size: dimension specified as ", d,
                 " but tensor has no dimensions");
  return sizes()[wrap_dim(d, dim())];
}

int64_t Tensor::stride(int64_t d) const {
  TAPER_CHECK_AS(IndexError, dim() > 0, "stride: dimension specified as ", d,
                 " but tensor has no dimensions");
  return strides()[wrap_dim(d, dim())];
}

bool Tensor::is_contiguous(MemoryFormat format) const {
  if (format == MemoryFormat::Contiguous || format == MemoryFormat::Preserve) {
    return impl().is_contiguous();
  }
  const int64_t rank = format == MemoryFormat::ChannelsLast ? 4 : 5;
  return dim() == rank && is_channels_last(sizes(), strides());
}

bool Tensor::is_non_overlapping_and_dense() const {
  return impl().is_contiguous() || taper::is_non_overlapping_and_dense(sizes(), strides());
}

MemoryFormat Tensor::suggest_memory_format() const {
  if (impl().is_contiguous() || !is_channels_last(sizes(), strides())) {
    return MemoryFormat::Contiguous;
  }
  return dim() == 4 ? MemoryFormat::ChannelsLast : MemoryFormat::ChannelsLast3d;
}

Scalar Tensor::item() const {
  TAPER_CHECK_AS(ShapeError, numel() == 1, "item: a Tensor with ", numel(),
                 " elements cannot be converted to Scalar, expected one element of sizes ",
                 sizes());
  return visit_any_dtype(
      scalar_type(), [&](auto zero) { return Scalar(*static_cast<decltype(zero)*>(data_ptr())); });
}

Tensor Tensor::_base() const {
  TAPER_CHECK(is_view(), "_base: Can't get base of non-view Variable");
  return Tensor(TensorImplPtr::share(impl().base()));
}

}  // namespace taper
