#include "taper/nn/embedding.h"

#include <ostream>

#include "taper/nn/functional.h"
#include "taper/nn/init.h"
#include "taper/ops/creation.h"
#include "taper/ops/slicing.h"

namespace taper::nn {
namespace {

/// Checks the options and takes the given weight, which is used once: a clone gets its own.
template <class Options>
Tensor take_weight(const char* name, Options& options) {
  const int64_t rows = options.num_embeddings(), columns = options.embedding_dim();
  if (std::optional<int64_t>& padding = options.padding_idx()) {
    TAPER_CHECK_AS(ConfigError, *padding >= -rows && *padding < rows, name,
                   ": Padding_idx must be within num_embeddings, got ", *padding, " of ", rows);
    if (*padding < 0) *padding += rows;
  }
  Tensor given = std::exchange(options._weight(), Tensor());
  TAPER_CHECK_AS(ShapeError, !given.defined() || given.sizes() == IntArrayRef({rows, columns}),
                 name, ": Shape of weight does not match num_embeddings and embedding_dim, got ",
                 given.defined() ? given.sizes() : IntArrayRef(), ", expected [", rows, ", ",
                 columns, "]");
  return given;
}

template <class Options>
Tensor empty_weight(const Options& options) {
  return empty({options.num_embeddings(), options.embedding_dim()});
}

/// The options of a layer with this weight, and what else was given.
template <class Options, class Given>
Options options_of(const char* name, const Tensor& embeddings, const Given& given) {
  TAPER_CHECK_AS(ShapeError, embeddings.defined() && embeddings.dim() == 2, name,
                 ": Embeddings parameter is expected to be 2-dimensional, got sizes ",
                 embeddings.defined() ? embeddings.sizes() : IntArrayRef());
  return Options(embeddings.size(0), embeddings.size(1))
      ._weight(embeddings)
      .padding_idx(given.padding_idx())
      .max_norm(given.max_norm())
      .norm_type(given.norm_type())
      .scale_grad_by_freq(given.scale_grad_by_freq())
      .sparse(given.sparse());
}

/// What both layers print of their options, as Python's.
template <class Options>
std::string norm_text(const Options& options) {
  std::string s;
  if (options.max_norm()) s += str(", max_norm=", *options.max_norm());
  if (options.norm_type() != 2) s += str(", norm_type=", options.norm_type());
  if (options.scale_grad_by_freq()) s += ", scale_grad_by_freq=true";
  return s;
}

void start(const Tensor& weight, const std::optional<int64_t>& padding_idx) {
  init::normal_(weight);
  if (padding_idx) init::zeros_(weight.detach().select(0, *padding_idx));
}

}  // namespace

EmbeddingImpl::EmbeddingImpl(EmbeddingOptions o) : options(std::move(o)) { EmbeddingImpl::reset(); }

void EmbeddingImpl::reset() {
  const Tensor given = take_weight("Embedding", options);
  register_parameter("weight", &weight, given.defined() ? given : empty_weight(options));
  if (!given.defined()) reset_parameters();
}

void EmbeddingImpl::reset_parameters() { start(weight, options.padding_idx()); }

void EmbeddingImpl::pretty_print(std::ostream& stream) const {
  std::string s = str("taper::nn::Embedding(num_embeddings=", options.num_embeddings(),
                      ", embedding_dim=", options.embedding_dim());
  if (options.padding_idx()) s += str(", padding_idx=", *options.padding_idx());
  s += norm_text(options);
  if (options.sparse()) s += ", sparse=true";
  stream << s << ')';
}

Tensor EmbeddingImpl::forward(const Tensor& input) {
  return functional::embedding(input, weight,
                               functional::EmbeddingFuncOptions()
                                   .padding_idx(options.padding_idx())
                                   .max_norm(options.max_norm())
                                   .norm_type(options.norm_type())
                                   .scale_grad_by_freq(options.scale_grad_by_freq())
                                   .sparse(options.sparse()));
}

Embedding Embedding::from_pretrained(const Tensor& embeddings,
                                     const EmbeddingFromPretrainedOptions& options) {
  Embedding embedding(options_of<EmbeddingOptions>("Embedding", embeddings, options));
  embedding->weight.set_requires_grad(!options.freeze());
  return embedding;
}

EmbeddingBagImpl::EmbeddingBagImpl(EmbeddingBagOptions o) : options(std::move(o)) {
  EmbeddingBagImpl::reset();
}

void EmbeddingBagImpl::reset() {
  const Tensor given = take_weight("EmbeddingBag", options);
  register_parameter("weight", &weight, given.defined() ? given : empty_weight(options));
  if (!given.defined()) reset_parameters();
}

void EmbeddingBagImpl::reset_parameters() { start(weight, options.padding_idx()); }

void EmbeddingBagImpl::pretty_print(std::ostream& stream) const {
  constexpr const char* kModes[] = {"sum", "mean", "max"};
  std::string s =
      str("taper::nn::EmbeddingBag(", options.num_embeddings(), ", ", options.embedding_dim());
  s += norm_text(options);
  s += str(", mode='", kModes[options.mode().index()], "'");
  if (options.padding_idx()) s += str(", padding_idx=", *options.padding_idx());
  stream << s << ')';
}

Tensor EmbeddingBagImpl::forward(const Tensor& input, const Tensor& offsets,
                                 const Tensor& per_sample_weights) {
  return functional::embedding_bag(input, weight,
                                   functional::EmbeddingBagFuncOptions()
                                       .offsets(offsets)
                                       .max_norm(options.max_norm())
                                       .norm_type(options.norm_type())
                                       .scale_grad_by_freq(options.scale_grad_by_freq())
                                       .mode(options.mode())
                                       .sparse(options.sparse())
                                       .per_sample_weights(per_sample_weights)
                                       .include_last_offset(options.include_last_offset())
                                       .padding_idx(options.padding_idx()));
}

EmbeddingBag EmbeddingBag::from_pretrained(const Tensor& embeddings,
                                           const EmbeddingBagFromPretrainedOptions& options) {
  EmbeddingBag bag(options_of<EmbeddingBagOptions>("EmbeddingBag", embeddings, options)
                       .mode(options.mode())
                       .include_last_offset(options.include_last_offset()));
  bag->weight.set_requires_grad(!options.freeze());
  return bag;
}

template class Cloneable<EmbeddingImpl>;
template class Cloneable<EmbeddingBagImpl>;

}  // namespace taper::nn
