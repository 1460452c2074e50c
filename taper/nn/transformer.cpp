#include "taper/nn/transformer.h"

#include <limits>
#include <ostream>

#include "taper/nn/init.h"
#include "taper/ops/creation.h"
#include "taper/ops/masking.h"
#include "taper/ops/pointwise.h"

namespace taper::nn {
namespace {

/// count copies of a layer; throws when there is none to be made.
template <class Layer>
ModuleList copies(const char* name, const Layer& layer, int64_t count) {
  TAPER_CHECK_AS(ConfigError, count > 0, name, ": num_layers must be greater than zero, got ",
                 count);
  ModuleList list;
  for (int64_t i = 0; i < count; ++i) list->push_back(layer->clone());
  return list;
}

/// The end of a stack, copied from what the options hold.
AnyModule copied(const AnyModule& module) {
  return module.is_empty() ? AnyModule() : module.clone();
}

/// Whether a mask hides the later positions and nothing else. One that wants a gradient has to be
/// added to the scores.
bool hides_later(const Tensor& mask, std::optional<bool> known) {
  if (known) return *known;
  if (!mask.defined() || mask.requires_grad() || mask.dim() != 2 || mask.size(0) != mask.size(1)) {
    return false;
  }
  const bool is_bool = mask.scalar_type() == kBool;
  if (!is_bool && !mask.is_floating_point()) return false;
  const Tensor causal = is_bool ? ones(mask.sizes(), kBool).triu(1)
                                : TransformerImpl::generate_square_subsequent_mask(mask.size(0));
  return mask.equal(causal.to(mask.scalar_type()));
}

}  // namespace

TransformerEncoderOptions::TransformerEncoderOptions(const TransformerEncoderLayerOptions& layer,
                                                     int64_t num_layers)
    : TransformerEncoderOptions(TransformerEncoderLayer(layer), num_layers) {}
TransformerDecoderOptions::TransformerDecoderOptions(const TransformerDecoderLayerOptions& layer,
                                                     int64_t num_layers)
    : TransformerDecoderOptions(TransformerDecoderLayer(layer), num_layers) {}

TransformerDecoderLayerImpl::TransformerDecoderLayerImpl(TransformerDecoderLayerOptions o)
    : options(std::move(o)) {
  TransformerDecoderLayerImpl::reset();
}

void TransformerDecoderLayerImpl::reset() {
  const int64_t d = options.d_model(), hidden = options.dim_feedforward();
  const LayerNormOptions norm = LayerNormOptions({d}).eps(options.layer_norm_eps());
  const double p = options.dropout();
  const MultiheadAttentionOptions attention =
      MultiheadAttentionOptions(d, options.nhead()).dropout(p).batch_first(options.batch_first());
  self_attn = register_module("self_attn", MultiheadAttention(attention));
  multihead_attn = register_module("multihead_attn", MultiheadAttention(attention));
  linear1 = register_module("linear1", Linear(d, hidden));
  dropout = register_module("dropout", Dropout(p));
  linear2 = register_module("linear2", Linear(hidden, d));
  norm1 = register_module("norm1", LayerNorm(norm));
  norm2 = register_module("norm2", LayerNorm(norm));
  norm3 = register_module("norm3", LayerNorm(norm));
  dropout1 = register_module("dropout1", Dropout(p));
  dropout2 = register_module("dropout2", Dropout(p));
  dropout3 = register_module("dropout3", Dropout(p));
}

void TransformerDecoderLayerImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::TransformerDecoderLayer";
}

Tensor TransformerDecoderLayerImpl::forward(const Tensor& tgt, const Tensor& memory,
                                            const Tensor& tgt_mask, const Tensor& memory_mask,
                                            const Tensor& tgt_key_padding_mask,
                                            const Tensor& memory_key_padding_mask,
                                            bool tgt_is_causal, bool memory_is_causal) {
  const auto to_itself = [&](const Tensor& x) {
    return dropout1(std::get<0>(
        self_attn(x, x, x, tgt_key_padding_mask, false, tgt_mask, true, tgt_is_causal)));
  };
  const auto to_memory = [&](const Tensor& x) {
    return dropout2(std::get<0>(multihead_attn(x, memory, memory, memory_key_padding_mask, false,
                                               memory_mask, true, memory_is_causal)));
  };
  const auto feed_forward = [&](const Tensor& x) {
    return dropout3(linear2(dropout(options.activation()(linear1(x)))));
  };
  if (options.norm_first()) {
    Tensor x = tgt.add(to_itself(norm1(tgt)));
    x = x.add(to_memory(norm2(x)));
    return x.add(feed_forward(norm3(x)));
  }
  Tensor x = norm1(tgt.add(to_itself(tgt)));
  x = norm2(x.add(to_memory(x)));
  return norm3(x.add(feed_forward(x)));
}

TransformerEncoderImpl::TransformerEncoderImpl(TransformerEncoderOptions o)
    : options(std::move(o)) {
  TransformerEncoderImpl::reset();
}

void TransformerEncoderImpl::reset() {
  layers = register_module(
      "layers", copies("TransformerEncoder", options.encoder_layer(), options.num_layers()));
  norm = copied(options.norm());
  if (!norm.is_empty()) register_module("norm", norm.ptr());
}

void TransformerEncoderImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::TransformerEncoder";
}

Tensor TransformerEncoderImpl::forward(const Tensor& src, const Tensor& src_mask,
                                       const Tensor& src_key_padding_mask,
                                       std::optional<bool> is_causal) {
  const bool causal = hides_later(src_mask, is_causal);
  Tensor x = src;
  for (const auto& layer : *layers) {
    x = call(dynamic_cast<TransformerEncoderLayerImpl&>(*layer), x, src_mask, src_key_padding_mask,
             causal);
  }
  return norm.is_empty() ? x : norm.forward(x);
}

TransformerDecoderImpl::TransformerDecoderImpl(TransformerDecoderOptions o)
    : options(std::move(o)) {
  TransformerDecoderImpl::reset();
}

void TransformerDecoderImpl::reset() {
  layers = register_module(
      "layers", copies("TransformerDecoder", options.decoder_layer(), options.num_layers()));
  norm = copied(options.norm());
  if (!norm.is_empty()) register_module("norm", norm.ptr());
}

void TransformerDecoderImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::TransformerDecoder";
}

Tensor TransformerDecoderImpl::forward(const Tensor& tgt, const Tensor& memory,
                                       const Tensor& tgt_mask, const Tensor& memory_mask,
                                       const Tensor& tgt_key_padding_mask,
                                       const Tensor& memory_key_padding_mask,
                                       std::optional<bool> tgt_is_causal, bool memory_is_causal) {
  const bool causal = hides_later(tgt_mask, tgt_is_causal);
  Tensor x = tgt;
  for (const auto& layer : *layers) {
    x = call(dynamic_cast<TransformerDecoderLayerImpl&>(*layer), x, memory, tgt_mask, memory_mask,
             tgt_key_padding_mask, memory_key_padding_mask, causal, memory_is_causal);
  }
  return norm.is_empty() ? x : norm.forward(x);
}

TransformerImpl::TransformerImpl(TransformerOptions o) : options(std::move(o)) {
  TransformerImpl::reset();
}

void TransformerImpl::reset() {
  const TransformerOptions& o = options;
  const auto layer = TransformerEncoderLayerOptions(o.d_model(), o.nhead())
                         .dim_feedforward(o.dim_feedforward())
                         .dropout(o.dropout())
                         .activation(o.activation())
                         .layer_norm_eps(o.layer_norm_eps())
                         .batch_first(o.batch_first())
                         .norm_first(o.norm_first());
  const AnyModule norm(LayerNorm(LayerNormOptions({o.d_model()}).eps(o.layer_norm_eps())));
  encoder = !o.custom_encoder().is_empty()
                ? o.custom_encoder().clone()
                : AnyModule(TransformerEncoder(
                      TransformerEncoderOptions(layer, o.num_encoder_layers()).norm(norm)));
  decoder = !o.custom_decoder().is_empty()
                ? o.custom_decoder().clone()
                : AnyModule(TransformerDecoder(
                      TransformerDecoderOptions(layer, o.num_decoder_layers()).norm(norm)));
  register_module("encoder", encoder.ptr());
  register_module("decoder", decoder.ptr());
  reset_parameters();
}

void TransformerImpl::reset_parameters() {
  for (const Tensor& p : parameters()) {
    if (p.dim() > 1) init::xavier_uniform_(p);
  }
}

void TransformerImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::Transformer";
}

Tensor TransformerImpl::forward(const Tensor& src, const Tensor& tgt, const Tensor& src_mask,
                                const Tensor& tgt_mask, const Tensor& memory_mask,
                                const Tensor& src_key_padding_mask,
                                const Tensor& tgt_key_padding_mask,
                                const Tensor& memory_key_padding_mask,
                                std::optional<bool> src_is_causal,
                                std::optional<bool> tgt_is_causal, bool memory_is_causal) {
  TAPER_CHECK_AS(ShapeError, (src.dim() == 2 || src.dim() == 3) && src.dim() == tgt.dim(),
                 "Transformer: src and tgt should both be batched 3-D or unbatched 2-D tensors, "
                 "got sizes ",
                 src.sizes(), " and ", tgt.sizes());
  const int64_t batch = options.batch_first() ? 0 : 1;
  TAPER_CHECK_AS(ShapeError, src.dim() == 2 || src.size(batch) == tgt.size(batch),
                 "Transformer: the batch number of src and tgt must be equal, got ",
                 src.size(batch), " and ", tgt.size(batch));
  const int64_t d = options.d_model();
  TAPER_CHECK_AS(ShapeError, src.size(-1) == d && tgt.size(-1) == d,
                 "Transformer: the feature number of src and tgt must be equal to d_model, ", d,
                 ", got ", src.size(-1), " and ", tgt.size(-1));
  const Tensor memory = src_is_causal
                            ? encoder.forward(src, src_mask, src_key_padding_mask, src_is_causal)
                            : encoder.forward(src, src_mask, src_key_padding_mask);
  if (!tgt_is_causal && !memory_is_causal) {
    return decoder.forward(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask,
                           memory_key_padding_mask);
  }
  return decoder.forward(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask,
                         memory_key_padding_mask, tgt_is_causal, memory_is_causal);
}

Tensor TransformerImpl::generate_square_subsequent_mask(int64_t size) {
  TAPER_CHECK_AS(ShapeError, size >= 0,
                 "generate_square_subsequent_mask: expected a size of at least 0, got ", size);
  return full({size, size}, -std::numeric_limits<double>::infinity()).triu(1);
}

template class Cloneable<TransformerDecoderLayerImpl>;
template class Cloneable<TransformerEncoderImpl>;
template class Cloneable<TransformerDecoderImpl>;
template class Cloneable<TransformerImpl>;

}  // namespace taper::nn
