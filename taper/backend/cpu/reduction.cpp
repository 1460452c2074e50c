#include "taper/kernel/reduction.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "taper/backend/cpu/reduce_core.h"
#include "taper/base/parallel.h"
#include "taper/core/convert.h"
#include "taper/core/sizes.h"

namespace taper::cpu {
namespace {

constexpr int64_t kMaxColumns = column_block(4);
/// Elements below which a second thread does not pay.
constexpr int64_t kGrain = 32768;

/// Dimensions as a sequence, outermost first; neighbours that continue each other are merged.
struct Dims {
  int count = 0;
  int64_t numel = 1;
  int64_t sizes[kMaxDims], strides[kMaxDims], out_strides[kMaxDims];

  void append(int64_t size, int64_t stride, int64_t out_stride) {
    numel *= size;
    if (size == 1) return;
    if (count > 0 && strides[count - 1] == stride * size &&
        out_strides[count - 1] == out_stride * size) {
      sizes[count - 1] *= size;
      strides[count - 1] = stride;
      out_strides[count - 1] = out_stride;
      return;
    }
    sizes[count] = size;
    strides[count] = stride;
    out_strides[count++] = out_stride;
  }
  /// Element offset of a row-major index, in x.
  int64_t offset(int64_t index) const {
    int64_t at = 0;
    for (int d = count - 1; d >= 0; --d) {
      at += index % sizes[d] * strides[d];
      index /= sizes[d];
    }
    return at;
  }
};

/// How x is walked: kept dimensions (blocks of outputs along the last of them), outer reduced ones,
/// and the inner reduced ones that chunks are cut from.
struct Plan {
  Dims kept, outer, inner;
  int64_t chunks;    // of one inner sequence
  int64_t segments;  // chunks of one output: outer * chunks
  bool by_columns;   // the block's outputs lie next to each other in x
  int64_t block;     // outputs of a block
  int64_t blocks_per_row, blocks, last_kept;

  Plan(ConstView x, uint64_t dims, View out, ScalarType work);
  void choose_walk(int64_t work_item);
};

Plan::Plan(ConstView x, uint64_t dims, View out, ScalarType work) {
  const int rank = static_cast<int>(x.dim());
  const bool keepdim = out.dim() == rank;
  // From the last reduced dimension on, as far as the merge goes by the shape alone.
  int inner_from = rank;
  for (int64_t d = rank - 1, merged = 1; d >= 0 && merged < kMergeUntil; --d) {
    if (dims >> d & 1) {
      merged *= x.size(d);
      inner_from = static_cast<int>(d);
    }
  }
  for (int d = 0, o = 0; d < rank; ++d) {
    const bool reduced = dims >> d & 1;
    if (reduced) {
      (d >= inner_from ? inner : outer).append(x.size(d), x.stride(d), 0);
    } else {
      kept.append(x.size(d), x.stride(d), out.stride(keepdim ? d : o));
    }
    o += !reduced;
  }
  chunks = (inner.numel + kChunk - 1) / kChunk;
  segments = outer.numel * chunks;
  choose_walk(elementSize(work));
}

void Plan::choose_walk(int64_t work_item) {
  const bool inner_contiguous = inner.count == 0 || inner.strides[inner.count - 1] == 1;
  int dense = -1;
  for (int d = 0; d < kept.count; ++d) {
    if (kept.strides[d] == 1) dense = d;
  }
  by_columns = dense >= 0 && !(inner_contiguous && inner.count > 0);
  // The order of the outputs is free: blocks run along the dense dimension.
  const int chosen = by_columns ? dense : kept.count - 1;
  if (kept.count > 0 && chosen != kept.count - 1) {
    std::swap(kept.sizes[chosen], kept.sizes[kept.count - 1]);
    std::swap(kept.strides[chosen], kept.strides[kept.count - 1]);
    std::swap(kept.out_strides[chosen], kept.out_strides[kept.count - 1]);
  }
  last_kept = kept.count == 0 ? 1 : kept.sizes[kept.count - 1];
  // The width changes no result: wide enough for the vectors, narrow enough to share the work.
  const int64_t work = std::max<int64_t>(inner.numel * outer.numel, 1);
  const int64_t least = by_columns ? 16 : 1;
  const int64_t most = by_columns ? column_block(work_item) : kMaxColumns;
  block = std::clamp<int64_t>(kGrain / work, least, most);
  if (by_columns) block = block / least * least;
  blocks_per_row = (last_kept + block - 1) / block;
  blocks = last_kept == 0 ? 0 : kept.numel / last_kept * blocks_per_row;
}

/// One reduction over one plan. Red names the chunk's result and how results are combined, in the
/// order of the elements, into totals.
template <class Red>
class Runner {
 public:
  using Result = typename Red::Result;
  using Total = typename Red::Total;

  Runner(ConstView x, const Plan& plan, const Red& red)
      : x_(static_cast<const char*>(x.raw_data())),
        item_(elementSize(x.dtype())),
        plan_(plan),
        red_(red) {
    runs_ = {plan.inner.count, plan.inner.sizes, plan.inner.strides};
    direct_rows_ = red.load == nullptr &&
                   (plan.inner.count == 0 || (plan.inner.count == 1 && plan.inner.strides[0] == 1));
  }

  void run() {
    const int64_t work = std::max<int64_t>(plan_.block * plan_.inner.numel * plan_.outer.numel, 1);
    const int64_t all = plan_.kept.numel * plan_.inner.numel * plan_.outer.numel;
    const int threads = all >= 2 * kGrain ? get_num_threads() : 1;
    if (threads == 1 || plan_.segments == 1 || plan_.blocks >= 4 * threads) {
      parallel_for(0, plan_.blocks, std::max<int64_t>(1, kGrain / work),
                   [&](int64_t first, int64_t last) { whole_blocks(first, last); });
    } else {
      split_segments();
    }
  }

 private:
  struct Block {
    const char* base;  // first output's first element
    int64_t outputs;
    int64_t stride;  // between outputs, in x
    int64_t out_offset, out_stride;
  };
  struct Buffers {
    alignas(64) char elements[kChunk * 8];
  };

  Block block_at(int64_t index) const {
    const int last = plan_.kept.count - 1;
    const int64_t first = index % plan_.blocks_per_row * plan_.block;
    int64_t row = index / plan_.blocks_per_row;
    Block b{x_, std::min(plan_.block, plan_.last_kept - first), 0, 0, 0};
    int64_t offset = 0;
    if (last >= 0) {
      b.stride = plan_.kept.strides[last];
      b.out_stride = plan_.kept.out_strides[last];
      offset = first * b.stride;
      b.out_offset = first * b.out_stride;
    }
    for (int d = last - 1; d >= 0; --d) {
      const int64_t at = row % plan_.kept.sizes[d];
      row /= plan_.kept.sizes[d];
      offset += at * plan_.kept.strides[d];
      b.out_offset += at * plan_.kept.out_strides[d];
    }
    b.base += offset * item_;
    return b;
  }

  void whole_blocks(int64_t first, int64_t last) const {
    Buffers buffers;
    Result results[kMaxColumns];
    Total totals[kMaxColumns];
    for (int64_t i = first; i < last; ++i) {
      const Block b = block_at(i);
      for (int64_t k = 0; k < b.outputs; ++k) totals[k] = red_.start();
      for (int64_t s = 0; s < plan_.segments; ++s) {
        const int64_t n = segment(b, s, buffers, results);
        combine(s, n, results, totals, b.outputs);
      }
      red_.finish(totals, b.outputs, b.out_offset, b.out_stride);
    }
  }

  // Few outputs: threads share the chunks, and their results are combined in order afterwards.
  void split_segments() const {
    const int64_t pieces = plan_.blocks * plan_.segments;
    const int64_t width = std::min(plan_.block, plan_.last_kept);
    Scratch<Result> results(pieces * width);
    const int64_t work = width * std::min(kChunk, plan_.inner.numel);
    parallel_for(0, pieces, std::max<int64_t>(1, kGrain / work), [&](int64_t first, int64_t last) {
      Buffers buffers;
      for (int64_t i = first; i < last; ++i) {
        segment(block_at(i / plan_.segments), i % plan_.segments, buffers,
                results.data() + i * width);
      }
    });
    Total totals[kMaxColumns];
    for (int64_t i = 0; i < plan_.blocks; ++i) {
      const Block b = block_at(i);
      for (int64_t k = 0; k < b.outputs; ++k) totals[k] = red_.start();
      for (int64_t s = 0; s < plan_.segments; ++s) {
        combine(s, chunk_size(s % plan_.chunks), results.data() + (i * plan_.segments + s) * width,
                totals, b.outputs);
      }
      red_.finish(totals, b.outputs, b.out_offset, b.out_stride);
    }
  }

  void combine(int64_t s, int64_t n, const Result* results, Total* totals, int64_t outputs) const {
    const int64_t position = s / plan_.chunks * plan_.inner.numel + s % plan_.chunks * kChunk;
    for (int64_t k = 0; k < outputs; ++k) red_.combine(totals[k], results[k], position, n);
  }
  int64_t chunk_size(int64_t chunk) const {
    return std::min(kChunk, plan_.inner.numel - chunk * kChunk);
  }

  /// The results of one chunk for all outputs of a block; returns the chunk's length.
  int64_t segment(const Block& b, int64_t s, Buffers& buffers, Result* results) const {
    const int64_t chunk = s % plan_.chunks;
    const int64_t n = chunk_size(chunk), first = chunk * kChunk;
    const char* base = b.base;
    if (plan_.outer.count > 0) base += plan_.outer.offset(s / plan_.chunks) * item_;
    if (plan_.by_columns) {
      RowSource rows(runs_, base, item_, first, n, b.outputs, red_.load, buffers.elements,
                     red_.work_item);
      red_.core->columns(rows, results);
    } else if (direct_rows_) {
      red_.core->rows(base + first * item_, b.stride, b.outputs, n, results);
    } else {
      for (int64_t k = 0; k < b.outputs; ++k) {
        pack(base + k * b.stride * item_, first, n, buffers.elements);
        red_.core->rows(buffers.elements, 0, 1, n, results + k);
      }
    }
    return n;
  }

  /// Brings elements [first, first + n) of the inner sequence together.
  void pack(const char* base, int64_t first, int64_t n, char* to) const {
    const Dims& inner = plan_.inner;
    if (inner.count == 0) {
      red_.gather(base, 1, n, to);
      return;
    }
    const int64_t size = inner.sizes[inner.count - 1], stride = inner.strides[inner.count - 1];
    for (int64_t done = 0; done < n;) {
      const int64_t run = std::min(n - done, size - (first + done) % size);
      red_.gather(base + inner.offset(first + done) * item_, stride, run,
                  to + done * red_.work_item);
      done += run;
    }
  }

  const char* x_;
  int64_t item_;
  const Plan& plan_;
  const Red& red_;
  RunList runs_;
  bool direct_rows_;
};

/// Parts that all reductions share: the working type and how elements get there.
struct Common {
  const ReduceCore* core;
  LoadFn load = nullptr;    // null: x has the working type
  LoadFn gather = nullptr;  // never null
  int64_t work_item;

  Common(CoreOp op, ScalarType from, ScalarType work, bool nonzero)
      : core(&reduce_core(op, work)), work_item(elementSize(work)) {
    gather = nonzero ? load_nonzero_function(from) : load_function(from, work);
    if (nonzero || from != work) load = gather;
  }
};

template <class T>
using WideOf = std::conditional_t<std::is_same_v<T, int64_t>, int64_t, double>;

template <class T>
struct Fold : Common {
  using Result = T;
  using Total = WideOf<T>;
  CoreOp op;
  ReduceOp what;
  double count;
  char* out;
  int64_t out_item;
  ScalarType out_type;
  StoreFn store;

  Fold(CoreOp o, ReduceOp w, ConstView x, View target, int64_t n)
      : Common(o, x.dtype(), scalar_type_of<T>, w >= ReduceOp::any),
        op(o),
        what(w),
        count(static_cast<double>(n)),
        out(static_cast<char*>(target.raw_data())),
        out_item(elementSize(target.dtype())),
        out_type(target.dtype()),
        store(store_function(scalar_type_of<Total>, target.dtype())) {}

  Total start() const {
    using Limits = std::numeric_limits<Total>;
    switch (op) {
      case CoreOp::prod:
        return Total(1);
      case CoreOp::max:
        return Limits::has_infinity ? -Limits::infinity() : Limits::min();
      case CoreOp::min:
        return Limits::has_infinity ? Limits::infinity() : Limits::max();
      default:
        return Total(0);
    }
  }
  void combine(Total& total, const Result& value, int64_t, int64_t) const {
    const Total v = static_cast<Total>(value);
    using U = std::conditional_t<std::is_same_v<Total, double>, double, uint64_t>;
    switch (op) {
      case CoreOp::prod:
        total = static_cast<Total>(static_cast<U>(total) * static_cast<U>(v));
        break;
      case CoreOp::max:
        if (v > total || v != v) total = v;
        break;
      case CoreOp::min:
        if (v < total || v != v) total = v;
        break;
      default:
        total = static_cast<Total>(static_cast<U>(total) + static_cast<U>(v));
    }
  }
  void finish(Total* totals, int64_t n, int64_t offset, int64_t stride) const {
    if constexpr (std::is_same_v<Total, double>) {
      if (what == ReduceOp::mean) {
        for (int64_t k = 0; k < n; ++k) totals[k] /= count;
      } else if (what == ReduceOp::sq_norm) {
        for (int64_t k = 0; k < n; ++k) totals[k] = std::sqrt(totals[k]);
      }
    }
    if (out_type == scalar_type_of<T> && stride == 1) {
      T* to = reinterpret_cast<T*>(out) + offset;
      for (int64_t k = 0; k < n; ++k) to[k] = static_cast<T>(totals[k]);
      return;
    }
    store(totals, n, out + offset * out_item, stride);
  }
};

CoreOp core_op(ReduceOp what) {
  switch (what) {
    case ReduceOp::prod:
      return CoreOp::prod;
    case ReduceOp::amax:
    case ReduceOp::any:
      return CoreOp::max;
    case ReduceOp::amin:
    case ReduceOp::all:
      return CoreOp::min;
    case ReduceOp::abs_sum:
      return CoreOp::abs_sum;
    case ReduceOp::sq_norm:
      return CoreOp::sq_sum;
    default:
      return CoreOp::sum;
  }
}

template <class T>
void fold(View out, ConstView x, const Plan& plan, ReduceOp what) {
  const int64_t count = plan.inner.numel * plan.outer.numel;
  const Fold<T> red(core_op(what), what, x, out, count);
  Runner<Fold<T>>(x, plan, red).run();
}

/// A whole contiguous tensor of the working type that is small enough for one thread: the same tree
/// without a plan. Returns whether it was one.
template <class T>
bool fold_small(View out, ConstView x, uint64_t dims, ReduceOp what) {
  const int64_t n = x.numel(), rank = x.dim();
  if (n == 0 || n > kGrain || !x.is_contiguous() || x.dtype() != scalar_type_of<T>) return false;
  if (what >= ReduceOp::any || out.numel() != 1) return false;
  int64_t inner = 1;
  for (int64_t d = rank - 1; d >= 0 && inner < kMergeUntil; --d) {
    if (dims >> d & 1) inner *= x.size(d);
  }
  if (inner > kChunk) return false;
  const Fold<T> red(core_op(what), what, x, out, n);
  auto total = red.start();
  T results[kMaxColumns];
  for (int64_t first = 0; first < n; first += inner * kMaxColumns) {
    const int64_t rows = std::min(kMaxColumns, (n - first) / inner);
    red.core->rows(x.data<T>() + first, inner, rows, inner, results);
    for (int64_t r = 0; r < rows; ++r) red.combine(total, results[r], 0, inner);
  }
  red.finish(&total, 1, 0, 1);
  return true;
}

template <class T>
struct Best : Common {
  struct Total {
    T value;
    int64_t index;
  };
  using Result = ValueIndex<T>;
  bool largest;
  char* values;
  int64_t* indices;
  ScalarType value_type;
  int64_t value_item;
  StoreFn store;

  Best(bool most, ConstView x, View v, View i)
      : Common(most ? CoreOp::argmax : CoreOp::argmin, x.dtype(), scalar_type_of<T>, false),
        largest(most),
        values(v.defined() ? static_cast<char*>(v.raw_data()) : nullptr),
        indices(i.defined() ? i.data<int64_t>() : nullptr),
        value_type(x.dtype()),
        value_item(elementSize(x.dtype())),
        store(store_function(scalar_type_of<T>, x.dtype())) {}

  Total start() const { return {T(0), -1}; }
  void combine(Total& total, const Result& r, int64_t position, int64_t) const {
    const bool nan = r.value != r.value;
    const bool better = largest ? r.value > total.value : r.value < total.value;
    if (total.index < 0 || (nan ? total.value == total.value : better)) {
      total = {r.value, position + r.index};
    }
  }
  void finish(Total* totals, int64_t n, int64_t offset, int64_t stride) const {
    for (int64_t k = 0; k < n; ++k) {
      const int64_t at = offset + k * stride;
      if (indices != nullptr) indices[at] = totals[k].index;
      if (values != nullptr) store(&totals[k].value, 1, values + at * value_item, 1);
    }
  }
};

template <class T>
struct Variance : Common {
  struct Total {
    double count, mean, m2;
  };
  using Result = Moments;
  double correction;
  bool take_sqrt;
  View var, mean;
  StoreFn store_var;
  StoreFn store_mean;

  Variance(ConstView x, View v, View m, double minus, bool root)
      : Common(CoreOp::var, x.dtype(), scalar_type_of<T>, false),
        correction(minus),
        take_sqrt(root),
        var(v),
        mean(m),
        store_var(store_function(kDouble, v.dtype())),
        store_mean(m.defined() ? store_function(kDouble, m.dtype()) : nullptr) {}

  Total start() const { return {0, 0, 0}; }
  // Chan et al.: the squares of two sets about their common mean.
  void combine(Total& t, const Result& r, int64_t, int64_t n) const {
    const double count = t.count + double(n);
    const double apart = r.mean - t.mean;
    if (t.count == 0) {
      t = {count, r.mean, r.m2};
      return;
    }
    t.mean += apart * (double(n) / count);
    t.m2 += r.m2 + apart * apart * (t.count * (double(n) / count));
    t.count = count;
  }
  void finish(Total* totals, int64_t n, int64_t offset, int64_t stride) const {
    for (int64_t k = 0; k < n; ++k) {
      const Total& t = totals[k];
      const double free = std::max(0.0, t.count - correction);
      // m2 may round below 0; NaN stays.
      double v = (t.m2 < 0 ? 0.0 : t.m2) / free;
      if (t.count == 0) v = std::numeric_limits<double>::quiet_NaN();
      if (take_sqrt) v = std::sqrt(v);
      const double m = t.count == 0 ? std::numeric_limits<double>::quiet_NaN() : t.mean;
      put(var, store_var, v, offset + k * stride);
      if (mean.defined()) put(mean, store_mean, m, offset + k * stride);
    }
  }
  static void put(View to, StoreFn store, double v, int64_t at) {
    store(&v, 1, static_cast<char*>(to.raw_data()) + at * elementSize(to.dtype()), 1);
  }
};

}  // namespace

void reduce(View out, ConstView x, uint64_t dims, ReduceOp what) {
  const ScalarType work = what >= ReduceOp::any ? kLong : work_type(out.dtype());
  if (work == kFloat && fold_small<float>(out, x, dims, what)) return;
  const Plan plan(x, dims, out, work);
  if (work == kFloat) {
    fold<float>(out, x, plan, what);
  } else if (work == kDouble) {
    fold<double>(out, x, plan, what);
  } else {
    fold<int64_t>(out, x, plan, what);
  }
}

void max_with_index(View values, View indices, ConstView x, uint64_t dims, bool largest) {
  // Both outputs are new tensors of one geometry; the plan needs one.
  const View shape = indices.defined() ? indices : values;
  const ScalarType work = work_type(x.dtype());
  const Plan plan(x, dims, shape, work);
  const auto run = [&](auto zero) {
    const Best<decltype(zero)> red(largest, x, values, indices);
    Runner<Best<decltype(zero)>>(x, plan, red).run();
  };
  if (work == kFloat) return run(float());
  if (work == kDouble) return run(double());
  run(int64_t());
}

void var(View var, View mean, ConstView x, uint64_t dims, double correction, bool take_sqrt) {
  const ScalarType work = work_type(x.dtype());
  const Plan plan(x, dims, var, work);
  const auto run = [&](auto zero) {
    const Variance<decltype(zero)> red(x, var, mean, correction, take_sqrt);
    Runner<Variance<decltype(zero)>>(x, plan, red).run();
  };
  if (work == kDouble) return run(double());
  run(float());
}

namespace {

template <class Work>
void cumulate_lines(View out, ConstView x, int64_t dim, Scan what) {
  const LoadFn load = load_function(x.dtype(), scalar_type_of<Work>);
  const StoreFn store = store_function(scalar_type_of<Work>, out.dtype());
  const int64_t n = x.size(dim);
  const int64_t lines = n == 0 ? 0 : x.numel() / n;
  const bool product = what == Scan::product, backwards = what == Scan::sum_from_end;
  const int64_t step = backwards ? -x.stride(dim) : x.stride(dim);
  const int64_t out_step = backwards ? -out.stride(dim) : out.stride(dim);
  const int64_t item = elementSize(x.dtype()), out_item = elementSize(out.dtype());
  using U = std::conditional_t<std::is_same_v<Work, double>, double, uint64_t>;
  parallel_for(0, lines, std::max<int64_t>(1, kGrain / std::max<int64_t>(n, 1)),
               [&](int64_t first, int64_t last) {
                 Work buffer[512];
                 for (int64_t line = first; line < last; ++line) {
                   // From the last element on when the scan runs backwards.
                   int64_t from = backwards ? (1 - n) * step : 0,
                           to = backwards ? (1 - n) * out_step : 0;
                   int64_t rest = line;
                   for (int64_t d = x.dim() - 1; d >= 0; --d) {
                     if (d == dim) continue;
                     from += rest % x.size(d) * x.stride(d);
                     to += rest % x.size(d) * out.stride(d);
                     rest /= x.size(d);
                   }
                   const char* source = static_cast<const char*>(x.raw_data()) + from * item;
                   char* target = static_cast<char*>(out.raw_data()) + to * out_item;
                   U running = product ? U(1) : U(0);
                   for (int64_t i = 0; i < n; i += 512) {
                     const int64_t m = std::min<int64_t>(512, n - i);
                     load(source + i * step * item, step, m, buffer);
                     for (int64_t k = 0; k < m; ++k) {
                       running = product ? running * static_cast<U>(buffer[k])
                                         : running + static_cast<U>(buffer[k]);
                       buffer[k] = static_cast<Work>(running);
                     }
                     store(buffer, m, target + i * out_step * out_item, out_step);
                   }
                 }
               });
}

}  // namespace

void cumulate(View out, ConstView x, int64_t dim, Scan what) {
  if (x.dim() == 0) {
    // A number is a line of one element.
    const ScalarType work = isFloatingType(out.dtype()) ? kDouble : kLong;
    int64_t buffer;
    load_function(x.dtype(), work)(x.raw_data(), 1, 1, &buffer);
    store_function(work, out.dtype())(&buffer, 1, out.raw_data(), 1);
  } else if (isFloatingType(out.dtype())) {
    cumulate_lines<double>(out, x, dim, what);
  } else {
    cumulate_lines<int64_t>(out, x, dim, what);
  }
}

}  // namespace taper::cpu
