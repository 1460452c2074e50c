#pragma once

#include <vector>

#include "taper/base/arg.h"
#include "taper/nn/containers.h"
#include "taper/nn/linear.h"

namespace taper TAPER_API {
namespace nn {

/// What AdaptiveLogSoftmaxWithLoss gives: each sample's log probability of its target, and their
/// mean, negated.
struct ASMoutput {
  Tensor output, loss;
};

struct AdaptiveLogSoftmaxWithLossOptions {
  AdaptiveLogSoftmaxWithLossOptions(int64_t in_features, int64_t n_classes,
                                    std::vector<int64_t> cutoffs)
      : in_features_(in_features), n_classes_(n_classes), cutoffs_(std::move(cutoffs)) {}
  TAPER_ARG(int64_t, in_features);
  TAPER_ARG(int64_t, n_classes);
  /// The first classes of the clusters, growing, between 1 and n_classes - 1.
  TAPER_ARG(std::vector<int64_t>, cutoffs);
  /// Cluster i projects the input to in_features / div_value^(i + 1) features.
  TAPER_ARG(double, div_value) = 4;
  TAPER_ARG(bool, head_bias) = false;
};

/// Log softmax over many classes sorted by frequency, the rare ones in clusters of their own with
/// smaller projections (Grave et al., 2016).
class AdaptiveLogSoftmaxWithLossImpl : public Cloneable<AdaptiveLogSoftmaxWithLossImpl> {
 public:
  AdaptiveLogSoftmaxWithLossImpl(int64_t in_features, int64_t n_classes,
                                 std::vector<int64_t> cutoffs)
      : AdaptiveLogSoftmaxWithLossImpl(
            AdaptiveLogSoftmaxWithLossOptions(in_features, n_classes, std::move(cutoffs))) {}
  /// Throws unless the cutoffs are as described.
  explicit AdaptiveLogSoftmaxWithLossImpl(AdaptiveLogSoftmaxWithLossOptions options);
  void reset() override;
  void reset_parameters();
  void pretty_print(std::ostream& stream) const override;
  /// input [N, in_features] and target [N] of classes, or one sample of each. Throws on other sizes
  /// and on a target that is no class.
  ASMoutput forward(const Tensor& input, const Tensor& target);
  /// The log probabilities of all classes, [N, n_classes].
  Tensor log_prob(const Tensor& input);
  /// The most probable classes, [N].
  Tensor predict(const Tensor& input);

  AdaptiveLogSoftmaxWithLossOptions options;
  Linear head = nullptr;
  ModuleList tail = nullptr;

 private:
  int64_t clusters() const { return static_cast<int64_t>(options.cutoffs().size()); }
  /// The first class of a cluster; of one past the last, the number of classes.
  int64_t start_of(int64_t cluster) const;
  Tensor cluster_log_prob(int64_t cluster, const Tensor& input);
};
TAPER_LAYER(AdaptiveLogSoftmaxWithLoss);

}  // namespace nn
}  // namespace taper
