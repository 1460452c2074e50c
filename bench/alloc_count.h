// Interface of the preloaded counter of malloc and mmap calls.
#pragma once

#include <cstdint>

namespace bench {

/// Calls between begin and end, by the innermost shared object that is no C or C++ run time.
struct AllocCounts {
  int64_t own_malloc = 0;
  int64_t own_mmap = 0;
  int64_t onednn_malloc = 0;
  int64_t openblas_malloc = 0;
  int64_t other_malloc = 0;
  int64_t library_mmap = 0;
  /// The first callers counted as own, as `object+offset`, for addr2line.
  char sites[512] = {};
};

using AllocCountBegin = void (*)();
using AllocCountEnd = void (*)(AllocCounts*);

}  // namespace bench
