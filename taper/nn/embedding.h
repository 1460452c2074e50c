#pragma once

#include <optional>

#include "taper/base/arg.h"
#include "taper/nn/cloneable.h"
#include "taper/nn/functional_loss.h"
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
  /// Rows with a larger norm are shortened, in place, before they are read.
  TAPER_ARG(std::optional<double>, max_norm) = std::nullopt;
  TAPER_ARG(double, norm_type) = 2;
  /// Divides a row's gradient by how often it is named.
  TAPER_ARG(bool, scale_grad_by_freq) = false;
  /// Gradients are dense whatever this says.
  TAPER_ARG(bool, sparse) = false;
  /// The weight to use instead of a random one.
  TAPER_ARG(Tensor, _weight) = Tensor();
};

struct EmbeddingFromPretrainedOptions {
  TAPER_ARG(bool, freeze) = true;
  TAPER_ARG(std::optional<int64_t>, padding_idx) = std::nullopt;
  TAPER_ARG(std::optional<double>, max_norm) = std::nullopt;
  TAPER_ARG(double, norm_type) = 2;
  TAPER_ARG(bool, scale_grad_by_freq) = false;
  TAPER_ARG(bool, sparse) = false;
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

struct EmbeddingBagOptions {
  using Mode = functional::EmbeddingBagFuncOptions::Mode;
  EmbeddingBagOptions(int64_t num_embeddings, int64_t embedding_dim)
      : num_embeddings_(num_embeddings), embedding_dim_(embedding_dim) {}
  TAPER_ARG(int64_t, num_embeddings);
  TAPER_ARG(int64_t, embedding_dim);
  /// Rows with a larger norm are shortened, in place, before they are read.
  TAPER_ARG(std::optional<double>, max_norm) = std::nullopt;
  TAPER_ARG(double, norm_type) = 2;
  TAPER_ARG(bool, scale_grad_by_freq) = false;
  TAPER_ARG(Mode, mode) = kMean;
  TAPER_ARG(bool, sparse) = false;
  TAPER_ARG(Tensor, _weight) = Tensor();
  /// The offsets end with the number of indices.
  TAPER_ARG(bool, include_last_offset) = false;
  /// Indices of this row are skipped; negative ones count from the end.
  TAPER_ARG(std::optional<int64_t>, padding_idx) = std::nullopt;
};

struct EmbeddingBagFromPretrainedOptions {
  TAPER_ARG(bool, freeze) = true;
  TAPER_ARG(std::optional<double>, max_norm) = std::nullopt;
  TAPER_ARG(double, norm_type) = 2;
  TAPER_ARG(bool, scale_grad_by_freq) = false;
  TAPER_ARG(EmbeddingBagOptions::Mode, mode) = kMean;
  TAPER_ARG(bool, sparse) = false;
  TAPER_ARG(bool, include_last_offset) = false;
  TAPER_ARG(std::optional<int64_t>, padding_idx) = std::nullopt;
};

/// Sums, means or maxima of bags of rows of weight [num_embeddings, embedding_dim].
class EmbeddingBagImpl : public Cloneable<EmbeddingBagImpl> {
 public:
  EmbeddingBagImpl(int64_t num_embeddings, int64_t embedding_dim)
      : EmbeddingBagImpl(EmbeddingBagOptions(num_embeddings, embedding_dim)) {}
  explicit EmbeddingBagImpl(EmbeddingBagOptions options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  /// See functional::embedding_bag().
  Tensor forward(const Tensor& input, const Tensor& offsets = {},
                 const Tensor& per_sample_weights = {});

  EmbeddingBagOptions options;
  Tensor weight;
};
extern template class Cloneable<EmbeddingBagImpl>;

class EmbeddingBag : public ModuleHolder<EmbeddingBagImpl> {
 public:
  using ModuleHolder<EmbeddingBagImpl>::ModuleHolder;
  using Impl = EmbeddingBagImpl;
  /// As Embedding::from_pretrained().
  static EmbeddingBag from_pretrained(const Tensor& embeddings,
                                      const EmbeddingBagFromPretrainedOptions& options = {});
};

}  // namespace nn
}  // namespace taper
