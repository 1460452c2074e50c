#include "taper/train/chart.h"

#include <algorithm>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/train/chart_draw.h"

namespace taper::train {

Figure::Figure(int64_t columns, int64_t width, int64_t height)
    : columns_(columns), width_(width), height_(height) {
  TAPER_CHECK_AS(ShapeError,
                 columns > 0 && columns <= 100 && width >= 120 && width <= 10'000 && height >= 80 &&
                     height <= 10'000,
                 "Figure: got ", columns, " columns of ", width, " x ", height,
                 ", expected 1 to 100 columns of 120 x 80 to 10000 x 10000");
}

void Figure::add(const LineChart& chart) {
  check(chart);
  panels_.push_back(draw(chart, static_cast<double>(width_), static_cast<double>(height_)));
}
void Figure::add(const BarChart& chart) {
  check(chart);
  panels_.push_back(draw(chart, static_cast<double>(width_), static_cast<double>(height_)));
}
void Figure::add(const HeatMap& chart) {
  check(chart);
  panels_.push_back(draw(chart, static_cast<double>(width_), static_cast<double>(height_)));
}

std::string Figure::svg() const {
  const int64_t count = static_cast<int64_t>(panels_.size());
  const int64_t columns = std::min(columns_, std::max<int64_t>(count, 1));
  const int64_t rows = std::max<int64_t>((count + columns - 1) / columns, 1);
  std::string out =
      svg_start(static_cast<double>(columns * width_), static_cast<double>(rows * height_));
  out += str("<style>", chart_style(), "</style>\n",
             "<rect class=\"t-back\" width=\"100%\" height=\"100%\"/>\n");
  for (int64_t i = 0; i < count; ++i) {
    out += str("<g transform=\"translate(", i % columns * width_, ' ', i / columns * height_,
               ")\">\n", panels_[static_cast<size_t>(i)], "</g>\n");
  }
  return out + "</svg>\n";
}

void Figure::save(const std::string& path) const {
  const std::string picture = svg();
  write_file(path, picture.data(), picture.size());
}

}  // namespace taper::train
