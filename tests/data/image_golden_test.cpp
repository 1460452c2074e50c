// The maps of images against torchvision's results; see tools/golden/image_golden.py.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "taper/data/image_transforms.h"
#include "taper/ops/copy.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/view.h"
#include "tests/support/paths.h"

namespace taper::data::transforms {
namespace {

struct Golden {
  std::string type;
  int64_t channels = 0, height = 0, width = 0;
  std::vector<double> values;
};

const Golden& golden(const std::string& name) {
  static const std::map<std::string, Golden> all = [] {
    std::map<std::string, Golden> found;
    std::ifstream in(taper::testing::test_path("data/golden/images.txt"));
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string key;
      words >> key;
      Golden& g = found[key];
      words >> g.type >> g.channels >> g.height >> g.width;
      for (double v; words >> v;) g.values.push_back(v);
    }
    return found;
  }();
  static const Golden none;
  const auto found = all.find(name);
  return found == all.end() ? none : found->second;
}

// Floats to 2e-6, bytes to the bit unless off is given.
void expect_golden(const std::string& name, const Tensor& got, double off = 0) {
  SCOPED_TRACE(name);
  const Golden& expected = golden(name);
  ASSERT_FALSE(expected.values.empty());
  ASSERT_EQ(got.sizes(), IntArrayRef({expected.channels, expected.height, expected.width}));
  EXPECT_EQ(got.scalar_type(), expected.type == "u" ? kByte : kFloat);
  const Tensor values = got.to(kDouble).contiguous();
  const double tolerance = expected.type == "u" ? off : 2e-6;
  for (int64_t i = 0; i < values.numel(); ++i) {
    ASSERT_NEAR(values.const_data_ptr<double>()[i], expected.values[static_cast<size_t>(i)],
                tolerance)
        << "element " << i;
  }
}

Tensor picture(const std::string& type) {
  Tensor image(TensorImpl::empty("picture", {3, 6, 9}, kByte));
  uint8_t* to = image.data_ptr<uint8_t>();
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < 6; ++y) {
      for (int x = 0; x < 9; ++x) {
        *to++ = static_cast<uint8_t>((c * 53 + y * 31 + x * 17 + (x * y * 7) % 13 * 5) % 256);
      }
    }
  }
  return type == "u" ? image : image.to(kFloat).div_(255);
}

TEST(ImageGolden, Resize) {
  for (const std::string type : {"u", "f"}) {
    const Tensor image = picture(type);
    for (const auto& [height, width] : std::vector<std::pair<int, int>>{{4, 5}, {12, 7}, {3, 20}}) {
      const std::string text = str(height, "_", width, "_", type);
      // A byte may be next to the one of a half that is rounded.
      expect_golden("resize_" + text, resize(image, height, width), 1);
      expect_golden("resize_plain_" + text,
                    resize(image, height, width, Interpolation::kBilinear, false), 1);
      expect_golden("resize_nearest_" + text,
                    resize(image, height, width, Interpolation::kNearest));
    }
  }
}

TEST(ImageGolden, AffineMaps) {
  for (const std::string type : {"u", "f"}) {
    const Tensor image = picture(type);
    for (const std::string name : {"nearest", "bilinear"}) {
      const Interpolation mode =
          name == "nearest" ? Interpolation::kNearest : Interpolation::kBilinear;
      const std::string text = name + "_" + type;
      expect_golden("affine_" + text, affine(image, 25, {2, -1}, 1.3, {10, 5}, mode), 1);
      expect_golden("affine_center_" + text,
                    affine(image, -40, {0, 0}, 0.8, {0, 20}, mode, 0, {1, 2}), 1);
      expect_golden("rotate_" + text, rotate(image, 33, mode), 1);
      expect_golden("rotate_expand_" + text, rotate(image, 33, mode, true), 1);
    }
    expect_golden("affine_fill_" + type,
                  affine(image, 25, {2, -1}, 1.3, {10, 5}, Interpolation::kNearest, 0.5));
  }
}

TEST(ImageGolden, Colours) {
  for (const std::string type : {"u", "f"}) {
    const Tensor image = picture(type);
    expect_golden("gray_" + type, rgb_to_grayscale(image, 3));
    for (const auto& [text, factor] : {std::pair("0.4_", 0.4), std::pair("1.7_", 1.7)}) {
      expect_golden(std::string("brightness_") + text + type, adjust_brightness(image, factor));
      expect_golden(std::string("contrast_") + text + type, adjust_contrast(image, factor));
      expect_golden(std::string("saturation_") + text + type, adjust_saturation(image, factor));
    }
    // Bytes are cut, not rounded: one unit in the last place of a float may be one byte.
    expect_golden("hue_-0.3_" + type, adjust_hue(image, -0.3), 1);
    expect_golden("hue_0.15_" + type, adjust_hue(image, 0.15), 1);
    expect_golden("hue_0.5_" + type, adjust_hue(image, 0.5), 1);
    expect_golden("convert_" + type, convert_image_dtype(image, type == "u" ? kFloat : kByte));
  }
}

TEST(ImageGolden, Padding) {
  for (const std::string type : {"u", "f"}) {
    const Tensor image = picture(type);
    expect_golden("pad_edge_" + type, pad_image(image, {3, 1, 2, 4}, 0, PaddingMode::kEdge));
    expect_golden("pad_reflect_" + type, pad_image(image, {3, 1, 2, 4}, 0, PaddingMode::kReflect));
    expect_golden("pad_symmetric_" + type,
                  pad_image(image, {3, 1, 2, 4}, 0, PaddingMode::kSymmetric));
    expect_golden("pad_constant_" + type, pad_image(image, {3, 1, 2, 4}, 0.25));
  }
}

}  // namespace
}  // namespace taper::data::transforms
