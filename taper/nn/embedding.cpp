#include "taper/nn/embedding.h"

#include <ostream>

#include "taper/nn/init.h"
#include "taper/ops/creation.h"
#include "taper/ops/scatter.h"
#include "taper/ops/slicing.h"

namespace taper::nn {

EmbeddingImpl::EmbeddingImpl(EmbeddingOptions o) : options(std::move(o)) { EmbeddingImpl::reset(); }

void EmbeddingImpl::reset() {
  const int64_t rows = options.num_embeddings(), columns = options.embedding_dim();
  if (std::optional<int64_t>& padding = options.padding_idx()) {
    TAPER_CHECK_AS(ConfigError, *padding >= -rows && *padding < rows,
                   "Embedding: Padding_idx must be within num_embeddings, got ", *padding, " of ",
                   rows);
    if (*padding < 0) *padding += rows;
  }
  // Used once: a clone gets a weight of its own.
  const Tensor given = std::exchange(options._weight(), Tensor());
  if (given.defined()) {
    TAPER_CHECK_AS(ShapeError, given.sizes() == IntArrayRef({rows, columns}),
                   "Embedding: Shape of weight does not match num_embeddings and embedding_dim, "
                   "got ",
                   given.sizes(), ", expected [", rows, ", ", columns, "]");
    weight = register_parameter("weight", given);
    return;
  }
  weight = register_parameter("weight", empty({rows, columns}));
  reset_parameters();
}

void EmbeddingImpl::reset_parameters() {
  init::normal_(weight);
  if (options.padding_idx()) init::zeros_(weight.detach().select(0, *options.padding_idx()));
}

void EmbeddingImpl::pretty_print(std::ostream& stream) const {
  std::string s = str("taper::nn::Embedding(num_embeddings=", options.num_embeddings(),
                      ", embedding_dim=", options.embedding_dim());
  if (options.padding_idx()) s += str(", padding_idx=", *options.padding_idx());
  stream << s << ')';
}

Tensor EmbeddingImpl::forward(const Tensor& input) {
  return embedding(weight, input, options.padding_idx().value_or(-1));
}

Embedding Embedding::from_pretrained(const Tensor& embeddings,
                                     const EmbeddingFromPretrainedOptions& options) {
  TAPER_CHECK_AS(ShapeError, embeddings.dim() == 2,
                 "Embedding: Embeddings parameter is expected to be 2-dimensional, got sizes ",
                 embeddings.sizes());
  Embedding embedding(EmbeddingOptions(embeddings.size(0), embeddings.size(1))
                          ._weight(embeddings)
                          .padding_idx(options.padding_idx()));
  embedding->weight.set_requires_grad(!options.freeze());
  return embedding;
}

template class Cloneable<EmbeddingImpl>;

}  // namespace taper::nn
