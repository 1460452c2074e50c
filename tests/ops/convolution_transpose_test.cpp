// Convolutions of any rank by their definition: volumes, and all that are transposed.
#include "taper/ops/convolution.h"
#include "taper/ops/creation.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Sizes = std::vector<int64_t>;

/// By direction.
struct Setting {
  Sizes stride, padding, dilation, output_padding;
  int64_t groups = 1;
};

/// Calls f(place of the input, place of the output, element of the kernel) for all that a
/// convolution joins; sizes are those behind the channels.
template <class F>
void each_join(const Sizes& in, const Sizes& out, const Sizes& kernel, const Setting& s, F f) {
  for_each_index(out, [&](const Sizes& to) {
    for_each_index(kernel, [&](const Sizes& tap) {
      Sizes from;
      for (size_t d = 0; d < in.size(); ++d) {
        const int64_t i = to[d] * s.stride[d] + tap[d] * s.dilation[d] - s.padding[d];
        if (i < 0 || i >= in[d]) return;
        from.push_back(i);
      }
      f(from, to, tap);
    });
  });
}

Sizes joined(Sizes front, const Sizes& back) {
  front.insert(front.end(), back.begin(), back.end());
  return front;
}
Sizes behind_channels(const Sizes& sizes) { return {sizes.begin() + 2, sizes.end()}; }

double& element(Dense& d, const Sizes& at) {
  int64_t flat = 0;
  for (size_t i = 0; i < at.size(); ++i) flat = flat * d.sizes[i] + at[i];
  return d.values[flat];
}
Dense filled(Sizes sizes, const std::vector<double>& bias) {
  Dense out{sizes, {}};
  for_each_index(sizes,
                 [&](const Sizes& at) { out.values.push_back(bias.empty() ? 0 : bias[at[1]]); });
  return out;
}

Dense forward(const Dense& x, const Dense& w, const std::vector<double>& bias, const Setting& s) {
  Sizes places;
  for (size_t d = 0; d < s.stride.size(); ++d) {
    const int64_t reach = s.dilation[d] * (w.sizes[d + 2] - 1) + 1;
    places.push_back((x.sizes[d + 2] + 2 * s.padding[d] - reach) / s.stride[d] + 1);
  }
  Dense out = filled(joined({x.sizes[0], w.sizes[0]}, places), bias);
  const int64_t channels = w.sizes[1], filters = w.sizes[0] / s.groups;
  for_each_index({x.sizes[0], w.sizes[0], channels}, [&](const Sizes& a) {
    each_join(behind_channels(x.sizes), places, behind_channels(w.sizes), s,
              [&](const Sizes& from, const Sizes& to, const Sizes& tap) {
                const int64_t c = a[1] / filters * channels + a[2];
                element(out, joined({a[0], a[1]}, to)) +=
                    x.at(joined({a[0], c}, from)) * w.at(joined({a[1], a[2]}, tap));
              });
  });
  return out;
}

Dense backward(const Dense& x, const Dense& w, const std::vector<double>& bias, const Setting& s) {
  Sizes places;
  for (size_t d = 0; d < s.stride.size(); ++d) {
    places.push_back((x.sizes[d + 2] - 1) * s.stride[d] - 2 * s.padding[d] +
                     s.dilation[d] * (w.sizes[d + 2] - 1) + s.output_padding[d] + 1);
  }
  const int64_t filters = w.sizes[1], channels = w.sizes[0] / s.groups;
  Dense out = filled(joined({x.sizes[0], filters * s.groups}, places), bias);
  for_each_index({x.sizes[0], w.sizes[0], filters}, [&](const Sizes& a) {
    each_join(places, behind_channels(x.sizes), behind_channels(w.sizes), s,
              [&](const Sizes& to, const Sizes& from, const Sizes& tap) {
                const int64_t o = a[1] / channels * filters + a[2];
                element(out, joined({a[0], o}, to)) +=
                    x.at(joined({a[0], a[1]}, from)) * w.at(joined({a[1], a[2]}, tap));
              });
  });
  return out;
}

using Definition = Dense (*)(const Dense&, const Dense&, const std::vector<double>&,
                             const Setting&);

Sample sample(const std::string& label, std::vector<Sizes> sizes, Setting s, Definition definition,
              std::function<Tensor(const Tensors&, const std::optional<Tensor>&)> op) {
  Sample sample;
  sample.label = label;
  for (const Sizes& size : sizes) sample.args.push_back({size});
  sample.op = [op](const Tensors& x) {
    return Tensors{op(x, x.size() > 2 ? std::optional(x[2]) : std::nullopt)};
  };
  sample.reference = [=](const std::vector<Dense>& x) {
    const bool batched = x[0].sizes.size() == s.stride.size() + 2;
    Dense in = x[0];
    if (!batched) in.sizes.insert(in.sizes.begin(), 1);
    Dense out = definition(in, x[1], x.size() > 2 ? x[2].values : std::vector<double>(), s);
    if (!batched) out.sizes.erase(out.sizes.begin());
    return std::vector<Dense>{out};
  };
  return sample;
}

template <class Op>
Sample transposed_sample(Op op, const std::string& label, std::vector<Sizes> sizes, Setting s) {
  return sample(label, std::move(sizes), s, backward,
                [=](const Tensors& x, const std::optional<Tensor>& bias) {
                  return op(x[0], x[1], bias, s.stride, s.padding, s.output_padding, s.groups,
                            s.dilation);
                });
}

Sample volume_sample(const std::string& label, std::vector<Sizes> sizes, Setting s) {
  return sample(label, std::move(sizes), s, forward,
                [=](const Tensors& x, const std::optional<Tensor>& bias) {
                  return conv3d(x[0], x[1], bias, s.stride, s.padding, s.dilation, s.groups);
                });
}

OpCase with(const char* name, std::vector<Sample> samples, std::vector<ErrorInput> errors) {
  OpCase c;
  c.name = name;
  c.samples = std::move(samples);
  c.errors = std::move(errors);
  c.same_bits = false;  // as the convolutions that they are made of
  c.tolerance = 8;
  return c;
}

OpCase conv3d_case() {
  return with(
      "conv3d",
      {volume_sample("padded", {{2, 2, 3, 4, 3}, {3, 2, 3, 3, 3}, {3}},
                     {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {}}),
       volume_sample("strided, dilated", {{1, 2, 6, 5, 7}, {2, 2, 2, 3, 2}},
                     {{2, 1, 3}, {1, 0, 2}, {3, 2, 1}, {}}),
       volume_sample("groups, unbatched", {{4, 2, 3, 3}, {2, 2, 2, 1, 3}, {2}},
                     {{1, 1, 1}, {0, 0, 1}, {1, 1, 1}, {}, 2}),
       volume_sample("flat kernel", {{1, 2, 3, 3, 3}, {2, 2, 1, 2, 2}, {2}},
                     {{1, 1, 1}, {0, 0, 0}, {1, 1, 1}, {}}),
       volume_sample("empty", {{0, 2, 3, 4, 3}, {3, 2, 2, 2, 2}, {3}},
                     {{1, 1, 1}, {0, 0, 0}, {1, 1, 1}, {}})},
      {{"rank",
        [] {
          conv3d(zeros({1, 2, 3}), zeros({1, 2, 1, 1, 1}));
        },
        "Expected 4D (unbatched) or 5D (batched) input to conv3d, but got input of size: [1, 2, 3]",
        ErrorInput::Kind::shape},
       {"kernel",
        [] {
          conv3d(zeros({1, 1, 2, 3, 3}), zeros({1, 1, 3, 2, 2}));
        },
        "Calculated padded input size per channel: (2 x 3 x 3). Kernel size: (3 x 2 x 2).",
        ErrorInput::Kind::shape},
       {"no kernel",
        [] {
          conv3d(zeros({1, 1, 2, 3, 3}), zeros({1, 1, 0, 2, 2}));
        },
        "kernel size should be greater than zero", ErrorInput::Kind::shape},
       {"padding",
        [] {
          conv3d(zeros({1, 1, 2, 3, 3}), zeros({1, 1, 2, 2, 2}), {}, 1, -1);
        },
        "negative padding is not supported", ErrorInput::Kind::shape},
       {"huge",
        [] {
          conv3d(zeros({1, 1, 2, 3, 3}), zeros({1, 1, 2, 2, 2}), {}, 1, INT64_MAX);
        },
        "is too large", ErrorInput::Kind::shape}});
}

OpCase transpose1d_case() {
  return with("conv_transpose1d",
              {transposed_sample(conv_transpose1d, "strided", {{2, 3, 4}, {3, 2, 3}, {2}},
                                 {{2}, {1}, {1}, {1}}),
               transposed_sample(conv_transpose1d, "dilated, unbatched", {{2, 5}, {2, 3, 2}},
                                 {{1}, {0}, {3}, {2}})},
              {{"rank",
                [] {
                  conv_transpose1d(zeros({4}), zeros({1, 1, 1}));
                },
                "Expected 2D (unbatched) or 3D (batched) input to conv_transpose1d",
                ErrorInput::Kind::shape}});
}

OpCase transpose2d_case() {
  return with(
      "conv_transpose2d",
      {transposed_sample(conv_transpose2d, "strided", {{2, 3, 3, 2}, {3, 2, 3, 3}, {2}},
                         {{2, 3}, {1, 0}, {1, 1}, {1, 2}}),
       transposed_sample(conv_transpose2d, "plain", {{2, 2, 4, 4}, {2, 3, 3, 3}},
                         {{1, 1}, {1, 1}, {1, 1}, {0, 0}}),
       transposed_sample(conv_transpose2d, "groups", {{1, 4, 3, 3}, {4, 2, 2, 3}, {4}},
                         {{1, 2}, {0, 1}, {2, 1}, {0, 1}, 2}),
       transposed_sample(conv_transpose2d, "size beyond a stride",
                         {{1, 2, 3, 3}, {2, 1, 2, 2}, {1}}, {{1, 2}, {1, 2}, {3, 3}, {2, 2}}),
       transposed_sample(conv_transpose2d, "unbatched", {{2, 3, 3}, {2, 3, 1, 1}, {3}},
                         {{1, 1}, {0, 0}, {1, 1}, {0, 0}}),
       transposed_sample(conv_transpose2d, "empty", {{0, 2, 3, 3}, {2, 3, 2, 2}, {3}},
                         {{1, 1}, {0, 0}, {1, 1}, {0, 0}})},
      {{"channels",
        [] {
          conv_transpose2d(zeros({1, 2, 5, 5}), zeros({3, 4, 3, 3}));
        },
        "Given transposed=1, weight of size [3, 4, 3, 3], expected input[1, 2, 5, 5] to have 3 "
        "channels, but got 2 channels instead",
        ErrorInput::Kind::shape},
       {"bias",
        [] {
          conv_transpose2d(zeros({1, 2, 5, 5}), zeros({2, 4, 3, 3}), zeros({2}));
        },
        "Given transposed=1, weight of size [2, 4, 3, 3], expected bias to be 1-dimensional with 4 "
        "elements, but got bias of size [2] instead",
        ErrorInput::Kind::shape},
       {"output padding",
        [] {
          conv_transpose2d(zeros({1, 2, 5, 5}), zeros({2, 4, 3, 3}), {}, 2, 0, 2);
        },
        "output padding must be smaller than either stride or dilation, but got 2 with stride 2 "
        "and dilation 1",
        ErrorInput::Kind::shape},
       {"small",
        [] {
          conv_transpose2d(zeros({1, 2, 1, 1}), zeros({2, 4, 3, 3}), {}, 1, 2);
        },
        "Given input size per channel: [1, 1]. Calculated output size per channel: [-1, -1]. "
        "Output size is too small",
        ErrorInput::Kind::shape},
       {"empty",
        [] {
          conv_transpose2d(zeros({1, 2, 0, 1}), zeros({2, 4, 3, 3}));
        },
        "other non-zero dimensions", ErrorInput::Kind::shape}});
}

OpCase transpose3d_case() {
  return with(
      "conv_transpose3d",
      {transposed_sample(conv_transpose3d, "strided", {{2, 2, 2, 3, 2}, {2, 3, 3, 2, 3}, {3}},
                         {{2, 1, 2}, {1, 0, 1}, {1, 2, 1}, {1, 0, 1}}),
       transposed_sample(conv_transpose3d, "groups, unbatched",
                         {{4, 3, 2, 2}, {4, 1, 2, 2, 2}, {2}},
                         {{1, 1, 1}, {0, 1, 0}, {2, 1, 1}, {1, 0, 0}, 2})},
      {{"weight",
        [] {
          conv_transpose3d(zeros({1, 2, 3, 3, 3}), zeros({2, 1, 3, 3}));
        },
        "expected a 5-dimensional weight", ErrorInput::Kind::shape}});
}

OpCase convolution_case() {
  const Setting flat{{2, 1}, {1, 0}, {1, 2}, {0, 0}}, up{{2}, {1}, {1}, {1}};
  return with("convolution",
              {sample("image", {{2, 2, 5, 4}, {3, 2, 2, 2}, {3}}, flat, forward,
                      [=](const Tensors& x, const std::optional<Tensor>& b) {
                        return convolution(x[0], x[1], b, flat.stride, flat.padding, flat.dilation,
                                           false, 0, 1);
                      }),
               sample("transposed row", {{2, 3, 4}, {3, 2, 3}, {2}}, up, backward,
                      [=](const Tensors& x, const std::optional<Tensor>& b) {
                        return convolution(x[0], x[1], b, up.stride, up.padding, up.dilation, true,
                                           up.output_padding, 1);
                      })},
              {{"rank",
                [] {
                  convolution(zeros({2, 2}), zeros({2, 2}), {}, 1, 0, 1, false, 0, 1);
                },
                "expected an input of 3 to 5 dimensions", ErrorInput::Kind::shape}});
}

OpCase tbc_case() {
  OpCase c = with("conv_tbc", {},
                  {{"rank",
                    [] {
                      conv_tbc(zeros({2, 2}), zeros({2, 2, 2}), zeros({2}));
                    },
                    "Input must have 3 dims: time, batch, in_channel", ErrorInput::Kind::shape}});
  c.samples = {{"padded",
                {{{5, 2, 3}}, {{2, 3, 4}}, {{4}}},
                [](const Tensors& x) { return Tensors{conv_tbc(x[0], x[1], x[2], 1)}; },
                [](const std::vector<Dense>& x) {
                  Dense out{{6, 2, 4}, {}};
                  for_each_index(out.sizes, [&](const Sizes& a) {
                    double sum = x[2].values[a[2]];
                    for_each_index({2, 3}, [&](const Sizes& tap) {
                      const int64_t t = a[0] + tap[0] - 1;
                      if (t < 0 || t >= 5) return;
                      sum += x[0].at({t, a[1], tap[1]}) * x[1].at({tap[0], tap[1], a[2]});
                    });
                    out.values.push_back(sum);
                  });
                  return std::vector<Dense>{out};
                }}};
  return c;
}

std::vector<OpCase> transposed_ops() {
  return {conv3d_case(),      transpose1d_case(), transpose2d_case(),
          transpose3d_case(), convolution_case(), tbc_case()};
}
TAPER_OP_CASES(transposed_ops);

TEST(ConvolutionTranspose, ChannelsLastInputGivesChannelsLastResult) {
  const Tensor x = ones({2, 3, 4, 4}), w = ones({3, 2, 3, 3});
  const Tensor got = conv_transpose2d(x.contiguous(MemoryFormat::ChannelsLast), w, {}, 2, 1, 1);
  EXPECT_TRUE(got.is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_EQ(to_dense(got).values, to_dense(conv_transpose2d(x, w, {}, 2, 1, 1)).values);
}

TEST(Convolution, SamePaddingKeepsTheVolume) {
  for (const int64_t kernel : {1, 2, 3}) {
    const Tensor x = ones({1, 1, 3, 4, 5}), w = ones({1, 1, kernel, kernel, kernel});
    EXPECT_EQ(conv3d(x, w, {}, 1, "same").sizes(), x.sizes()) << kernel;
  }
}

}  // namespace
}  // namespace taper::testing
