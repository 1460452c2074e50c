#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <type_traits>
#include <unordered_map>

#include "taper/kernel/matmul.h"

// What the kernels that call oneDNN share.
namespace taper::cpu {

using dnnl::memory;

inline const dnnl::engine& onednn_engine() {
  static const dnnl::engine& e = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return e;
}
inline const dnnl::stream& onednn_stream() {
  static const dnnl::stream& s = *new dnnl::stream(onednn_engine());
  return s;
}

/// An argument of a primitive; absent without data.
struct OnednnArg {
  int name;
  const memory::desc* desc;
  const void* data;
};

// Through the C interface: an argument array on the stack in place of a map.
template <size_t N>
void execute(const dnnl::primitive& primitive, const OnednnArg (&args)[N]) {
  std::array<memory, N> memories;
  dnnl_exec_arg_t list[N];
  int count = 0;
  for (size_t i = 0; i < N; ++i) {
    if (args[i].data == nullptr) continue;
    memories[i] = memory(*args[i].desc, onednn_engine(), const_cast<void*>(args[i].data));
    list[count++] = {args[i].name, memories[i].get()};
  }
  dnnl::error::wrap_c_api(
      dnnl_primitive_execute(primitive.get(), onednn_stream().get(), count, list),
      "oneDNN could not run a primitive");
}

inline dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

/// Whether bfloat16 goes to oneDNN: without the processor's help, float32 is as quick.
inline bool has_bf16() {
  static const bool supported = (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) ==
                                dnnl_cpu_isa_avx512_core_bf16;
  return supported && bf16_kernels_enabled();
}

constexpr size_t padded(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// Plans (primitives with what belongs to them) by key, which is compared and hashed as a row of
/// numbers; null stands for what oneDNN cannot do. Bounded: it starts afresh when full.
template <class Key, class Plan>
class PlanCache {
 public:
  /// make(key) throws dnnl::error where oneDNN has no such primitive.
  template <class Make>
  std::shared_ptr<const Plan> find(const Key& key, const Make& make) {
    std::lock_guard lock(mutex_);
    const auto it = plans_.find(key);
    if (it != plans_.end()) return it->second;
    if (plans_.size() >= 1024) plans_.clear();
    std::shared_ptr<const Plan> plan;
    try {
      plan = make(key);
      if (plan->name.find("ref") != std::string::npos) plan = nullptr;
    } catch (const dnnl::error&) {
      plan = nullptr;
    }
    plans_.emplace(key, plan);
    return plan;
  }

 private:
  static_assert(sizeof(Key) % sizeof(int64_t) == 0 &&
                std::has_unique_object_representations_v<Key>);
  struct Hash {
    size_t operator()(const Key& key) const {
      uint64_t words[sizeof(Key) / sizeof(uint64_t)], h = 0x9e3779b97f4a7c15u;
      std::memcpy(words, &key, sizeof(key));
      for (const uint64_t w : words) h = (h ^ w) * 0xff51afd7ed558ccdu + (h >> 29);
      return h;
    }
  };
  struct Equal {
    bool operator()(const Key& a, const Key& b) const {
      return std::memcmp(&a, &b, sizeof(Key)) == 0;
    }
  };

  std::mutex mutex_;
  std::unordered_map<Key, std::shared_ptr<const Plan>, Hash, Equal> plans_;
};

}  // namespace taper::cpu
