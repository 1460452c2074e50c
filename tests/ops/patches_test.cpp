#include "taper/ops/patches.h"

#include "taper/ops/creation.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Sizes = std::vector<int64_t>;

/// A reference that reads out[at] = x[from(at)].
Reference moved(Sizes out_sizes, std::function<Sizes(const Sizes&)> from) {
  return [=](const std::vector<Dense>& x) {
    Dense out{out_sizes, {}};
    for_each_index(out_sizes, [&](const Sizes& at) { out.values.push_back(x[0].at(from(at))); });
    return std::vector<Dense>{out};
  };
}

OpCase shuffle_case() {
  OpCase c;
  c.name = "pixel_shuffle";
  c.samples = {{"2",
                {{{2, 8, 2, 3}}},
                [](const Tensors& x) { return Tensors{pixel_shuffle(x[0], 2)}; },
                moved({2, 2, 4, 6},
                      [](const Sizes& a) {
                        return Sizes{a[0], a[1] * 4 + a[2] % 2 * 2 + a[3] % 2, a[2] / 2, a[3] / 2};
                      })},
               {"3 without batch",
                {{{9, 2, 1}}},
                [](const Tensors& x) { return Tensors{pixel_shuffle(x[0], 3)}; },
                moved({1, 6, 3}, [](const Sizes& a) {
                  return Sizes{a[0] * 9 + a[1] % 3 * 3 + a[2] % 3, a[1] / 3, a[2] / 3};
                })}};
  c.dtypes = {kFloat, kDouble, kHalf, kLong};
  c.errors = {{"rank",
               [] {
                 pixel_shuffle(zeros({4, 4}), 2);
               },
               "expects input to have at least 3 dimensions, but got input with 2 dimension(s)",
               ErrorInput::Kind::shape},
              {"factor",
               [] {
                 pixel_shuffle(zeros({4, 4, 4}), 0);
               },
               "expects a positive upscale_factor, but got 0", ErrorInput::Kind::shape},
              {"channels",
               [] {
                 pixel_shuffle(zeros({6, 4, 4}), 2);
               },
               "'channel' dimension to be divisible by the square of upscale_factor, but "
               "input.size(-3)=6 is not divisible by 4",
               ErrorInput::Kind::shape}};
  return c;
}

OpCase unshuffle_case() {
  OpCase c;
  c.name = "pixel_unshuffle";
  c.samples = {{"2",
                {{{2, 2, 4, 6}}},
                [](const Tensors& x) { return Tensors{pixel_unshuffle(x[0], 2)}; },
                moved({2, 8, 2, 3}, [](const Sizes& a) {
                  const int64_t part = a[1] % 4;
                  return Sizes{a[0], a[1] / 4, a[2] * 2 + part / 2, a[3] * 2 + part % 2};
                })}};
  c.errors = {{"size",
               [] {
                 pixel_unshuffle(zeros({1, 3, 4}), 2);
               },
               "height and width to be divisible by downscale_factor, but input.size(-2)=3",
               ErrorInput::Kind::shape}};
  return c;
}

OpCase channel_case() {
  OpCase c;
  c.name = "channel_shuffle";
  c.samples = {{"3 groups",
                {{{2, 6, 2, 2}}},
                [](const Tensors& x) { return Tensors{channel_shuffle(x[0], 3)}; },
                moved({2, 6, 2, 2}, [](const Sizes& a) {
                  return Sizes{a[0], a[1] % 3 * 2 + a[1] / 3, a[2], a[3]};
                })}};
  c.errors = {{"groups",
               [] {
                 channel_shuffle(zeros({1, 4, 2}), 3);
               },
               "Number of channels must be divisible by groups. Got 4 channels and 3 groups",
               ErrorInput::Kind::shape},
              {"none",
               [] {
                 channel_shuffle(zeros({1, 4, 2}), 0);
               },
               "must be positive. Value of groups: 0", ErrorInput::Kind::shape}};
  return c;
}

struct Setting {
  int64_t kernel[2], dilation[2], padding[2], stride[2];
  int64_t count(int d, int64_t size) const {
    return (size + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1;
  }
};

/// Calls f(image, channel, row of columns, column, y, x) for every element of every window.
template <class F>
void each_element(const Setting& s, Sizes image, F f) {
  const int64_t rows = s.count(0, image[2]), cols = s.count(1, image[3]);
  for_each_index({image[0], image[1], s.kernel[0], s.kernel[1], rows, cols}, [&](const Sizes& a) {
    const int64_t y = a[4] * s.stride[0] + a[2] * s.dilation[0] - s.padding[0];
    const int64_t x = a[5] * s.stride[1] + a[3] * s.dilation[1] - s.padding[1];
    const bool inside = y >= 0 && y < image[2] && x >= 0 && x < image[3];
    f(a[0], (a[1] * s.kernel[0] + a[2]) * s.kernel[1] + a[3], a[4] * cols + a[5],
      inside ? Sizes{a[0], a[1], y, x} : Sizes{});
  });
}

Sample im2col_sample(const char* label, Sizes sizes, Setting s) {
  return {label,
          {{sizes}},
          [=](const Tensors& x) {
            return Tensors{im2col(x[0], s.kernel, s.dilation, s.padding, s.stride)};
          },
          [=](const std::vector<Dense>& x) {
            const bool batched = sizes.size() == 4;
            Dense in = x[0];
            if (!batched) in.sizes.insert(in.sizes.begin(), 1);
            const int64_t taps = s.kernel[0] * s.kernel[1];
            Dense out{{in.sizes[0], in.sizes[1] * taps,
                       s.count(0, in.sizes[2]) * s.count(1, in.sizes[3])},
                      {}};
            each_element(s, in.sizes, [&](int64_t, int64_t, int64_t, const Sizes& from) {
              out.values.push_back(from.empty() ? 0 : in.at(from));
            });
            if (!batched) out.sizes.erase(out.sizes.begin());
            return std::vector<Dense>{out};
          }};
}

Sample col2im_sample(const char* label, Sizes image, Setting s) {
  const int64_t windows = s.count(0, image[2]) * s.count(1, image[3]);
  return {label,
          {{{image[0], image[1] * s.kernel[0] * s.kernel[1], windows}}},
          [=](const Tensors& x) {
            return Tensors{
                col2im(x[0], {image[2], image[3]}, s.kernel, s.dilation, s.padding, s.stride)};
          },
          [=](const std::vector<Dense>& x) {
            Dense out{image, std::vector<double>(image[0] * image[1] * image[2] * image[3])};
            each_element(s, image, [&](int64_t n, int64_t row, int64_t col, const Sizes& to) {
              if (to.empty()) return;
              out.values[((to[0] * image[1] + to[1]) * image[2] + to[2]) * image[3] + to[3]] +=
                  x[0].at({n, row, col});
            });
            return std::vector<Dense>{out};
          }};
}

const Setting kPlain{{2, 3}, {1, 1}, {0, 0}, {1, 1}};
const Setting kWide{{2, 3}, {2, 1}, {1, 2}, {2, 3}};

OpCase im2col_case() {
  OpCase c;
  c.name = "im2col";
  c.samples = {im2col_sample("plain", {2, 2, 4, 5}, kPlain),
               im2col_sample("wide", {1, 2, 5, 6}, kWide),
               im2col_sample("without batch", {2, 4, 5}, kPlain),
               im2col_sample("empty batch", {0, 2, 4, 5}, kPlain)};
  c.errors = {{"size",
               [] {
                 im2col(zeros({1, 1, 2, 2}), 3, 1, 0, 1);
               },
               "calculated shape of the array of sliding blocks as (0, 0), but its components must "
               "be at least one",
               ErrorInput::Kind::shape},
              {"kernel",
               [] {
                 im2col(zeros({1, 1, 2, 2}), 0, 1, 0, 1);
               },
               "kernel_size should be greater than zero", ErrorInput::Kind::shape},
              {"padding",
               [] {
                 im2col(zeros({1, 1, 2, 2}), 1, 1, -1, 1);
               },
               "padding should be non-negative", ErrorInput::Kind::shape},
              {"pair",
               [] {
                 im2col(zeros({1, 1, 2, 2}), {1, 1, 1}, 1, 0, 1);
               },
               "It is expected kernel_size equals to 2, but got size 3", ErrorInput::Kind::shape},
              {"huge",
               [] {
                 im2col(zeros({1, 1, 2, 2}), 1, 1, INT64_MAX, 1);
               },
               "padding is too large", ErrorInput::Kind::shape},
              {"rank",
               [] {
                 im2col(zeros({2, 2}), 1, 1, 0, 1);
               },
               "Expected 3D or 4D", ErrorInput::Kind::shape}};
  return c;
}

OpCase col2im_case() {
  OpCase c;
  c.name = "col2im";
  c.samples = {col2im_sample("plain", {2, 2, 4, 5}, kPlain),
               col2im_sample("wide", {1, 2, 5, 6}, kWide)};
  c.errors = {{"channels",
               [] {
                 col2im(zeros({1, 5, 4}), 4, 2, 1, 0, 2);
               },
               "Expected size of input's dimension 1 to be divisible by the product of "
               "kernel_size, but got input.size(1)=5 and kernel_size=(2, 2)",
               ErrorInput::Kind::shape},
              {"blocks",
               [] {
                 col2im(zeros({1, 4, 5}), 4, 2, 1, 0, 2);
               },
               "calculated number of sliding blocks 2 * 2 = 4, but got input.size(2)=5",
               ErrorInput::Kind::shape}};
  return c;
}

std::vector<OpCase> patches_ops() {
  return {shuffle_case(), unshuffle_case(), channel_case(), im2col_case(), col2im_case()};
}
TAPER_OP_CASES(patches_ops);

}  // namespace
}  // namespace taper::testing
