#pragma once

#include <optional>

#include "taper/nn/any_module.h"
#include "taper/nn/attention.h"
#include "taper/nn/containers.h"

namespace taper TAPER_API {
namespace nn {

using TransformerDecoderLayerOptions = TransformerEncoderLayerOptions;

/// One block of a transformer decoder: self-attention, attention to an encoder's output and a
/// two-layer feed-forward network, each with dropout, a residual connection and layer
/// normalization.
class TransformerDecoderLayerImpl : public Cloneable<TransformerDecoderLayerImpl> {
 public:
  TransformerDecoderLayerImpl(int64_t d_model, int64_t nhead)
      : TransformerDecoderLayerImpl(TransformerDecoderLayerOptions(d_model, nhead)) {}
  explicit TransformerDecoderLayerImpl(TransformerDecoderLayerOptions options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  /// tgt [T, N, E], memory [S, N, E] (batches first with batch_first, N missing for one sample);
  /// the masks and hints as MultiheadAttention takes them. Returns tgt's sizes.
  Tensor forward(const Tensor& tgt, const Tensor& memory, const Tensor& tgt_mask = {},
                 const Tensor& memory_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {}, bool tgt_is_causal = false,
                 bool memory_is_causal = false);

  TransformerDecoderLayerOptions options;
  MultiheadAttention self_attn = nullptr, multihead_attn = nullptr;
  Linear linear1 = nullptr;
  Dropout dropout = nullptr;
  Linear linear2 = nullptr;
  LayerNorm norm1 = nullptr, norm2 = nullptr, norm3 = nullptr;
  Dropout dropout1 = nullptr, dropout2 = nullptr, dropout3 = nullptr;

 private:
  TAPER_FORWARD_HAS_DEFAULT_ARGS({2, AnyValue(Tensor())}, {3, AnyValue(Tensor())},
                                 {4, AnyValue(Tensor())}, {5, AnyValue(Tensor())},
                                 {6, AnyValue(false)}, {7, AnyValue(false)})
};
TAPER_LAYER(TransformerDecoderLayer);

struct TransformerEncoderOptions {
  TransformerEncoderOptions(TransformerEncoderLayer encoder_layer, int64_t num_layers)
      : encoder_layer_(std::move(encoder_layer)), num_layers_(num_layers) {}
  TransformerEncoderOptions(const TransformerEncoderLayerOptions& layer, int64_t num_layers);
  TAPER_ARG(TransformerEncoderLayer, encoder_layer);
  TAPER_ARG(int64_t, num_layers);
  /// A module that the output passes through.
  TAPER_ARG(AnyModule, norm);
};

/// num_layers copies of an encoder layer, one after another.
class TransformerEncoderImpl : public Cloneable<TransformerEncoderImpl> {
 public:
  TransformerEncoderImpl(TransformerEncoderLayer encoder_layer, int64_t num_layers)
      : TransformerEncoderImpl(TransformerEncoderOptions(std::move(encoder_layer), num_layers)) {}
  explicit TransformerEncoderImpl(TransformerEncoderOptions options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  /// As the layer's forward(); without is_causal the mask is looked at.
  Tensor forward(const Tensor& src, const Tensor& src_mask = {},
                 const Tensor& src_key_padding_mask = {},
                 std::optional<bool> is_causal = std::nullopt);

  TransformerEncoderOptions options;
  ModuleList layers = nullptr;
  AnyModule norm;

 private:
  TAPER_FORWARD_HAS_DEFAULT_ARGS({1, AnyValue(Tensor())}, {2, AnyValue(Tensor())},
                                 {3, AnyValue(std::optional<bool>())})
};
TAPER_LAYER(TransformerEncoder);

struct TransformerDecoderOptions {
  TransformerDecoderOptions(TransformerDecoderLayer decoder_layer, int64_t num_layers)
      : decoder_layer_(std::move(decoder_layer)), num_layers_(num_layers) {}
  TransformerDecoderOptions(const TransformerDecoderLayerOptions& layer, int64_t num_layers);
  TAPER_ARG(TransformerDecoderLayer, decoder_layer);
  TAPER_ARG(int64_t, num_layers);
  TAPER_ARG(AnyModule, norm);
};

/// num_layers copies of a decoder layer, one after another.
class TransformerDecoderImpl : public Cloneable<TransformerDecoderImpl> {
 public:
  TransformerDecoderImpl(TransformerDecoderLayer decoder_layer, int64_t num_layers)
      : TransformerDecoderImpl(TransformerDecoderOptions(std::move(decoder_layer), num_layers)) {}
  explicit TransformerDecoderImpl(TransformerDecoderOptions options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  /// As the layer's forward(); without tgt_is_causal the mask is looked at.
  Tensor forward(const Tensor& tgt, const Tensor& memory, const Tensor& tgt_mask = {},
                 const Tensor& memory_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {},
                 std::optional<bool> tgt_is_causal = std::nullopt, bool memory_is_causal = false);

  TransformerDecoderOptions options;
  ModuleList layers = nullptr;
  AnyModule norm;

 private:
  TAPER_FORWARD_HAS_DEFAULT_ARGS({2, AnyValue(Tensor())}, {3, AnyValue(Tensor())},
                                 {4, AnyValue(Tensor())}, {5, AnyValue(Tensor())},
                                 {6, AnyValue(std::optional<bool>())}, {7, AnyValue(false)})
};
TAPER_LAYER(TransformerDecoder);

struct TransformerOptions {
  TransformerOptions() = default;
  TransformerOptions(int64_t d_model, int64_t nhead) : d_model_(d_model), nhead_(nhead) {}
  TransformerOptions(int64_t d_model, int64_t nhead, int64_t num_encoder_layers,
                     int64_t num_decoder_layers)
      : d_model_(d_model),
        nhead_(nhead),
        num_encoder_layers_(num_encoder_layers),
        num_decoder_layers_(num_decoder_layers) {}
  TAPER_ARG(int64_t, d_model) = 512;
  TAPER_ARG(int64_t, nhead) = 8;
  TAPER_ARG(int64_t, num_encoder_layers) = 6;
  TAPER_ARG(int64_t, num_decoder_layers) = 6;
  TAPER_ARG(int64_t, dim_feedforward) = 2048;
  TAPER_ARG(double, dropout) = 0.1;
  TAPER_ARG(TransformerActivation, activation) = kReLU;
  TAPER_ARG(double, layer_norm_eps) = 1e-5;
  TAPER_ARG(bool, batch_first) = false;
  TAPER_ARG(bool, norm_first) = false;
  /// Modules to copy in the place of the encoder and the decoder, called with the same arguments.
  TAPER_ARG(AnyModule, custom_encoder);
  TAPER_ARG(AnyModule, custom_decoder);
};

/// An encoder and a decoder (Vaswani et al., 2017), each with a layer normalization at its end; the
/// matrices start Xavier-uniform.
class TransformerImpl : public Cloneable<TransformerImpl> {
 public:
  TransformerImpl() : TransformerImpl(TransformerOptions()) {}
  TransformerImpl(int64_t d_model, int64_t nhead)
      : TransformerImpl(TransformerOptions(d_model, nhead)) {}
  explicit TransformerImpl(TransformerOptions options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  /// src [S, N, E], tgt [T, N, E] (batches first with batch_first, N missing for one sample);
  /// returns tgt's sizes. Throws where batches or features do not agree. Hints that are given are
  /// passed on; custom encoders and decoders are called without those that are not.
  Tensor forward(const Tensor& src, const Tensor& tgt, const Tensor& src_mask = {},
                 const Tensor& tgt_mask = {}, const Tensor& memory_mask = {},
                 const Tensor& src_key_padding_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {},
                 std::optional<bool> src_is_causal = std::nullopt,
                 std::optional<bool> tgt_is_causal = std::nullopt, bool memory_is_causal = false);
  /// [size, size]: -inf above the diagonal, 0 elsewhere, so that no position sees a later one.
  static Tensor generate_square_subsequent_mask(int64_t size);

  TransformerOptions options;
  AnyModule encoder, decoder;

 private:
  TAPER_FORWARD_HAS_DEFAULT_ARGS({2, AnyValue(Tensor())}, {3, AnyValue(Tensor())},
                                 {4, AnyValue(Tensor())}, {5, AnyValue(Tensor())},
                                 {6, AnyValue(Tensor())}, {7, AnyValue(Tensor())},
                                 {8, AnyValue(std::optional<bool>())},
                                 {9, AnyValue(std::optional<bool>())}, {10, AnyValue(false)})
};
TAPER_LAYER(Transformer);

}  // namespace nn
}  // namespace taper
