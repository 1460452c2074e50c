#pragma once

#include <cstdint>

#include "taper/core/scalar_type.h"

namespace taper::cpu {

/// to[i] = convert(from[i]) on contiguous elements.
using ConvertFn = void (*)(void* to, const void* from, int64_t n);
ConvertFn convert_fn(ScalarType to, ScalarType from);
/// The same where one type, or both, are complex.
ConvertFn complex_convert_fn(ScalarType to, ScalarType from);

/// Elements of size 1, 2, 4, 8 or 16 from or to a byte stride.
void gather(void* to, const char* from, int64_t stride, int64_t n, int64_t size);
void scatter(char* to, int64_t stride, const void* from, int64_t n, int64_t size);
/// n copies of the element at value.
void splat(void* to, const void* value, int64_t n, int64_t size);

}  // namespace taper::cpu
