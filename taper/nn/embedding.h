#pragma once

#include <optional>

#include "taper/base/arg.h"
#include "taper/nn/cloneable.h"
#include "taper/nn/module_holder.h"

namespace taper TAPER_API {
namespace nn {

struct EmbeddingOptions {
  EmbeddingOptions(int64_t num_embeddings, int64_t embedding_dim)
      : num_embeddings_(num_embeddings), embedding_dim_(embedding_dim) {}
  TAPER_ARG(int64_t, num_embeddings);
  TAPER_ARG(int64_t, embedding_dim);
  /// This row starts as zeros and gets no gradient; negative ones count from the end.
  TAPER_ARG(std::optional<int64_t>, padding_idx) = std::nullopt;
  /// The weight to use instead of a random one.
  TAPER_ARG(Tensor, _weight) = Tensor();
};

struct EmbeddingFromPretrainedOptions {
  TAPER_ARG(bool, freeze) = true;
  TAPER_ARG(std::optional<int64_t>, padding_idx) = std::nullopt;
};

/// Looks up rows of weight [num_embeddings, embedding_dim] (standard normal): integer indices of
/// any sizes give those sizes plus embedding_dim.
class EmbeddingImpl : public Cloneable<EmbeddingImpl> {
 public:
  EmbeddingImpl(int64_t num_embeddings, int64_t embedding_dim)
      : EmbeddingImpl(EmbeddingOptions(num_embeddings, embedding_dim)) {}
  explicit EmbeddingImpl(EmbeddingOptions options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input);

  EmbeddingOptions options;
  Tensor weight;
};
extern template class Cloneable<EmbeddingImpl>;

class Embedding : public ModuleHolder<EmbeddingImpl> {
 public:
  using ModuleHolder<EmbeddingImpl>::ModuleHolder;
  using Impl = EmbeddingImpl;
  /// An embedding whose weight is the given one, without gradient unless freeze(false).
  static Embedding from_pretrained(const Tensor& embeddings,
                                   const EmbeddingFromPretrainedOptions& options = {});
};

}  // namespace nn
}  // namespace taper
