#include "taper/ops/grid.h"

#include <algorithm>

#include "taper/ops/creation.h"
#include "taper/ops/indexing.h"
#include "taper/ops/joining.h"
#include "taper/ops/op_util.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

/// How many elements [row, column] with column - row <= offset a matrix has: rows from the first
/// that has one, each one longer than the last until it is full.
int64_t count_tril(int64_t rows, int64_t columns, int64_t offset) {
  const int64_t skipped = std::max<int64_t>(0, -offset);
  if (columns == 0 || skipped >= rows) return 0;
  const int64_t first = std::min(skipped + offset + 1, columns), left = rows - skipped;
  const int64_t growing = std::min(left, columns - first);
  return growing * first + growing * (growing - 1) / 2 + (left - growing) * columns;
}

/// Rows and columns of the elements for which column - row <= offset (lower) or >= offset.
Tensor triangle(const char* op, int64_t rows, int64_t columns, int64_t offset, bool lower,
                const TensorOptions& options) {
  TAPER_CHECK_AS(ShapeError, rows >= 0, op, ": row must be non-negative, got ", rows);
  TAPER_CHECK_AS(ShapeError, columns >= 0, op, ": col must be non-negative, got ", columns);
  checked_numel(op, {rows, columns, 2}, sizeof(int64_t));
  // Outside this range the offset changes nothing.
  offset = std::clamp(offset, -rows - 1, columns + 1);
  // What lies on or above a diagonal is what does not lie on or below the one before it.
  const int64_t below = count_tril(rows, columns, lower ? offset : offset - 1);
  const int64_t count = lower ? below : rows * columns - below;
  Tensor out = empty({2, count}, kLong);
  int64_t* const to = out.data_ptr<int64_t>();
  const int64_t first_row = lower ? std::max<int64_t>(0, -offset) : 0;
  for (int64_t r = first_row, i = 0; i < count; ++r) {
    const int64_t first = lower ? 0 : std::max<int64_t>(r + offset, 0);
    const int64_t last = lower ? std::min(r + offset + 1, columns) : columns;
    for (int64_t c = first; c < last; ++c, ++i) {
      to[i] = r;
      to[count + i] = c;
    }
  }
  const ScalarType type = options.has_dtype() ? options.dtype() : kLong;
  return type == kLong ? out : out.to(type);
}

/// n choose k, or a ShapeError when rows of k do not fit into memory's addresses.
int64_t count_combinations(int64_t n, int64_t k) {
  const int64_t r = std::min(k, n - k);
  __int128 count = 1;
  for (int64_t i = 1; i <= r && count < (__int128{1} << 62); ++i) count = count * (n - r + i) / i;
  const int64_t rows = static_cast<int64_t>(std::min(count, __int128{1} << 62));
  return checked_numel("combinations", {rows, k}, sizeof(int64_t)) / k;
}

}  // namespace

std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing) {
  TAPER_CHECK(!tensors.empty(), "meshgrid: meshgrid expects a non-empty TensorList");
  TAPER_CHECK_AS(ConfigError, indexing == "ij" || indexing == "xy",
                 "meshgrid: indexing must be one of \"xy\" or \"ij\", but received: ", indexing);
  const size_t count = tensors.size();
  TAPER_CHECK_AS(ShapeError, count <= kMaxDims, "meshgrid: at most ", kMaxDims,
                 " tensors make a grid, got ", count);
  DimVector sizes;
  for (const Tensor& t : tensors) {
    TAPER_CHECK_AS(ShapeError, t.dim() <= 1,
                   "meshgrid: Expected 0D or 1D tensor in the tensor list but got: ", t.sizes());
    TAPER_CHECK_AS(DTypeError, t.scalar_type() == tensors[0].scalar_type(),
                   "meshgrid: meshgrid expects all tensors to have the same dtype, got ",
                   tensors[0].scalar_type(), " and ", t.scalar_type());
    sizes.push_back(t.numel());
  }
  const bool swapped = indexing == "xy" && count > 1;
  std::vector<Tensor> grids;
  for (size_t i = 0; i < count; ++i) {
    DimVector own(count, 1);
    own[i] = tensors[i].numel();
    const Tensor grid = tensors[i].reshape(own).expand(sizes);
    grids.push_back(swapped ? grid.swapdims(0, 1) : grid);
  }
  return grids;
}

Tensor cartesian_prod(TensorList tensors) {
  TAPER_CHECK(!tensors.empty(), "cartesian_prod: meshgrid expects a non-empty TensorList");
  for (const Tensor& t : tensors) {
    TAPER_CHECK_AS(ShapeError, t.dim() == 1, "cartesian_prod: Expect a 1D vector, but got shape ",
                   t.sizes());
  }
  if (tensors.size() == 1) return tensors[0];
  std::vector<Tensor> columns = meshgrid(tensors);
  for (Tensor& column : columns) column = column.flatten();
  return stack(columns, 1);
}

Tensor combinations(const Tensor& self, int64_t r, bool with_replacement) {
  TAPER_CHECK_AS(ShapeError, self.dim() == 1, "combinations: Expect a 1D vector, but got shape ",
                 self.sizes());
  TAPER_CHECK(r >= 0, "combinations: Expect a non-negative number, but got ", r);
  if (r == 0) return self.new_empty({0});
  const int64_t n = self.numel();
  if (n == 0 || (!with_replacement && r > n)) {
    return self.index_select(0, empty({0}, kLong)).reshape({0, r});
  }
  int64_t pool = n;
  TAPER_CHECK_AS(ShapeError, !with_replacement || !__builtin_add_overflow(n, r - 1, &pool),
                 "combinations: r ", r, " is too large");
  const int64_t count = count_combinations(pool, r);
  // The rows of indices in lexicographic order; each follows from the one before.
  Tensor indices = empty({count * r}, kLong);
  int64_t* row = indices.data_ptr<int64_t>();
  for (int64_t i = 0; i < r; ++i) row[i] = with_replacement ? 0 : i;
  for (int64_t c = 1; c < count; ++c, row += r) {
    int64_t* const next = std::copy(row, row + r, row + r) - r;
    int64_t at = r - 1;
    while (next[at] == (with_replacement ? n - 1 : n - r + at)) --at;
    ++next[at];
    for (int64_t i = at + 1; i < r; ++i) next[i] = next[i - 1] + (with_replacement ? 0 : 1);
  }
  return self.index_select(0, indices).reshape({count, r});
}

Tensor vander(const Tensor& x, std::optional<int64_t> N, bool increasing) {
  TAPER_CHECK_AS(ShapeError, x.dim() == 1, "vander: x must be a one-dimensional tensor, got sizes ",
                 x.sizes());
  const int64_t n = N.value_or(x.numel());
  TAPER_CHECK(n >= 0, "vander: N must be non-negative, got ", n);
  const Tensor powers = increasing ? arange(n) : arange(n - 1, -1, -1);
  if (n == 0) return x.new_empty({x.numel(), 0});
  return x.unsqueeze(-1).pow(powers);
}

Tensor block_diag(TensorList tensors) {
  if (tensors.empty()) return empty({1, 0});
  int64_t columns = 0;
  std::vector<Tensor> blocks;
  const ScalarType type = result_type(tensors);
  for (size_t i = 0; i < tensors.size(); ++i) {
    TAPER_CHECK_AS(ShapeError, tensors[i].dim() <= 2,
                   "block_diag: Input tensors must have 2 or fewer dimensions. Input ", i, " has ",
                   tensors[i].dim(), " dimensions");
    blocks.push_back(atleast_2d(tensors[i]).to(type));
    columns += blocks.back().sizes()[1];
  }
  std::vector<Tensor> bands;
  int64_t left = 0;
  for (const Tensor& block : blocks) {
    const int64_t height = block.sizes()[0], width = block.sizes()[1];
    const Tensor band[] = {block.new_zeros({height, left}), block,
                           block.new_zeros({height, columns - left - width})};
    bands.push_back(cat(band, 1));
    left += width;
  }
  return cat(bands, 0);
}

Tensor tril_indices(int64_t row, int64_t col, int64_t offset, const TensorOptions& options) {
  return triangle("tril_indices", row, col, offset, true, options);
}
Tensor triu_indices(int64_t row, int64_t col, int64_t offset, const TensorOptions& options) {
  return triangle("triu_indices", row, col, offset, false, options);
}

Tensor kron(const Tensor& self, const Tensor& other) {
  // Dimension d of the result is the pair (self's, other's), interleaved.
  const int64_t rank = std::max(self.dim(), other.dim());
  TAPER_CHECK_AS(ShapeError, 2 * rank <= kMaxDims, "kron: at most ", kMaxDims / 2,
                 " dimensions, got ", rank);
  DimVector a, b, sizes;
  for (int64_t d = 0; d < rank; ++d) {
    const int64_t m = d < rank - self.dim() ? 1 : self.sizes()[d - (rank - self.dim())];
    const int64_t n = d < rank - other.dim() ? 1 : other.sizes()[d - (rank - other.dim())];
    a.push_back(m);
    a.push_back(1);
    b.push_back(1);
    b.push_back(n);
    sizes.push_back(m * n);
  }
  return self.reshape(a).mul(other.reshape(b)).reshape(sizes);
}

}  // namespace taper
