#include "taper/nn/distance.h"

#include <ostream>

#include "taper/ops/distance.h"

namespace taper::nn {

void CosineSimilarityImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::CosineSimilarity()";
}
Tensor CosineSimilarityImpl::forward(const Tensor& x1, const Tensor& x2) {
  return cosine_similarity(x1, x2, options.dim(), options.eps());
}

void PairwiseDistanceImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::PairwiseDistance()";
}
Tensor PairwiseDistanceImpl::forward(const Tensor& x1, const Tensor& x2) {
  return pairwise_distance(x1, x2, options.p(), options.eps(), options.keepdim());
}

template class Cloneable<CosineSimilarityImpl>;
template class Cloneable<PairwiseDistanceImpl>;

}  // namespace taper::nn
