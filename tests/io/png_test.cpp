#include "taper/io/png.h"

#include <gtest/gtest.h>

#include <string>

#include "taper/base/error.h"
#include "tests/support/temp_folder.h"

namespace taper::io {
namespace {

using taper::testing::message_of;
using taper::testing::slurp;
using taper::testing::spill;
using taper::testing::TempFolder;

Image sample(int64_t channels) {
  Image image(5, 7, channels);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<uint8_t>(i * 11);
  return image;
}

TEST(Png, RoundTrip) {
  TempFolder folder;
  for (const int64_t channels : {1, 3}) {
    const Image image = sample(channels);
    write_png(folder / "a.png", image);
    const Image back = read_png(folder / "a.png");
    EXPECT_EQ(back.height, 5);
    EXPECT_EQ(back.width, 7);
    EXPECT_EQ(back.channels, channels);
    EXPECT_EQ(back.pixels, image.pixels);
  }
  EXPECT_EQ(folder.count(), 1);
}

TEST(Png, RefusesWrongShapes) {
  TempFolder folder;
  EXPECT_THROW(Image(0, 3, 1), ShapeError);
  EXPECT_THROW(Image(3, 3, 2), ShapeError);
  EXPECT_THROW(Image(3, 2'000'000, 1), ShapeError);
  Image image = sample(1);
  image.pixels.pop_back();
  EXPECT_THROW(write_png(folder / "a.png", image), ShapeError);
  EXPECT_EQ(folder.count(), 0);
}

TEST(Png, RefusesDamagedFiles) {
  TempFolder folder;
  const Image image = sample(3);
  write_png(folder / "a.png", image);
  const std::string seed = slurp(folder / "a.png");
  for (size_t at = 0; at < seed.size(); ++at) {
    spill(folder / "b.png", seed.substr(0, at));
    // The end chunk holds nothing, so a reader may do without it.
    if (at < seed.size() - 12) {
      EXPECT_THROW(read_png(folder / "b.png"), IoError) << at;
    }
    std::string bytes = seed;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
    spill(folder / "b.png", bytes);
    try {
      const Image back = read_png(folder / "b.png");
      EXPECT_LE(back.pixels.size(), size_t{1} << 28);
    } catch (const IoError& error) {
      EXPECT_NE(std::string(error.what()).find("b.png"), std::string::npos);
    }
  }
}

TEST(Png, RefusesClaimsAboveTheLimit) {
  TempFolder folder;
  write_png(folder / "a.png", Image(100, 100, 1));
  const std::string text = message_of<IoError>([&] { read_png(folder / "a.png", 9999); });
  EXPECT_NE(text.find("it claims 100 x 100 pixels"), std::string::npos) << text;
  EXPECT_THROW(read_png(folder / "none.png"), IoError);
}

}  // namespace
}  // namespace taper::io
