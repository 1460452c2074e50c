// Pooling of any rank by its definition: volumes, and adaptive maxima.
#include <algorithm>
#include <cmath>

#include "taper/ops/creation.h"
#include "taper/ops/pooling.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Sizes = std::vector<int64_t>;

/// The places of one window along one direction that lie inside, and how many it counts.
struct Line {
  Sizes places;
  int64_t counted;
};
using Lines = std::vector<Line>;

Lines fixed_lines(int64_t size, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                  bool ceil_mode) {
  Lines lines;
  for (int64_t start = -padding;; start += stride) {
    const int64_t last = start + dilation * (kernel - 1);
    // In ceil mode a window may end outside, but must begin inside or in the padding in front.
    if (ceil_mode ? last >= size + padding + stride || start >= size : last >= size + padding) {
      break;
    }
    Line line{{}, 0};
    for (int64_t k = 0; k < kernel; ++k) {
      const int64_t i = start + k * dilation;
      if (i < size + padding) ++line.counted;
      if (i >= 0 && i < size) line.places.push_back(i);
    }
    lines.push_back(line);
  }
  return lines;
}

Lines adaptive_lines(int64_t size, int64_t windows) {
  Lines lines;
  for (int64_t w = 0; w < windows; ++w) {
    const double step = static_cast<double>(size) / static_cast<double>(windows);
    const auto first = static_cast<int64_t>(std::floor(static_cast<double>(w) * step + 1e-9));
    const auto last = static_cast<int64_t>(std::ceil(static_cast<double>(w + 1) * step - 1e-9));
    Line line{{}, last - first};
    for (int64_t i = first; i < last; ++i) line.places.push_back(i);
    lines.push_back(line);
  }
  return lines;
}

/// What one window holds: values with their positions, and how many it counts.
struct Window {
  std::vector<std::pair<double, int64_t>> inside;
  int64_t counted = 1;
};

Dense pool(const Dense& x, const std::vector<Lines>& lines,
           const std::function<double(const Window&)>& f) {
  const size_t count = lines.size(), first = x.sizes.size() - count;
  Dense out{x.sizes, {}};
  for (size_t d = 0; d < count; ++d) out.sizes[first + d] = static_cast<int64_t>(lines[d].size());
  for_each_index(out.sizes, [&](const Sizes& at) {
    Window window;
    Sizes extents;
    for (size_t d = 0; d < count; ++d) {
      const Line& line = lines[d][at[first + d]];
      window.counted *= line.counted;
      extents.push_back(static_cast<int64_t>(line.places.size()));
    }
    for_each_index(extents, [&](const Sizes& e) {
      Sizes from = at;
      int64_t position = 0;
      for (size_t d = 0; d < count; ++d) {
        from[first + d] = lines[d][at[first + d]].places[e[d]];
        position = position * x.sizes[first + d] + from[first + d];
      }
      window.inside.push_back({x.at(from), position});
    });
    out.values.push_back(f(window));
  });
  return out;
}

std::pair<double, int64_t> first_largest(const Window& w) {
  std::pair<double, int64_t> best{-INFINITY, -1};
  for (const auto& e : w.inside) {
    if (best.second < 0 || e.first > best.first) best = e;
  }
  return best;
}
double largest(const Window& w) { return first_largest(w).first; }
double position(const Window& w) { return static_cast<double>(first_largest(w).second); }

struct Setting {
  Sizes kernel, stride, padding, dilation;
  bool ceil_mode = false, count_include_pad = true;
  int64_t divisor = 0;

  std::vector<Lines> lines(const Dense& x) const {
    std::vector<Lines> all;
    for (size_t d = 0; d < 3; ++d) {
      all.push_back(fixed_lines(x.sizes[x.sizes.size() - 3 + d], kernel[d], stride[d], padding[d],
                                dilation[d], ceil_mode));
    }
    return all;
  }
};

const Setting kPlain{{2, 2, 2}, {2, 2, 2}, {0, 0, 0}, {1, 1, 1}};
const Setting kOverlap{{3, 2, 3}, {1, 1, 2}, {1, 1, 1}, {1, 1, 1}};
const Setting kDilated{{2, 2, 3}, {1, 2, 1}, {0, 0, 1}, {2, 1, 2}};
const Setting kCeil{{2, 3, 2}, {2, 2, 2}, {1, 0, 0}, {1, 1, 1}, true};

Sample max_sample(const char* label, Sizes sizes, const Setting& s) {
  return {
      label,
      {{std::move(sizes)}},
      [s](const Tensors& x) {
        return Tensors{max_pool3d(x[0], s.kernel, s.stride, s.padding, s.dilation, s.ceil_mode)};
      },
      [s](const std::vector<Dense>& x) {
        return std::vector<Dense>{pool(x[0], s.lines(x[0]), largest)};
      }};
}

OpCase max_case() {
  OpCase c;
  c.name = "max_pool3d";
  c.samples = {max_sample("plain", {2, 2, 4, 4, 6}, kPlain),
               max_sample("overlap", {1, 2, 4, 3, 5}, kOverlap),
               max_sample("dilated", {1, 2, 4, 5, 5}, kDilated),
               max_sample("ceil, unbatched", {2, 5, 6, 5}, kCeil),
               max_sample("empty", {0, 2, 4, 4, 4}, kPlain)};
  c.dtypes = {kFloat, kDouble, kHalf, kBFloat16, kLong};
  c.errors = {{"size",
               [] {
                 max_pool3d(zeros({1, 1, 2, 1, 2}), 2);
               },
               "Given input size: (1x2x1x2). Calculated output size: (1x1x0x1). Output size is "
               "too small",
               ErrorInput::Kind::shape},
              {"rank",
               [] {
                 max_pool3d(zeros({2, 2, 2}), 2);
               },
               "Expected 4D or 5D", ErrorInput::Kind::shape},
              {"kernel",
               [] {
                 max_pool3d(zeros({1, 2, 2, 2}), {2, 2});
               },
               "kernel_size must either be a single int, or a tuple of three ints",
               ErrorInput::Kind::shape},
              {"huge",
               [] {
                 max_pool3d(zeros({1, 2, 2, 2}), 2, INT64_MAX);
               },
               "is too large", ErrorInput::Kind::shape}};
  return c;
}

OpCase max_indices_case() {
  OpCase c;
  c.name = "max_pool3d_with_indices";
  for (const Setting& s : {kPlain, kOverlap, kCeil}) {
    c.samples.push_back(
        {"indices",
         {{{2, 2, 5, 4, 6}}},
         [s](const Tensors& x) {
           auto [out, indices] = max_pool3d_with_indices(x[0], s.kernel, s.stride, s.padding,
                                                         s.dilation, s.ceil_mode);
           return Tensors{out, indices};
         },
         [s](const std::vector<Dense>& x) {
           const auto lines = s.lines(x[0]);
           return std::vector<Dense>{pool(x[0], lines, largest), pool(x[0], lines, position)};
         }});
  }
  return c;
}

Sample average_sample(const char* label, Sizes sizes, const Setting& s) {
  return {label,
          {{std::move(sizes)}},
          [s](const Tensors& x) {
            return Tensors{avg_pool3d(x[0], s.kernel, s.stride, s.padding, s.ceil_mode,
                                      s.count_include_pad,
                                      s.divisor ? std::optional(s.divisor) : std::nullopt)};
          },
          [s](const std::vector<Dense>& x) {
            return std::vector<Dense>{pool(x[0], s.lines(x[0]), [&](const Window& w) {
              double sum = 0;
              for (const auto& e : w.inside) sum += e.first;
              const auto inside = static_cast<int64_t>(w.inside.size());
              return sum / static_cast<double>(s.divisor             ? s.divisor
                                               : s.count_include_pad ? w.counted
                                                                     : inside);
            })};
          }};
}

OpCase average_case() {
  OpCase c;
  c.name = "avg_pool3d";
  Setting excluded = kOverlap, divided = kOverlap;
  excluded.count_include_pad = false;
  divided.divisor = 7;
  c.samples = {average_sample("plain", {2, 2, 4, 4, 6}, kPlain),
               average_sample("padded", {1, 2, 4, 3, 5}, kOverlap),
               average_sample("without padding", {1, 2, 4, 3, 5}, excluded),
               average_sample("divisor", {1, 2, 4, 3, 5}, divided),
               average_sample("ceil, unbatched", {2, 5, 6, 5}, kCeil)};
  c.errors = {{"divisor",
               [] {
                 avg_pool3d(zeros({1, 1, 4, 4, 4}), 2, {}, 0, false, true, 0);
               },
               "divisor must be not zero"},
              {"integers",
               [] {
                 avg_pool3d(zeros({1, 1, 4, 4, 4}, kLong), 2);
               },
               "expected a floating-point tensor", ErrorInput::Kind::dtype}};
  return c;
}

std::vector<Lines> adaptive(const Dense& x, const Sizes& to) {
  std::vector<Lines> lines;
  for (size_t d = 0; d < to.size(); ++d) {
    const int64_t size = x.sizes[x.sizes.size() - to.size() + d];
    lines.push_back(adaptive_lines(size, to[d] == -1 ? size : to[d]));
  }
  return lines;
}

OpCase adaptive_average_case() {
  OpCase c;
  c.name = "adaptive_avg_pool3d";
  for (const Sizes& to : {Sizes{2, 3, 2}, Sizes{1, 1, 1}, Sizes{5, -1, 7}}) {
    c.samples.push_back({str(to[0]),
                         {{{2, 2, 4, 5, 3}}},
                         [to](const Tensors& x) { return Tensors{adaptive_avg_pool3d(x[0], to)}; },
                         [to](const std::vector<Dense>& x) {
                           return std::vector<Dense>{
                               pool(x[0], adaptive(x[0], to), [](const Window& w) {
                                 double sum = 0;
                                 for (const auto& e : w.inside) sum += e.first;
                                 return sum / static_cast<double>(w.counted);
                               })};
                         }});
  }
  c.errors = {{"size",
               [] {
                 adaptive_avg_pool3d(zeros({1, 2, 2, 2}), {1, -2, 1});
               },
               "elements of output_size must be greater than or equal to 0",
               ErrorInput::Kind::shape}};
  return c;
}

using AdaptiveMax = std::tuple<Tensor, Tensor> (*)(const Tensor&, IntArrayRef);

OpCase adaptive_max_case(const char* name, AdaptiveMax op, Sizes sizes, std::vector<Sizes> all) {
  OpCase c;
  c.name = name;
  for (const Sizes& to : all) {
    c.samples.push_back(
        {str(to[0]),
         {{sizes}},
         [=](const Tensors& x) {
           auto [out, indices] = op(x[0], to);
           return Tensors{out, indices};
         },
         [=](const std::vector<Dense>& x) {
           const auto lines = adaptive(x[0], to);
           return std::vector<Dense>{pool(x[0], lines, largest), pool(x[0], lines, position)};
         }});
  }
  c.errors = {{"rank", [=] { op(zeros({2}), 1); }, "(batch mode) tensor with optional 0 dim batch",
               ErrorInput::Kind::shape},
              {"integers", [=] { op(zeros(sizes, kLong), 1); }, "expected a floating-point tensor",
               ErrorInput::Kind::dtype},
              {"count",
               [=] {
                 op(zeros(sizes), {1, 1, 1, 1});
               },
               "output_size must be", ErrorInput::Kind::shape}};
  return c;
}

std::vector<OpCase> volume_ops() {
  return {max_case(),
          max_indices_case(),
          average_case(),
          adaptive_average_case(),
          adaptive_max_case("adaptive_max_pool1d", adaptive_max_pool1d, {2, 3, 7}, {{3}, {9}, {1}}),
          adaptive_max_case("adaptive_max_pool2d", adaptive_max_pool2d, {2, 2, 5, 4},
                            {{2, 3}, {7, -1}}),
          adaptive_max_case("adaptive_max_pool3d", adaptive_max_pool3d, {2, 4, 5, 3},
                            {{2, 3, 2}, {1, 1, 1}, {5, 2, 4}})};
}
TAPER_OP_CASES(volume_ops);

TEST(PoolingVolume, NanWinsAndWindowWithoutElementsHasNoPosition) {
  Tensor x = zeros({1, 2, 2, 2});
  x.select(1, 1).select(1, 0).select(1, 1).fill_(NAN);
  const auto [out, indices] = max_pool3d_with_indices(x, 2);
  EXPECT_TRUE(std::isnan(out.item<double>()));
  EXPECT_EQ(indices.item<int64_t>(), 5);
  const auto [far, none] = max_pool3d_with_indices(zeros({1, 3, 3, 3}), 2, 1, 1, 4);
  for (const double v : to_dense(far).values) EXPECT_EQ(v, -INFINITY);
  for (const double i : to_dense(none).values) EXPECT_EQ(i, -1);
}

TEST(PoolingVolume, ChannelsLastImageOfAdaptiveMaximaStaysChannelsLast) {
  const Tensor x = zeros({2, 3, 4, 4}).contiguous(MemoryFormat::ChannelsLast);
  EXPECT_TRUE(std::get<0>(adaptive_max_pool2d(x, 2)).is_contiguous(MemoryFormat::ChannelsLast));
}

}  // namespace
}  // namespace taper::testing
