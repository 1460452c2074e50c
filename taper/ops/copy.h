#pragma once

#include <optional>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// A copy of the elements; strides are kept where dense unless a format is given.
/// variants: method
Tensor clone(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt);
/// self when it has the format, else a copy that has.
/// variants: method
Tensor contiguous(const Tensor& self, MemoryFormat memory_format = MemoryFormat::Contiguous);
/// Overwrites self with src, broadcast to self's sizes and converted to its type.
/// variants: method
Tensor& copy_(Tensor& self, const Tensor& src, bool non_blocking = false);
/// Overwrites every element with a number.
/// variants: method
Tensor& fill_(Tensor& self, const Scalar& value);
/// Overwrites every element with the one of a tensor without dimensions.
/// variants: method
Tensor& fill_(Tensor& self, const Tensor& value);
/// Overwrites every element with 0.
/// variants: method
Tensor& zero_(Tensor& self);

/// self in another type, device or format; self itself when it already is what is asked for,
/// unless copy.
/// variants: method
Tensor to(const Tensor& self, const TensorOptions& options = {}, bool non_blocking = false,
          bool copy = false, std::optional<MemoryFormat> memory_format = std::nullopt);
/// self in another type, device or format, where given.
/// variants: method
Tensor to(const Tensor& self, std::optional<ScalarType> dtype, std::optional<Layout> layout,
          std::optional<Device> device, std::optional<bool> pin_memory, bool non_blocking,
          bool copy, std::optional<MemoryFormat> memory_format);
/// self on a device, in a type.
/// variants: method
Tensor to(const Tensor& self, Device device, ScalarType dtype, bool non_blocking = false,
          bool copy = false, std::optional<MemoryFormat> memory_format = std::nullopt);
/// self in another type.
/// variants: method
Tensor to(const Tensor& self, ScalarType dtype, bool non_blocking = false, bool copy = false,
          std::optional<MemoryFormat> memory_format = std::nullopt);
/// self with the type and device of other.
/// variants: method
Tensor to(const Tensor& self, const Tensor& other, bool non_blocking = false, bool copy = false,
          std::optional<MemoryFormat> memory_format = std::nullopt);
/// self with the type of other.
/// variants: method
Tensor type_as(const Tensor& self, const Tensor& other);
/// self in another type.
/// variants: method
Tensor toType(const Tensor& self, ScalarType dtype);

}  // namespace taper
