#include "taper/ops/padding.h"

#include <algorithm>

#include "taper/ops/creation.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Sizes = std::vector<int64_t>;

/// The definition: walks from the outside in until the element is found.
double padded_at(const Dense& x, const Sizes& pad, const std::string& mode, double value,
                 const Sizes& at) {
  Sizes from = at;
  const int64_t rank = static_cast<int64_t>(x.sizes.size());
  for (int64_t i = 0; i < static_cast<int64_t>(pad.size()) / 2; ++i) {
    const int64_t d = rank - 1 - i, size = x.sizes[d];
    int64_t& p = from[d];
    p -= pad[2 * i];
    if (mode == "constant" && (p < 0 || p >= size)) return value;
    // A line is cut first, then wrapped around.
    const int64_t cut = std::max<int64_t>(-pad[2 * i], 0);
    const int64_t left = size - cut - std::max<int64_t>(-pad[2 * i + 1], 0);
    while (mode == "circular" && p < cut) p += left;
    while (mode == "circular" && p >= cut + left) p -= left;
    while (p < 0 || p >= size) {
      if (mode == "reflect") p = p < 0 ? -p : 2 * size - 2 - p;
      if (mode == "replicate") p = p < 0 ? 0 : size - 1;
    }
  }
  return x.at(from);
}

Sample sample(const std::string& label, Sizes sizes, Sizes pad_by, const std::string& mode,
              OpFunction op, double value = 0) {
  return {
      label + " " + mode, {{std::move(sizes)}}, std::move(op), [=](const std::vector<Dense>& x) {
        Dense out{x[0].sizes, {}};
        for (size_t i = 0; i < pad_by.size() / 2; ++i) {
          out.sizes[out.sizes.size() - 1 - i] += pad_by[2 * i] + pad_by[2 * i + 1];
        }
        for_each_index(out.sizes, [&](const Sizes& at) {
          out.values.push_back(padded_at(x[0], pad_by, mode, value, at));
        });
        return std::vector<Dense>{out};
      }};
}

Sample pad_sample(const std::string& label, Sizes sizes, Sizes by, const std::string& mode,
                  std::optional<double> value = std::nullopt) {
  return sample(
      label, std::move(sizes), by, mode,
      [=](const Tensors& x) { return Tensors{pad(x[0], by, mode, value)}; }, value.value_or(0));
}

OpCase pad_case() {
  OpCase c;
  c.name = "pad";
  for (const char* mode : {"reflect", "replicate", "circular"}) {
    c.samples.push_back(pad_sample("row", {2, 3, 5}, {2, 3}, mode));
    c.samples.push_back(pad_sample("row without batch", {2, 5}, {4, 0}, mode));
    c.samples.push_back(pad_sample("image", {2, 2, 4, 3}, {1, 2, 3, 0}, mode));
    c.samples.push_back(pad_sample("volume", {1, 2, 3, 4, 3}, {1, 2, 0, 3, 2, 1}, mode));
    c.samples.push_back(pad_sample("cut", {1, 2, 5, 6}, {-1, 2, 1, -2}, mode));
    c.samples.push_back(pad_sample("empty batch", {0, 2, 4}, {1, 1}, mode));
  }
  c.samples.push_back(pad_sample("all", {2, 3}, {1, 0, 2, 3}, "constant", 2));
  c.samples.push_back(pad_sample("cut", {4, 5}, {-2, 1, -1, -1}, "constant"));
  c.samples.push_back(pad_sample("cut away", {2, 5}, {-3, -2}, "constant"));
  c.dtypes = {kFloat, kDouble, kHalf, kBFloat16, kLong, kByte};
  const auto fails = [](const char* label, Sizes sizes, Sizes by, const char* mode,
                        const char* text) {
    return ErrorInput{label, [=] { pad(zeros(sizes), by, mode); }, text, ErrorInput::Kind::shape};
  };
  c.errors = {
      fails("odd", {2, 3}, {1}, "constant", "Padding length must be divisible by 2"),
      fails("long", {3}, {1, 1, 1, 1}, "constant", "Padding length too large"),
      fails("rank", {2, 2, 2, 2}, {1, 1}, "reflect",
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now"),
      fails("reflect", {1, 2, 3}, {3, 0}, "reflect",
            "Padding size should be less than the corresponding input dimension, but got: padding "
            "(3, 0) at dimension 2 of input [1, 2, 3]"),
      fails("circular", {1, 2, 3}, {4, 0}, "circular",
            "Padding value causes wrapping around more than once"),
      fails("huge", {1, 2, 3}, {INT64_MAX, INT64_MAX}, "replicate", "padding is too large"),
      fails("overflow", {1, 2, 3}, {1LL << 58, 1LL << 58}, "replicate", "overflow"),
      fails("nothing left", {1, 2, 3}, {-4, 0}, "constant",
            "plus negative padding -4 and 0 resulted in a negative output size"),
      fails("all cut", {1, 2, 3}, {4, -3}, "replicate",
            "Negative padding value is resulting in an empty dimension"),
      fails("empty", {1, 2, 0}, {1, 1}, "replicate", "and other non-zero dimensions"),
      {"mode",
       [] {
         pad(zeros({1, 2, 3}), {1, 1}, "mirror");
       },
       "Unrecognised padding mode mirror"},
      {"value",
       [] {
         pad(zeros({1, 2, 3}), {1, 1}, "reflect", 2.0);
       },
       "Padding mode \"reflect\" doesn't take in value argument"}};
  return c;
}

using FixedPad = Tensor (*)(const Tensor&, IntArrayRef);

OpCase fixed_case(const char* name, FixedPad op, Sizes sizes, Sizes by, const char* mode) {
  OpCase c;
  c.name = name;
  c.samples = {
      sample("fixed", sizes, by, mode, [=](const Tensors& x) { return Tensors{op(x[0], by)}; })};
  c.errors = {{"length",
               [=] {
                 op(zeros(sizes), {1, 1, 1});
               },
               "padding size is expected to be", ErrorInput::Kind::shape}};
  return c;
}

OpCase constant_case() {
  OpCase c;
  c.name = "constant_pad_nd";
  c.samples = {sample(
      "value", {2, 3, 2}, {1, 2, -1, 1, 0, 2}, "constant",
      [](const Tensors& x) {
        return Tensors{constant_pad_nd(x[0], {1, 2, -1, 1, 0, 2}, -2)};
      },
      -2)};
  c.errors = {{"odd", [] { constant_pad_nd(zeros({2}), {1}); },
               "Length of pad must be even but instead it equals 1", ErrorInput::Kind::shape},
              {"long",
               [] {
                 constant_pad_nd(zeros({2}), {1, 1, 1, 1});
               },
               "Length of pad should be no more than twice the number of dimensions of the input",
               ErrorInput::Kind::shape}};
  return c;
}

std::vector<OpCase> padding_ops() {
  return {pad_case(),
          constant_case(),
          fixed_case("reflection_pad1d", reflection_pad1d, {2, 4}, {1, 3}, "reflect"),
          fixed_case("reflection_pad2d", reflection_pad2d, {2, 4, 3}, {1, 2, 3, 1}, "reflect"),
          fixed_case("reflection_pad3d", reflection_pad3d, {1, 2, 3, 2, 3}, {1, 2, 1, 0, 2, 1},
                     "reflect"),
          fixed_case("replication_pad1d", replication_pad1d, {2, 4}, {1, 6}, "replicate"),
          fixed_case("replication_pad2d", replication_pad2d, {2, 4, 3}, {1, 5, 3, 1}, "replicate"),
          fixed_case("replication_pad3d", replication_pad3d, {2, 3, 2, 3}, {4, 2, 1, 0, 2, 1},
                     "replicate")};
}
TAPER_OP_CASES(padding_ops);

TEST(Padding, ChannelsLastImageStaysChannelsLast) {
  const Tensor x = zeros({2, 3, 4, 4}).contiguous(MemoryFormat::ChannelsLast);
  for (const char* mode : {"constant", "reflect", "replicate", "circular"}) {
    EXPECT_TRUE(pad(x, {1, 1, 1, 1}, mode).is_contiguous(MemoryFormat::ChannelsLast)) << mode;
  }
}

TEST(Padding, OfNothingIsACopy) {
  const Tensor x = ones({1, 2, 3});
  for (const char* mode : {"constant", "reflect", "replicate", "circular"}) {
    const Tensor y = pad(x, {0, 0}, mode);
    EXPECT_FALSE(y.is_alias_of(x)) << mode;
    EXPECT_EQ(to_dense(y).values, to_dense(x).values) << mode;
  }
}

}  // namespace
}  // namespace taper::testing
