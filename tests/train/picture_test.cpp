#include "taper/train/picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "taper/base/error.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "taper/train/font.h"
#include "tests/support/temp_folder.h"

namespace taper::train {
namespace {

// The picture as text: '#' where it is black.
std::vector<std::string> ink(const io::Image& image) {
  std::vector<std::string> rows;
  for (int64_t y = 0; y < image.height; ++y) {
    std::string row;
    for (int64_t x = 0; x < image.width; ++x) row += *image.at(y, x) == 0 ? '#' : '.';
    rows.push_back(row);
  }
  return rows;
}

TEST(Font, DrawsLetters) {
  io::Image image(7, 12, 1, 255);
  draw_text(image, 0, 0, "Hi", {});
  EXPECT_EQ(ink(image), (std::vector<std::string>{"#...#..###..", "#...#...#...", "#...#...#...",
                                                  "#####...#...", "#...#...#...", "#...#...#...",
                                                  "#...#..###.."}));
}

TEST(Font, GlyphsDifferFromEachOther) {
  std::set<std::string> shapes;
  const std::string characters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_/\\.,:;!?+*=%()[]<>'\"#&@$";
  for (const char c : characters) {
    std::string shape;
    for (int64_t row = 0; row < kGlyphHeight; ++row) {
      ASSERT_EQ(std::string(glyph_row(c, row)).size(), static_cast<size_t>(kGlyphWidth));
      shape += glyph_row(c, row);
    }
    EXPECT_TRUE(shapes.insert(shape).second) << c;
  }
  EXPECT_STREQ(glyph_row('\x01', 3), "#####");
}

TEST(Font, CutsWhatLiesOutside) {
  io::Image image(4, 4, 3, 255);
  draw_text(image, -3, -3, "WWWW", {}, 2);
  draw_text(image, 100, 100, "WWWW", {});
  EXPECT_EQ(image.pixels.size(), 48u);
  EXPECT_THROW(draw_text(image, 0, 0, "a", {}, 0), ShapeError);
}

bool has_color(const io::Image& image, int red_most, int green_most) {
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    const int red = image.pixels[i], green = image.pixels[i + 1];
    if (red - green == red_most - green_most && red != green) return true;
  }
  return false;
}

TEST(PictureGrid, ShowsPicturesAndColoursLabels) {
  PictureTile right{io::Image(4, 4, 1, 7), "bag", "bag"};
  PictureTile wrong{io::Image(4, 4, 1, 9), "bag", "coat"};
  const io::Image good = picture_grid({right}, 8, 2);
  EXPECT_EQ(good.channels, 3);
  EXPECT_EQ(std::count(good.pixels.begin(), good.pixels.end(), 7), 8 * 8 * 3);
  EXPECT_TRUE(has_color(good, 20, 130));
  EXPECT_FALSE(has_color(good, 200, 30));
  const io::Image bad = picture_grid({wrong}, 8, 2);
  EXPECT_TRUE(has_color(bad, 200, 30));
  EXPECT_FALSE(has_color(bad, 20, 130));
  const io::Image both = picture_grid({right, wrong, right}, 2, 2);
  EXPECT_EQ(both.width, 2 * (both.width / 2));
  EXPECT_EQ(both.height, 2 * good.height);
  EXPECT_EQ(std::count(both.pixels.begin(), both.pixels.end(), 9), 8 * 8 * 3);
}

TEST(PictureGrid, RefusesWrongShapes) {
  PictureTile small{io::Image(4, 4, 1), "a", "a"}, large{io::Image(5, 4, 1), "a", "a"};
  EXPECT_THROW(picture_grid({}, 1), ShapeError);
  EXPECT_THROW(picture_grid({small}, 0), ShapeError);
  EXPECT_THROW(picture_grid({small, large}, 2), ShapeError);
}

TEST(SavePredictions, WritesAPictureOfTensors) {
  taper::testing::TempFolder folder;
  const Tensor images = empty({3, 1, 4, 4}, kFloat).fill_(2.0);
  const Tensor labels = arange(3, kLong);
  save_predictions(folder / "a.png", images, labels, labels, {"a", "b", "c"}, 2);
  const io::Image image = io::read_png(folder / "a.png");
  EXPECT_EQ(image.channels, 3);
  EXPECT_TRUE(has_color(image, 20, 130));
  auto save = [&](const Tensor& pictures, const Tensor& guessed) {
    save_predictions(folder / "b.png", pictures, guessed, labels, {"a", "b"}, 2);
  };
  EXPECT_THROW(save(images, labels), IndexError);
  EXPECT_THROW(save(images.view({3, 4, 4}), labels), ShapeError);
  EXPECT_THROW(save(images, arange(2, kLong)), ShapeError);
  EXPECT_THROW(save(images, arange(3, kFloat)), DTypeError);
  EXPECT_EQ(folder.count(), 1);
}

}  // namespace
}  // namespace taper::train
