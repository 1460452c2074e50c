#include "taper/data/file_datasets.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "taper/base/error.h"
#include "taper/data/data.h"
#include "taper/io/jpeg.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/same_bits.h"
#include "tests/support/temp_folder.h"

namespace taper::data {
namespace {

using datasets::CIFAR10;
using datasets::CIFAR100;
using datasets::EMNIST;
using datasets::ImageFolder;
using taper::testing::same_bits;
using taper::testing::spill;
using taper::testing::TempFolder;

// A record whose pixels count up from first.
std::string record(const std::string& labels, int first) {
  std::string text = labels;
  for (int i = 0; i < 3072; ++i) text += static_cast<char>(first + i);
  return text;
}

TEST(Cifar, ReadsBinaryFiles) {
  TempFolder folder;
  const std::string root = folder.path().string();
  const std::filesystem::path inner = folder.path() / "cifar-10-batches-bin";
  std::filesystem::create_directory(inner);
  for (int i = 1; i <= 5; ++i) {
    spill((inner / str("data_batch_", i, ".bin")).string(),
          record(std::string(1, static_cast<char>(i)), i) + record("\t", 0));
  }
  spill(folder / "test_batch.bin", record("\7", 3));
  CIFAR10 train(root);
  EXPECT_EQ(train.size(), 10u);
  EXPECT_EQ(train.get(4).target.item<int64_t>(), 3);
  EXPECT_EQ(train.get(5).target.item<int64_t>(), 9);
  const Tensor image = train.get(4).data;
  EXPECT_EQ(image.sizes(), IntArrayRef({3, 32, 32}));
  EXPECT_EQ(image.select(0, 0).select(0, 1).select(0, 2).item<float>(), 37.0f / 255.0f);
  const std::vector<size_t> request = {4, 9, 4};
  const Example<> batch = train.map(transforms::Stack<>()).get_batch(request);
  EXPECT_EQ(batch.data.sizes(), IntArrayRef({3, 3, 32, 32}));
  EXPECT_TRUE(same_bits(batch.data.select(0, 2), image));
  EXPECT_EQ(batch.target.select(0, 1).item<int64_t>(), 9);
  EXPECT_EQ(CIFAR10(root, CIFAR10::Mode::kTest).targets().item<int64_t>(), 7);

  spill(folder / "test.bin", record("\3\x63", 0));
  EXPECT_EQ(CIFAR100(root, CIFAR100::Mode::kTest).targets().item<int64_t>(), 99);
  EXPECT_EQ(CIFAR100(root, CIFAR100::Mode::kTest, true).targets().item<int64_t>(), 3);
}

TEST(Cifar, RefusesDamagedFiles) {
  TempFolder folder;
  const std::string root = folder.path().string();
  EXPECT_ERROR(IoError, CIFAR10(root, CIFAR10::Mode::kTest), "test_batch.bin");
  spill(folder / "test_batch.bin", record("\1", 0) + "xyz");
  EXPECT_ERROR(
      IoError, CIFAR10(root, CIFAR10::Mode::kTest),
      "truncated: it has 3076 bytes, expected records of 3073, the last of which starts at "
      "byte 3073");
  spill(folder / "test_batch.bin", "");
  EXPECT_ERROR(IoError, CIFAR10(root, CIFAR10::Mode::kTest), "it has 0 bytes");
  spill(folder / "test_batch.bin", record("\1", 0) + record("\12", 0));
  EXPECT_ERROR(IoError, CIFAR10(root, CIFAR10::Mode::kTest), "label 10 at byte 3073");
}

TEST(Emnist, ReadsItsSplits) {
  TempFolder folder;
  const std::string root = folder.path().string();
  const std::string sizes("\0\0\0\2", 4);
  spill(folder / "emnist-letters-test-labels-idx1-ubyte",
        std::string("\0\0\10\1", 4) + sizes + "\1\32");
  spill(folder / "emnist-letters-test-images-idx3-ubyte",
        std::string("\0\0\10\3", 4) + sizes + std::string("\0\0\0\1\0\0\0\2", 8) + "abcd");
  EMNIST letters(root, "letters", EMNIST::Mode::kTest);
  EXPECT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters.get(1).target.item<int64_t>(), 26);
  EXPECT_EQ(letters.images().sizes(), IntArrayRef({2, 1, 1, 2}));
  EXPECT_ERROR(ConfigError, EMNIST(root, "words"), "Unknown value 'words' for argument split");
  EXPECT_ERROR(IoError, EMNIST(root, "letters"), "emnist-letters-train-labels-idx1-ubyte.gz");
}

TEST(ImageFolders, NumberClassesAndFilesByName) {
  TempFolder folder;
  for (const char* name : {"dog/deep", "cat"})
    std::filesystem::create_directories(folder.path() / name);
  io::write_png(folder / "dog/b.PNG", io::Image(4, 6, 3, 51));
  io::write_png(folder / "dog/deep/a.png", io::Image(5, 5, 1, 102));
  io::write_jpeg(folder / "cat/z.jpeg", io::Image(4, 6, 3, 200));
  spill(folder / "cat/notes.txt", "no picture");
  spill(folder / "readme.txt", "no class");
  ImageFolder dataset(folder.path().string());
  EXPECT_EQ(dataset.classes(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(dataset.size(), 3u);
  EXPECT_EQ(dataset.samples()[2].first, folder / "dog/deep/a.png");
  const Example<> gray = dataset.get(2);
  EXPECT_EQ(gray.data.sizes(), IntArrayRef({3, 5, 5}));
  EXPECT_EQ(gray.data.select(0, 2).select(0, 0).select(0, 0).item<float>(), 102.0f / 255.0f);
  EXPECT_EQ(gray.target.item<int64_t>(), 1);
  EXPECT_EQ(gray.target.sizes(), IntArrayRef({}));
  auto loader = make_data_loader<samplers::SequentialSampler>(
      dataset.map(transforms::Compose<>(transforms::Resize({4}), transforms::CenterCrop({4})))
          .map(transforms::Stack<>()),
      DataLoaderOptions(3).workers(2));
  const auto batch = *loader->begin();
  EXPECT_EQ(batch.data.sizes(), IntArrayRef({3, 3, 4, 4}));
  EXPECT_NEAR(batch.data.select(0, 0).max().item<float>(), 200.0f / 255.0f, 2e-2f);
}

TEST(ImageFolders, MakeBatchesThatStackingMakes) {
  TempFolder folder;
  for (const char* name : {"cat", "dog"}) std::filesystem::create_directories(folder.path() / name);
  // Every byte, in sizes around those of vectors.
  for (int64_t width = 1; width < 40; ++width) {
    for (int64_t i = 0; i < 2; ++i) {
      io::Image image(i == 0 ? 7 : 1, width, i == 0 ? 3 : 1);
      for (size_t k = 0; k < image.pixels.size(); ++k) {
        image.pixels[k] = static_cast<uint8_t>(k + static_cast<size_t>(5 * width));
      }
      const Tensor planes = transforms::to_tensor(image);
      for (int64_t c = 0; c < image.channels; ++c) {
        for (int64_t y = 0; y < image.height; ++y) {
          for (int64_t x = 0; x < width; ++x) {
            ASSERT_EQ(planes.select(0, c).select(0, y).select(0, x).item<float>(),
                      static_cast<float>(image.at(y, x)[c]) / 255.0f)
                << width << ' ' << c << ' ' << y << ' ' << x;
          }
        }
      }
      if (i == 0 && width == 39) {
        io::write_png(folder / "cat/a.png", image);
        image.pixels[0] = 3;
        io::write_png(folder / "dog/b.png", image);
      }
    }
  }
  ImageFolder dataset(folder.path().string());
  const auto batch = dataset.gather_batch(std::vector<size_t>{1, 0, 1});
  ASSERT_TRUE(batch.has_value());
  EXPECT_TRUE(
      batch->data.equal(stack({dataset.get(1).data, dataset.get(0).data, dataset.get(1).data})));
  EXPECT_TRUE(batch->target.equal(tensor({1, 0, 1}, kLong)));
  EXPECT_FALSE(dataset.gather_batch({}).has_value());
  EXPECT_ERROR(IndexError, dataset.gather_batch(std::vector<size_t>{0, 2}), "index 2");

  // With another size among them every sample is made by itself, also by the copies.
  io::write_png(folder / "dog/c.png", io::Image(1, 1, 3));
  ImageFolder mixed(folder.path().string()), copy = mixed;
  EXPECT_TRUE(copy.gather_batch(std::vector<size_t>{0, 1}).has_value());
  EXPECT_FALSE(mixed.gather_batch(std::vector<size_t>{0, 2}).has_value());
  EXPECT_FALSE(copy.gather_batch(std::vector<size_t>{0, 1}).has_value());
}

TEST(ImageFolders, RefuseWhatIsMissingOrDamaged) {
  TempFolder folder;
  const std::string root = folder.path().string();
  EXPECT_ERROR(IoError, ImageFolder(folder / "none"), "cannot read the folder");
  EXPECT_ERROR(IoError, (ImageFolder{root}), "Couldn't find any class folder");
  std::filesystem::create_directories(folder.path() / "cat");
  EXPECT_ERROR(IoError, (ImageFolder{root}), "Found no valid file for the class 'cat'");
  spill(folder / "cat/a.png", "no picture");
  ImageFolder dataset(root);
  EXPECT_ERROR(IoError, dataset.get(0), "neither a PNG nor a JPEG");
  EXPECT_ERROR(IndexError, dataset.get(1), "index 1 is out of bounds for a dataset with size 1");
  std::filesystem::create_directory_symlink(root, folder.path() / "cat" / "circle");
  EXPECT_ERROR(IoError, (ImageFolder{root}), "more than 32 deep");
}

}  // namespace
}  // namespace taper::data
