#pragma once

#include "taper/base/arg.h"
#include "taper/nn/plain_layer.h"

namespace taper TAPER_API {
namespace nn {

struct CosineSimilarityOptions {
  TAPER_ARG(int64_t, dim) = 1;
  TAPER_ARG(double, eps) = 1e-8;
};
struct PairwiseDistanceOptions {
  TAPER_ARG(double, p) = 2.0;
  TAPER_ARG(double, eps) = 1e-6;
  TAPER_ARG(bool, keepdim) = false;
};

/// x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along dim.
TAPER_PLAIN_LAYER(CosineSimilarity, CosineSimilarityOptions,
                  Tensor forward(const Tensor& x1, const Tensor& x2));
/// The p-norm of x1 - x2 + eps along the last dimension.
TAPER_PLAIN_LAYER(PairwiseDistance, PairwiseDistanceOptions,
                  Tensor forward(const Tensor& x1, const Tensor& x2));

}  // namespace nn
}  // namespace taper
