// What the machine can do at most: float32 FMA rate, and copy bandwidth by size, on 1 and 2
// threads. `bench_ceilings SIZE...` (elements) prints one JSON line; GFLOP/s and GB/s
// (bytes read plus bytes written).
#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Enough independent chains to hide a latency of 4 cycles on two ports, with some to spare.
constexpr int kChains = 12;

// Each returns the FLOP done; the sum keeps the compiler from dropping the work.
__attribute__((target("avx512f"))) double fma_avx512(int64_t rounds, float& sink) {
  __m512 acc[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) acc[i] = _mm512_set1_ps(static_cast<float>(i));
  __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) acc[i] = _mm512_fmadd_ps(acc[i], a, b);
  }
#pragma GCC unroll 12
  for (int i = 1; i < kChains; ++i) acc[0] = _mm512_add_ps(acc[0], acc[i]);
  sink += _mm512_cvtss_f32(acc[0]);
  return 2.0 * 16 * kChains * static_cast<double>(rounds);
}

__attribute__((target("avx2,fma"))) double fma_avx2(int64_t rounds, float& sink) {
  __m256 acc[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) acc[i] = _mm256_set1_ps(static_cast<float>(i));
  __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) acc[i] = _mm256_fmadd_ps(acc[i], a, b);
  }
#pragma GCC unroll 12
  for (int i = 1; i < kChains; ++i) acc[0] = _mm256_add_ps(acc[0], acc[i]);
  sink += _mm256_cvtss_f32(acc[0]);
  return 2.0 * 8 * kChains * static_cast<double>(rounds);
}

double fma_sse(int64_t rounds, float& sink) {
  __m128 acc[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) acc[i] = _mm_set1_ps(static_cast<float>(i));
  __m128 a = _mm_set1_ps(0.999f), b = _mm_set1_ps(0.001f);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) acc[i] = _mm_add_ps(_mm_mul_ps(acc[i], a), b);
  }
#pragma GCC unroll 12
  for (int i = 1; i < kChains; ++i) acc[0] = _mm_add_ps(acc[0], acc[i]);
  sink += _mm_cvtss_f32(acc[0]);
  return 2.0 * 4 * kChains * static_cast<double>(rounds);
}

double fma_rounds(int64_t rounds, float& sink) {
  if (__builtin_cpu_supports("avx512f")) return fma_avx512(rounds, sink);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return fma_avx2(rounds, sink);
  return fma_sse(rounds, sink);
}

using Copy = void (*)(float*, const float*, int64_t);

__attribute__((target("avx512f"))) void copy_avx512(float* to, const float* from, int64_t count) {
  for (int64_t i = 0; i < count; i += 32) {
    __m512 low = _mm512_load_ps(from + i), high = _mm512_load_ps(from + i + 16);
    _mm512_store_ps(to + i, low);
    _mm512_store_ps(to + i + 16, high);
  }
}

__attribute__((target("avx2"))) void copy_avx2(float* to, const float* from, int64_t count) {
  for (int64_t i = 0; i < count; i += 32)
    for (int64_t j = 0; j < 32; j += 8) _mm256_store_ps(to + i + j, _mm256_load_ps(from + i + j));
}

void copy_library(float* to, const float* from, int64_t count) {
  memcpy(to, from, static_cast<size_t>(count) * sizeof(float));
}

void copy_streaming(float* to, const float* from, int64_t count) {
  for (int64_t i = 0; i < count; i += 4) _mm_stream_ps(to + i, _mm_load_ps(from + i));
  _mm_sfence();
}

// Runs `work(thread)`, which returns an amount, over and over on all threads for `seconds`;
// gives the amount per second of all together.
double rate(int threads, double seconds, const std::function<double(int)>& work) {
  std::atomic<int> ready{0};
  std::vector<double> rates(static_cast<size_t>(threads));
  auto body = [&](int index) {
    work(index);
    ready.fetch_add(1);
    while (ready.load() < threads) {
    }
    double amount = 0.0, elapsed = 0.0;
    for (Clock::time_point start = Clock::now(); elapsed < seconds; elapsed = seconds_since(start))
      amount += work(index);
    rates[static_cast<size_t>(index)] = amount / elapsed;
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(body, i);
  body(0);
  for (std::thread& other : others) other.join();
  double total = 0.0;
  for (double each : rates) total += each;
  return total;
}

// The best of a few tries: a ceiling is what was possible, not what a busy moment left.
double best_rate(int threads, double seconds, const std::function<double(int)>& work) {
  double best = 0.0;
  for (int attempt = 0; attempt < 10; ++attempt)
    best = std::max(best, rate(threads, seconds, work));
  return best;
}

double fma_peak(int threads) {
  std::vector<float> sinks(static_cast<size_t>(threads) * 64);
  return best_rate(threads, 0.03, [&](int index) {
    return fma_rounds(20000, sinks[static_cast<size_t>(index) * 64]);
  });
}

struct Free {
  void operator()(float* pointer) const { free(pointer); }
};

double copy_peak(int threads, int64_t elements) {
  int64_t share = std::max<int64_t>(64, elements / threads / 64 * 64);
  std::vector<std::unique_ptr<float, Free>> buffers;
  for (int i = 0; i < 2 * threads; ++i) {
    size_t bytes = static_cast<size_t>(share) * sizeof(float);
    auto* memory = static_cast<float*>(aligned_alloc(2 << 20, (bytes | ((2 << 20) - 1)) + 1));
    if (memory == nullptr) return 0.0;
    memset(memory, 1, bytes);
    buffers.emplace_back(memory);
  }
  std::vector<Copy> copies = {copy_library, copy_streaming};
  if (__builtin_cpu_supports("avx512f")) copies.push_back(copy_avx512);
  if (__builtin_cpu_supports("avx2")) copies.push_back(copy_avx2);
  double best = 0.0;
  for (Copy copy : copies) {
    auto work = [&](int index) {
      size_t at = 2 * static_cast<size_t>(index);
      int64_t repeats = std::max<int64_t>(1, 100000 / share);
      for (int64_t i = 0; i < repeats; ++i) {
        copy(buffers[at].get(), buffers[at + 1].get(), share);
        asm volatile("" : : : "memory");
      }
      return 8.0 * static_cast<double>(share * repeats);
    };
    best = std::max(best, best_rate(threads, 0.01, work));
  }
  return best;
}

}  // namespace

int main(int count, char** arguments) {
  printf("{\"fma\": {\"1\": %.1f, \"2\": %.1f}, \"copy\": {", fma_peak(1) / 1e9, fma_peak(2) / 1e9);
  for (int i = 1; i < count; ++i) {
    int64_t elements = atoll(arguments[i]);
    printf("%s\"%lld\": {\"1\": %.1f, \"2\": %.1f}", i > 1 ? ", " : "",
           static_cast<long long>(elements), copy_peak(1, elements) / 1e9,
           copy_peak(2, elements) / 1e9);
  }
  printf("}}\n");
  return 0;
}
