#pragma once

#include <optional>
#include <tuple>

#include "taper/base/arg.h"
#include "taper/nn/activation.h"
#include "taper/nn/dropout.h"
#include "taper/nn/enum.h"
#include "taper/nn/linear.h"
#include "taper/nn/normalization.h"

namespace taper TAPER_API {
namespace nn {

struct MultiheadAttentionOptions {
  MultiheadAttentionOptions(int64_t embed_dim, int64_t num_heads)
      : embed_dim_(embed_dim), num_heads_(num_heads), kdim_(embed_dim), vdim_(embed_dim) {}
  TAPER_ARG(int64_t, embed_dim);
  TAPER_ARG(int64_t, num_heads);
  TAPER_ARG(double, dropout) = 0.0;
  TAPER_ARG(bool, bias) = true;
  /// Sizes of keys and values where they are not embed_dim.
  TAPER_ARG(int64_t, kdim);
  TAPER_ARG(int64_t, vdim);
  /// Inputs are [N, L, E] instead of [L, N, E].
  TAPER_ARG(bool, batch_first) = false;
  /// Adds a learned key and value, the parameters bias_k and bias_v [1, 1, E], to those given.
  TAPER_ARG(bool, add_bias_kv) = false;
  /// Adds a key and a value of zeros.
  TAPER_ARG(bool, add_zero_attn) = false;
};

/// Multi-head attention (Vaswani et al., 2017): softmax(Q K^T / sqrt(d)) V in each head of size
/// d = embed_dim / num_heads, with projections before and after.
class MultiheadAttentionImpl : public Cloneable<MultiheadAttentionImpl> {
 public:
  MultiheadAttentionImpl(int64_t embed_dim, int64_t num_heads)
      : MultiheadAttentionImpl(MultiheadAttentionOptions(embed_dim, num_heads)) {}
  /// Throws unless num_heads divides embed_dim.
  explicit MultiheadAttentionImpl(const MultiheadAttentionOptions& options);
  void reset() override;
  void _reset_parameters();
  void pretty_print(std::ostream& stream) const override;

  /// query [L, N, E], key [S, N, kdim], value [S, N, vdim] (N missing for one sample). A bool
  /// key_padding_mask [N, S] or attn_mask ([L, S] or [N * heads, L, S]) is true where attention
  /// is not allowed; a floating one is added to the scores; other sizes throw. Returns the output,
  /// and the weights [N, L, S] averaged over the heads ([N, heads, L, S] otherwise) when needed;
  /// without weights memory is linear in L and S. is_causal says that attn_mask, which has to be
  /// given, hides the later positions and nothing else.
  std::tuple<Tensor, Tensor> forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                     const Tensor& key_padding_mask = {}, bool need_weights = true,
                                     const Tensor& attn_mask = {}, bool average_attn_weights = true,
                                     bool is_causal = false);

  MultiheadAttentionOptions options;
  Tensor in_proj_weight, in_proj_bias;
  Tensor q_proj_weight, k_proj_weight, v_proj_weight;
  Tensor bias_k, bias_v;
  Linear out_proj = nullptr;
  int64_t head_dim = 0;

 private:
  TAPER_FORWARD_HAS_DEFAULT_ARGS({3, AnyValue(Tensor())}, {4, AnyValue(true)},
                                 {5, AnyValue(Tensor())}, {6, AnyValue(true)}, {7, AnyValue(false)})
};
TAPER_LAYER(MultiheadAttention);

namespace functional {

/// The weights and settings of multi_head_attention_forward(); those that may be undefined are what
/// MultiheadAttention keeps under these names.
struct MultiheadAttentionForwardFuncOptions {
  MultiheadAttentionForwardFuncOptions(int64_t embed_dim_to_check, int64_t num_heads,
                                       Tensor in_proj_weight, Tensor in_proj_bias, Tensor bias_k,
                                       Tensor bias_v, bool add_zero_attn, double dropout_p,
                                       Tensor out_proj_weight, Tensor out_proj_bias);
  TAPER_ARG(int64_t, embed_dim_to_check);
  TAPER_ARG(int64_t, num_heads);
  TAPER_ARG(Tensor, in_proj_weight);
  TAPER_ARG(Tensor, in_proj_bias);
  TAPER_ARG(Tensor, bias_k);
  TAPER_ARG(Tensor, bias_v);
  TAPER_ARG(bool, add_zero_attn);
  TAPER_ARG(double, dropout_p);
  TAPER_ARG(Tensor, out_proj_weight);
  TAPER_ARG(Tensor, out_proj_bias);
  TAPER_ARG(bool, training) = true;
  TAPER_ARG(Tensor, key_padding_mask);
  TAPER_ARG(bool, need_weights) = true;
  TAPER_ARG(Tensor, attn_mask);
  /// Takes q_, k_ and v_proj_weight instead of in_proj_weight.
  TAPER_ARG(bool, use_separate_proj_weight) = false;
  TAPER_ARG(Tensor, q_proj_weight);
  TAPER_ARG(Tensor, k_proj_weight);
  TAPER_ARG(Tensor, v_proj_weight);
  /// Keys and values [N * heads, S, d] in the place of those projected.
  TAPER_ARG(Tensor, static_k);
  TAPER_ARG(Tensor, static_v);
  TAPER_ARG(bool, average_attn_weights) = true;
  TAPER_ARG(bool, is_causal) = false;
  /// Inputs are [N, L, E] instead of [L, N, E].
  TAPER_ARG(bool, batch_first) = false;
};

/// What MultiheadAttention::forward() computes, with weights and settings from the options.
std::tuple<Tensor, Tensor> multi_head_attention_forward(
    const Tensor& query, const Tensor& key, const Tensor& value,
    const MultiheadAttentionForwardFuncOptions& options);

}  // namespace functional

/// kReLU, kGELU, or any function of a tensor.
class TransformerActivation {
 public:
  TransformerActivation(enumtype::kReLU) {}
  TransformerActivation(enumtype::kGELU) : gelu_(true) {}
  template <class F>
  requires std::is_invocable_r_v<Tensor, F, const Tensor&> TransformerActivation(F function)
      : function_(std::move(function)) {}
  Tensor operator()(const Tensor& input) const;

 private:
  bool gelu_ = false;
  Function<Tensor(const Tensor&)> function_;
};

struct TransformerEncoderLayerOptions {
  TransformerEncoderLayerOptions(int64_t d_model, int64_t nhead)
      : d_model_(d_model), nhead_(nhead) {}
  TAPER_ARG(int64_t, d_model);
  TAPER_ARG(int64_t, nhead);
  TAPER_ARG(int64_t, dim_feedforward) = 2048;
  TAPER_ARG(double, dropout) = 0.1;
  TAPER_ARG(TransformerActivation, activation) = kReLU;
  TAPER_ARG(double, layer_norm_eps) = 1e-5;
  /// Inputs are [N, L, E] instead of [L, N, E].
  TAPER_ARG(bool, batch_first) = false;
  /// Normalize before attention and feed-forward instead of after.
  TAPER_ARG(bool, norm_first) = false;
};

/// One block of a transformer encoder: self-attention and a two-layer feed-forward network, each
/// with dropout, a residual connection and layer normalization.
class TransformerEncoderLayerImpl : public Cloneable<TransformerEncoderLayerImpl> {
 public:
  TransformerEncoderLayerImpl(int64_t d_model, int64_t nhead)
      : TransformerEncoderLayerImpl(TransformerEncoderLayerOptions(d_model, nhead)) {}
  explicit TransformerEncoderLayerImpl(TransformerEncoderLayerOptions options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  /// src [L, N, E]; the masks and is_causal as MultiheadAttention takes them. Returns src's sizes.
  Tensor forward(const Tensor& src, const Tensor& src_mask = {},
                 const Tensor& src_key_padding_mask = {}, bool is_causal = false);

  TransformerEncoderLayerOptions options;
  MultiheadAttention self_attn = nullptr;
  Linear linear1 = nullptr;
  Dropout dropout = nullptr;
  Linear linear2 = nullptr;
  LayerNorm norm1 = nullptr, norm2 = nullptr;
  Dropout dropout1 = nullptr, dropout2 = nullptr;

 private:
  Tensor attend(const Tensor& x, const Tensor& mask, const Tensor& padding, bool is_causal);
  Tensor feed_forward(const Tensor& x);
  TAPER_FORWARD_HAS_DEFAULT_ARGS({1, AnyValue(Tensor())}, {2, AnyValue(Tensor())},
                                 {3, AnyValue(false)})
};
TAPER_LAYER(TransformerEncoderLayer);

}  // namespace nn
}  // namespace taper
