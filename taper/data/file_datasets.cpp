#include "taper/data/file_datasets.h"

#include <algorithm>
#include <filesystem>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/parallel.h"
#include "taper/data/gather.h"
#include "taper/data/image_transforms.h"
#include "taper/data/image_util.h"
#include "taper/io/idx.h"
#include "taper/io/jpeg.h"
#include "taper/ops/copy.h"
#include "taper/ops/pointwise.h"

namespace taper::data::datasets {
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

// set: the start of the files' names.
PairDataset read_pairs(const std::string& root, const std::string& set) {
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

PairDataset read_emnist(const std::string& root, const std::string& split, bool train) {
  constexpr const char* kSplits[] = {"byclass", "bymerge", "balanced",
                                     "letters", "digits",  "mnist"};
  TAPER_CHECK_AS(ConfigError,
                 std::find(std::begin(kSplits), std::end(kSplits), split) != std::end(kSplits),
                 "EMNIST: Unknown value '", split,
                 "' for argument split. Valid values are {byclass, bymerge, balanced, letters, "
                 "digits, mnist}.");
  return read_pairs(root, str("emnist-", split, train ? "-train" : "-test"));
}

}  // namespace

MNIST::MNIST(const std::string& root, Mode mode)
    : mode_(mode), pairs_(read_pairs(root, mode == Mode::kTrain ? "train" : "t10k")) {}

EMNIST::EMNIST(const std::string& root, const std::string& split, Mode mode)
    : pairs_(read_emnist(root, split, mode == Mode::kTrain)) {}

namespace {

constexpr int64_t kCifarSide = 32;
constexpr size_t kCifarPixels = 3 * kCifarSide * kCifarSide;

Tensor to_unit(const Tensor& bytes) { return bytes.to(kFloat).div_(255.0); }

// The file in root, or in the folder of the archive that it came in.
std::string find_cifar(const std::string& root, const char* folder, const std::string& name) {
  const std::string inner = str(root, "/", folder, "/", name);
  return file_exists(inner) ? inner : str(root, "/", name);
}

std::vector<std::string> cifar10_paths(const std::string& root, bool train) {
  std::vector<std::string> paths;
  for (int i = 1; train && i <= 5; ++i) {
    paths.push_back(find_cifar(root, "cifar-10-batches-bin", str("data_batch_", i, ".bin")));
  }
  if (!train) paths.push_back(find_cifar(root, "cifar-10-batches-bin", "test_batch.bin"));
  return paths;
}

}  // namespace

namespace detail {

CifarImages::CifarImages(const std::vector<std::string>& paths, size_t label_bytes, size_t label_at,
                         int classes) {
  const size_t record = label_bytes + kCifarPixels;
  std::vector<ByteBuffer> files;
  int64_t count = 0;
  for (const std::string& path : paths) {
    files.push_back(read_file(path));
    const size_t size = files.back().size();
    TAPER_CHECK_AS(IoError, size > 0 && size % record == 0, "CIFAR file ", quote_path(path),
                   ": truncated: it has ", size, " bytes, expected records of ", record,
                   ", the last of which starts at byte ", size / record * record);
    count += static_cast<int64_t>(size / record);
  }
  images = Tensor(TensorImpl::empty("CIFAR", {count, 3, kCifarSide, kCifarSide}, kByte));
  targets = Tensor(TensorImpl::empty("CIFAR", {count}, kLong));
  uint8_t* pixels = images.data_ptr<uint8_t>();
  int64_t* label = targets.data_ptr<int64_t>();
  for (size_t f = 0; f < files.size(); ++f) {
    for (size_t at = 0; at < files[f].size(); at += record) {
      const unsigned char* from = files[f].data() + at;
      *label = from[label_at];
      TAPER_CHECK_AS(IoError, *label < classes, "CIFAR file ", quote_path(paths[f]), ": label ",
                     *label, " at byte ", at + label_at, ", expected 0 to ", classes - 1);
      ++label;
      pixels = std::copy_n(from + label_bytes, kCifarPixels, pixels);
    }
  }
}

Example<> CifarImages::get(size_t index) const {
  const int64_t row = static_cast<int64_t>(index);
  return {to_unit(images.select(0, row)), targets.select(0, row)};
}

Example<> CifarImages::gather(ArrayRef<size_t> indices) const {
  return {to_unit(gather_rows(images, indices)), gather_rows(targets, indices)};
}

}  // namespace detail

CIFAR10::CIFAR10(const std::string& root, Mode mode)
    : data_(cifar10_paths(root, mode == Mode::kTrain), 1, 0, 10) {}

CIFAR100::CIFAR100(const std::string& root, Mode mode, bool coarse)
    : data_({find_cifar(root, "cifar-100-binary", mode == Mode::kTrain ? "train.bin" : "test.bin")},
            2, coarse ? 0 : 1, coarse ? 20 : 100) {}

namespace {

namespace fs = std::filesystem;

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

// The names of what is in a folder, sorted: folders or files.
std::vector<std::string> list(const std::string& folder, bool folders) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (folders == entry->is_directory(ignored)) names.push_back(entry->path().filename().string());
  }
  if (error) {
    taper::detail::fail<IoError>("ImageFolder: cannot read the folder ", quote_path(folder), ": ",
                                 error.message());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Links to folders can make a circle: the depth is bounded.
void find_pictures(const std::string& folder, int depth, std::vector<std::string>& paths) {
  TAPER_CHECK_AS(IoError, depth < 32, "ImageFolder: folders more than 32 deep at ",
                 quote_path(folder));
  for (const std::string& name : list(folder, false)) {
    if (is_picture(name)) paths.push_back(str(folder, "/", name));
  }
  for (const std::string& name : list(folder, true)) {
    find_pictures(str(folder, "/", name), depth + 1, paths);
  }
}

}  // namespace

ImageFolder::ImageFolder(const std::string& root) : classes_(list(root, true)) {
  TAPER_CHECK_AS(IoError, !classes_.empty(), "ImageFolder: Couldn't find any class folder in ",
                 quote_path(root), ".");
  for (size_t label = 0; label < classes_.size(); ++label) {
    std::vector<std::string> paths;
    find_pictures(str(root, "/", classes_[label]), 0, paths);
    TAPER_CHECK_AS(IoError, !paths.empty(), "ImageFolder: Found no valid file for the class ",
                   quote_path(classes_[label]), " in ", quote_path(root),
                   ". Supported extensions are: .png, .jpg, .jpeg");
    for (std::string& path : paths) {
      samples_.emplace_back(std::move(path), static_cast<int64_t>(label));
    }
  }
}

Example<> ImageFolder::get(size_t index) {
  Tensor target(TensorImpl::empty("ImageFolder", {}, kLong));
  const io::Image image = read(index, *target.data_ptr<int64_t>());
  return {transforms::to_tensor(image), target};
}

std::optional<Example<>> ImageFolder::gather_batch(ArrayRef<size_t> indices) {
  if (indices.empty() || mixed_->load(std::memory_order_relaxed)) return std::nullopt;
  const int64_t count = static_cast<int64_t>(indices.size());
  Tensor images, targets(TensorImpl::empty("ImageFolder", {count}, kLong));
  int64_t* labels = targets.data_ptr<int64_t>();
  for (int64_t i = 0; i < count; ++i) {
    const io::Image image = read(indices[static_cast<size_t>(i)], labels[i]);
    const int64_t sizes[] = {count, image.channels, image.height, image.width};
    if (i == 0) images = Tensor(TensorImpl::empty("ImageFolder", sizes, kFloat));
    if (images.sizes() != IntArrayRef(sizes)) {
      mixed_->store(true, std::memory_order_relaxed);
      return std::nullopt;
    }
    transforms::write_planes(image, images.select(0, i));
  }
  return Example<>(std::move(images), std::move(targets));
}

io::Image ImageFolder::read(size_t index, int64_t& label) const {
  TAPER_CHECK_AS(IndexError, index < samples_.size(), "ImageFolder: index ", index,
                 " is out of bounds for a dataset with size ", samples_.size());
  label = samples_[index].second;
  return io::read_image(samples_[index].first, 3);
}

}  // namespace taper::data::datasets
