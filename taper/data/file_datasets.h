#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taper/data/datasets.h"

namespace taper TAPER_API {
namespace io {
struct Image;
}
namespace data {
namespace datasets {

/// MNIST, or another dataset in its files (Fashion-MNIST, KMNIST): in root lie
/// train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
/// t10k-labels-idx1-ubyte, as they are or with .gz at the end. A sample is an image [1, height,
/// width] of float32 in [0, 1], and an int64 label.
class MNIST : public Dataset<MNIST> {
 public:
  enum class Mode { kTrain, kTest };

  /// Reads the files of the mode. Throws IoError on files that are missing, damaged or of other
  /// content.
  explicit MNIST(const std::string& root, Mode mode = Mode::kTrain);
  Example<> get(size_t index) override { return pairs_.get(index); }
  std::optional<Example<>> gather_batch(ArrayRef<size_t> indices) {
    return pairs_.gather_batch(indices);
  }
  std::optional<size_t> size() const override { return pairs_.size(); }
  bool is_train() const { return mode_ == Mode::kTrain; }
  /// All images [N, 1, height, width].
  const Tensor& images() const { return pairs_.data(); }
  /// All labels [N].
  const Tensor& targets() const { return pairs_.targets(); }

 private:
  Mode mode_;
  PairDataset pairs_;
};

/// Of the same files.
using FashionMNIST = MNIST;
using KMNIST = MNIST;

/// EMNIST: in root lie emnist-<split>-train-images-idx3-ubyte and so on, as they are or with .gz;
/// split is byclass, bymerge, balanced, letters, digits or mnist. Labels and pixels are the files':
/// letters count from 1, and pictures are transposed, as in Python.
class EMNIST : public Dataset<EMNIST> {
 public:
  using Mode = MNIST::Mode;

  /// Throws ConfigError on another split, IoError as MNIST.
  EMNIST(const std::string& root, const std::string& split, Mode mode = Mode::kTrain);
  Example<> get(size_t index) override { return pairs_.get(index); }
  std::optional<Example<>> gather_batch(ArrayRef<size_t> indices) {
    return pairs_.gather_batch(indices);
  }
  std::optional<size_t> size() const override { return pairs_.size(); }
  const Tensor& images() const { return pairs_.data(); }
  const Tensor& targets() const { return pairs_.targets(); }

 private:
  PairDataset pairs_;
};

namespace detail {
/// Images of bytes [N, 3, 32, 32] and labels [N] of the CIFAR files; a sample is a float32 image in
/// [0, 1].
class CifarImages {
 public:
  CifarImages(const std::vector<std::string>& paths, size_t label_bytes, size_t label_at,
              int classes);
  Example<> get(size_t index) const;
  Example<> gather(ArrayRef<size_t> indices) const;

  Tensor images;
  Tensor targets;
};
}  // namespace detail

/// CIFAR-10 in its binary files: in root or in root/cifar-10-batches-bin lie data_batch_1.bin to
/// data_batch_5.bin and test_batch.bin. A sample is an image [3, 32, 32] of float32 in [0, 1], and
/// an int64 label.
class CIFAR10 : public Dataset<CIFAR10> {
 public:
  enum class Mode { kTrain, kTest };

  /// Throws IoError on files that are missing or damaged.
  explicit CIFAR10(const std::string& root, Mode mode = Mode::kTrain);
  Example<> get(size_t index) override { return data_.get(index); }
  std::optional<Example<>> gather_batch(ArrayRef<size_t> indices) { return data_.gather(indices); }
  std::optional<size_t> size() const override { return static_cast<size_t>(data_.images.size(0)); }
  /// All images [N, 3, 32, 32] of bytes.
  const Tensor& images() const { return data_.images; }
  const Tensor& targets() const { return data_.targets; }

 private:
  detail::CifarImages data_;
};

/// CIFAR-100: train.bin and test.bin in root or in root/cifar-100-binary. A label is one of 100
/// classes, or with coarse one of 20.
class CIFAR100 : public Dataset<CIFAR100> {
 public:
  using Mode = CIFAR10::Mode;

  /// Throws IoError on files that are missing or damaged.
  explicit CIFAR100(const std::string& root, Mode mode = Mode::kTrain, bool coarse = false);
  Example<> get(size_t index) override { return data_.get(index); }
  std::optional<Example<>> gather_batch(ArrayRef<size_t> indices) { return data_.gather(indices); }
  std::optional<size_t> size() const override { return static_cast<size_t>(data_.images.size(0)); }
  const Tensor& images() const { return data_.images; }
  const Tensor& targets() const { return data_.targets; }

 private:
  detail::CifarImages data_;
};

/// PNG and JPEG files (.png, .jpg, .jpeg, in any case) in one folder per class, at any depth below
/// it: root/cat/1.png, root/dog/2.jpg. Classes and files are numbered in the order of their names.
/// A sample is an image [3, height, width] of float32 in [0, 1], and the number of its class; files
/// are read when they are asked for, and those of other sizes need a Resize or a crop before Stack.
class ImageFolder : public Dataset<ImageFolder> {
 public:
  /// Throws IoError when there are no classes, or one has no picture.
  explicit ImageFolder(const std::string& root);
  /// Throws IoError on a file that is no picture.
  Example<> get(size_t index) override;
  /// None when the pictures are of several sizes.
  std::optional<Example<>> gather_batch(ArrayRef<size_t> indices);
  std::optional<size_t> size() const override { return samples_.size(); }
  const std::vector<std::string>& classes() const { return classes_; }
  /// Paths with the numbers of their classes.
  const std::vector<std::pair<std::string, int64_t>>& samples() const { return samples_; }

 private:
  io::Image read(size_t index, int64_t& label) const;

  std::vector<std::string> classes_;
  std::vector<std::pair<std::string, int64_t>> samples_;
  // Whether pictures of several sizes have been seen; copies in other workers share it.
  std::shared_ptr<std::atomic<bool>> mixed_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace datasets
}  // namespace data
}  // namespace taper
