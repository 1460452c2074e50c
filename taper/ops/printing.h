#pragma once

#include <string>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// The text that Python's print(tensor) gives, such as tensor([1.0000, 2.5000]): four decimals,
/// scientific where the range asks for it, edges only above 1,000 elements, type and gradient
/// where they are not the usual.
std::string repr(const Tensor& tensor);
/// Python's name of a type, such as torch.float32.
const char* python_name(ScalarType type);

}  // namespace taper
