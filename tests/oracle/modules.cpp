#include "tests/oracle/modules.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace taper::oracle {
namespace {

// An option's value, of any type that options have.
void read(const IValue& v, int64_t& to) { to = v.toInt(); }
void read(const IValue& v, double& to) { to = v.toDouble(); }
void read(const IValue& v, bool& to) { to = v.toBool(); }
void read(const IValue& v, std::string& to) { to = v.toStringRef(); }
void read(const IValue& v, Tensor& to) { to = v.isNone() ? Tensor() : v.toTensor(); }
template <class T>
void read(const IValue& v, std::optional<T>& to);
template <class T>
void read(const IValue& v, std::vector<T>& to) {
  to.clear();
  // Python's modules take a number for all as well.
  const std::vector<IValue> list = v.isList() ? v.toListRef() : std::vector<IValue>{v};
  for (const IValue& each : list) read(each, to.emplace_back());
}
template <size_t D, class T>
void read(const IValue& v, ExpandingArray<D, T>& to) {
  std::vector<T> values;
  read(v, values);
  to = ExpandingArray<D, T>(values);
}
template <size_t D>
void read(const IValue& v, nn::ConvPadding<D>& to) {
  if (v.isString()) {
    to = v.toStringRef() == "same" ? nn::ConvPadding<D>(kSame) : nn::ConvPadding<D>(kValid);
    return;
  }
  ExpandingArray<D> values(0);
  read(v, values);
  to = values;
}
// kBatchMean is "batchmean", kNearestExact "nearest-exact".
bool is_word(std::string_view constant, std::string_view word) {
  std::string plain;
  for (const char letter : word) {
    if (letter != '-') plain += letter;
  }
  const auto same = [](char a, char b) { return std::tolower(a) == std::tolower(b); };
  return std::equal(constant.begin() + 1, constant.end(), plain.begin(), plain.end(), same);
}
template <class... Tags>
void read(const IValue& v, Choice<Tags...>& to) {
  const std::string& word = v.toStringRef();
  if (!((is_word(Tags::text, word) && (to = Tags{}, true)) || ...)) throw BadCase{"word " + word};
}
void read(const IValue& v, nn::TransformerActivation& to) {
  if (v.toStringRef() == "gelu") {
    to = kGELU;
  } else {
    to = kReLU;
  }
}
template <class T>
void read(const IValue& v, std::optional<T>& to) {
  to.reset();
  if (v.isNone()) return;
  if constexpr (std::is_default_constructible_v<T>) {
    read(v, to.emplace());
  } else {
    read(v, to.emplace(0));
  }
}

// Sets the option of a name; false when the options have none such.
template <class Options>
bool set(Options& o, std::string_view name, const IValue& v) {
#define TAPER_TEST_OPTION(option)                          \
  if constexpr (requires { read(v, o.option()); }) {       \
    if (name == #option) return read(v, o.option()), true; \
  }
#define TAPER_TEST_OPTIONS(a, b, c, d, e) \
  TAPER_TEST_OPTION(a)                    \
  TAPER_TEST_OPTION(b)                    \
  TAPER_TEST_OPTION(c)                    \
  TAPER_TEST_OPTION(d)                    \
  TAPER_TEST_OPTION(e)
  TAPER_TEST_OPTIONS(in_channels, out_channels, kernel_size, stride, padding)
  TAPER_TEST_OPTIONS(dilation, groups, bias, padding_mode, output_padding)
  TAPER_TEST_OPTIONS(in_features, out_features, in1_features, in2_features, start_dim)
  TAPER_TEST_OPTIONS(end_dim, dim, sizes, value, output_size)
  TAPER_TEST_OPTIONS(ceil_mode, count_include_pad, divisor_override, norm_type, output_ratio)
  TAPER_TEST_OPTIONS(_random_samples, num_features, eps, momentum, affine)
  TAPER_TEST_OPTIONS(track_running_stats, normalized_shape, elementwise_affine, num_groups,
                     num_channels)
  TAPER_TEST_OPTIONS(size, alpha, beta, k, inplace)
  TAPER_TEST_OPTIONS(negative_slope, approximate, min_val, max_val, threshold)
  TAPER_TEST_OPTIONS(lambda, num_parameters, init, lower, upper)
  TAPER_TEST_OPTIONS(p, num_embeddings, embedding_dim, padding_idx, max_norm)
  TAPER_TEST_OPTIONS(scale_grad_by_freq, mode, include_last_offset, embed_dim, num_heads)
  TAPER_TEST_OPTIONS(dropout, kdim, vdim, batch_first, add_bias_kv)
  TAPER_TEST_OPTIONS(add_zero_attn, d_model, nhead, dim_feedforward, activation)
  TAPER_TEST_OPTIONS(layer_norm_eps, norm_first, num_encoder_layers, num_decoder_layers, input_size)
  TAPER_TEST_OPTIONS(hidden_size, num_layers, bidirectional, nonlinearity, proj_size)
  TAPER_TEST_OPTIONS(n_classes, cutoffs, div_value, head_bias, scale_factor)
  TAPER_TEST_OPTIONS(align_corners, recompute_scale_factor, upscale_factor, downscale_factor,
                     weight)
  TAPER_TEST_OPTIONS(reduction, ignore_index, pos_weight, label_smoothing, log_target)
  TAPER_TEST_OPTIONS(delta, margin, swap, log_input, full)
  TAPER_TEST_OPTIONS(blank, zero_infinity, keepdim, sparse, num_classes)
#undef TAPER_TEST_OPTIONS
#undef TAPER_TEST_OPTION
  return false;
}

template <class Options>
Options read_options(Options options, const IValue& settings) {
  for (const auto& [name, value] : settings.toGenericDict()) {
    if (!set(options, name.toStringRef(), value)) throw BadCase{"option " + name.toStringRef()};
  }
  return options;
}

// Options whose constructors take what has no default; every such option is set afterwards.
template <class Options>
Options some_options() {
  using Sizes = std::vector<int64_t>;
  if constexpr (std::is_default_constructible_v<Options>) {
    return Options();
  } else if constexpr (std::is_constructible_v<Options, Sizes>) {
    return Options(Sizes{1});
  } else if constexpr (std::is_constructible_v<Options, int64_t, Sizes>) {
    return Options(int64_t{1}, Sizes{1});
  } else if constexpr (std::is_constructible_v<Options, int64_t, int64_t, Sizes>) {
    return Options(int64_t{1}, int64_t{2}, Sizes{1});
  } else if constexpr (std::is_constructible_v<Options, int64_t>) {
    return Options(int64_t{1});
  } else if constexpr (std::is_constructible_v<Options, int64_t, int64_t>) {
    return Options(int64_t{1}, int64_t{1});
  } else {
    return Options(int64_t{1}, int64_t{1}, int64_t{1});
  }
}

// Instance normalization keeps its options as those of batch normalization.
template <class Impl>
using OptionsOf = std::conditional_t<std::is_base_of_v<nn::InstanceNormImplBase, Impl>,
                                     nn::InstanceNormOptions, decltype(Impl::options)>;

template <class Impl>
std::shared_ptr<Impl> make(const IValue& settings) {
  if constexpr (requires(Impl & m) { m.options; }) {
    using Options = OptionsOf<Impl>;
    return std::make_shared<Impl>(read_options(some_options<Options>(), settings));
  } else {
    return std::make_shared<Impl>();
  }
}
// A stack of layers: {"layer": the layer's options, "num_layers": n, "norm": a LayerNorm's or
// None}.
template <class Impl, class Options, class LayerOptions>
std::shared_ptr<Impl> make_stack(const IValue& settings) {
  Options options(read_options(some_options<LayerOptions>(), settings.at("layer")),
                  settings.at("num_layers").toInt());
  const IValue& norm = settings.at("norm");
  if (!norm.isNone()) {
    options.norm(
        nn::AnyModule(nn::LayerNorm(read_options(some_options<nn::LayerNormOptions>(), norm))));
  }
  return std::make_shared<Impl>(options);
}
template <>
std::shared_ptr<nn::TransformerEncoderImpl> make(const IValue& settings) {
  return make_stack<nn::TransformerEncoderImpl, nn::TransformerEncoderOptions,
                    nn::TransformerEncoderLayerOptions>(settings);
}
template <>
std::shared_ptr<nn::TransformerDecoderImpl> make(const IValue& settings) {
  return make_stack<nn::TransformerDecoderImpl, nn::TransformerDecoderOptions,
                    nn::TransformerDecoderLayerOptions>(settings);
}

void gather(const Tensor& t, std::vector<Tensor>& parts) { parts.push_back(t); }
template <class A, class B>
void gather(const std::tuple<A, B>& several, std::vector<Tensor>& parts) {
  gather(std::get<0>(several), parts);
  gather(std::get<1>(several), parts);
}
void gather(const nn::ASMoutput& result, std::vector<Tensor>& parts) {
  gather(result.output, parts);
  gather(result.loss, parts);
}
template <class Result>
std::vector<Tensor> parts_of(const Result& result) {
  std::vector<Tensor> parts;
  gather(result, parts);
  return parts;
}

template <class M, size_t... I>
std::optional<std::vector<Tensor>> call_with(M& module, const std::vector<Tensor>& x,
                                             std::index_sequence<I...>) {
  if (x.size() != sizeof...(I)) return std::nullopt;
  if constexpr (sizeof...(I) == 3 &&
                requires { module.forward(x[0], std::make_tuple(x[1], x[2])); }) {
    return parts_of(nn::call(module, x[0], std::make_tuple(x[1], x[2])));
  } else if constexpr (requires { parts_of(module.forward(x[I]...)); }) {
    return parts_of(nn::call(module, x[I]...));
  } else {
    return std::nullopt;
  }
}

// What a call takes besides tensors, by Python's names.
template <class M>
std::vector<Tensor> call_as(M& module, const std::vector<Tensor>& x, const IValue& how) {
  if constexpr (requires { module.forward_with_indices(x[0]); }) {
    if (how.find("return_indices")) return parts_of(module.forward_with_indices(x[0]));
  }
  if (const IValue* given = how.find("output_size")) {
    std::vector<int64_t> sizes;
    read(*given, sizes);
    if constexpr (requires { module.forward(x[0], sizes); }) {
      return parts_of(nn::call(module, x[0], sizes));
    }
    if constexpr (requires { module.forward(x[0], x[1], sizes); }) {
      return parts_of(nn::call(module, x[0], x[1], sizes));
    }
  }
  if constexpr (std::is_same_v<M, nn::MultiheadAttentionImpl>) {
    return parts_of(nn::call(module, x[0], x[1], x[2], x[3], how.at("need_weights").toBool(), x[4],
                             how.at("average_attn_weights").toBool()));
  } else {
    auto result = call_with(module, x, std::make_index_sequence<1>());
    if (!result) result = call_with(module, x, std::make_index_sequence<2>());
    if (!result) result = call_with(module, x, std::make_index_sequence<3>());
    if (!result) result = call_with(module, x, std::make_index_sequence<4>());
    if (!result) result = call_with(module, x, std::make_index_sequence<6>());
    if (!result) result = call_with(module, x, std::make_index_sequence<8>());
    if (!result) throw BadCase{str("a call with ", x.size(), " tensors")};
    return *result;
  }
}

// Empty when the state has these names and sizes in this order; loads it.
std::string load_state(nn::Module& module, const std::vector<IValue>& pairs) {
  const nn::StateDict own = module.state_dict();
  nn::StateDict given;
  std::string own_text, given_text;
  for (const auto& item : own) own_text += str(item.key(), item.value().sizes(), ' ');
  for (const IValue& pair : pairs) {
    const Tensor value = pair.toListRef()[1].toTensor();
    given.set(pair.toListRef()[0].toStringRef(), value.detach());
    given_text += str(pair.toListRef()[0].toStringRef(), value.sizes(), ' ');
  }
  if (own_text != given_text) return str("state ", own_text, ", expected ", given_text);
  module.load_state_dict(given);
  return "";
}

template <class Impl>
ModuleResult run(const Case& c) {
  const std::shared_ptr<Impl> module = make<Impl>(c.arguments[0]);
  const IValue& how = c.arguments[1];
  module->to(kDouble);
  module->train(how.at("train").toBool());
  ModuleResult result;
  result.difference = load_state(*module, c.arguments[2].toListRef());
  if (!result.difference.empty()) return result;
  std::vector<Tensor> x;
  for (const IValue& each : c.arguments[3].toListRef()) {
    x.push_back(each.isNone() ? Tensor() : each.toTensor());
    if (x.back().defined() && x.back().requires_grad()) result.inputs.push_back(x.back());
  }
  for (const Tensor& parameter : module->parameters()) result.inputs.push_back(parameter);
  result.outputs = call_as(*module, x, how);
  for (const Tensor& buffer : module->buffers()) result.outputs.push_back(buffer);
  return result;
}

struct Named {
  std::string_view name;
  ModuleResult (*run)(const Case&);
};

#define TAPER_TEST_MODULE(Name) {"nn." #Name, &run<nn::Name##Impl>},
#define TAPER_TEST_MODULES(a, b, c, d) \
  TAPER_TEST_MODULE(a) TAPER_TEST_MODULE(b) TAPER_TEST_MODULE(c) TAPER_TEST_MODULE(d)
#define TAPER_TEST_DIMENSIONS(Name) \
  TAPER_TEST_MODULE(Name##1d) TAPER_TEST_MODULE(Name##2d) TAPER_TEST_MODULE(Name##3d)
// clang-format off
constexpr Named kModules[] = {
  TAPER_TEST_MODULES(Identity, Linear, Bilinear, Flatten)
  TAPER_TEST_MODULES(Unflatten, Fold, Unfold, MultiheadAttention)
  TAPER_TEST_DIMENSIONS(Conv) TAPER_TEST_DIMENSIONS(ConvTranspose)
  TAPER_TEST_DIMENSIONS(AvgPool) TAPER_TEST_DIMENSIONS(MaxPool) TAPER_TEST_DIMENSIONS(MaxUnpool)
  TAPER_TEST_DIMENSIONS(AdaptiveAvgPool) TAPER_TEST_DIMENSIONS(AdaptiveMaxPool)
  TAPER_TEST_MODULES(FractionalMaxPool2d, FractionalMaxPool3d, LPPool1d, LPPool2d)
  TAPER_TEST_DIMENSIONS(ConstantPad) TAPER_TEST_DIMENSIONS(ReflectionPad)
  TAPER_TEST_DIMENSIONS(ReplicationPad) TAPER_TEST_DIMENSIONS(ZeroPad)
  TAPER_TEST_MODULES(CELU, ELU, GELU, GLU)
  TAPER_TEST_MODULES(Hardshrink, Hardtanh, LeakyReLU, LogSigmoid)
  TAPER_TEST_MODULES(LogSoftmax, Mish, PReLU, RReLU)
  TAPER_TEST_MODULES(ReLU, ReLU6, SELU, SiLU)
  TAPER_TEST_MODULES(Sigmoid, Softmax, Softmax2d, Softmin)
  TAPER_TEST_MODULES(Softplus, Softshrink, Softsign, Tanh)
  TAPER_TEST_MODULES(Tanhshrink, Threshold, Hardsigmoid, Hardswish)
  TAPER_TEST_DIMENSIONS(BatchNorm) TAPER_TEST_DIMENSIONS(InstanceNorm)
  TAPER_TEST_MODULES(LayerNorm, GroupNorm, LocalResponseNorm, CrossMapLRN2d)
  TAPER_TEST_DIMENSIONS(Dropout)
  TAPER_TEST_MODULES(Dropout, AlphaDropout, FeatureAlphaDropout, ChannelShuffle)
  TAPER_TEST_MODULES(RNN, LSTM, GRU, RNNCell)
  TAPER_TEST_MODULES(LSTMCell, GRUCell, Transformer, TransformerEncoder)
  TAPER_TEST_MODULES(TransformerDecoder, TransformerEncoderLayer, TransformerDecoderLayer, Embedding)
  TAPER_TEST_MODULES(EmbeddingBag, CosineSimilarity, PairwiseDistance, PixelShuffle)
  TAPER_TEST_MODULES(PixelUnshuffle, Upsample, UpsamplingNearest2d, UpsamplingBilinear2d)
  TAPER_TEST_MODULES(L1Loss, MSELoss, SmoothL1Loss, HuberLoss)
  TAPER_TEST_MODULES(CrossEntropyLoss, NLLLoss, PoissonNLLLoss, KLDivLoss)
  TAPER_TEST_MODULES(BCELoss, BCEWithLogitsLoss, CTCLoss, HingeEmbeddingLoss)
  TAPER_TEST_MODULES(MarginRankingLoss, CosineEmbeddingLoss, MultiMarginLoss, MultiLabelMarginLoss)
  TAPER_TEST_MODULES(MultiLabelSoftMarginLoss, SoftMarginLoss, TripletMarginLoss,
                     TripletMarginWithDistanceLoss)
  TAPER_TEST_MODULE(AdaptiveLogSoftmaxWithLoss) TAPER_TEST_MODULE(GaussianNLLLoss)
};
// clang-format on
#undef TAPER_TEST_MODULE
#undef TAPER_TEST_MODULES
#undef TAPER_TEST_DIMENSIONS

}  // namespace

bool calls_module(const Case& c) { return c.call.rfind("nn.", 0) == 0; }

ModuleResult call_module(const Case& c) {
  for (const Named& each : kModules) {
    if (each.name == c.call) return each.run(c);
  }
  throw BadCase{"no such module: " + c.call};
}

}  // namespace taper::oracle
