#include "taper/backend/cpu/pointwise_loop.h"

#include <algorithm>
#include <cstring>

#include "taper/backend/cpu/convert.h"
#include "taper/backend/cpu/strided_plan.h"
#include "taper/backend/cpu/transpose.h"
#include "taper/base/error.h"
#include "taper/base/parallel.h"

namespace taper::cpu {
namespace {

constexpr int kPorts = StridedPlan::kMaxOperands;  // out and up to three inputs
constexpr int64_t kRun = 512;    // elements in a tile: mostly 4 KB at most, so that four stay in L1
constexpr int64_t kWidest = 16;  // bytes of an element
constexpr int64_t kShortRow = 32;  // rows shorter than this share a tile

constexpr ScalarType kTileDtype[kTileTypes] = {
    kFloat, kDouble, kInt, kLong, kShort, kChar, kByte, kBool, kComplexFloat, kComplexDouble};

// By ScalarType's number; half types compute in float32.
constexpr TileType kOwnTile[] = {kTileU8,   kTileI8,   kTileI16,  kTileI32, kTileI64,  kTileF32,
                                 kTileF32,  kTileF64,  kTileBool, kTileC64, kTileC128, kTileBool,
                                 kTileBool, kTileBool, kTileBool, kTileF32};

TileType choose_tile(const TileOp& op, ScalarType compute) {
  const TileType own = kOwnTile[static_cast<int>(compute)];
  if (op.tile[own] != nullptr) [[likely]] {
    return own;
  }
  const bool small = own >= kTileI16 && own <= kTileBool;
  TAPER_CHECK_AS(DTypeError, small && op.tile[kTileI32] != nullptr, "\"", op.name,
                 "\" not implemented for '", compute, "'");
  return kTileI32;
}

ScalarType result_type(const TileOp& op, ScalarType tile) {
  return op.predicate ? kBool : op.real_result ? toRealValueType(tile) : tile;
}

// A number in the tile's type. Integers wrap to the compute type before they widen to the tile's.
void store_number(const Scalar& number, ScalarType compute, ScalarType tile, void* to) {
  visit_any_dtype(tile, [&](auto tag) {
    using T = decltype(tag);
    T value;
    if (isIntegralType(compute, true) && tile != kBool) {
      value = visit_dtype(compute,
                          [&](auto narrow) { return convert<T>(number.to<decltype(narrow)>()); });
    } else {
      value = number.to<T>();
    }
    std::memcpy(to, &value, sizeof value);
  });
}

// The only element of a tensor, as it is when the kernel runs; rounded to the compute type.
Scalar only_element(const ConstView& view, ScalarType compute) {
  if (isComplexType(view.dtype()) && !isComplexType(compute)) {
    fail_complex("operation", view.dtype());
  }
  return visit_any_dtype(view.dtype(), [&](auto tag) {
    const auto value = *view.data<decltype(tag)>();
    if (!isReducedFloatingType(compute)) return Scalar(value);
    return visit_dtype(compute, [&](auto t) { return Scalar(convert<decltype(t)>(value)); });
  });
}

// One operand: where its elements are and how they become the tile's type (0: they are).
struct Port {
  int64_t size = 0;       // bytes of an element in memory
  int64_t tile_size = 0;  // and in a tile
  ConvertFn convert = nullptr, convert_via = nullptr;
  int64_t via_size = 0;
};

struct Scratch {
  alignas(64) char tile[kPorts][kRun * kWidest];
  alignas(64) char raw[2][kRun * kWidest];
  const char* constant[kPorts] = {};  // the element that fills the tile
};

struct Call {
  const TileOp& op;
  TileFn fn;
  ScalarType compute, tile, result;
  View out;
  const Operand* const* inputs;
  int count;
  int64_t numel;
  TileParams params;

  ScalarType input_tile(int input) const { return op.mask_first && input == 0 ? kBool : tile; }
};

// Elements below which a second thread does not pay.
int64_t grain_of(const TileOp& op) { return op.costly ? 16384 : 32768; }

// Contiguous tensors of one size: the tile function itself, on each thread's part.
void run_plain(const TileOp& op, TileFn fn, View out, const char* const* in, int count,
               ScalarType tile, const TileParams& params) {
  const int64_t n = out.numel();
  char* to = static_cast<char*>(out.raw_data());
  const int64_t grain = grain_of(op);
  if (n <= grain) [[likely]] {
    return fn(to, reinterpret_cast<const void* const*>(in), n, params);
  }
  const int64_t out_size = elementSize(out.dtype()), size = elementSize(tile);
  parallel_for(0, n, grain, [&](int64_t first, int64_t last) {
    const void* at[kPorts - 1];
    for (int p = 0; p < count; ++p) at[p] = in[p] + first * (op.mask_first && p == 0 ? 1 : size);
    fn(to + first * out_size, at, last - first, params);
  });
}

// Numbers, and tensors of one element, as tiles full of the value; false: another layout.
__attribute__((noinline)) bool run_with_constants(const Call& call) {
  const char* in[kPorts - 1];
  int64_t sizes[kPorts - 1];
  alignas(64) char constant[kPorts - 1][kRun * kWidest];
  for (int p = 0; p < call.count; ++p) {
    const Operand& operand = *call.inputs[p];
    const ScalarType wanted = call.input_tile(p);
    const int64_t size = elementSize(wanted);
    if (operand.is_number() || (operand.view().numel() == 1 && call.numel != 1)) {
      char value[kWidest];
      const Scalar number =
          operand.is_number() ? operand.number() : only_element(operand.view(), call.compute);
      store_number(number, call.compute, wanted, value);
      splat(constant[p], value, std::min(call.numel, kRun), size);
      in[p] = constant[p];
      sizes[p] = 0;
      continue;
    }
    const ConstView& view = operand.view();
    if (view.dtype() != wanted || !view.is_contiguous() || view.numel() != call.numel) return false;
    in[p] = static_cast<const char*>(view.raw_data());
    sizes[p] = size;
  }
  char* to = static_cast<char*>(call.out.raw_data());
  const int64_t out_size = elementSize(call.result);
  auto part = [&](int64_t first, int64_t last) {
    const void* at[kPorts - 1];
    for (int64_t i = first; i < last; i += kRun) {
      for (int p = 0; p < call.count; ++p) at[p] = in[p] + i * sizes[p];
      call.fn(to + i * out_size, at, std::min(kRun, last - i), call.params);
    }
  };
  if (call.numel <= grain_of(call.op)) {
    part(0, call.numel);
  } else {
    parallel_for(0, call.numel, grain_of(call.op), part);
  }
  return true;
}

// Any layouts and types.
class Loop {
 public:
  explicit Loop(const Call& call)
      : op_(call.op),
        ports_(call.count + 1),
        fn_(call.fn),
        tile_(call.tile),
        result_(call.result),
        params_(call.params) {
    open_ports(call.out, call.inputs, call.compute);
    ConstView views[kPorts - 1];
    for (int p = 1; p < ports_; ++p) {
      if (!call.inputs[p - 1]->is_number()) views[p - 1] = call.inputs[p - 1]->view();
    }
    plan_.build(call.out, views, call.count);
  }

  void run() const {
    if (const int d = transposed_dim()) return run_transposed(d);
    const int64_t grain = op_.costly ? 8192 : 32768;
    parallel_for(0, plan_.numel(), grain, [&](int64_t first, int64_t last) { walk(first, last); });
  }

 private:
  ScalarType input_tile(int port) const { return op_.mask_first && port == 1 ? kBool : tile_; }

  void open_ports(View out, const Operand* const* inputs, ScalarType compute) {
    for (int p = 0; p < ports_; ++p) {
      Port& port = port_[p];
      const ScalarType tile = p == 0 ? result_ : input_tile(p);
      port.tile_size = elementSize(tile);
      ScalarType memory = tile;
      if (p > 0 && inputs[p - 1]->is_number()) {
        store_number(inputs[p - 1]->number(), compute, tile, numbers_[p]);
        bases_[p] = numbers_[p];
      } else {
        const ConstView view = p == 0 ? out : inputs[p - 1]->view();
        memory = view.dtype();
        bases_[p] = static_cast<char*>(view.impl()->data());
      }
      port.size = elementSize(memory);
      if (memory == tile) continue;
      if (p > 0 && isComplexType(memory) && !isComplexType(tile)) fail_complex(op_.name, memory);
      // A tile wider than the compute type: values pass through that type, where they round or
      // wrap, as they would in a tensor of it.
      const bool via = tile == tile_ && tile != compute && memory != compute;
      const ScalarType from = p == 0 ? tile : memory, to = p == 0 ? memory : tile;
      port.convert = convert_fn(via ? compute : to, from);
      if (via) {
        port.convert_via = convert_fn(to, compute);
        port.via_size = elementSize(compute);
      }
    }
  }

  void walk(int64_t first, int64_t last) const {
    Scratch scratch;
    StridedCursor c;
    c.seek(plan_, bases_, first);
    if (plan_.rank > 1 && plan_.size[0] < kShortRow) {
      for (; first < last; first += kRun) short_rows(c, std::min(kRun, last - first), scratch);
      return;
    }
    bool direct = true;
    for (int p = 0; p < ports_; ++p) {
      direct &= port_[p].convert == nullptr && plan_.strides[p][0] == port_[p].size;
    }
    while (first < last) {
      const int64_t row = std::min(plan_.size[0] - c.index[0], last - first);
      if (direct) {
        fn_(c.at[0], const_cast<const void* const*>(reinterpret_cast<void**>(c.at + 1)), row,
            params_);
      } else {
        for (int64_t i = 0; i < row; i += kRun) piece(c, i, std::min(kRun, row - i), scratch);
      }
      c.advance(plan_, row);
      first += row;
    }
  }

  // A dimension along which some input is contiguous while the innermost one jumps; 0 when there is
  // none, or when the operands do not all lie in memory as tiles do.
  int transposed_dim() const {
    int found = 0;
    for (int p = 0; p < ports_; ++p) {
      if (port_[p].convert || port_[p].size == kWidest) return 0;
      const int64_t stride = plan_.strides[p][0];
      if (stride == port_[p].size) continue;
      int d = 0;
      for (int k = 1; k < plan_.rank && p > 0 && stride != 0; ++k) {
        if (plan_.strides[p][k] == port_[p].size && plan_.size[k] >= 4) d = k;
      }
      if (d == 0 || (found != 0 && found != d)) return 0;
      found = d;
    }
    return plan_.size[0] >= 16 ? found : 0;
  }

  // Blocks of rows (dimension 0) and columns (dimension d): the transposed inputs turned into
  // tiles, one row of the result at a time.
  void run_transposed(int d) const {
    constexpr int64_t kRows = 64, kColumns = 8;
    StridedPlan rest = plan_;
    for (int k : {d, 0}) rest.drop(k);
    const int64_t rows = plan_.size[0], columns = plan_.size[d];
    const int64_t row_blocks = (rows + kRows - 1) / kRows;
    const int64_t column_blocks = (columns + kColumns - 1) / kColumns;
    const int64_t blocks = row_blocks * column_blocks;
    parallel_for(0, rest.numel() * blocks, 64, [&](int64_t first, int64_t last) {
      Scratch scratch;
      StridedCursor c;
      for (int64_t t = first; t < last; ++t) {
        const int64_t block = t % blocks;
        if (t == first || block == 0) c.seek(rest, bases_, t / blocks);
        const int64_t i = block / column_blocks * kRows, j = block % column_blocks * kColumns;
        transposed_block(c, d, i, j, std::min(kRows, rows - i), std::min(kColumns, columns - j),
                         scratch);
      }
    });
  }

  void transposed_block(const StridedCursor& c, int d, int64_t i, int64_t j, int64_t rows,
                        int64_t columns, Scratch& s) const {
    char* at[kPorts];
    int64_t step[kPorts];
    for (int p = 0; p < ports_; ++p) {
      const int64_t size = port_[p].size;
      at[p] = c.at[p] + i * plan_.strides[p][0] + j * plan_.strides[p][d];
      step[p] = plan_.strides[p][d];
      if (plan_.strides[p][0] == size) continue;
      transpose_fn(size)(s.tile[p], rows * size, at[p], plan_.strides[p][0], rows, columns, false);
      at[p] = s.tile[p];
      step[p] = rows * size;
    }
    for (int64_t k = 0; k < columns; ++k) {
      const void* in[kPorts - 1];
      for (int p = 1; p < ports_; ++p) in[p - 1] = at[p] + k * step[p];
      fn_(at[0] + k * step[0], in, rows, params_);
    }
  }

  // n elements of a row from its element `skip` on, through tiles where memory does not fit.
  void piece(const StridedCursor& c, int64_t skip, int64_t n, Scratch& s) const {
    const void* in[kPorts - 1];
    for (int p = 1; p < ports_; ++p) {
      const Port& port = port_[p];
      const int64_t stride = plan_.strides[p][0];
      const char* from = c.at[p] + skip * stride;
      if (stride == 0) {
        if (s.constant[p] != from) {
          char value[kWidest];
          load(port, from, 1, value, s);
          splat(s.tile[p], value, std::min(kRun, plan_.size[0]), port.tile_size);
          s.constant[p] = from;
        }
        in[p - 1] = s.tile[p];
        continue;
      }
      if (stride != port.size) {
        gather(port.convert ? s.raw[0] : s.tile[p], from, stride, n, port.size);
        from = port.convert ? s.raw[0] : s.tile[p];
      }
      if (port.convert) {
        load(port, from, n, s.tile[p], s);
        from = s.tile[p];
      }
      in[p - 1] = from;
    }
    const Port& out = port_[0];
    char* to = c.at[0] + skip * plan_.strides[0][0];
    if (out.convert == nullptr && plan_.strides[0][0] == out.size) {
      fn_(to, in, n, params_);
      return;
    }
    fn_(s.tile[0], in, n, params_);
    const char* values = finish(n, s);
    scatter(to, plan_.strides[0][0], values, n, out.size);
  }

  void load(const Port& port, const char* from, int64_t n, char* to, Scratch& s) const {
    if (port.convert == nullptr) {
      std::memcpy(to, from, n * port.size);
    } else if (port.convert_via == nullptr) {
      port.convert(to, from, n);
    } else {
      port.convert(s.raw[1], from, n);
      port.convert_via(to, s.raw[1], n);
    }
  }
  // The result tile in out's type.
  const char* finish(int64_t n, Scratch& s) const {
    const Port& out = port_[0];
    if (out.convert == nullptr) return s.tile[0];
    out.convert(s.raw[0], s.tile[0], n);
    if (out.convert_via == nullptr) return s.raw[0];
    out.convert_via(s.raw[1], s.raw[0], n);
    return s.raw[1];
  }

  // n elements from the cursor on, over rows that are too short for a tile each.
  void short_rows(StridedCursor& c, int64_t n, Scratch& s) const {
    const void* in[kPorts - 1];
    StridedCursor end = c;
    for (int p = ports_ - 1; p >= 0; --p) {
      const Port& port = port_[p];
      if (p == 0) fn_(s.tile[0], in, n, params_);
      char* raw = port.convert ? s.raw[0] : s.tile[p];
      const char* values = p == 0 ? finish(n, s) : nullptr;
      StridedCursor walker = c;
      for (int64_t i = 0; i < n;) {
        const int64_t row = std::min(plan_.size[0] - walker.index[0], n - i);
        if (p == 0) {
          scatter(walker.at[0], plan_.strides[p][0], values + i * port.size, row, port.size);
        } else {
          gather(raw + i * port.size, walker.at[p], plan_.strides[p][0], row, port.size);
        }
        walker.advance(plan_, row);
        i += row;
      }
      if (p > 0) {
        if (port.convert) load(port, raw, n, s.tile[p], s);
        in[p - 1] = s.tile[p];
      }
      end = walker;
    }
    c = end;
  }

  const TileOp& op_;
  int ports_;
  TileFn fn_;
  ScalarType tile_, result_;
  TileParams params_;
  Port port_[kPorts];
  char* bases_[kPorts];
  StridedPlan plan_;
  alignas(8) char numbers_[kPorts][kWidest];
};

}  // namespace

void run_tiles(const TileOp& own, View out, const Operand* const* inputs, int count, Params params,
               ScalarType compute) {
  const TileOp& op = isComplexType(compute) ? complex_op(own.name, compute) : own;
  const TileType type = choose_tile(op, compute);
  const TileFn fn = op.tile[type];
  const ScalarType tile = kTileDtype[type], result = result_type(op, tile);
  const int64_t numel = out.numel();
  TileParams values;  // set as far as the op has parameters
  for (size_t i = 0; i < params.size(); ++i) {
    if (!params[i].isComplex()) [[likely]] {
      values.real[i] = params[i].toDouble();
      values.imag[i] = 0;
      values.whole[i] = params[i].toLong();
    } else {
      const Complex<double> value = params[i].toComplexDouble();
      values.real[i] = value.re;
      values.imag[i] = value.im;
      values.whole[i] = 0;
    }
  }
  if (numel == 0) return;
  const bool plain_out = out.is_contiguous() && out.dtype() == result;
  if (plain_out) [[likely]] {
    // The common case first: tensors of one type and size, contiguous.
    const char* in[kPorts - 1];
    int p = 0;
    for (; p < count; ++p) {
      const TensorImpl* view = inputs[p]->view().impl();
      const ScalarType wanted = op.mask_first && p == 0 ? kBool : tile;
      if (view == nullptr || view->dtype() != wanted || !view->is_contiguous() ||
          view->numel() != numel) {
        break;
      }
      in[p] = static_cast<const char*>(view->data());
    }
    if (p == count) [[likely]] {
      return run_plain(op, fn, out, in, count, tile, values);
    }
  }
  const Call call{op, fn, compute, tile, result, out, inputs, count, numel, values};
  if (plain_out && run_with_constants(call)) return;
  Loop(call).run();
}

}  // namespace taper::cpu
