#include "taper/ops/creation.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "taper/kernel/copy.h"
#include "taper/kernel/creation.h"
#include "taper/ops/op_util.h"

namespace taper {
namespace {

void check_device(const char* op, Device device) {
  TAPER_CHECK(device.is_cpu(), op, ": expected a device that this build has (cpu), got ", device);
}

Tensor finish(Tensor t, const TensorOptions& options) {
  if (options.requires_grad()) t.set_requires_grad(true);
  return t;
}

Tensor make_empty(const char* op, IntArrayRef size, ScalarType dtype, const TensorOptions& options,
                  std::optional<MemoryFormat> format = std::nullopt) {
  check_device(op, options.device());
  if (!format) format = options.memory_format_opt();
  if (!format || *format == MemoryFormat::Contiguous) return new_tensor(op, size, dtype);
  TAPER_CHECK(*format != MemoryFormat::Preserve, op,
              ": expected a memory format, but Preserve has nothing to preserve here");
  return Tensor(TensorImpl::make(op, size, strides_of(op, size, *format), dtype, nullptr, 0));
}

Tensor make_filled(const char* op, IntArrayRef size, const Scalar& value, ScalarType dtype,
                   const TensorOptions& options) {
  Tensor t = make_empty(op, size, dtype, options);
  fill_kernel(t.device(), out_view(t), value);
  return finish(std::move(t), options);
}

Tensor make_like(const char* op, const Tensor& self, const TensorOptions& options,
                 std::optional<MemoryFormat> format) {
  check_device(op, options.has_device() ? options.device() : self.device());
  if (!format) format = options.memory_format_opt();
  const ScalarType dtype = options.dtype_opt().value_or(self.scalar_type());
  if (format && *format != MemoryFormat::Preserve) {
    return make_empty(op, self.sizes(), dtype, {}, format);
  }
  if (self.is_non_overlapping_and_dense()) {
    return Tensor(TensorImpl::empty_like(self.impl(), dtype));
  }
  return new_tensor(op, self.sizes(), dtype);
}

Tensor filled_like(const char* op, const Tensor& self, const Scalar& value,
                   const TensorOptions& options, std::optional<MemoryFormat> format) {
  Tensor t = make_like(op, self, options, format);
  fill_kernel(t.device(), out_view(t), value);
  return finish(std::move(t), options);
}

ScalarType inferred(const TensorOptions& options, const Scalar& value) {
  if (options.has_dtype()) return options.dtype();
  if (value.isComplex()) return toComplexType(get_default_dtype());
  return value.isFloatingPoint() ? get_default_dtype() : value.type();
}

TensorOptions options_of(const Tensor& self, const TensorOptions& options) {
  return options.or_else(self.options());
}

/// A bound of a sequence in the type of the options: an integer type takes its fraction first.
Scalar number_in(const TensorOptions& options, const Scalar& bound) {
  return isIntegralType(options.dtype(), true) ? Scalar(bound.toLong()) : bound;
}

}  // namespace

Tensor empty(IntArrayRef size, const TensorOptions& options,
             std::optional<MemoryFormat> memory_format) {
  return finish(make_empty("empty", size, options.dtype(), options, memory_format), options);
}

Tensor empty_strided(IntArrayRef size, IntArrayRef stride, const TensorOptions& options) {
  check_device("empty_strided", options.device());
  return finish(
      Tensor(TensorImpl::make("empty_strided", size, stride, options.dtype(), nullptr, 0)),
      options);
}

Tensor empty_permuted(IntArrayRef size, IntArrayRef physical_layout, const TensorOptions& options) {
  const int64_t rank = static_cast<int64_t>(size.size());
  TAPER_CHECK_AS(ShapeError, physical_layout.size() == size.size(),
                 "empty_permuted: Number of dimensions in size does not match the length of the "
                 "physical_layout; i.e. len(size) = ",
                 rank, " is not equal to len(physical_layout) = ", physical_layout.size());
  checked_numel("empty_permuted", size, elementSize(options.dtype()));
  DimVector strides(size.size(), 0);
  int64_t step = 1;
  for (size_t i = size.size(); i-- > 0;) {
    const int64_t dim = physical_layout[i];
    TAPER_CHECK_AS(IndexError, dim >= 0 && dim < rank,
                   "empty_permuted: Dimension out of range (expected to be between 0 and ",
                   rank - 1, ", but got ", dim, " at index ", i, ")");
    TAPER_CHECK_AS(ShapeError, strides[dim] == 0, "empty_permuted: Duplicate dim not allowed, got ",
                   physical_layout);
    strides[dim] = step;
    step *= std::max<int64_t>(size[dim], 1);
  }
  return empty_strided(size, strides, options);
}

Tensor zeros(IntArrayRef size, const TensorOptions& options) {
  return make_filled("zeros", size, 0, options.dtype(), options);
}

Tensor ones(IntArrayRef size, const TensorOptions& options) {
  return make_filled("ones", size, 1, options.dtype(), options);
}

Tensor full(IntArrayRef size, const Scalar& fill_value, const TensorOptions& options) {
  return make_filled("full", size, fill_value, inferred(options, fill_value), options);
}

Tensor scalar_tensor(const Scalar& s, const TensorOptions& options) {
  return make_filled("scalar_tensor", {}, s, options.dtype(), options);
}

Tensor empty_like(const Tensor& self, const TensorOptions& options,
                  std::optional<MemoryFormat> memory_format) {
  return finish(make_like("empty_like", self, options, memory_format), options);
}

Tensor zeros_like(const Tensor& self, const TensorOptions& options,
                  std::optional<MemoryFormat> memory_format) {
  return filled_like("zeros_like", self, 0, options, memory_format);
}

Tensor ones_like(const Tensor& self, const TensorOptions& options,
                 std::optional<MemoryFormat> memory_format) {
  return filled_like("ones_like", self, 1, options, memory_format);
}

Tensor full_like(const Tensor& self, const Scalar& fill_value, const TensorOptions& options,
                 std::optional<MemoryFormat> memory_format) {
  return filled_like("full_like", self, fill_value, options, memory_format);
}

Tensor new_empty(const Tensor& self, IntArrayRef size, const TensorOptions& options) {
  return empty(size, options_of(self, options));
}

Tensor new_empty_strided(const Tensor& self, IntArrayRef size, IntArrayRef stride,
                         const TensorOptions& options) {
  return empty_strided(size, stride, options_of(self, options));
}

Tensor new_zeros(const Tensor& self, IntArrayRef size, const TensorOptions& options) {
  return zeros(size, options_of(self, options));
}

Tensor new_ones(const Tensor& self, IntArrayRef size, const TensorOptions& options) {
  return ones(size, options_of(self, options));
}

Tensor new_full(const Tensor& self, IntArrayRef size, const Scalar& fill_value,
                const TensorOptions& options) {
  return full(size, fill_value, options_of(self, options));
}

Tensor eye(int64_t n, const TensorOptions& options) { return eye(n, n, options); }

Tensor eye(int64_t n, int64_t m, const TensorOptions& options) {
  TAPER_CHECK_AS(ShapeError, n >= 0, "eye: n must be greater or equal to 0, got ", n);
  TAPER_CHECK_AS(ShapeError, m >= 0, "eye: m must be greater or equal to 0, got ", m);
  Tensor t = make_filled("eye", {n, m}, 0, options.dtype(), options.requires_grad(false));
  const int64_t diagonal = n < m ? n : m;
  if (diagonal > 0) {
    const TensorImplPtr view = TensorImpl::make("eye", {diagonal}, {m + 1}, t.scalar_type(),
                                                t.impl().storage(), t.storage_offset());
    fill_kernel(t.device(), View(view.get()), 1);
  }
  return finish(std::move(t), options);
}

Tensor arange(const Scalar& end, const TensorOptions& options) {
  return arange(0, end, 1, options);
}

Tensor arange(const Scalar& start, const Scalar& end, const TensorOptions& options) {
  return arange(start, end, 1, options);
}

Tensor arange(const Scalar& first, const Scalar& last, const Scalar& stride,
              const TensorOptions& options) {
  const bool whole = first.isIntegral(true) && last.isIntegral(true) && stride.isIntegral(true);
  const ScalarType dtype = options.dtype_opt().value_or(whole ? kLong : get_default_dtype());
  TAPER_CHECK(std::isfinite(first.toDouble()) && std::isfinite(last.toDouble()),
              "arange: unsupported range: ", first, " -> ", last);
  // In int64 the numbers lose their fractions before anything is counted.
  const bool integral = whole || dtype == kLong;
  const auto number = [&](const Scalar& s) { return integral ? Scalar(s.toLong()) : s; };
  const Scalar start = number(first), end = number(last), step = number(stride);
  const double from = start.toDouble(), to = end.toDouble(), by = step.toDouble();
  TAPER_CHECK(by != 0, "arange: step must be nonzero");
  TAPER_CHECK((by > 0) == (to >= from) || from == to,
              "arange: upper bound and larger bound inconsistent with step sign, got ", from,
              " -> ", to, " by ", by);
  double count;
  if (integral) {
    // In integers: a double cannot hold every 64-bit bound.
    const __int128 range = static_cast<__int128>(end.toLong()) - start.toLong();
    const __int128 stride = step.toLong();
    const __int128 length = (range + stride + (stride > 0 ? -1 : 1)) / stride;
    count = static_cast<double>(length);
  } else {
    count = std::ceil((to - from) / by);
  }
  TAPER_CHECK_AS(ShapeError, count >= 0 && count < 0x1p63,
                 "arange: invalid size, possible overflow?");
  check_device("arange", options.device());
  Tensor t = new_tensor("arange", {static_cast<int64_t>(count)}, dtype);
  if (t.numel() > 0) arange_kernel(t.device(), out_view(t), start, step);
  return finish(std::move(t), options);
}

Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base,
                const TensorOptions& options) {
  TAPER_CHECK_AS(ShapeError, steps >= 0, "logspace: number of steps must be non-negative, got ",
                 steps);
  check_device("logspace", options.device());
  const Tensor exponents =
      linspace(number_in(options, start), number_in(options, end), steps, kDouble);
  return finish(full({}, base, kDouble).pow(exponents).to(options.dtype()), options);
}

Tensor range(const Scalar& start, const Scalar& end, const Scalar& step,
             const TensorOptions& options) {
  const double first = start.toDouble(), last = end.toDouble(), by = step.toDouble();
  TAPER_CHECK(by != 0, "range: step must be nonzero");
  TAPER_CHECK(std::isfinite(first) && std::isfinite(last), "range: unsupported range: ", first,
              " -> ", last);
  TAPER_CHECK(by > 0 ? first <= last : first >= last,
              "range: upper bound and larger bound inconsistent with step sign, got ", first, ", ",
              last, " and step ", by);
  const double count = std::floor((last - first) / by) + 1;
  TAPER_CHECK_AS(ShapeError, count < 9e18, "range: invalid size, possible overflow, of ", count);
  const Tensor places = arange(static_cast<int64_t>(count)).to(kDouble);
  return finish(places.mul(by).add(first).to(options.dtype()), options);
}

Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps,
                const TensorOptions& options) {
  TAPER_CHECK_AS(ShapeError, steps >= 0, "linspace: number of steps must be non-negative, got ",
                 steps);
  check_device("linspace", options.device());
  Tensor t = new_tensor("linspace", {steps}, options.dtype());
  if (steps > 0) {
    linspace_kernel(t.device(), out_view(t), number_in(options, start), number_in(options, end));
  }
  return finish(std::move(t), options);
}

namespace {

struct BlobOwner {
  Function<void(void*)> deleter;
  void* data;
};

void delete_blob(void* context) {
  const std::unique_ptr<BlobOwner> owner(static_cast<BlobOwner*>(context));
  owner->deleter(owner->data);
}

}  // namespace

Tensor from_blob(void* data, IntArrayRef sizes, const TensorOptions& options) {
  return from_blob(data, sizes, contiguous_strides(sizes), Function<void(void*)>(), options);
}

Tensor from_blob(void* data, IntArrayRef sizes, Function<void(void*)> deleter,
                 const TensorOptions& options) {
  return from_blob(data, sizes, contiguous_strides(sizes), std::move(deleter), options);
}

Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, const TensorOptions& options) {
  return from_blob(data, sizes, strides, Function<void(void*)>(), options);
}

Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, Function<void(void*)> deleter,
                 const TensorOptions& options) {
  check_device("from_blob", options.device());
  const ScalarType dtype = options.dtype();
  checked_numel("from_blob", sizes, elementSize(dtype));
  const int64_t bytes = checked_extent("from_blob", sizes, strides, 0, elementSize(dtype));
  StoragePtr storage;
  if (deleter) {
    auto owner = std::make_unique<BlobOwner>(BlobOwner{std::move(deleter), data});
    storage = StoragePtr::adopt(
        StorageImpl::wrap(data, static_cast<size_t>(bytes), Device(), &delete_blob, owner.get()));
    owner.release();
  } else {
    storage = StoragePtr::adopt(
        StorageImpl::wrap(data, static_cast<size_t>(bytes), Device(), nullptr, nullptr));
  }
  return finish(Tensor(TensorImpl::make("from_blob", sizes, strides, dtype, std::move(storage), 0)),
                options);
}

namespace detail {

TensorData::TensorData(std::initializer_list<TensorData> parts) {
  const TensorData& first = *parts.begin();
  sizes_.push_back(static_cast<int64_t>(parts.size()));
  for (int64_t size : first.sizes_) sizes_.push_back(size);
  type_ = first.type_;
  for (const TensorData& part : parts) {
    TAPER_CHECK_AS(ShapeError, part.sizes_ == first.sizes_,
                   "tensor: Expected all sub-lists to have sizes: ", first.sizes_, " (e.g. ",
                   first.text(), "), but got sub-list ", part.text(), " with sizes: ", part.sizes_);
    TAPER_CHECK_AS(DTypeError, part.type_ == first.type_,
                   "tensor: Expected all elements of the tensor to have the same scalar type: ",
                   first.type_, ", but got element of scalar type: ", part.type_);
    values_.insert(values_.end(), part.values_.begin(), part.values_.end());
  }
}

std::string TensorData::text() const {
  if (sizes_.empty()) return str(values_[0]);
  std::string out = "{";
  for (size_t i = 0; i < values_.size(); ++i) out += str(i > 0 ? ", " : "", values_[i]);
  return out + "}";
}

Tensor TensorData::to_tensor(const TensorOptions& options) const {
  ScalarType dtype = type_;
  if (dtype == kInt) dtype = kLong;
  if (dtype == kDouble || dtype == kFloat) dtype = get_default_dtype();
  dtype = options.dtype_opt().value_or(dtype);
  check_device("tensor", options.device());
  Tensor t = new_tensor("tensor", sizes_, dtype);
  visit_any_dtype(dtype, [&](auto zero) {
    auto* data = static_cast<decltype(zero)*>(t.data_ptr());
    for (size_t i = 0; i < values_.size(); ++i) data[i] = values_[i].to<decltype(zero)>();
  });
  return finish(std::move(t), options);
}

}  // namespace detail

Tensor tensor(const detail::TensorData& data, const TensorOptions& options) {
  return data.to_tensor(options);
}

}  // namespace taper
