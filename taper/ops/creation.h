#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "taper/base/function.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// A tensor of the given sizes whose elements are whatever the memory held.
Tensor empty(IntArrayRef size, const TensorOptions& options = {},
             std::optional<MemoryFormat> memory_format = std::nullopt);
/// An uninitialised tensor of the given sizes and strides.
Tensor empty_strided(IntArrayRef size, IntArrayRef stride, const TensorOptions& options = {});
/// An uninitialised tensor of the given sizes whose dimensions lie in memory in the order of
/// physical_layout, outermost first; {0, 1, ...} is row-major.
Tensor empty_permuted(IntArrayRef size, IntArrayRef physical_layout,
                      const TensorOptions& options = {});
/// A tensor of zeros.
Tensor zeros(IntArrayRef size, const TensorOptions& options = {});
/// A tensor of ones.
Tensor ones(IntArrayRef size, const TensorOptions& options = {});
/// A tensor filled with a value, whose kind gives the type where options do not: 3 makes int64,
/// true bool, 3.0 the default type.
Tensor full(IntArrayRef size, const Scalar& fill_value, const TensorOptions& options = {});
/// A tensor of no dimensions that holds a number; the default type unless options say otherwise.
Tensor scalar_tensor(const Scalar& s, const TensorOptions& options = {});

/// An uninitialised tensor with self's sizes, type and (where dense) strides.
Tensor empty_like(const Tensor& self, const TensorOptions& options = {},
                  std::optional<MemoryFormat> memory_format = std::nullopt);
/// Zeros with self's sizes, type and (where dense) strides.
Tensor zeros_like(const Tensor& self, const TensorOptions& options = {},
                  std::optional<MemoryFormat> memory_format = std::nullopt);
/// Ones with self's sizes, type and (where dense) strides.
Tensor ones_like(const Tensor& self, const TensorOptions& options = {},
                 std::optional<MemoryFormat> memory_format = std::nullopt);
/// A value everywhere, with self's sizes, type and (where dense) strides.
Tensor full_like(const Tensor& self, const Scalar& fill_value, const TensorOptions& options = {},
                 std::optional<MemoryFormat> memory_format = std::nullopt);
/// An uninitialised tensor of the given sizes and self's type.
/// variants: method
Tensor new_empty(const Tensor& self, IntArrayRef size, const TensorOptions& options = {});
/// An uninitialised tensor of the given sizes and strides and self's type.
/// variants: method
Tensor new_empty_strided(const Tensor& self, IntArrayRef size, IntArrayRef stride,
                         const TensorOptions& options = {});
/// Zeros of the given sizes and self's type.
/// variants: method
Tensor new_zeros(const Tensor& self, IntArrayRef size, const TensorOptions& options = {});
/// Ones of the given sizes and self's type.
/// variants: method
Tensor new_ones(const Tensor& self, IntArrayRef size, const TensorOptions& options = {});
/// A value everywhere, of the given sizes and self's type.
/// variants: method
Tensor new_full(const Tensor& self, IntArrayRef size, const Scalar& fill_value,
                const TensorOptions& options = {});

/// The n x m (m = n unless given) matrix with ones on the diagonal.
Tensor eye(int64_t n, const TensorOptions& options = {});
Tensor eye(int64_t n, int64_t m, const TensorOptions& options = {});
/// start, start + step ... below end: ceil((end - start) / step) elements, int64 when all three
/// are integers, else the default type. Throws on a step of 0 or of the wrong sign.
Tensor arange(const Scalar& end, const TensorOptions& options = {});
Tensor arange(const Scalar& start, const Scalar& end, const TensorOptions& options = {});
Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step,
              const TensorOptions& options = {});
/// steps values, evenly spaced from start to end, both included.
Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps,
                const TensorOptions& options = {});
/// base to the powers of linspace(start, end, steps).
Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base = 10,
                const TensorOptions& options = {});
/// start, start + step ... up to and with end: arange() with the end.
Tensor range(const Scalar& start, const Scalar& end, const Scalar& step = 1,
             const TensorOptions& options = {});

/// A tensor over memory of the caller's. Nothing is copied; deleter(data) runs when the last
/// tensor that shares it is gone. Without strides the memory is row-major.
Tensor from_blob(void* data, IntArrayRef sizes, const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef sizes, Function<void(void*)> deleter,
                 const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides,
                 const TensorOptions& options = {});
Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, Function<void(void*)> deleter,
                 const TensorOptions& options = {});

namespace detail {

/// What taper::tensor() takes: a number, a list of numbers, or braces nested to any depth.
class TensorData {
 public:
  /// Empty braces: no elements.
  TensorData() : sizes_{0}, type_(get_default_dtype()) {}
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16> ||
      is_complex_v<T>
      TensorData(T value) : type_(type_of<T>()), values_(1, Scalar(value)) {}
  /// Throws unless all parts have the same sizes and type.
  TensorData(std::initializer_list<TensorData> parts);
  template <class T>
  TensorData(ArrayRef<T> values) {
    take(values);
  }
  template <class T>
  TensorData(const std::vector<T>& values) {
    take(values);
  }

  /// dtype: of the elements if none is set in options.
  Tensor to_tensor(const TensorOptions& options) const;

 private:
  // The fixed-width type of T's size, since long long and long are one type to us.
  template <class T>
  static constexpr ScalarType type_of() {
    if constexpr (std::is_same_v<T, bool> || !std::is_integral_v<T>) {
      return scalar_type_of<T>;
    } else if constexpr (sizeof(T) == 1) {
      return std::is_signed_v<T> ? kChar : kByte;
    } else {
      return sizeof(T) == 2 ? kShort : sizeof(T) == 4 ? kInt : kLong;
    }
  }
  template <class Values>
  void take(const Values& values) {
    using T = typename Values::value_type;
    type_ = type_of<T>();
    sizes_.push_back(static_cast<int64_t>(values.size()));
    values_.reserve(values.size());
    for (const T value : values) values_.emplace_back(value);
  }
  std::string text() const;

  DimVector sizes_;
  ScalarType type_ = ScalarType::Undefined;
  std::vector<Scalar> values_;
};

}  // namespace detail

/// A tensor with the given elements: `tensor({{1, 2}, {3, 4}})`, `tensor(3.5)`, `tensor(vector)`.
/// Integers become int64, floating numbers the default type, unless options name a type.
Tensor tensor(const detail::TensorData& data, const TensorOptions& options = {});

}  // namespace taper
