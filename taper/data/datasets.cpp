#include "taper/data/datasets.h"

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/parallel.h"
#include "taper/data/gather.h"
#include "taper/io/idx.h"
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

namespace {

// The file as it is, or else compressed.
io::IdxArray read_either(const std::string& root, const std::string& name, size_t dimensions) {
  const std::string plain = str(root, "/", name);
  const std::string path = file_exists(plain) ? plain : plain + ".gz";
  io::IdxArray array = io::read_idx(path);
  TAPER_CHECK_AS(IoError, array.dtype == kByte && array.sizes.size() == dimensions, "idx file ",
                 quote_path(path), ": got ", array.dtype, " ", IntArrayRef(array.sizes),
                 ", expected Byte of ", dimensions, " dimensions");
  return array;
}

PairDataset read_pairs(const std::string& root, bool train) {
  const std::string set = train ? "train" : "t10k";
  const io::IdxArray labels = read_either(root, set + "-labels-idx1-ubyte", 1);
  const io::IdxArray images = read_either(root, set + "-images-idx3-ubyte", 3);
  TAPER_CHECK_AS(IoError, images.sizes[0] == labels.sizes[0], "MNIST: ", quote_path(root), " has ",
                 images.sizes[0], " ", set, " images, but ", labels.sizes[0], " labels");
  Tensor data(
      TensorImpl::empty("MNIST", {images.sizes[0], 1, images.sizes[1], images.sizes[2]}, kFloat));
  Tensor targets(TensorImpl::empty("MNIST", {labels.sizes[0]}, kLong));
  float level[256];
  for (int i = 0; i < 256; ++i) level[i] = static_cast<float>(i) / 255.0f;
  const unsigned char* from = images.bytes.data();
  float* to = data.data_ptr<float>();
  parallel_for(0, data.numel(), 65536, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) to[i] = level[from[i]];
  });
  int64_t* label = targets.data_ptr<int64_t>();
  for (size_t i = 0; i < labels.bytes.size(); ++i) label[i] = labels.bytes.data()[i];
  return {data, targets};
}

}  // namespace

MNIST::MNIST(const std::string& root, Mode mode)
    : mode_(mode), pairs_(read_pairs(root, mode == Mode::kTrain)) {}

}  // namespace taper::data::datasets
