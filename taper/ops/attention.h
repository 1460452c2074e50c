#pragma once

#include <optional>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// dropout(softmax(scale q k^T + mask)) v over the last two dimensions, in memory linear in the
/// number of queries and keys, forward and backward. query [*, L, E], key [*, S, E], value
/// [*, S, D] give [*, L, D]; leading sizes broadcast. A bool attn_mask, broadcast to [*, L, S], is
/// true where a query may look; a floating one is added to the scores. is_causal hides the keys
/// behind the query's own position. A query that sees no key gives 0. scale is 1 / sqrt(E) unless
/// given. dropout_p applies whenever it is not 0. enable_gqa: each head (dimension -3) of key and
/// value serves as many heads of query as divide evenly. Throws on types that differ, sizes that do
/// not fit, and a mask beside is_causal. Where the mask wants a gradient, and for a graph of the
/// gradients, the weights [*, L, S] are formed.
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const std::optional<Tensor>& attn_mask = std::nullopt,
                                    double dropout_p = 0, bool is_causal = false,
                                    std::optional<double> scale = std::nullopt,
                                    bool enable_gqa = false);

}  // namespace taper
