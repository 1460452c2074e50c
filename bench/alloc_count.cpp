// Preloaded into a worker: counts malloc and mmap calls and attributes each to its caller, so that
// a library's own small allocations are told from those of oneDNN and OpenBLAS.
#include "alloc_count.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {

std::atomic<bool> counting{false};
bench::AllocCounts counts;
std::atomic_flag lock = ATOMIC_FLAG_INIT;
thread_local bool inside __attribute__((tls_model("initial-exec"))) = false;

enum class Owner { kRuntime, kOwn, kOneDnn, kOpenBlas, kOther };

Owner owner_of(const char* path) {
  const char* slash = strrchr(path, '/');
  const char* file = slash != nullptr ? slash + 1 : path;
  auto starts = [file](const char* prefix) { return strncmp(file, prefix, strlen(prefix)) == 0; };
  if (starts("libc.") || starts("libstdc++") || starts("libgcc") || starts("ld-linux") ||
      starts("libbench_alloc"))
    return Owner::kRuntime;
  if (starts("libdnnl")) return Owner::kOneDnn;
  if (starts("libopenblas") || starts("libblas")) return Owner::kOpenBlas;
  if (starts("libgomp")) return Owner::kOther;
  return Owner::kOwn;
}

void note_site(const Dl_info& info, const void* address) {
  size_t used = strlen(counts.sites);
  if (used > sizeof counts.sites - 80) return;
  const char* slash = strrchr(info.dli_fname, '/');
  snprintf(counts.sites + used, sizeof counts.sites - used, "%s+0x%zx ",
           slash != nullptr ? slash + 1 : info.dli_fname,
           static_cast<size_t>(static_cast<const char*>(address) -
                               static_cast<const char*>(info.dli_fbase)));
}

void count(bool is_mmap) {
  if (!counting.load(std::memory_order_relaxed) || inside) return;
  inside = true;
  int saved_errno = errno;
  void* frames[24];
  int depth = backtrace(frames, 24);
  Owner owner = Owner::kOther;
  while (lock.test_and_set(std::memory_order_acquire)) {
  }
  for (int i = 1; i < depth; ++i) {
    Dl_info info{};
    if (dladdr(frames[i], &info) == 0) continue;
    Owner candidate = owner_of(info.dli_fname);
    if (candidate == Owner::kRuntime) continue;
    owner = candidate;
    if (owner == Owner::kOwn) note_site(info, frames[i]);
    break;
  }
  if (is_mmap) {
    ++(owner == Owner::kOwn ? counts.own_mmap : counts.library_mmap);
  } else if (owner == Owner::kOwn) {
    ++counts.own_malloc;
  } else if (owner == Owner::kOneDnn) {
    ++counts.onednn_malloc;
  } else if (owner == Owner::kOpenBlas) {
    ++counts.openblas_malloc;
  } else {
    ++counts.other_malloc;
  }
  lock.clear(std::memory_order_release);
  errno = saved_errno;
  inside = false;
}

}  // namespace

extern "C" {

void bench_alloc_begin() {
  // The first backtrace loads the unwinder, which allocates.
  void* frames[4];
  backtrace(frames, 4);
  counts = bench::AllocCounts{};
  counting = true;
}

void bench_alloc_end(bench::AllocCounts* result) {
  counting = false;
  *result = counts;
}

void* malloc(size_t size) {
  count(false);
  return __libc_malloc(size);
}

void* calloc(size_t number, size_t size) {
  count(false);
  return __libc_calloc(number, size);
}

void* realloc(void* pointer, size_t size) {
  count(false);
  return __libc_realloc(pointer, size);
}

void* memalign(size_t alignment, size_t size) {
  count(false);
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) {
  count(false);
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** result, size_t alignment, size_t size) {
  count(false);
  *result = __libc_memalign(alignment, size);
  return *result != nullptr ? 0 : ENOMEM;
}

void* mmap(void* address, size_t length, int protection, int flags, int file, off_t offset) {
  count(true);
  long result = syscall(SYS_mmap, address, length, protection, flags, file, offset);
  return reinterpret_cast<void*>(result);
}
}
