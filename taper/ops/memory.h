#pragma once

#include <optional>

#include "taper/tensor/tensor.h"

// Which memory a tensor refers to. None of these can be differentiated: they refuse tensors that
// require grad.
namespace taper TAPER_API {

/// Gives self itself new sizes, row-major or in memory_format. The elements so far keep their
/// places in memory, and new ones hold whatever it held. Where the memory is too small, self moves
/// to a larger one of its own with its elements; other views stay with the old one (PyTorch's
/// would move along).
/// variants: method
Tensor& resize_(Tensor& self, IntArrayRef size,
                std::optional<MemoryFormat> memory_format = std::nullopt);
/// resize_() to other's sizes.
/// variants: method
Tensor& resize_as_(Tensor& self, const Tensor& other,
                   std::optional<MemoryFormat> memory_format = std::nullopt);
/// Makes self refer to no elements.
/// variants: method
Tensor& set_(Tensor& self);
/// Makes self refer to source's memory in source's geometry; both have one type.
/// variants: method
Tensor& set_(Tensor& self, const Tensor& source);
/// Makes self refer to source's memory in this geometry, row-major without strides; both have one
/// type. Throws where it reaches past the memory.
/// variants: method
Tensor& set_(Tensor& self, const Tensor& source, int64_t storage_offset, IntArrayRef size,
             IntArrayRef stride = {});

}  // namespace taper
