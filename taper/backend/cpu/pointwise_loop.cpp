#include "taper/backend/cpu/pointwise_loop.h"

#include <algorithm>
#include <cstring>

#include "taper/backend/cpu/convert.h"
#include "taper/backend/cpu/strided_plan.h"
#include "taper/base/error.h"
#include "taper/base/parallel.h"

namespace taper::cpu {
namespace {

constexpr int kPorts = StridedPlan::kMaxOperands;  // out and up to three inputs
constexpr int64_t kRun = 512;      // elements in a tile: 4 KB at most, so that four stay in L1
constexpr int64_t kShortRow = 32;  // rows shorter than this share a tile

constexpr ScalarType kTileDtype[kTileTypes] = {kFloat, kDouble, kInt,  kLong,
                                               kShort, kChar,   kByte, kBool};

TileType own_tile(ScalarType type) {
  switch (type) {
    case kFloat:
    case kHalf:
    case kBFloat16:
      return kTileF32;
    case kDouble:
      return kTileF64;
    case kInt:
      return kTileI32;
    case kLong:
      return kTileI64;
    case kShort:
      return kTileI16;
    case kChar:
      return kTileI8;
    case kByte:
      return kTileU8;
    default:
      return kTileBool;
  }
}

TileType choose_tile(const TileOp& op, ScalarType compute) {
  const TileType own = own_tile(compute);
  if (op.tile[own] != nullptr) return own;
  const bool small = own >= kTileI16;
  TAPER_CHECK_AS(DTypeError, small && op.tile[kTileI32] != nullptr, "\"", op.name,
                 "\" not implemented for '", compute, "'");
  return kTileI32;
}

// Integers wrap to the compute type before they widen to the tile's.
void store_number(const Scalar& number, ScalarType compute, ScalarType tile, void* to) {
  visit_dtype(tile, [&](auto tag) {
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

// One operand: where its elements are and how they become the tile's type (0: they are).
struct Port {
  int64_t size = 0;       // bytes of an element in memory
  int64_t tile_size = 0;  // and in a tile
  ConvertFn convert = nullptr, convert_via = nullptr;
  int64_t via_size = 0;
};

struct Scratch {
  alignas(64) char tile[kPorts][kRun * 8];
  alignas(64) char raw[2][kRun * 8];
  const char* constant[kPorts] = {};  // the element that fills the tile
};

class Loop {
 public:
  Loop(const TileOp& op, View out, const Operand* const* inputs, int count, Params params,
       ScalarType compute)
      : op_(op), ports_(count + 1) {
    for (size_t i = 0; i < params.size(); ++i) {
      params_.real[i] = params[i].toDouble();
      params_.whole[i] = params[i].toLong();
    }
    const TileType type = choose_tile(op, compute);
    fn_ = op.tile[type];
    tile_ = kTileDtype[type];
    result_ = op.predicate ? kBool : tile_;
    numel_ = out.numel();
    if (numel_ == 0) return;
    if (fast(out, inputs, compute)) return;
    open_ports(out, inputs, compute);
    ConstView views[kPorts - 1];
    for (int p = 1; p < ports_; ++p) {
      if (!inputs[p - 1]->is_number()) views[p - 1] = inputs[p - 1]->view();
    }
    plan_.build(out, views, count);
    const int64_t grain = op.costly ? 8192 : 32768;
    parallel_for(0, numel_, grain, [&](int64_t first, int64_t last) { walk(first, last); });
  }

 private:
  ScalarType input_tile(int port) const { return op_.mask_first && port == 1 ? kBool : tile_; }

  // All tensors contiguous, of out's sizes and of the tile's type: straight to the tile function.
  bool fast(View out, const Operand* const* inputs, ScalarType compute) {
    if (!out.is_contiguous() || out.dtype() != result_) return false;
    const void* in[kPorts - 1];
    int64_t sizes[kPorts - 1];
    alignas(64) char constant[kPorts - 1][kRun * 8];
    bool numbers = false;
    for (int p = 1; p < ports_; ++p) {
      const Operand& operand = *inputs[p - 1];
      const ScalarType wanted = input_tile(p);
      sizes[p - 1] = elementSize(wanted);
      if (operand.is_number()) {
        numbers = true;
        char value[8];
        store_number(operand.number(), compute, wanted, value);
        splat(constant[p - 1], value, std::min(numel_, kRun), sizes[p - 1]);
        in[p - 1] = constant[p - 1];
        sizes[p - 1] = 0;
        continue;
      }
      const ConstView& view = operand.view();
      if (view.dtype() != wanted || !view.is_contiguous() || view.sizes() != out.sizes()) {
        return false;
      }
      in[p - 1] = view.raw_data();
    }
    char* to = static_cast<char*>(out.raw_data());
    const int64_t out_size = elementSize(result_);
    const int64_t step = numbers ? kRun : numel_;
    auto part = [&](int64_t first, int64_t last) {
      const void* at[kPorts - 1];
      for (int64_t i = first; i < last; i += step) {
        for (int p = 0; p + 1 < ports_; ++p) {
          at[p] = static_cast<const char*>(in[p]) + i * sizes[p];
        }
        fn_(to + i * out_size, at, std::min(step, last - i), params_);
      }
    };
    const int64_t grain = op_.costly ? 16384 : 65536;
    if (numel_ <= grain) {
      part(0, numel_);
    } else {
      parallel_for(0, numel_, grain, part);
    }
    return true;
  }

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

  // n elements of a row from its element `skip` on, through tiles where memory does not fit.
  void piece(const StridedCursor& c, int64_t skip, int64_t n, Scratch& s) const {
    const void* in[kPorts - 1];
    for (int p = 1; p < ports_; ++p) {
      const Port& port = port_[p];
      const int64_t stride = plan_.strides[p][0];
      const char* from = c.at[p] + skip * stride;
      if (stride == 0) {
        if (s.constant[p] != from) {
          char value[8];
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
  int64_t numel_;
  TileParams params_;
  Port port_[kPorts];
  char* bases_[kPorts];
  StridedPlan plan_;
  alignas(8) char numbers_[kPorts][8];
};

}  // namespace

namespace {

/// The small common case, without a loop's machinery: tensors only, contiguous, of out's sizes and
/// of the tile's type, too few elements to split.
bool run_small(const TileOp& op, View out, const Operand* const* inputs, int count, Params params,
               ScalarType compute) {
  if (compute != kFloat || op.mask_first || op.predicate || op.tile[kTileF32] == nullptr) {
    return false;
  }
  const TensorImpl* to = out.impl();
  const int64_t n = to->numel();
  if (n > 16384 || !to->is_contiguous() || to->dtype() != kFloat) return false;
  const void* in[kPorts - 1];
  const IntArrayRef sizes = to->sizes();
  alignas(64) float number[64];
  for (int i = 0; i < count; ++i) {
    if (inputs[i]->is_number()) {
      // Room for one number beside a tensor of up to 64 elements.
      if (n > 64 || (i > 0 && inputs[0]->is_number()) || i > 1) return false;
      const float value = inputs[i]->number().to<float>();
      for (int64_t k = 0; k < n; ++k) number[k] = value;
      in[i] = number;
      continue;
    }
    const TensorImpl* from = inputs[i]->view().impl();
    if (from->dtype() != kFloat || !from->is_contiguous() || from->sizes() != sizes) return false;
    in[i] = from->data();
  }
  TileParams numbers;
  for (size_t i = 0; i < params.size(); ++i) numbers.real[i] = params[i].toDouble();
  if (n > 0) op.tile[kTileF32](to->data(), in, n, numbers);
  return true;
}

}  // namespace

void run_tiles(const TileOp& op, View out, const Operand* const* inputs, int count, Params params,
               ScalarType compute) {
  if (run_small(op, out, inputs, count, params, compute)) return;
  Loop(op, out, inputs, count, params, compute);
}

}  // namespace taper::cpu
