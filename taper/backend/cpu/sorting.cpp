#include "taper/kernel/sorting.h"

#include <hwy/contrib/sort/vqsort.h>

#include <algorithm>
#include <cstring>

#include "taper/backend/cpu/scratch.h"
#include "taper/base/parallel.h"
#include "taper/core/convert.h"

namespace taper::cpu {
namespace {

// An element and its index packed into one unsigned number: sorting these is stable, and one code
// serves every type of up to 32 bits, another the wider ones.
template <class T>
using WideKey = std::conditional_t<(sizeof(T) > 4), hwy::uint128_t, uint64_t>;

/// Bits that compare as the values do: NaN above infinity, -0 as 0.
template <class T>
uint64_t ordered_bits(T value) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return ordered_bits(static_cast<float>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    constexpr Bits kSign = Bits(1) << (sizeof(T) * 8 - 1);
    if (value != value) return Bits(~Bits(0));
    value += T(0);  // -0 becomes 0
    Bits bits;
    std::memcpy(&bits, &value, sizeof(T));
    return static_cast<Bits>(bits & kSign ? ~bits : bits | kSign);
  } else if constexpr (std::is_signed_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<U>(U(value) ^ (U(1) << (sizeof(T) * 8 - 1)));
  } else {
    return value;
  }
}

/// Bits of a key of T, in which a descending order complements.
template <class T>
constexpr uint64_t kKeyMask = sizeof(T) > 4 ? ~uint64_t{0} : 0xffffffffu;

template <class T>
WideKey<T> pack(T value, int64_t index, bool descending) {
  uint64_t bits = ordered_bits(value);
  if (descending) bits = ~bits & kKeyMask<T>;
  if constexpr (sizeof(T) > 4) {
    hwy::uint128_t key;
    key.lo = static_cast<uint64_t>(index);
    key.hi = bits;
    return key;
  } else {
    return bits << 32 | static_cast<uint64_t>(index);
  }
}
int64_t index_of(uint64_t key) { return static_cast<int64_t>(key & 0xffffffffu); }
int64_t index_of(const hwy::uint128_t& key) { return static_cast<int64_t>(key.lo); }
uint64_t bits_of(uint64_t key) { return key >> 32; }
uint64_t bits_of(const hwy::uint128_t& key) { return key.hi; }

struct Less {
  bool operator()(uint64_t a, uint64_t b) const { return a < b; }
  bool operator()(const hwy::uint128_t& a, const hwy::uint128_t& b) const {
    return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
  }
};

// Below this length the standard library is as fast as the vector sort's set-up.
constexpr int64_t kVectorSort = 128;

template <class Key>
void sort_keys(Key* keys, int64_t n) {
  if (n < kVectorSort) {
    std::sort(keys, keys + n, Less());
  } else {
    hwy::Sorter()(keys, static_cast<size_t>(n), hwy::SortAscending());
  }
}

/// A tensor as lines along one dimension.
struct Lines {
  int64_t n = 1, count = 1, step = 0;

  Lines(ConstView x, int64_t dim) {
    if (x.dim() == 0) return;
    n = x.size(dim);
    step = x.stride(dim);
    for (int64_t d = 0; d < x.dim(); ++d) count *= d == dim ? 1 : x.size(d);
  }
};

/// Element offset of a line's first element in a tensor with x's sizes but for dim.
template <class AnyView>
int64_t line_offset(const AnyView& t, ConstView x, int64_t dim, int64_t line) {
  int64_t at = 0;
  for (int64_t d = x.dim() - 1; d >= 0; --d) {
    if (d == dim) continue;
    at += line % x.size(d) * t.stride(d);
    line /= x.size(d);
  }
  return at;
}

constexpr int64_t kSortGrain = 4096;

/// Calls body(line) for every line, several lines to a thread.
template <class Body>
void for_lines(const Lines& lines, Body body) {
  parallel_for(0, lines.count, std::max<int64_t>(1, kSortGrain / std::max<int64_t>(lines.n, 1)),
               body);
}

/// The outputs of one tensor's lines: the elements at some indices, and the indices.
template <class T>
class Sink {
 public:
  Sink(View values, View indices, ConstView x, int64_t dim)
      : values_(values), indices_(indices), x_(x), dim_(dim) {}

  void open(int64_t line) {
    source_ = x_.data<T>() + line_offset(x_, x_, dim_, line);
    if (values_.defined()) to_ = values_.data<T>() + line_offset(values_, x_, dim_, line);
    if (indices_.defined()) at_ = indices_.data<int64_t>() + line_offset(indices_, x_, dim_, line);
  }
  const T* source() const { return source_; }
  void put(int64_t position, int64_t index) {
    const bool flat = x_.dim() == 0;
    if (to_)
      to_[flat ? 0 : position * values_.stride(dim_)] = source_[flat ? 0 : index * x_.stride(dim_)];
    if (at_) at_[flat ? 0 : position * indices_.stride(dim_)] = index;
  }

 private:
  View values_, indices_;
  ConstView x_;
  int64_t dim_;
  const T* source_ = nullptr;
  T* to_ = nullptr;
  int64_t* at_ = nullptr;
};

/// The least `count` keys, in order, to the front of `best`, which holds 2 * count + kSlack. A key
/// that is not below the greatest of `count` found so far is not looked at again.
constexpr int64_t kSlack = 256;
constexpr int64_t kBlock = 64;

/// Whether one of kBlock elements may come before `limit`. Without a branch, for vectors.
template <class T>
bool any_before(const T* x, T limit, bool descending) {
  int found = 0;
  if (descending) {
    for (int64_t i = 0; i < kBlock; ++i) found |= !(x[i] <= limit);
  } else {
    for (int64_t i = 0; i < kBlock; ++i) found |= !(x[i] >= limit);
  }
  return found != 0;
}

template <class T>
void select_least(const T* source, int64_t n, int64_t step, int64_t count, bool descending,
                  WideKey<T>* best) {
  const int64_t room = 2 * count + kSlack;
  int64_t held = 0;
  bool limited = false;
  uint64_t limit = 0;
  T bound{};
  for (int64_t i = 0; i < n;) {
    const int64_t end = std::min(i + kBlock, n);
    if constexpr (std::is_arithmetic_v<T>) {
      const bool whole = limited && step == 1 && end - i == kBlock;
      if (whole && !any_before(source + i, bound, descending)) {
        i = end;
        continue;
      }
    }
    for (; i < end; ++i) {
      uint64_t bits = ordered_bits(source[i * step]);
      if (descending) bits = ~bits & kKeyMask<T>;
      if (limited && bits >= limit) continue;
      best[held++] = pack(source[i * step], i, descending);
      if (held < room) continue;
      std::nth_element(best, best + count - 1, best + held, Less());
      limit = bits_of(best[count - 1]);
      bound = source[index_of(best[count - 1]) * step];
      limited = true;
      held = count;
    }
  }
  std::partial_sort(best, best + std::min(count, held), best + held, Less());
}

template <class T>
void sort_lines(View values, View indices, ConstView x, int64_t dim, bool descending) {
  const View shape = indices.defined() ? indices : values;
  const Lines lines(x, dim);
  const int64_t count = shape.dim() == 0 ? 1 : shape.size(dim);
  if (count == 0) return;
  // Sorting everything is faster than a selection of much.
  const bool selects = count < lines.n / 8;
  for_lines(lines, [&](int64_t first, int64_t last) {
    Scratch<WideKey<T>> keys(static_cast<size_t>(selects ? 2 * count + kSlack : lines.n));
    Sink<T> sink(values, indices, x, dim);
    for (int64_t line = first; line < last; ++line) {
      sink.open(line);
      if (selects) {
        select_least(sink.source(), lines.n, lines.step, count, descending, keys.data());
      } else {
        for (int64_t i = 0; i < lines.n; ++i) {
          keys[i] = pack(sink.source()[i * lines.step], i, descending);
        }
        sort_keys(keys.data(), lines.n);
      }
      for (int64_t i = 0; i < count; ++i) sink.put(i, index_of(keys[i]));
    }
  });
}

template <class T>
bool is_nan([[maybe_unused]] T value) {
  if constexpr (std::is_integral_v<T>)
    return false;
  else
    return static_cast<float>(value) != static_cast<float>(value);
}

/// Where in sorted keys the last of the most frequent ones stands.
template <class Key>
int64_t most_frequent(const Key* keys, int64_t n) {
  int64_t best = 0, most = 0;
  for (int64_t i = 0, start = 0; i < n; ++i) {
    if (i + 1 < n && bits_of(keys[i + 1]) == bits_of(keys[i])) continue;
    if (i + 1 - start > most) {
      most = i + 1 - start;
      best = i;
    }
    start = i + 1;
  }
  return best;
}

template <class T>
void pick_of_lines(View values, View indices, ConstView x, int64_t dim, Rank rank, int64_t k) {
  const Lines lines(x, dim);
  for_lines(lines, [&](int64_t first, int64_t last) {
    Scratch<WideKey<T>> keys(static_cast<size_t>(lines.n));
    Sink<T> sink(values, indices, x, dim);
    for (int64_t line = first; line < last; ++line) {
      sink.open(line);
      int64_t nans = 0;
      for (int64_t i = 0; i < lines.n; ++i) {
        const T value = sink.source()[i * lines.step];
        nans += is_nan(value);
        keys[i] = pack(value, i, false);
      }
      // NaNs are the last in order; of the lower median's n, the nanmedian leaves them out.
      int64_t at = k - 1;
      if (rank == Rank::median) at = nans > 0 ? lines.n - nans : (lines.n - 1) / 2;
      if (rank == Rank::nanmedian) at = nans == lines.n ? 0 : (lines.n - nans - 1) / 2;
      if (rank == Rank::mode) {
        sort_keys(keys.data(), lines.n);
        at = most_frequent(keys.data(), lines.n);
      } else {
        std::nth_element(keys.data(), keys.data() + at, keys.data() + lines.n, Less());
      }
      sink.put(0, index_of(keys[at]));
    }
  });
}

template <class T, class Position>
void search_lines(View positions, ConstView sorted, ConstView x, bool right) {
  const int64_t n = sorted.dim() == 0 ? 1 : sorted.size(sorted.dim() - 1);
  const int64_t per_line = sorted.dim() > 1 ? x.size(x.dim() - 1) : x.numel();
  const T* const from = x.data<T>();
  Position* const to = positions.data<Position>();
  parallel_for(0, x.numel(), 2048, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const T* const line = sorted.data<T>() + i / per_line * n;
      const uint64_t bits = ordered_bits(from[i]);
      const T* const found =
          right ? std::partition_point(line, line + n, [&](T v) { return ordered_bits(v) <= bits; })
                : std::partition_point(line, line + n, [&](T v) { return ordered_bits(v) < bits; });
      to[i] = static_cast<Position>(found - line);
    }
  });
}

}  // namespace

void sort(View values, View indices, ConstView x, int64_t dim, bool descending) {
  if (x.numel() == 0) return;
  // An index has 32 bits in the narrow keys.
  TAPER_CHECK_AS(ShapeError, x.dim() == 0 || x.size(dim) < (int64_t{1} << 32),
                 "sort: more than 2^32 - 1 elements along a dimension are not supported");
  visit_dtype(x.dtype(),
              [&](auto zero) { sort_lines<decltype(zero)>(values, indices, x, dim, descending); });
}

void kth(View values, View indices, ConstView x, int64_t dim, Rank rank, int64_t k) {
  if (x.numel() == 0) return;
  TAPER_CHECK_AS(ShapeError, x.dim() == 0 || x.size(dim) < (int64_t{1} << 32),
                 "kthvalue: more than 2^32 - 1 elements along a dimension are not supported");
  visit_dtype(x.dtype(),
              [&](auto zero) { pick_of_lines<decltype(zero)>(values, indices, x, dim, rank, k); });
}

void search(View positions, ConstView sorted, ConstView x, bool right) {
  if (x.numel() == 0) return;
  visit_dtype(x.dtype(), [&](auto zero) {
    if (positions.dtype() == kInt) {
      search_lines<decltype(zero), int32_t>(positions, sorted, x, right);
    } else {
      search_lines<decltype(zero), int64_t>(positions, sorted, x, right);
    }
  });
}

}  // namespace taper::cpu
