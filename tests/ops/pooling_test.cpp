#include "taper/ops/pooling.h"

#include <algorithm>
#include <cmath>

#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Sizes = std::vector<int64_t>;

struct Setting {
  int64_t kernel[2], stride[2], padding[2] = {0, 0}, dilation[2] = {1, 1};
  bool ceil_mode = false, count_include_pad = true;
  int64_t divisor = 0;
};

int64_t windows(const Setting& s, int d, int64_t in) {
  const double room =
      static_cast<double>(in + 2 * s.padding[d] - s.dilation[d] * (s.kernel[d] - 1) - 1) /
      static_cast<double>(s.stride[d]);
  const auto count = static_cast<int64_t>(s.ceil_mode ? std::ceil(room) : std::floor(room)) + 1;
  return s.ceil_mode && (count - 1) * s.stride[d] >= in + s.padding[d] ? count - 1 : count;
}

// Applies f(values and row-major places of the elements inside, elements counted) to each window.
Dense pool(
    const Dense& x, const Setting& s,
    const std::function<double(const std::vector<std::pair<double, int64_t>>&, int64_t)>& f) {
  const int64_t height = x.sizes[x.sizes.size() - 2], width = x.sizes.back();
  Dense out{x.sizes, {}};
  out.sizes[out.sizes.size() - 2] = windows(s, 0, height);
  out.sizes.back() = windows(s, 1, width);
  for_each_index(out.sizes, [&](const Sizes& at) {
    const int64_t y = at[at.size() - 2] * s.stride[0] - s.padding[0];
    const int64_t q = at.back() * s.stride[1] - s.padding[1];
    std::vector<std::pair<double, int64_t>> inside;
    int64_t counted = 0;
    for_each_index({s.kernel[0], s.kernel[1]}, [&](const Sizes& tap) {
      const int64_t row = y + tap[0] * s.dilation[0], col = q + tap[1] * s.dilation[1];
      if (row < height + s.padding[0] && col < width + s.padding[1]) ++counted;
      if (row < 0 || row >= height || col < 0 || col >= width) return;
      Sizes from = at;
      from[from.size() - 2] = row;
      from.back() = col;
      inside.push_back({x.at(from), row * width + col});
    });
    out.values.push_back(f(inside, counted));
  });
  return out;
}

double largest(const std::vector<std::pair<double, int64_t>>& v, int64_t) {
  return std::max_element(v.begin(), v.end())->first;
}

Sample max_sample(const std::string& label, Sizes sizes, Setting s) {
  return {
      label,
      {{std::move(sizes)}},
      [s](const Tensors& x) {
        return Tensors{max_pool2d(x[0], s.kernel, s.stride, s.padding, s.dilation, s.ceil_mode)};
      },
      [s](const std::vector<Dense>& x) { return std::vector<Dense>{pool(x[0], s, largest)}; }};
}

Sample indices_sample(const std::string& label, Sizes sizes, Setting s) {
  return {label,
          {{std::move(sizes)}},
          [s](const Tensors& x) {
            auto [out, indices] = max_pool2d_with_indices(x[0], s.kernel, s.stride, s.padding,
                                                          s.dilation, s.ceil_mode);
            return Tensors{out, indices};
          },
          [s](const std::vector<Dense>& x) {
            // Of equal values the first wins.
            const auto place = [](const auto& v, int64_t) {
              double best = v[0].first;
              int64_t at = v[0].second;
              for (const auto& e : v) {
                if (e.first > best) best = e.first, at = e.second;
              }
              return static_cast<double>(at);
            };
            return std::vector<Dense>{pool(x[0], s, largest), pool(x[0], s, place)};
          }};
}

Sample average_sample(const std::string& label, Sizes sizes, Setting s) {
  return {label,
          {{std::move(sizes)}},
          [s](const Tensors& x) {
            return Tensors{avg_pool2d(x[0], s.kernel, s.stride, s.padding, s.ceil_mode,
                                      s.count_include_pad,
                                      s.divisor ? std::optional(s.divisor) : std::nullopt)};
          },
          [s](const std::vector<Dense>& x) {
            return std::vector<Dense>{pool(x[0], s, [&](const auto& v, int64_t counted) {
              double sum = 0;
              for (const auto& e : v) sum += e.first;
              const int64_t inside = static_cast<int64_t>(v.size());
              return sum / static_cast<double>(s.divisor             ? s.divisor
                                               : s.count_include_pad ? counted
                                                                     : inside);
            })};
          }};
}

Tensor zeros(Sizes sizes, ScalarType dtype = kFloat) {
  Dense d{sizes, {}};
  for_each_index(sizes, [&](const Sizes&) { d.values.push_back(0); });
  return to_tensor(d, dtype);
}

OpCase max_case() {
  OpCase c;
  c.name = "max_pool2d";
  c.samples = {max_sample("2x2", {2, 3, 6, 8}, {{2, 2}, {2, 2}}),
               max_sample("2x2 wide", {1, 2, 4, 70}, {{2, 2}, {2, 2}}),
               max_sample("2x2 odd", {1, 2, 7, 9}, {{2, 2}, {2, 2}}),
               max_sample("overlap", {2, 2, 7, 7}, {{3, 3}, {2, 1}, {1, 1}}),
               max_sample("dilated", {1, 2, 9, 9}, {{3, 2}, {1, 2}, {0, 0}, {2, 3}}),
               max_sample("ceil", {1, 2, 7, 8}, {{2, 3}, {2, 3}, {0, 1}, {1, 1}, true}),
               max_sample("unbatched", {2, 5, 5}, {{2, 2}, {1, 1}}),
               max_sample("empty", {0, 2, 4, 4}, {{2, 2}, {2, 2}})};
  c.dtypes = {kFloat, kDouble, kHalf, kBFloat16, kInt, kLong};
  c.errors = {
      {"size",
       [] {
         max_pool2d(zeros({1, 1, 1, 1}), 2);
       },
       "Given input size: (1x1x1). Calculated output size: (1x0x0). Output size is too small",
       ErrorInput::Kind::shape},
      {"padding",
       [] {
         max_pool2d(zeros({1, 1, 4, 4}), 2, 2, 2);
       },
       "pad should be at most half of effective kernel size, but got pad=2, kernel_size=2 and "
       "dilation=1",
       ErrorInput::Kind::shape},
      {"kernel",
       [] {
         max_pool2d(zeros({1, 1, 4, 4}), {2, 2, 2});
       },
       "kernel_size must either be a single int, or a tuple of two ints", ErrorInput::Kind::shape},
      {"rank",
       [] {
         max_pool2d(zeros({4, 4}), 2);
       },
       "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got: "
       "[4, 4]",
       ErrorInput::Kind::shape},
      {"bool",
       [] {
         max_pool2d(zeros({1, 1, 4, 4}, kBool), 2);
       },
       "not implemented for 'Bool'", ErrorInput::Kind::dtype}};
  return c;
}

OpCase max_with_indices_case() {
  OpCase c;
  c.name = "max_pool2d_with_indices";
  c.samples = {indices_sample("2x2", {2, 3, 6, 8}, {{2, 2}, {2, 2}}),
               indices_sample("overlap", {2, 2, 7, 7}, {{3, 3}, {2, 1}, {1, 1}})};
  return c;
}

Dense as_rows(Dense d) {
  d.sizes.insert(d.sizes.end() - 1, 1);
  return d;
}
Dense from_rows(Dense d) {
  d.sizes.erase(d.sizes.end() - 2);
  return d;
}

OpCase max1d_case() {
  OpCase c;
  c.name = "max_pool1d";
  const Setting s{{1, 3}, {1, 2}, {0, 1}};
  c.samples = {{"rows",
                {{{2, 3, 9}}},
                [](const Tensors& x) { return Tensors{max_pool1d(x[0], 3, 2, 1)}; },
                [s](const std::vector<Dense>& x) {
                  return std::vector<Dense>{from_rows(pool(as_rows(x[0]), s, largest))};
                }}};
  return c;
}

OpCase average_case() {
  OpCase c;
  c.name = "avg_pool2d";
  Setting excluded{{3, 3}, {2, 2}, {1, 1}}, divided{{2, 3}, {1, 2}, {1, 0}};
  excluded.count_include_pad = false;
  divided.divisor = 5;
  Setting ceil{{3, 3}, {2, 2}, {1, 1}};
  ceil.ceil_mode = true;
  c.samples = {average_sample("2x2", {2, 3, 6, 8}, {{2, 2}, {2, 2}}),
               average_sample("padded", {1, 2, 7, 7}, {{3, 3}, {2, 1}, {1, 1}}),
               average_sample("without padding", {1, 2, 7, 7}, excluded),
               average_sample("divisor", {1, 2, 5, 7}, divided),
               average_sample("ceil", {1, 2, 6, 8}, ceil),
               average_sample("unbatched", {2, 5, 5}, {{2, 2}, {1, 1}})};
  c.errors = {{"divisor",
               [] {
                 avg_pool2d(zeros({1, 1, 4, 4}), 2, {}, 0, false, true, 0);
               },
               "divisor must be not zero"}};
  return c;
}

OpCase average1d_case() {
  OpCase c;
  c.name = "avg_pool1d";
  const Setting s{{1, 3}, {1, 2}, {0, 1}};
  c.samples = {{"rows",
                {{{2, 3, 9}}},
                [](const Tensors& x) { return Tensors{avg_pool1d(x[0], 3, 2, 1)}; },
                [s](const std::vector<Dense>& x) {
                  const auto mean = [](const auto& v, int64_t counted) {
                    double sum = 0;
                    for (const auto& e : v) sum += e.first;
                    return sum / static_cast<double>(counted);
                  };
                  return std::vector<Dense>{from_rows(pool(as_rows(x[0]), s, mean))};
                }}};
  return c;
}

Dense adaptive(const Dense& x, int64_t rows, int64_t cols) {
  const int64_t height = x.sizes[x.sizes.size() - 2], width = x.sizes.back();
  Dense out{x.sizes, {}};
  out.sizes[out.sizes.size() - 2] = rows;
  out.sizes.back() = cols;
  for_each_index(out.sizes, [&](const Sizes& at) {
    const int64_t y = at[at.size() - 2], q = at.back();
    double sum = 0;
    int64_t count = 0;
    for (int64_t i = y * height / rows; i < ((y + 1) * height + rows - 1) / rows; ++i) {
      for (int64_t j = q * width / cols; j < ((q + 1) * width + cols - 1) / cols; ++j, ++count) {
        Sizes from = at;
        from[from.size() - 2] = i;
        from.back() = j;
        sum += x.at(from);
      }
    }
    out.values.push_back(sum / static_cast<double>(count));
  });
  return out;
}

OpCase adaptive_case() {
  OpCase c;
  c.name = "adaptive_avg_pool2d";
  const auto sample = [](const char* label, Sizes sizes, int64_t rows, int64_t cols) {
    return Sample{
        label,
        {{std::move(sizes)}},
        [=](const Tensors& x) {
          return Tensors{adaptive_avg_pool2d(x[0], {rows, cols})};
        },
        [=](const std::vector<Dense>& x) {
          return std::vector<Dense>{adaptive(x[0], rows, cols == -1 ? x[0].sizes.back() : cols)};
        }};
  };
  c.samples = {sample("shrink", {2, 2, 7, 5}, 3, 2), sample("one", {2, 2, 4, 4}, 1, 1),
               sample("grow", {2, 3, 3}, 5, 4), sample("keep", {1, 2, 4, 6}, 2, -1)};
  c.errors = {
      {"size",
       [] {
         adaptive_avg_pool2d(zeros({1, 1, 4, 4}), {-2, 2});
       },
       "elements of output_size must be greater than or equal to 0", ErrorInput::Kind::shape},
      {"integers",
       [] {
         adaptive_avg_pool2d(zeros({1, 1, 4, 4}, kLong), 2);
       },
       "expected a floating-point tensor", ErrorInput::Kind::dtype}};
  return c;
}

OpCase adaptive1d_case() {
  OpCase c;
  c.name = "adaptive_avg_pool1d";
  c.samples = {{"rows",
                {{{2, 3, 9}}},
                [](const Tensors& x) { return Tensors{adaptive_avg_pool1d(x[0], 4)}; },
                [](const std::vector<Dense>& x) {
                  return std::vector<Dense>{from_rows(adaptive(as_rows(x[0]), 1, 4))};
                }}};
  return c;
}

std::vector<OpCase> pooling_ops() {
  return {max_case(),       max_with_indices_case(), max1d_case(),     average_case(),
          average1d_case(), adaptive_case(),         adaptive1d_case()};
}
TAPER_OP_CASES(pooling_ops);

TEST(Pooling, ChannelsLastInputGivesChannelsLastResult) {
  const Tensor x = zeros({2, 3, 4, 4}).contiguous(MemoryFormat::ChannelsLast);
  EXPECT_TRUE(max_pool2d(x, 2).is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_TRUE(avg_pool2d(x, 2).is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_TRUE(adaptive_avg_pool2d(x, 2).is_contiguous(MemoryFormat::ChannelsLast));
}

TEST(Pooling, WindowWithoutElementsIsMinusInfinity) {
  const Tensor x = zeros({1, 1, 3, 3});
  const Tensor out = max_pool2d(x, 2, 1, 1, 4);
  for (const double v : to_dense(out).values) EXPECT_EQ(v, -INFINITY);
}

}  // namespace
}  // namespace taper::testing
