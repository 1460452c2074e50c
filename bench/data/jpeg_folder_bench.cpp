// A folder of JPEG files through a loader with two workers; the peer, `bench_jpeg decoder`, decodes
// the same files on two threads and does nothing with the pictures.
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

#include "runner.h"
#include "taper/io/jpeg.h"
#include "taper/taper.h"

namespace {

namespace fs = std::filesystem;

constexpr int64_t kPictures = 32, kCopies = 16, kSide = 256, kClasses = 4;
constexpr size_t kWorkers = 2;

/// Something like a photograph: waves of all lengths, colours, and a little noise.
taper::io::Image picture(int64_t number) {
  taper::io::Image image(kSide, kSide, 3);
  uint64_t noise = static_cast<uint64_t>(number) + 1;
  const double turn = 0.7 * static_cast<double>(number);
  for (size_t i = 0; i < kSide * kSide; ++i) {
    const size_t row = i / kSide, column = i % kSide;
    const double x = static_cast<double>(column), y = static_cast<double>(row);
    double waves = 128;
    for (double wave = 0.02, height = 30; wave < 1; wave *= 2.3, height *= 0.7) {
      waves += height * std::sin(wave * (x * std::cos(turn + wave) + y * std::sin(turn)) + turn);
    }
    for (size_t c = 0; c < 3; ++c) {
      noise = noise * 6364136223846793005ull + 1442695040888963407ull;
      const double level = waves + 20 * std::sin(2.0 * static_cast<double>(c) + turn) +
                           8 * (static_cast<double>(noise >> 40) * 0x1p-24 - 0.5);
      image.pixels[3 * i + c] = static_cast<uint8_t>(std::clamp(level, 0.0, 255.0));
    }
  }
  return image;
}

/// The files, one folder per class, while it lives.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "taper_bench_XXXXXX").string();
    TAPER_CHECK(mkdtemp(name.data()) != nullptr, "cannot make a folder ", name);
    path_ = name;
    for (int64_t i = 0; i < kPictures; ++i) {
      const fs::path folder = path_ / std::to_string(i % kClasses);
      fs::create_directories(folder);
      const auto file = [&](int64_t copy) {
        return folder / (std::to_string(i) + "_" + std::to_string(copy) + ".jpg");
      };
      taper::io::write_jpeg(file(0).string(), picture(i));
      for (int64_t copy = 1; copy < kCopies; ++copy) fs::copy_file(file(0), file(copy));
    }
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

auto make_loader(const std::string& folder) {
  auto dataset = taper::data::datasets::ImageFolder(folder).map(taper::data::transforms::Stack<>());
  return taper::data::make_data_loader(
      std::move(dataset), taper::data::DataLoaderOptions().batch_size(16).workers(kWorkers));
}

bench::Body load() {
  struct Loaded {
    Folder folder;
    decltype(make_loader("")) loader = make_loader(folder.path());
  };
  const auto loaded = std::make_shared<Loaded>();
  bench::Body body;
  body.run = bench::timed([loaded] {
    for (auto& batch : *loaded->loader) asm volatile("" : : "r"(&batch) : "memory");
  });
  body.check = [loaded] {
    bench::Check sums;
    for (auto& batch : *loaded->loader) {
      for (int64_t c = 0; c < 3; ++c) {
        sums.value += static_cast<double>(c + 1) * 255 *
                      batch.data.select(1, c).to(taper::kDouble).sum().item<double>();
      }
    }
    sums.scale = sums.value;
    return sums;
  };
  return body;
}

/// Runs use(image) for every file, the files shared among the threads as they get free.
template <class Use>
void decode_all(const taper::data::datasets::ImageFolder& files, Use use) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i; (i = next.fetch_add(1)) < files.samples().size();) {
      use(taper::io::read_image(files.samples()[i].first, 3));
    }
  };
  std::thread threads[kWorkers];
  for (std::thread& thread : threads) thread = std::thread(work);
  for (std::thread& thread : threads) thread.join();
}

bench::Body decode() {
  struct Files {
    Folder folder;
    taper::data::datasets::ImageFolder files{folder.path()};
  };
  const auto held = std::make_shared<Files>();
  bench::Body body;
  body.run = bench::timed([held] {
    decode_all(held->files, [](const taper::io::Image& image) {
      asm volatile("" : : "r"(&image) : "memory");
    });
  });
  body.check = [held] {
    std::atomic<uint64_t> sum{0};
    decode_all(held->files, [&](const taper::io::Image& image) {
      uint64_t own = 0;
      for (size_t i = 0; i < image.pixels.size(); ++i) own += (i % 3 + 1) * image.pixels[i];
      sum += own;
    });
    const double value = static_cast<double>(sum);
    return bench::Check{value, value};
  };
  return body;
}

}  // namespace

int main(int argc, char** argv) {
  const bool decoder = argc > 1 && std::strcmp(argv[1], "decoder") == 0;
  bench::Row row{"data/jpeg_folder/256x256/workers2", "ms", decoder ? decode : load};
  row.threads = {2};
  bench::Suite suite;
  suite.library = decoder ? "the decoder alone" : "Taper";
  suite.rows.push_back(row);
  return bench::serve(std::move(suite));
}
