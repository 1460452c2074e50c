#include "taper/base/os_memory.h"

#include <sys/mman.h>

#include <cstdint>

namespace taper::os {

void* map_pages(size_t bytes) {
  const bool huge = bytes >= kHugePage;
  const size_t extra = huge ? kHugePage : 0;
  void* p =
      mmap(nullptr, bytes + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  if (huge) {
    // Trim to an aligned range, so that every huge page is whole.
    char* start = static_cast<char*>(p);
    char* aligned = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(p) + kHugePage - 1) &
                                            ~(kHugePage - 1));
    if (aligned != start) munmap(start, aligned - start);
    if (char* end = start + bytes + extra; aligned + bytes != end) {
      munmap(aligned + bytes, end - (aligned + bytes));
    }
    p = aligned;
    madvise(p, bytes, MADV_HUGEPAGE);
  }
  return p;
}

void unmap_pages(void* p, size_t bytes) { munmap(p, bytes); }

}  // namespace taper::os
