#include "taper/train/picture.h"

#include <algorithm>

#include "taper/base/error.h"
#include "taper/train/font.h"

namespace taper::train {
namespace {

constexpr Color kRight = {20, 130, 50};
constexpr Color kWrong = {200, 30, 30};
constexpr Color kTruth = {90, 90, 90};
constexpr int64_t kMargin = 6;
constexpr int64_t kLineHeight = kGlyphHeight + 3;

void fill(io::Image& image, int64_t y, int64_t x, int64_t height, int64_t width, Color color) {
  const uint8_t samples[3] = {color.red, color.green, color.blue};
  for (int64_t row = std::max<int64_t>(y, 0); row < std::min(y + height, image.height); ++row) {
    for (int64_t column = std::max<int64_t>(x, 0); column < std::min(x + width, image.width);
         ++column) {
      std::copy(samples, samples + image.channels, image.at(row, column));
    }
  }
}

// Nearest-neighbour enlargement, gray to RGB where needed.
void place(io::Image& to, int64_t y, int64_t x, const io::Image& from, int64_t scale) {
  for (int64_t row = 0; row < from.height; ++row) {
    for (int64_t column = 0; column < from.width; ++column) {
      const uint8_t* sample = from.at(row, column);
      const Color color = from.channels == 3 ? Color{sample[0], sample[1], sample[2]}
                                             : Color{sample[0], sample[0], sample[0]};
      fill(to, y + row * scale, x + column * scale, scale, scale, color);
    }
  }
}

}  // namespace

void draw_text(io::Image& image, int64_t y, int64_t x, std::string_view text, Color color,
               int64_t scale) {
  TAPER_CHECK_AS(ShapeError, scale > 0, "draw_text: scale must be positive, got ", scale);
  for (const char c : text) {
    for (int64_t row = 0; row < kGlyphHeight; ++row) {
      const char* dots = glyph_row(c, row);
      for (int64_t column = 0; column < kGlyphWidth; ++column) {
        if (dots[column] == '#') {
          fill(image, y + row * scale, x + column * scale, scale, scale, color);
        }
      }
    }
    x += (kGlyphWidth + 1) * scale;
  }
}

io::Image picture_grid(const std::vector<PictureTile>& tiles, int64_t columns, int64_t scale) {
  TAPER_CHECK_AS(ShapeError, !tiles.empty() && columns > 0 && scale > 0, "picture_grid: got ",
                 tiles.size(), " tiles, ", columns, " columns, scale ", scale,
                 ", expected at least 1 of each");
  const int64_t height = tiles[0].image.height, width = tiles[0].image.width;
  size_t longest = 0;
  for (const PictureTile& tile : tiles) {
    TAPER_CHECK_AS(ShapeError, tile.image.height == height && tile.image.width == width,
                   "picture_grid: got tiles of ", height, " x ", width, " and ", tile.image.height,
                   " x ", tile.image.width, ", expected one size");
    longest = std::max({longest, tile.predicted.size(), tile.truth.size()});
  }
  const int64_t count = static_cast<int64_t>(tiles.size());
  columns = std::min(columns, count);
  const int64_t text_width =
      std::min<int64_t>(static_cast<int64_t>(longest), 40) * (kGlyphWidth + 1);
  const int64_t cell_width = std::max(width * scale, text_width) + 2 * kMargin;
  const int64_t cell_height = height * scale + 2 * kLineHeight + 2 * kMargin;
  io::Image grid((count + columns - 1) / columns * cell_height, columns * cell_width, 3, 255);
  for (int64_t i = 0; i < count; ++i) {
    const PictureTile& tile = tiles[static_cast<size_t>(i)];
    const int64_t y = i / columns * cell_height + kMargin;
    const int64_t x = i % columns * cell_width + kMargin;
    place(grid, y, x, tile.image, scale);
    const bool right = tile.predicted == tile.truth;
    const int64_t text_y = y + height * scale + 3;
    draw_text(grid, text_y, x, std::string_view(tile.predicted).substr(0, 40),
              right ? kRight : kWrong);
    if (!right) {
      draw_text(grid, text_y + kLineHeight, x, std::string_view(tile.truth).substr(0, 40), kTruth);
    }
  }
  return grid;
}

namespace {

const std::string& name_of(const std::vector<std::string>& names, int64_t label) {
  TAPER_CHECK_AS(IndexError, label >= 0 && label < static_cast<int64_t>(names.size()),
                 "save_predictions: label ", label, " is out of range for ", names.size(),
                 " names");
  return names[static_cast<size_t>(label)];
}

// One image [channels, height, width] of float32, contiguous.
io::Image to_image(const float* values, int64_t channels, int64_t height, int64_t width) {
  io::Image image(height, width, channels);
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t i = 0; i < height * width; ++i) {
      // The comparison's order turns NaN into 0.
      const float level = std::min(1.0f, std::max(0.0f, values[c * height * width + i]));
      image.pixels[static_cast<size_t>(i * channels + c)] =
          static_cast<uint8_t>(level * 255.0f + 0.5f);
    }
  }
  return image;
}

}  // namespace

std::vector<io::Image> to_images(const Tensor& images, const char* op) {
  TAPER_CHECK_AS(ShapeError,
                 images.defined() && images.dim() == 4 &&
                     (images.size(1) == 1 || images.size(1) == 3) && images.size(2) > 0 &&
                     images.size(3) > 0,
                 op, ": got images ", images.defined() ? images.sizes() : IntArrayRef(),
                 ", expected [N, 1 or 3, height, width]");
  const Tensor values = images.detach().to(kFloat).contiguous();
  const int64_t channels = images.size(1), height = images.size(2), width = images.size(3);
  std::vector<io::Image> list;
  for (int64_t i = 0; i < images.size(0); ++i) {
    list.push_back(to_image(values.data_ptr<float>() + i * channels * height * width, channels,
                            height, width));
  }
  return list;
}

void save_predictions(const std::string& path, const Tensor& images, const Tensor& predicted,
                      const Tensor& truth, const std::vector<std::string>& names, int64_t columns,
                      int64_t scale) {
  const std::vector<io::Image> pictures = to_images(images, "save_predictions");
  for (const Tensor& labels : {predicted, truth}) {
    TAPER_CHECK_AS(ShapeError, labels.dim() == 1 && labels.size(0) == images.size(0),
                   "save_predictions: got labels ", labels.sizes(), " for images ", images.sizes());
    TAPER_CHECK_AS(DTypeError, labels.scalar_type() == kLong, "save_predictions: got labels of ",
                   labels.scalar_type(), ", expected Long");
  }
  const Tensor guessed = predicted.contiguous(), right = truth.contiguous();
  std::vector<PictureTile> tiles;
  for (int64_t i = 0; i < images.size(0); ++i) {
    tiles.push_back({pictures[static_cast<size_t>(i)],
                     name_of(names, guessed.data_ptr<int64_t>()[i]),
                     name_of(names, right.data_ptr<int64_t>()[i])});
  }
  io::write_png(path, picture_grid(tiles, columns, scale));
}

}  // namespace taper::train
