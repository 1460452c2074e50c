#pragma once

#include <cstdint>
#include <type_traits>

#include "taper/base/intrusive_ptr.h"
#include "taper/core/device.h"

namespace taper {
struct RandomEngine;
namespace detail {
class GeneratorImpl;
}
}  // namespace taper

namespace taper TAPER_API {

class Tensor;

/// The seed of generators that nobody has seeded, as in PyTorch.
inline constexpr uint64_t default_rng_seed_val = 67280421310721;

/// A handle to a stream of random numbers. The stream is mt19937 with PyTorch's recipes, so the
/// same seed gives PyTorch's numbers; dropout and bernoulli draw by counter from the same seed. Its
/// state includes both. Calls from several threads take turns.
class Generator {
 public:
  /// Undefined: ops take the default generator.
  Generator();
  Generator(const Generator& other);
  Generator(Generator&& other) noexcept;
  Generator& operator=(Generator other) noexcept;
  ~Generator();
  /// A new CPU stream.
  static Generator create(uint64_t seed = default_rng_seed_val);

  bool defined() const { return static_cast<bool>(impl_); }
  Device device() const { return Device(); }
  /// Restarts the stream; drops the cached normal value.
  void set_current_seed(uint64_t seed) const;
  uint64_t current_seed() const;
  /// Restarts the stream from a seed of the operating system's and returns it.
  uint64_t seed() const;
  /// The state as bytes: PyTorch's layout of 5,056, then the number of calls drawn by counter.
  Tensor get_state() const;
  /// Throws unless state is a byte tensor that get_state() or PyTorch's gave.
  void set_state(const Tensor& state) const;
  /// Another stream that continues from the same state.
  Generator clone() const;
  friend bool operator==(const Generator& a, const Generator& b) { return a.impl_ == b.impl_; }

  /// Runs f(RandomEngine&) while no other thread draws; for ops (include taper/base/random.h).
  template <class F>
  void use(F&& f) const {
    using Body = std::remove_reference_t<F>;
    run_locked([](void* context, RandomEngine& engine) { (*static_cast<Body*>(context))(engine); },
               const_cast<void*>(static_cast<const void*>(&f)));
  }

 private:
  void run_locked(void (*body)(void*, RandomEngine&), void* context) const;

  IntrusivePtr<detail::GeneratorImpl> impl_;
};

/// The generator of ops that are given none.
const Generator& default_generator();
/// Restarts the default generator.
Generator manual_seed(uint64_t seed);
/// Seeds the default generator from the operating system and returns the seed.
uint64_t seed();
uint64_t initial_seed();
Tensor get_rng_state();
void set_rng_state(const Tensor& state);

namespace detail {
inline const Generator& getDefaultCPUGenerator() { return default_generator(); }
inline Generator createCPUGenerator(uint64_t seed = default_rng_seed_val) {
  return Generator::create(seed);
}
}  // namespace detail

}  // namespace taper
