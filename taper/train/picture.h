#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "taper/base/macros.h"
#include "taper/io/png.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace train {

struct Color {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
};

/// Draws one line of text with its top left corner at (y, x), in letters of 5 x 7 dots that are
/// scale pixels wide; what lies outside the picture is cut off. Gray pictures take the red part.
void draw_text(io::Image& image, int64_t y, int64_t x, std::string_view text, Color color,
               int64_t scale = 1);

/// One picture of a grid, and what stands below it.
struct PictureTile {
  io::Image image;
  std::string predicted;
  std::string truth;
};

/// Sets tiles in rows of columns, each picture enlarged scale times. Below it stands the predicted
/// label, green where it is the true one; else red, with the true label under it. All tiles have
/// one size. Throws ShapeError.
io::Image picture_grid(const std::vector<PictureTile>& tiles, int64_t columns, int64_t scale = 3);

/// The images of a tensor [N, channels, height, width] (1 or 3 channels, values from 0 to 1; what
/// lies outside is brought in, NaN is 0). Throws ShapeError, naming op.
std::vector<io::Image> to_images(const Tensor& images, const char* op = "to_images");

/// Writes a PNG of images [N, channels, height, width] (1 or 3 channels, values from 0 to 1) and
/// their labels [N] of int64 through picture_grid; names are the classes'. Throws ShapeError,
/// DTypeError, IndexError on a label without a name, and IoError.
void save_predictions(const std::string& path, const Tensor& images, const Tensor& predicted,
                      const Tensor& truth, const std::vector<std::string>& names,
                      int64_t columns = 8, int64_t scale = 3);

}  // namespace train
}  // namespace taper
