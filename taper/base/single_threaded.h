#pragma once

#if __has_include(<ext/atomicity.h>)
#include <ext/atomicity.h>
#endif

namespace taper {

/// Whether this thread is the only one of the process, as the C library knows: counts then need no
/// locked instruction, of 5 ns each. A thread that starts later sees all that was written before.
inline bool single_threaded() {
#if __has_include(<ext/atomicity.h>)
  return __gnu_cxx::__is_single_threaded();
#else
  return false;
#endif
}

}  // namespace taper
