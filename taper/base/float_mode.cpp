#include "taper/base/float_mode.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace taper {
namespace {

#if defined(__SSE2__)
// Results and operands: "flush to zero" and "denormals are zero" of MXCSR.
constexpr uint64_t kFlush = 0x8040;
uint64_t control() { return _mm_getcsr(); }
void set_control(uint64_t value) { _mm_setcsr(static_cast<unsigned>(value)); }
#elif defined(__aarch64__)
constexpr uint64_t kFlush = uint64_t{1} << 24;  // FZ of FPCR
uint64_t control() {
  uint64_t value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
void set_control(uint64_t value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
#else
constexpr uint64_t kFlush = 0;
uint64_t control() { return 0; }
void set_control(uint64_t) {}
#endif

}  // namespace

bool set_flush_denormal(bool mode) {
  detail::set_flush_mode(mode ? kFlush : 0);
  return kFlush != 0;
}

namespace detail {

uint64_t flush_mode() { return control() & kFlush; }

void set_flush_mode(uint64_t mode) {
  const uint64_t now = control();
  if ((now & kFlush) != mode) set_control((now & ~kFlush) | mode);
}

}  // namespace detail
}  // namespace taper
