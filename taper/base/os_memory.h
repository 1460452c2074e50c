#pragma once

#include <cstddef>

namespace taper::os {

constexpr size_t kHugePage = size_t{2} << 20;

/// Zeroed pages from the operating system; from kHugePage up aligned to it and advised to use huge
/// pages. nullptr when there are none.
void* map_pages(size_t bytes);
/// Gives back what map_pages(bytes) returned.
void unmap_pages(void* p, size_t bytes);

}  // namespace taper::os
