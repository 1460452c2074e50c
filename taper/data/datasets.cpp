#include "taper/data/datasets.h"

#include "taper/base/error.h"
#include "taper/data/gather.h"
#include "taper/ops/joining.h"

namespace taper::data::datasets {
namespace {

void check_rows(const char* name, const Tensor& tensor) {
  TAPER_CHECK_AS(ShapeError, tensor.dim() > 0, name,
                 ": expected a tensor with rows, got one of 0 dimensions");
}

}  // namespace

TensorDataset::TensorDataset(const std::vector<Tensor>& tensors) : TensorDataset(stack(tensors)) {}

TensorDataset::TensorDataset(Tensor tensor) : tensor(std::move(tensor)) {
  check_rows("TensorDataset", this->tensor);
}

TensorExample TensorDataset::get(size_t index) {
  return tensor.select(0, static_cast<int64_t>(index));
}

std::optional<TensorExample> TensorDataset::gather_batch(ArrayRef<size_t> indices) {
  // A gradient flows through selecting and stacking, not through gathering.
  if (tensor.requires_grad()) return std::nullopt;
  return gather_rows(tensor, indices);
}

std::optional<size_t> TensorDataset::size() const { return static_cast<size_t>(tensor.size(0)); }

PairDataset::PairDataset(Tensor data, Tensor targets)
    : data_(std::move(data)), targets_(std::move(targets)) {
  check_rows("PairDataset", data_);
  check_rows("PairDataset", targets_);
  TAPER_CHECK_AS(ShapeError, data_.size(0) == targets_.size(0), "PairDataset: got data of ",
                 data_.size(0), " rows and targets of ", targets_.size(0),
                 ", expected equally many (Size mismatch between tensors)");
}

Example<> PairDataset::get(size_t index) {
  const int64_t row = static_cast<int64_t>(index);
  return {data_.select(0, row), targets_.select(0, row)};
}

std::optional<Example<>> PairDataset::gather_batch(ArrayRef<size_t> indices) {
  if (data_.requires_grad() || targets_.requires_grad()) return std::nullopt;
  return Example<>(gather_rows(data_, indices), gather_rows(targets_, indices));
}

std::optional<size_t> PairDataset::size() const { return static_cast<size_t>(data_.size(0)); }

}  // namespace taper::data::datasets
