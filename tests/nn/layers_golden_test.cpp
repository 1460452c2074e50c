// Layers against PyTorch: what they hold, print and compute. tools/golden/layers_golden.py made the
// file and describes it.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "taper/nn/nn.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/nn/recorded.h"
#include "tests/support/expect_error.h"
#include "tests/support/paths.h"

namespace taper {
namespace {

using Lines = std::vector<std::string>;
using Sizes = std::vector<int64_t>;

/// The lines of each case.
std::map<std::string, Lines> read_cases() {
  std::map<std::string, Lines> cases;
  std::ifstream file(testing::test_path("nn/golden/layers.txt"));
  std::string line, name;
  while (std::getline(file, line)) {
    if (line.rfind("case ", 0) == 0) {
      name = line.substr(5);
    } else if (!name.empty()) {
      cases[name].push_back(line);
    }
  }
  return cases;
}

std::string sizes_text(const Tensor& t) {
  std::string s;
  for (const int64_t size : t.sizes()) s += (s.empty() ? "" : ",") + std::to_string(size);
  return s.empty() ? "-" : s;
}

Sizes parse_sizes(const std::string& text) {
  Sizes sizes;
  std::istringstream in(text == "-" ? "" : text);
  for (std::string size; std::getline(in, size, ',');) sizes.push_back(std::stoll(size));
  return sizes;
}

/// As the script prints: Python's tuples and words, and nothing of quotes and namespaces.
std::string plain(std::string text) {
  const auto replace = [&](const std::string& from, const std::string& to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  };
  replace("taper::nn::", "");
  replace(",)", ")");
  replace("true", "True");
  replace("false", "False");
  replace("'", "");
  replace("(", "");
  replace(")", "");
  replace("[", "");
  replace("]", "");
  return text;
}

Tensor weigh(const Tensor& t) {
  const Tensor flat = t.reshape(-1);
  return flat.mul(arange(flat.numel(), kDouble).cos()).sum();
}

Tensor parse_input(std::istringstream& line) {
  std::string kind, sizes;
  line >> kind >> sizes;
  if (kind == "ints" || kind == "mask") {
    std::vector<int64_t> values;
    for (int64_t value = 0; line >> value;) values.push_back(value);
    const Tensor integers = tensor(values).view(parse_sizes(sizes));
    return kind == "mask" ? integers.to(kBool) : integers;
  }
  const Tensor wave = waves(parse_sizes(sizes));
  if (kind == "sign") return arange(wave.numel(), kDouble).mul(M_PI).cos().view(wave.sizes());
  if (kind == "unit") return wave.add(1.25).div(2.5).requires_grad_();
  return kind == "fixed" ? wave.add(0.1) : wave.add(0.1).requires_grad_();
}

void expect_numbers(const Tensor& got, std::istringstream& line, const std::string& what) {
  SCOPED_TRACE(what);
  ASSERT_TRUE(got.defined());
  std::string sizes;
  line >> sizes;
  EXPECT_EQ(sizes_text(got), sizes);
  std::vector<double> want, values = values_of(got);
  for (double value = 0; line >> value;) want.push_back(value);
  values.resize(std::min<size_t>(values.size(), 3));
  values.push_back(weigh(got.detach()).item<double>());
  ASSERT_EQ(values.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    // PyTorch's hardsigmoid has the float nearest to 1/6 in its gradient.
    EXPECT_NEAR(values[i], want[i], 5e-8 * (1 + std::abs(want[i]))) << "number " << i;
  }
}

void gather(const Tensor& t, std::vector<Tensor>& parts) { parts.push_back(t.reshape(-1)); }
template <class A, class B>
void gather(const std::tuple<A, B>& several, std::vector<Tensor>& parts) {
  gather(std::get<0>(several), parts);
  gather(std::get<1>(several), parts);
}
void gather(const nn::ASMoutput& result, std::vector<Tensor>& parts) {
  gather(result.output, parts);
  gather(result.loss, parts);
}
/// The elements of several results, one after another.
Tensor joined(const Tensor& result) { return result; }
template <class Results>
Tensor joined(const Results& results) {
  std::vector<Tensor> parts;
  gather(results, parts);
  return cat(parts);
}

template <class Module, size_t... I>
Tensor call_with(Module& module, const std::vector<Tensor>& x, std::index_sequence<I...>) {
  if constexpr (requires { joined(module.forward(x[I]...)); }) {
    return joined(nn::call(module, x[I]...));
  } else if constexpr (sizeof...(I) == 3 &&
                       requires { joined(module.forward(x[0], std::make_tuple(x[1], x[2]))); }) {
    return joined(nn::call(module, x[0], std::make_tuple(x[1], x[2])));
  }
  return Tensor();
}

/// The layer of as many inputs as there are; an LSTM's states are a pair.
template <class Module>
Tensor call_with(Module& module, const std::vector<Tensor>& x) {
  switch (x.size()) {
    case 1:
      return call_with(module, x, std::make_index_sequence<1>());
    case 2:
      return call_with(module, x, std::make_index_sequence<2>());
    case 3:
      return call_with(module, x, std::make_index_sequence<3>());
    case 4:
      return call_with(module, x, std::make_index_sequence<4>());
    case 6:
      return call_with(module, x, std::make_index_sequence<6>());
    default:
      return Tensor();
  }
}

class GoldenLayers : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { cases_ = new std::map<std::string, Lines>(read_cases()); }
  static void TearDownTestSuite() { delete std::exchange(cases_, nullptr); }

  /// Replays a case of the file with this layer, and with a clone of it.
  template <class Holder>
  static void check(const std::string& name, Holder layer, bool training = true) {
    SCOPED_TRACE(name);
    const auto found = cases_->find(name);
    ASSERT_NE(found, cases_->end());
    using Impl = typename Holder::ContainedType;
    layer->train(training);
    const auto copy = std::dynamic_pointer_cast<Impl>(layer->clone());
    ASSERT_NE(copy, nullptr);
    replay(*layer, found->second);
    replay(*copy, found->second);
  }

 private:
  template <class Module>
  static void replay(Module& layer, const Lines& lines) {
    std::ostringstream text;
    text << layer;
    layer.to(kDouble);
    const auto parameters = layer.named_parameters();
    {
      const NoGradGuard no_grad;
      int64_t i = 0;
      for (const auto& p : parameters) {
        const Tensor phase = arange(p.value().numel(), kDouble).mul(0.9).add(i++);
        p.value().detach().copy_(phase.cos().mul(0.3).view(p.value().sizes()));
      }
    }
    std::vector<Tensor> inputs;
    std::string state;
    size_t entries = 0;
    const nn::StateDict dict = layer.state_dict();
    for (const std::string& all : lines) {
      std::istringstream line(all);
      std::string what, key;
      line >> what;
      if (what == "text") {
        // Without the children's lines.
        EXPECT_EQ(plain(text.str().substr(0, text.str().find('\n'))), plain(all.substr(5)));
      } else if (what == "state") {
        line >> key >> state;
        ASSERT_LT(entries, dict.size());
        EXPECT_EQ(dict.keys()[entries], key);
        EXPECT_EQ(sizes_text(dict.values()[entries++]), state);
      } else if (what == "input") {
        inputs.push_back(parse_input(line));
      } else if (what == "output") {
        const Tensor output = call_with(layer, inputs);
        expect_numbers(output, line, "output");
        if (output.requires_grad()) weigh(output).backward();
      } else if (what == "grad") {
        line >> key;
        const bool is_input = std::isdigit(static_cast<unsigned char>(key[0])) != 0;
        expect_numbers(is_input ? inputs[std::stoul(key)].grad() : parameters[key].grad(), line,
                       key);
      }
    }
    EXPECT_EQ(dict.size(), entries);
  }

  inline static std::map<std::string, Lines>* cases_ = nullptr;
};

TEST_F(GoldenLayers, Convolutions) {
  check("conv1d",
        nn::Conv1d(nn::Conv1dOptions(4, 6, 3).stride(2).padding(1).dilation(2).groups(2)));
  check("conv1d same circular",
        nn::Conv1d(nn::Conv1dOptions(4, 2, 4).padding(kSame).padding_mode(kCircular)));
  check("conv2d reflect",
        nn::Conv2d(nn::Conv2dOptions(4, 3, {3, 2}).padding({2, 1}).padding_mode(kReflect)));
  check("conv2d replicate", nn::Conv2d(nn::Conv2dOptions(4, 3, {3, 2})
                                           .padding({1, 2})
                                           .stride({1, 2})
                                           .bias(false)
                                           .padding_mode(kReplicate)));
  check("conv3d",
        nn::Conv3d(nn::Conv3dOptions(4, 2, {2, 3, 1}).padding({1, 0, 1}).stride({1, 2, 1})));
  check(
      "conv3d circular",
      nn::Conv3d(nn::Conv3dOptions(4, 4, {2, 3, 3}).padding(1).groups(4).padding_mode(kCircular)));
  check("transpose1d",
        nn::ConvTranspose1d(
            nn::ConvTranspose1dOptions(4, 6, 3).stride(2).padding(1).output_padding(1).groups(2)));
  check("transpose2d", nn::ConvTranspose2d(nn::ConvTranspose2dOptions(4, 3, {3, 2})
                                               .stride({2, 3})
                                               .padding({1, 0})
                                               .output_padding({1, 2})
                                               .dilation({1, 2})
                                               .bias(false)));
  check("transpose3d",
        nn::ConvTranspose3d(nn::ConvTranspose3dOptions(4, 2, {2, 3, 1}).stride({2, 1, 2})));
}

TEST_F(GoldenLayers, Paddings) {
  check("constant1d", nn::ConstantPad1d(nn::ConstantPad1dOptions({1, 2}, 0.5)));
  check("constant2d", nn::ConstantPad2d(nn::ConstantPad2dOptions({1, 2, -1, 3}, 1.5)));
  check("constant3d", nn::ConstantPad3d(nn::ConstantPad3dOptions({1, 2, 0, 3, 1, 1}, -2.5)));
  check("zero2d", nn::ZeroPad2d(nn::ZeroPad2dOptions({1, 2, 3, 0})));
  check("reflection1d", nn::ReflectionPad1d(nn::ReflectionPad1dOptions({3, 1})));
  check("reflection2d", nn::ReflectionPad2d(nn::ReflectionPad2dOptions({3, 1, 0, 2})));
  check("reflection3d", nn::ReflectionPad3d(nn::ReflectionPad3dOptions({1, 1, 2, 0, 1, 2})));
  check("replication1d", nn::ReplicationPad1d(nn::ReplicationPad1dOptions({3, 1})));
  check("replication2d", nn::ReplicationPad2d(nn::ReplicationPad2dOptions({3, 1, 0, 2})));
  check("replication3d", nn::ReplicationPad3d(nn::ReplicationPad3dOptions({1, 1, 2, 0, 1, 2})));
  // PyTorch 1.13 has none of these.
  const Tensor x = tensor({1.0, 2.0, 3.0}).view({1, 1, 3});
  expect_near(nn::CircularPad1d(nn::CircularPad1dOptions({1, 2}))(x), {3, 1, 2, 3, 1, 2});
  expect_near(nn::ZeroPad1d(1)(x), {0, 1, 2, 3, 0});
  expect_near(nn::CircularPad2d(nn::CircularPad2dOptions({1, 0, 0, 0}))(x.unsqueeze(0)),
              {3, 1, 2, 3});
  EXPECT_ERROR(ShapeError, nn::ReflectionPad2d(1)(ones({3})), "expected 3D or 4D input (got 1D");
}

TEST_F(GoldenLayers, Pools) {
  using nn::AvgPool3dOptions;
  check("max1d", nn::MaxPool1d(nn::MaxPool1dOptions(3).stride(2).padding(1).ceil_mode(true)));
  check("max2d", nn::MaxPool2d(
                     nn::MaxPool2dOptions({3, 2}).stride({2, 1}).padding({1, 1}).dilation({1, 2})));
  check("avg1d",
        nn::AvgPool1d(nn::AvgPool1dOptions(3).stride(2).padding(1).count_include_pad(false)));
  check("avg2d",
        nn::AvgPool2d(nn::AvgPool2dOptions({3, 2}).stride({2, 1}).padding({1, 0}).ceil_mode(true)));
  check("avg3d",
        nn::AvgPool3d(
            AvgPool3dOptions({2, 3, 1}).stride({2, 1, 1}).padding({0, 1, 0}).divisor_override(5)));
  check("adaptive avg1d", nn::AdaptiveAvgPool1d(3));
  check("adaptive avg2d", nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions({3, 2})));
  check("adaptive avg3d", nn::AdaptiveAvgPool3d(nn::AdaptiveAvgPool3dOptions({3, 2, 1})));
  check("adaptive max1d", nn::AdaptiveMaxPool1d(3));
  check("adaptive max2d", nn::AdaptiveMaxPool2d(nn::AdaptiveMaxPool2dOptions({3, 2})));
  check("adaptive max3d", nn::AdaptiveMaxPool3d(nn::AdaptiveMaxPool3dOptions({3, 2, 1})));
  check("lp1d", nn::LPPool1d(nn::LPPool1dOptions(2.5, 3).stride(2)));
  check("lp2d", nn::LPPool2d(nn::LPPool2dOptions(3.5, {2, 3}).stride({1, 2})));
  check("unpool1d", nn::MaxUnpool1d(2));
  check("unpool2d", nn::MaxUnpool2d(nn::MaxUnpool2dOptions({2, 1})));
  check("unpool3d", nn::MaxUnpool3d(nn::MaxUnpool3dOptions({2, 1, 1})));
  nn::MaxPool3d volume(nn::MaxPool3dOptions({2, 2, 1}).stride({1, 2, 2}));
  const Tensor x = waves({2, 4, 4, 5, 3});
  const auto [values, places] = volume->forward_with_indices(x);
  expect_near(volume(x), values_of(values));
  expect_near(nn::MaxUnpool3d(nn::MaxUnpool3dOptions({2, 2, 1}).stride({2, 2, 2}))
                  ->forward(zeros({1, 1, 1, 1, 1}), zeros({1, 1, 1, 1, 1}, kLong), Sizes{2, 2, 1}),
              {0, 0, 0, 0});
}

TEST_F(GoldenLayers, FractionalPoolsKeepTheirSamples) {
  const Tensor samples = full({1, 1, 2}, 0.5);
  nn::FractionalMaxPool2d pool(
      nn::FractionalMaxPool2dOptions(2).output_size(2)._random_samples(samples));
  EXPECT_EQ(pool->state_dict().keys(), std::vector<std::string>{"_random_samples"});
  const Tensor x = arange(25, kFloat).view({1, 1, 5, 5});
  expect_near(pool(x), values_of(pool(x)));
  EXPECT_EQ(pool(x).sizes().vec(), (Sizes{1, 1, 2, 2}));
  EXPECT_EQ(nn::FractionalMaxPool3d(nn::FractionalMaxPool3dOptions(2).output_ratio(0.5))(
                ones({1, 2, 4, 6, 8}))
                .sizes()
                .vec(),
            (Sizes{1, 2, 2, 3, 4}));
  EXPECT_ERROR(ConfigError, nn::FractionalMaxPool2d(2), "requires specifying either");
}

TEST_F(GoldenLayers, Images) {
  check("fold", nn::Fold(nn::FoldOptions({4, 5}, {2, 3}).padding({0, 1}).stride({2, 1})));
  check("unfold",
        nn::Unfold(nn::UnfoldOptions({2, 3}).dilation({2, 1}).padding({1, 0}).stride({1, 2})));
  using nn::UpsampleOptions;
  using Factors = std::vector<double>;
  check("upsample scale",
        nn::Upsample(UpsampleOptions().scale_factor(Factors{1.5, 2.5}).mode(kBilinear)));
  check("upsample size",
        nn::Upsample(UpsampleOptions().size(Sizes{5, 9}).mode(kBicubic).align_corners(true)));
  check("upsample volume", nn::Upsample(UpsampleOptions().size(Sizes{5, 9, 4}).mode(kTrilinear)));
  check("upsampling nearest", nn::UpsamplingNearest2d(UpsampleOptions().size(Sizes{8, 9})));
  check("upsampling bilinear",
        nn::UpsamplingBilinear2d(UpsampleOptions().scale_factor(Factors{2.5, 1.5})));
  check("pixel shuffle", nn::PixelShuffle(2));
  check("pixel unshuffle", nn::PixelUnshuffle(2));
  check("channel shuffle", nn::ChannelShuffle(2));
}

TEST_F(GoldenLayers, Activations) {
  check("celu", nn::CELU(nn::CELUOptions().alpha(1.5)));
  check("selu", nn::SELU());
  check("mish", nn::Mish());
  check("glu", nn::GLU(1));
  check("hardshrink", nn::Hardshrink(0.25));
  check("softshrink", nn::Softshrink(0.25));
  check("tanhshrink", nn::Tanhshrink());
  check("softsign", nn::Softsign());
  check("logsigmoid", nn::LogSigmoid());
  check("hardsigmoid", nn::Hardsigmoid());
  check("hardswish", nn::Hardswish());
  check("threshold", nn::Threshold(0.25, -1.5));
  check("softmin", nn::Softmin(1));
  check("softmax2d", nn::Softmax2d());
  check("rrelu", nn::RReLU(nn::RReLUOptions().upper(0.25)), false);
  check("prelu", nn::PReLU(nn::PReLUOptions().num_parameters(4)));
  check("prelu one", nn::PReLU());
  check("relu6", nn::ReLU6());
  check("leaky", nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(0.125)));
  check("elu", nn::ELU(nn::ELUOptions().alpha(1.5)));
  check("gelu", nn::GELU(nn::GELUOptions().approximate("tanh")));
  check("softplus", nn::Softplus(nn::SoftplusOptions().beta(2.5).threshold(15.5)));
}

TEST_F(GoldenLayers, Others) {
  check("bilinear", nn::Bilinear(3, 4, 2));
  check("bilinear no bias", nn::Bilinear(nn::BilinearOptions(3, 4, 2).bias(false)));
  check("cosine similarity", nn::CosineSimilarity(nn::CosineSimilarityOptions().dim(2).eps(1e-6)));
  check("pairwise distance",
        nn::PairwiseDistance(nn::PairwiseDistanceOptions().p(3).keepdim(true)));
  check("dropout1d", nn::Dropout1d(0.25), false);
  check("dropout2d", nn::Dropout2d(0.25), false);
  check("dropout3d", nn::Dropout3d(0.25), false);
  check("alpha dropout", nn::AlphaDropout(0.25), false);
  check("feature alpha dropout", nn::FeatureAlphaDropout(0.25), false);
  check("embedding bag", nn::EmbeddingBag(nn::EmbeddingBagOptions(5, 3).mode(kSum)));
  check("embedding bag offsets",
        nn::EmbeddingBag(nn::EmbeddingBagOptions(5, 3).mode(kMax).padding_idx(1)));
  check("embedding bag mean",
        nn::EmbeddingBag(nn::EmbeddingBagOptions(5, 3).include_last_offset(true)));
}

TEST_F(GoldenLayers, Normalizations) {
  check("batch3d", nn::BatchNorm3d(nn::BatchNorm3dOptions(4).eps(0.001).momentum(0.25)));
  check("batch3d bare", nn::BatchNorm3d(nn::BatchNorm3dOptions(4)
                                            .momentum(std::nullopt)
                                            .affine(false)
                                            .track_running_stats(false)));
  check("batch3d eval", nn::BatchNorm3d(nn::BatchNorm3dOptions(4).momentum(std::nullopt)), false);
  check("instance1d", nn::InstanceNorm1d(4));
  check("instance1d sample", nn::InstanceNorm1d(nn::InstanceNorm1dOptions(4).affine(true)));
  check("instance2d",
        nn::InstanceNorm2d(nn::InstanceNorm2dOptions(4).affine(true).track_running_stats(true)));
  check("instance2d eval",
        nn::InstanceNorm2d(nn::InstanceNorm2dOptions(4).track_running_stats(true)), false);
  check("instance3d", nn::InstanceNorm3d(nn::InstanceNorm3dOptions(4).eps(0.001)));
  check("local response", nn::LocalResponseNorm(nn::LocalResponseNormOptions(3).alpha(0.5).k(1.5)));
  check("cross map", nn::CrossMapLRN2d(nn::CrossMapLRN2dOptions(3).alpha(0.5).k(1.5)));
  // PyTorch 1.13 has no RMSNorm: 1 / sqrt((9 + 16) / 2).
  const double scale = 1 / std::sqrt(12.5);
  nn::RMSNorm rms(Sizes{2});
  EXPECT_EQ(rms->state_dict().keys(), std::vector<std::string>{"weight"});
  expect_near(rms(tensor({{3.0, 4.0}})), {3 * scale, 4 * scale});
  EXPECT_ERROR(ShapeError, rms(ones({2, 3})), "expected input with shape [*, [2]]");
  EXPECT_ERROR(ShapeError, nn::BatchNorm3d(4)(ones({2, 4})), "expected 5D input (got 2D input)");
  EXPECT_ERROR(ShapeError, nn::InstanceNorm2d(4)(ones({2, 4})), "expected 3D or 4D input");
}

TEST_F(GoldenLayers, Losses) {
  check("kl", nn::KLDivLoss(kBatchMean));
  check("kl log", nn::KLDivLoss(nn::KLDivLossOptions(kSum).log_target(true)));
  check("huber", nn::HuberLoss(nn::HuberLossOptions().delta(0.75)));
  check("hinge", nn::HingeEmbeddingLoss(nn::HingeEmbeddingLossOptions().margin(0.5)));
  check("multi margin",
        nn::MultiMarginLoss(nn::MultiMarginLossOptions().p(2).margin(0.75).weight(ones({4}))));
  check("multilabel margin", nn::MultiLabelMarginLoss(kSum));
  check("multilabel soft",
        nn::MultiLabelSoftMarginLoss(nn::MultiLabelSoftMarginLossOptions().weight(ones({4}))));
  check("soft margin", nn::SoftMarginLoss(kNone));
  check("margin ranking", nn::MarginRankingLoss(nn::MarginRankingLossOptions().margin(0.25)));
  check("cosine embedding", nn::CosineEmbeddingLoss(nn::CosineEmbeddingLossOptions().margin(0.25)));
  check("triplet", nn::TripletMarginLoss(nn::TripletMarginLossOptions().margin(2).p(3).swap(true)));
  check("triplet distance", nn::TripletMarginWithDistanceLoss(
                                nn::TripletMarginWithDistanceLossOptions().margin(2).swap(true)));
  check("poisson", nn::PoissonNLLLoss(nn::PoissonNLLLossOptions().full(true)));
  check("poisson plain",
        nn::PoissonNLLLoss(nn::PoissonNLLLossOptions().log_input(false).reduction(kSum)));
  check("gaussian", nn::GaussianNLLLoss(nn::GaussianNLLLossOptions().full(true)));
  check("nll2d", nn::NLLLoss2d());
  check("adaptive", nn::AdaptiveLogSoftmaxWithLoss(8, 7, Sizes{2, 4}));
  check("adaptive sample",
        nn::AdaptiveLogSoftmaxWithLoss(
            nn::AdaptiveLogSoftmaxWithLossOptions(8, 7, {2}).div_value(2).head_bias(true)));
  check("ctc", nn::CTCLoss(nn::CTCLossOptions().blank(1).reduction(kSum).zero_infinity(true)));
  EXPECT_ERROR(ConfigError, nn::MultiMarginLoss(nn::MultiMarginLossOptions().p(3)),
               "only p == 1 and p == 2 supported");
}

TEST_F(GoldenLayers, Recurrent) {
  using nn::GRUOptions;
  using nn::LSTMCellOptions;
  using nn::LSTMOptions;
  using nn::RNNOptions;
  check("rnn", nn::RNN(3, 4));
  check("rnn relu",
        nn::RNN(RNNOptions(3, 4).num_layers(2).nonlinearity(kReLU).bidirectional(true)));
  check("lstm", nn::LSTM(3, 4));
  check("lstm deep",
        nn::LSTM(LSTMOptions(3, 4).num_layers(2).batch_first(true).bidirectional(true)));
  check("lstm no bias", nn::LSTM(LSTMOptions(3, 4).num_layers(2).bias(false).dropout(0.5)), false);
  check("lstm projected",
        nn::LSTM(LSTMOptions(3, 4).num_layers(2).proj_size(2).bidirectional(true)));
  check("lstm sequence", nn::LSTM(LSTMOptions(3, 4).batch_first(true)));
  check("gru", nn::GRU(3, 4));
  check("gru deep", nn::GRU(GRUOptions(3, 4).num_layers(2).batch_first(true).bidirectional(true)));
  check("gru sequence", nn::GRU(GRUOptions(3, 4).bias(false)));
  check("rnn cell", nn::RNNCell(3, 4));
  check("rnn cell relu", nn::RNNCell(nn::RNNCellOptions(3, 4).bias(false).nonlinearity(kReLU)));
  check("lstm cell", nn::LSTMCell(3, 4));
  check("lstm cell sample", nn::LSTMCell(LSTMCellOptions(3, 4).bias(false)));
  check("gru cell", nn::GRUCell(3, 4));
  check("gru cell sample", nn::GRUCell(3, 4));
}

TEST_F(GoldenLayers, Transformers) {
  const auto layer = nn::TransformerEncoderLayerOptions(4, 2).dim_feedforward(5).dropout(0);
  const auto other = nn::TransformerEncoderLayerOptions(layer)
                         .activation(kGELU)
                         .batch_first(true)
                         .norm_first(true)
                         .layer_norm_eps(1e-3);
  check("encoder layer", nn::TransformerEncoderLayer(layer));
  check("encoder layer masks", nn::TransformerEncoderLayer(other));
  check("encoder", nn::TransformerEncoder(nn::TransformerEncoderLayer(layer), 2));
  check("encoder norm", nn::TransformerEncoder(nn::TransformerEncoderOptions(other, 2).norm(
                            nn::AnyModule(nn::LayerNorm(nn::LayerNormOptions({4}))))));
  using nn::MultiheadAttentionOptions;
  check("attention extra",
        nn::MultiheadAttention(
            MultiheadAttentionOptions(4, 2).add_bias_kv(true).add_zero_attn(true)));
  check("attention sizes",
        nn::MultiheadAttention(
            MultiheadAttentionOptions(4, 2).kdim(3).vdim(5).bias(false).add_zero_attn(true)));
  check("decoder layer", nn::TransformerDecoderLayer(layer));
  check("decoder layer masks", nn::TransformerDecoderLayer(other));
  check("decoder", nn::TransformerDecoder(nn::TransformerDecoderLayer(layer), 2));
  check("decoder sample", nn::TransformerDecoder(nn::TransformerDecoderOptions(other, 1).norm(
                              nn::AnyModule(nn::LayerNorm(nn::LayerNormOptions({4}))))));
  check("transformer",
        nn::Transformer(nn::TransformerOptions(4, 2, 1, 2).dim_feedforward(5).dropout(0)));
  check("transformer masks", nn::Transformer(nn::TransformerOptions(4, 2, 1, 1)
                                                 .dim_feedforward(5)
                                                 .dropout(0)
                                                 .batch_first(true)
                                                 .norm_first(true)));
}

TEST_F(GoldenLayers, TransposedSizesCanBeChosen) {
  nn::ConvTranspose2d up(nn::ConvTranspose2dOptions(1, 1, 3).stride(2).padding(1));
  EXPECT_EQ(up->forward(ones({1, 1, 4, 5}), Sizes{8, 9}).sizes().vec(), (Sizes{1, 1, 8, 9}));
  EXPECT_EQ(up->forward(ones({1, 4, 5}), Sizes{1, 7, 10}).sizes().vec(), (Sizes{1, 7, 10}));
  EXPECT_ERROR(ShapeError, up->forward(ones({1, 1, 4, 5}), Sizes{9, 9}),
               "valid sizes of dimension 0 range from 7 to 8");
  EXPECT_ERROR(ShapeError, up->forward(ones({1, 1, 4, 5}), Sizes{9}), "must have 2 or 4 elements");
  EXPECT_ERROR(ShapeError, up->forward(ones({5}), Sizes{9, 9}), "expected 3D or 4D input");
  EXPECT_ERROR(ConfigError,
               nn::ConvTranspose1d(nn::ConvTranspose1dOptions(1, 1, 1).padding_mode(kReflect)),
               "Only \"zeros\" padding mode is supported");
}

TEST_F(GoldenLayers, DropoutOfChannelsDropsAllOrNothing) {
  manual_seed(3);
  const Tensor sums = nn::Dropout1d(0.5)(ones({8, 16, 4})).sum(-1);
  EXPECT_TRUE(sums.eq(0).logical_or(sums.eq(8)).all().item<bool>());
  EXPECT_TRUE(sums.eq(0).any().item<bool>() && sums.eq(8).any().item<bool>());
  EXPECT_EQ(nn::Dropout3d(0.5)(ones({2, 3, 4, 5})).dim(), 4);
  EXPECT_ERROR(ShapeError, nn::Dropout1d(0.5)(ones({3})), "Expected 2D or 3D input");
  // Channels are alike within, and mean and variance stay.
  const Tensor x = randn({200, 200, 4}).requires_grad_();
  const Tensor y = nn::FeatureAlphaDropout(0.2)(x);
  EXPECT_NEAR(y.mean().item<double>(), 0, 0.02);
  EXPECT_NEAR(y.var().item<double>(), 1, 0.03);
  y.sum().backward();
  const Tensor slopes = x.grad().amax({-1}).sub(x.grad().amin({-1}));
  EXPECT_EQ(slopes.abs().max().item<double>(), 0);
  EXPECT_ERROR(ConfigError, nn::AlphaDropout(1.5), "has to be between 0 and 1");
}

}  // namespace
}  // namespace taper
