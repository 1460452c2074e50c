#pragma once

#include <algorithm>
#include <cstdint>

#include "taper/backend/cpu/reduce_core.h"
#include "taper/base/parallel.h"
#include "taper/core/sizes.h"
#include "taper/core/tensor_view.h"

// How a reduction walks a tensor: which elements make a chunk, which outputs are computed together,
// and how threads share the work. No result depends on these choices.
namespace taper::cpu {

inline constexpr int64_t kMaxColumns = column_block(4);
/// Elements below which a second thread does not pay.
inline constexpr int64_t kReduceGrain = 32768;

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

inline Plan::Plan(ConstView x, uint64_t dims, View out, ScalarType work) {
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

inline void Plan::choose_walk(int64_t work_item) {
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
  block = std::clamp<int64_t>(kReduceGrain / work, least, most);
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
    const int threads = all >= 2 * kReduceGrain ? get_num_threads() : 1;
    if (threads == 1 || plan_.segments == 1 || plan_.blocks >= 4 * threads) {
      parallel_for(0, plan_.blocks, std::max<int64_t>(1, kReduceGrain / work),
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
    parallel_for(0, pieces, std::max<int64_t>(1, kReduceGrain / work),
                 [&](int64_t first, int64_t last) {
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

}  // namespace taper::cpu
