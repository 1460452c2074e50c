#include "taper/io/jpeg.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "taper/base/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace taper::io {
namespace {

using taper::testing::slurp;
using taper::testing::spill;
using taper::testing::TempFolder;

// Smooth, so that little is lost.
Image sample(int64_t channels) {
  Image image(20, 30, channels);
  for (int64_t y = 0; y < 20; ++y) {
    for (int64_t x = 0; x < 30; ++x) {
      for (int64_t c = 0; c < channels; ++c) {
        image.at(y, x)[c] = static_cast<uint8_t>(40 + 3 * x + 2 * y + 20 * c);
      }
    }
  }
  return image;
}

TEST(Jpeg, RoundTripIsClose) {
  TempFolder folder;
  for (const int64_t channels : {1, 3}) {
    const Image image = sample(channels);
    write_jpeg(folder / "a.jpg", image, 100);
    const Image back = read_jpeg(folder / "a.jpg");
    ASSERT_EQ(back.height, 20);
    ASSERT_EQ(back.width, 30);
    ASSERT_EQ(back.channels, channels);
    for (size_t i = 0; i < image.pixels.size(); ++i) {
      ASSERT_LE(std::abs(int{back.pixels[i]} - int{image.pixels[i]}), 2) << i;
    }
  }
  EXPECT_EQ(folder.count(), 1);
}

TEST(Jpeg, ReadImageTellsTheFormat) {
  TempFolder folder;
  const Image image = sample(3);
  write_png(folder / "a", image);
  write_jpeg(folder / "b", image, 100);
  EXPECT_EQ(read_image(folder / "a").pixels, image.pixels);
  EXPECT_EQ(read_image(folder / "b").pixels, read_jpeg(folder / "b").pixels);
  const Image gray = read_image(folder / "a", 1);
  EXPECT_EQ(gray.channels, 1);
  EXPECT_EQ(int{gray.pixels[0]}, 56) << "0.299 * 40 + 0.587 * 60 + 0.114 * 80 = 56.3";
  write_png(folder / "c", gray);
  const Image rgb = read_image(folder / "c", 3);
  EXPECT_EQ(rgb.channels, 3);
  EXPECT_EQ(rgb.at(3, 4)[2], *gray.at(3, 4));
  EXPECT_ERROR(ConfigError, read_image(folder / "a", 2), "got 2 channels");
  spill(folder / "d", "GIF89a");
  EXPECT_ERROR(IoError, read_image(folder / "d"), "neither a PNG nor a JPEG");
  spill(folder / "d", "G");
  EXPECT_ERROR(IoError, read_image(folder / "d"), "truncated: 1 bytes");
}

TEST(Jpeg, RefusesDamagedAndLargeFiles) {
  TempFolder folder;
  write_jpeg(folder / "a.jpg", sample(3));
  const std::string seed = slurp(folder / "a.jpg");
  for (size_t at = 0; at < seed.size(); ++at) {
    spill(folder / "b.jpg", seed.substr(0, at));
    // The last two bytes only say that this is the end.
    if (at < seed.size() - 2) {
      EXPECT_THROW(read_jpeg(folder / "b.jpg", 1 << 20), IoError) << at;
    }
    std::string bytes = seed;
    bytes[at] = static_cast<char>(~bytes[at]);
    spill(folder / "b.jpg", bytes);
    try {
      read_jpeg(folder / "b.jpg", 1 << 20);  // a changed pixel is no error
    } catch (const IoError&) {
      continue;
    }
  }
  EXPECT_ERROR(IoError, read_jpeg(folder / "a.jpg", 1799), "1800 bytes, expected at most 1799");
  EXPECT_ERROR(IoError, read_jpeg(folder / "none.jpg"), "none.jpg");
  EXPECT_ERROR(ConfigError, write_jpeg(folder / "a.jpg", sample(1), 0), "got quality 0");
  Image odd = sample(1);
  odd.pixels.pop_back();
  EXPECT_ERROR(ShapeError, write_jpeg(folder / "a.jpg", odd), "got 599 samples, expected 600");
  EXPECT_ERROR(ShapeError, write_jpeg(folder / "a.jpg", Image(65501, 1, 1)), "at most 65500");
}

}  // namespace
}  // namespace taper::io
