#include "data/images.h"

#include <cmath>
#include <optional>

#include "data/augment.h"
#include "taper/io/jpeg.h"
#include "taper/taper.h"
#include "taper/train/project.h"

namespace data = taper::data;
namespace train = taper::train;
using taper::Tensor;

namespace {

// What all kinds of images have in common; each kind has its own defaults.
struct ImageArgs {
  std::string root;
  int64_t batch_size = 128;
  int64_t workers = 1;
  double valid_share = 0.1;
  int64_t split_seed = 0;
  int64_t size = 0;
  std::vector<double> mean = {0.5}, deviation = {0.25};
  AugmentArgs augment;

  void fields(train::Fields& f) {
    f("root", root, "the folder of the files");
    f("batch_size", batch_size, "images in a batch").min(1);
    f("workers", workers, "threads that prepare batches; 0: none beside the main one").range(0, 64);
    f("valid_share", valid_share, "share of the training images that is held out").min(0).below(1);
    f("split_seed", split_seed, "chooses which ones").min(0);
    f("size", size, "edge that images are brought to; 0: as they are").range(0, 4096);
    f("mean", mean, "of each channel, or of all").size(1, 3);
    f("deviation", deviation, "of each channel, or of all").size(1, 3).above(0);
    f("augment", augment, "random changes of training images");
  }
};

struct FakeArgs : ImageArgs {
  int64_t samples = 256;

  void fields(train::Fields& f) {
    f("samples", samples, "images of each part").min(2);
    ImageArgs::fields(f);
  }
};

// Noise in which the class is a bright row: something to learn without files.
data::datasets::PairDataset fake_images(int64_t samples, uint64_t seed) {
  const taper::Generator generator = taper::Generator::create(seed);
  const Tensor targets = taper::arange(samples) % 10;
  Tensor images = 0.5 * taper::rand({samples, 1, 28, 28}, generator);
  for (int64_t i = 0; i < samples; ++i) images[i].select(1, 4 + 2 * (i % 10)).fill_(1);
  return data::datasets::PairDataset(images, targets);
}

// D: the dataset of the training images, and of the test images.
template <class D>
class Images : public train::DataModule {
 public:
  Images(const ImageArgs& args, D train_images, std::optional<D> test_images,
         std::vector<std::string> classes)
      : args_(args),
        train_images_(std::move(train_images)),
        test_images_(std::move(test_images)),
        classes_(std::move(classes)) {
    const int64_t count = static_cast<int64_t>(*train_images_.size());
    const auto held_out = static_cast<int64_t>(args.valid_share * static_cast<double>(count));
    const Tensor order =
        taper::randperm(count, taper::Generator::create(static_cast<uint64_t>(args.split_seed)));
    for (int64_t i = 0; i < count; ++i) {
      auto& part = i < held_out ? valid_places_ : train_places_;
      part.push_back(static_cast<size_t>(order[i].template item<int64_t>()));
    }
  }

  std::shared_ptr<train::Batches> train() override {
    return batches<data::samplers::RandomSampler>(part(train_places_), &args_.augment);
  }
  std::shared_ptr<train::Batches> valid() override {
    if (valid_places_.empty()) return nullptr;
    return batches<data::samplers::SequentialSampler>(part(valid_places_), nullptr);
  }
  std::shared_ptr<train::Batches> test() override {
    if (!test_images_) return nullptr;
    return batches<data::samplers::SequentialSampler>(*test_images_, nullptr);
  }
  Tensor example() override {
    return taper::zeros_like(transform(nullptr)(train_images_.get(0).data)).unsqueeze(0);
  }
  std::vector<std::string> classes() const override { return classes_; }
  Tensor pictures(const Tensor& inputs) override {
    const int64_t channels = inputs.size(1);
    const auto by_channel = [](const std::vector<double>& values) {
      return taper::tensor(values, taper::kFloat).reshape({-1, 1, 1});
    };
    const Tensor shown = inputs * by_channel(args_.deviation) + by_channel(args_.mean);
    return channels == 1 || channels == 3 ? shown : Tensor();
  }
  Tensor read(const std::string& file) override {
    const Tensor like = example();
    Tensor image = data::transforms::to_tensor(taper::io::read_image(file, like.size(1)));
    image = data::transforms::resize(image, like.size(2), like.size(3));
    return transform(nullptr)(image).unsqueeze(0);
  }

 private:
  ImageTransform transform(const AugmentArgs* augment) const {
    return ImageTransform(args_.size, args_.mean, args_.deviation, augment);
  }
  data::datasets::Subset<D> part(const std::vector<size_t>& places) const {
    return data::datasets::Subset<D>(train_images_, places);
  }
  template <class Sampler, class Dataset>
  std::shared_ptr<train::Batches> batches(Dataset dataset, const AugmentArgs* augment) const {
    const auto samples = static_cast<int64_t>(*dataset.size());
    auto ready = std::move(dataset).map(transform(augment)).map(data::transforms::Stack<>());
    return train::make_batches(
        data::make_data_loader<Sampler>(
            std::move(ready), data::DataLoaderOptions(static_cast<size_t>(args_.batch_size))
                                  .workers(static_cast<size_t>(args_.workers))),
        samples);
  }

  ImageArgs args_;
  D train_images_;
  std::optional<D> test_images_;
  std::vector<std::string> classes_;
  std::vector<size_t> train_places_, valid_places_;
};

template <class D>
std::shared_ptr<train::DataModule> images(const ImageArgs& args, D train_images,
                                          std::optional<D> test_images,
                                          std::vector<std::string> classes) {
  return std::make_shared<Images<D>>(args, std::move(train_images), std::move(test_images),
                                     std::move(classes));
}

struct FashionArgs : ImageArgs {
  FashionArgs() {
    root = "/usr/share/datasets/fashion-mnist";
    mean = {0.2860};
    deviation = {0.3530};
  }
};
struct CifarArgs : ImageArgs {
  CifarArgs() {
    root = "data";
    mean = {0.4914, 0.4822, 0.4465};
    deviation = {0.2470, 0.2435, 0.2616};
  }
};
struct FolderArgs : ImageArgs {
  FolderArgs() {
    root = "data";
    size = 64;
  }
};

std::vector<std::string> digits() {
  std::vector<std::string> names;
  for (int i = 0; i < 10; ++i) names.push_back(std::to_string(i));
  return names;
}

}  // namespace

void add_image_data(train::Project& project) {
  project.data.add<FashionArgs>(
      "FashionMnist", "root/*-ubyte or .gz, also of MNIST and KMNIST", [](const FashionArgs& args) {
        using D = data::datasets::FashionMNIST;
        return images<D>(args, D(args.root), D(args.root, D::Mode::kTest),
                         {"T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                          "Sneaker", "Bag", "Boot"});
      });
  project.data.add<CifarArgs>("Cifar10", "root/*.bin", [](const CifarArgs& args) {
    using D = data::datasets::CIFAR10;
    return images<D>(
        args, D(args.root), D(args.root, D::Mode::kTest),
        {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"});
  });
  project.data.add<FolderArgs>(
      "ImageFolder", "root/train/<class>/*.png or .jpg, and root/test/ if there is one",
      [](const FolderArgs& args) {
        using D = data::datasets::ImageFolder;
        std::optional<D> test;
        if (taper::file_exists(args.root + "/test")) test.emplace(args.root + "/test");
        D train_images(args.root + "/train");
        const std::vector<std::string> classes = train_images.classes();
        TAPER_CHECK(!test || test->classes() == classes,
                    "ImageFolder: train and test have other classes");
        return images<D>(args, std::move(train_images), std::move(test), classes);
      });
  project.data.add<FakeArgs>("FakeImages", "made up, to try a model without files",
                             [](const FakeArgs& args) {
                               using D = data::datasets::PairDataset;
                               return images<D>(args, fake_images(args.samples, 1),
                                                fake_images(args.samples, 2), digits());
                             });
}
