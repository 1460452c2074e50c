#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace taper {
namespace graph {

/// A queue of nodes by distance in which a node may stand more than once: the reader skips those
/// that it has seen nearer. Four children per entry: half the levels of a binary heap, and the
/// children lie in one or two cache lines.
template <class T>
class LazyHeap {
 public:
  struct Entry {
    T key;
    int32_t node;
  };

  bool empty() const { return entries_.empty(); }
  void clear() { entries_.clear(); }

  void push(T key, int32_t node) {
    size_t i = entries_.size();
    entries_.push_back({key, node});
    Entry* heap = entries_.data();
    while (i > 0) {
      const size_t parent = (i - 1) / 4;
      if (!(key < heap[parent].key)) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = {key, node};
  }

  Entry pop() {
    Entry* heap = entries_.data();
    const Entry top = heap[0], last = entries_.back();
    entries_.pop_back();
    const size_t size = entries_.size();
    size_t i = 0;
    for (size_t child = 1; child < size; child = 4 * i + 1) {
      size_t least = child;
      const size_t end = child + 4 < size ? child + 4 : size;
      for (size_t c = child + 1; c < end; ++c) {
        if (heap[c].key < heap[least].key) least = c;
      }
      if (!(heap[least].key < last.key)) break;
      heap[i] = heap[least];
      i = least;
    }
    if (size > 0) heap[i] = last;
    return top;
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace graph
}  // namespace taper
