#include "taper/tensor/generator.h"

#include <cstring>
#include <mutex>

#include "taper/base/random.h"
#include "taper/tensor/tensor.h"

namespace taper {

namespace detail {

class GeneratorImpl : public RefCounted {
 public:
  explicit GeneratorImpl(uint64_t seed) : engine(seed) {}
  static void destroy(GeneratorImpl* impl) noexcept { delete impl; }

  std::mutex mutex;
  RandomEngine engine;
};

}  // namespace detail

namespace {

/// PyTorch's bytes of a CPU generator, then what Taper adds.
struct SavedState {
  uint64_t seed;
  int32_t left;  // outputs until the words are renewed, plus one
  int32_t seeded;
  uint64_t next;
  uint64_t words[Mt19937::kSize];
  double normal_x, normal_y, normal_rho;
  int32_t normal_is_valid;
  int32_t padding;
  float float_normal;
  int32_t float_normal_is_valid;
  uint64_t counter_calls;
};
constexpr int64_t kPyTorchBytes = 5056;
static_assert(offsetof(SavedState, counter_calls) == kPyTorchBytes);

void save(const RandomEngine& engine, SavedState& s) {
  std::memset(&s, 0, sizeof(s));
  s.seed = engine.seed;
  s.seeded = 1;
  s.next = static_cast<uint64_t>(engine.stream.used());
  s.left = Mt19937::kSize + 1 - engine.stream.used();
  for (int i = 0; i < Mt19937::kSize; ++i) s.words[i] = engine.stream.words()[i];
  s.normal_y = engine.next_normal;
  s.normal_is_valid = engine.has_next_normal;
  s.counter_calls = engine.counter_calls;
}

void restore(const SavedState& s, RandomEngine& engine) {
  const bool fresh = s.left == 1;
  const bool valid = s.seeded != 0 && s.left >= 1 && s.left <= Mt19937::kSize &&
                     (fresh || s.next == static_cast<uint64_t>(Mt19937::kSize + 1 - s.left));
  TAPER_CHECK(valid, "set_state: Invalid mt19937 state");
  uint32_t words[Mt19937::kSize];
  for (int i = 0; i < Mt19937::kSize; ++i) words[i] = static_cast<uint32_t>(s.words[i]);
  engine.seed = s.seed;
  engine.stream.restore(words, fresh ? Mt19937::kSize : static_cast<int>(s.next));
  engine.next_normal = s.normal_y;
  engine.has_next_normal = s.normal_is_valid != 0;
  engine.counter_calls = s.counter_calls;
}

}  // namespace

Generator::Generator() = default;
Generator::Generator(const Generator& other) = default;
Generator::Generator(Generator&& other) noexcept = default;
Generator::~Generator() = default;
Generator& Generator::operator=(Generator other) noexcept {
  impl_ = std::move(other.impl_);
  return *this;
}

Generator Generator::create(uint64_t seed) {
  Generator g;
  g.impl_ = IntrusivePtr<detail::GeneratorImpl>::adopt(new detail::GeneratorImpl(seed));
  return g;
}

void Generator::run_locked(void (*body)(void*, RandomEngine&), void* context) const {
  TAPER_CHECK(defined(), "Generator: Expected a defined generator, got an undefined one");
  std::lock_guard lock(impl_->mutex);
  body(context, impl_->engine);
}

void Generator::set_current_seed(uint64_t seed) const {
  use([&](RandomEngine& engine) { engine.reseed(seed); });
}

uint64_t Generator::current_seed() const {
  uint64_t value = 0;
  use([&](RandomEngine& engine) { value = engine.seed; });
  return value;
}

uint64_t Generator::seed() const {
  const uint64_t value = entropy_seed();
  set_current_seed(value);
  return value;
}

Tensor Generator::get_state() const {
  Tensor state(TensorImpl::empty("get_state", {sizeof(SavedState)}, kByte));
  use([&](RandomEngine& engine) {
    SavedState s;
    save(engine, s);
    std::memcpy(state.data_ptr(), &s, sizeof(s));
  });
  return state;
}

void Generator::set_state(const Tensor& state) const {
  TAPER_CHECK_AS(DTypeError, state.scalar_type() == kByte,
                 "set_state: RNG state must be a torch.ByteTensor, got ", state.scalar_type());
  TAPER_CHECK(state.is_contiguous(), "set_state: RNG state must be contiguous");
  const int64_t bytes = state.numel();
  TAPER_CHECK(bytes == kPyTorchBytes || bytes == static_cast<int64_t>(sizeof(SavedState)),
              "set_state: RNG state is wrong size: got ", bytes, " bytes, expected ", kPyTorchBytes,
              " or ", sizeof(SavedState));
  SavedState s = {};
  std::memcpy(&s, state.data_ptr(), static_cast<size_t>(bytes));
  use([&](RandomEngine& engine) { restore(s, engine); });
}

Generator Generator::clone() const {
  Generator copy = create(0);
  use([&](RandomEngine& engine) { copy.impl_->engine = engine; });
  return copy;
}

const Generator& default_generator() {
  // Never destroyed: other static objects may draw while the program ends.
  static const Generator* const generator = new Generator(Generator::create());
  return *generator;
}

Generator manual_seed(uint64_t seed) {
  default_generator().set_current_seed(seed);
  return default_generator();
}
uint64_t seed() { return default_generator().seed(); }
uint64_t initial_seed() { return default_generator().current_seed(); }
Tensor get_rng_state() { return default_generator().get_state(); }
void set_rng_state(const Tensor& state) { default_generator().set_state(state); }

}  // namespace taper
