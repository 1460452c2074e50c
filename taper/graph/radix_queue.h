#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

namespace taper {
namespace graph {

/// Nodes by distance, for searches whose distances never fall below the last one taken: a radix
/// heap on the bits of the distances, which order numbers of 0 or more. Bucket b has the entries
/// whose highest bit that differs from base_ is bit b - 1. The first bucket in use becomes the near
/// list, which is sorted, when it is small, and goes to lower buckets otherwise; an entry only ever
/// moves down. A node may stand in it several times: entries above the node's distance are dropped
/// when they are met.
template <class T>
class RadixQueue {
 public:
  struct Entry {
    T distance;
    int32_t node;
  };

  void push(T distance, int32_t node) {
    const int bucket = std::bit_width(bits(distance) ^ base_);
    if (bucket <= near_bits_) {
      insert({distance, node});
    } else {
      place(bucket, {distance, node});
    }
  }

  /// Takes an entry of least distance that is the one of its node. False when there is none; the
  /// queue is then as new.
  bool pop(const T* distances, Entry& entry) {
    do {
      while (near_size_ > 0) {
        entry = near_[--near_size_];
        if (!(entry.distance > distances[entry.node])) return true;
      }
      Bucket& equal = buckets_[0];  // to base_
      while (equal.size > 0) {
        entry = equal.entries[--equal.size];
        if (!(entry.distance > distances[entry.node])) return true;
      }
    } while (open_bucket(distances));
    return false;
  }

 private:
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  /// Entries from which sorting by insertion costs more than another round of buckets.
  static constexpr size_t kNear = 32;

  struct Bucket {
    std::vector<Entry> entries;
    size_t size = 0;
  };

  static Bits bits(T distance) { return std::bit_cast<Bits>(distance); }

  void place(int bucket, const Entry& entry) {
    Bucket& b = buckets_[bucket];
    if (b.size == b.entries.size()) [[unlikely]]
      b.entries.resize(2 * b.size + 64);
    b.entries[b.size++] = entry;
    filled_ |= (uint64_t(1) << bucket) >> 1;
  }

  /// Into the near list, whose nearest entry is the last.
  void insert(const Entry& entry) {
    size_t i = near_size_++;
    for (; i > 0 && near_[i - 1].distance < entry.distance; --i) near_[i] = near_[i - 1];
    near_[i] = entry;
    if (near_size_ == 2 * kNear) [[unlikely]] {
      restart(near_[near_size_ - 1].distance);
      const size_t size = near_size_;
      near_size_ = 0;
      for (i = 0; i < size; ++i) push(near_[i].distance, near_[i].node);
    }
  }

  void restart(T least) {
    base_ = bits(least);
    near_bits_ = -1;
  }

  /// Sorts out the first bucket in use. False when there is none.
  bool open_bucket(const T* distances) {
    if (filled_ == 0) {
      restart(0);
      return false;
    }
    const int bucket = std::countr_zero(filled_) + 1;
    filled_ &= filled_ - 1;
    Bucket& b = buckets_[bucket];
    Entry* entries = b.entries.data();
    size_t kept = 0;
    T least = std::numeric_limits<T>::infinity();
    for (size_t i = 0; i < b.size; ++i) {
      if (entries[i].distance > distances[entries[i].node]) continue;
      least = entries[i].distance < least ? entries[i].distance : least;
      entries[kept++] = entries[i];
    }
    b.size = 0;
    if (kept == 0) return true;
    if (kept <= kNear) {
      near_bits_ = bucket - 1;
      base_ = bits(least) >> near_bits_ << near_bits_;
    } else {
      restart(least);
    }
    for (size_t i = 0; i < kept; ++i) push(entries[i].distance, entries[i].node);
    return true;
  }

  Bucket buckets_[8 * sizeof(T) + 1];
  Entry near_[2 * kNear];
  size_t near_size_ = 0;
  int near_bits_ = -1;   // entries that differ from base_ in this many low bits at most are near
  uint64_t filled_ = 0;  // bit b: bucket b + 1 may have entries
  Bits base_ = 0;
};

}  // namespace graph
}  // namespace taper
