#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace taper {
namespace graph {

/// Nodes by distance, for searches whose distances never fall below the last one taken: a radix
/// heap on the bits of the distances, which order numbers of 0 or more. An entry lies in the bucket
/// of the highest bit in which it differs from the last distance taken, and moves to lower buckets
/// only. A node may stand in it several times; entries above the node's distance are dropped when
/// they are met.
template <class T>
class RadixQueue {
 public:
  struct Entry {
    T distance;
    int32_t node;
  };

  void push(T distance, int32_t node) {
    const Bits difference = bits(distance) ^ last_;
    const int bucket = std::bit_width(difference);
    buckets_[bucket].push_back({distance, node});
    filled_ |= (uint64_t(1) << bucket) >> 1;
  }

  /// Takes an entry of least distance that is the one of its node. False when there is none; the
  /// queue is then as new.
  bool pop(const T* distances, Entry& entry) {
    while (true) {
      while (!buckets_[0].empty()) {
        entry = buckets_[0].back();
        buckets_[0].pop_back();
        if (!(entry.distance > distances[entry.node])) return true;
      }
      if (filled_ == 0) {
        last_ = 0;
        return false;
      }
      std::vector<Entry>& bucket = buckets_[std::countr_zero(filled_) + 1];
      filled_ &= filled_ - 1;
      size_t kept = 0, least = 0;
      for (size_t i = 0; i < bucket.size(); ++i) {
        if (bucket[i].distance > distances[bucket[i].node]) continue;
        bucket[kept] = bucket[i];
        if (bucket[kept].distance < bucket[least].distance) least = kept;
        ++kept;
      }
      if (kept > 0) {
        entry = bucket[least];
        last_ = bits(entry.distance);
      }
      bucket.resize(kept);
      if (kept == 1) {
        bucket.clear();
        return true;
      }
      for (const Entry& e : bucket) push(e.distance, e.node);
      bucket.clear();
    }
  }

 private:
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  static Bits bits(T distance) { return std::bit_cast<Bits>(distance); }

  std::vector<Entry> buckets_[8 * sizeof(T) + 1];
  uint64_t filled_ = 0;  // bit b: bucket b + 1 may have entries
  Bits last_ = 0;
};

}  // namespace graph
}  // namespace taper
