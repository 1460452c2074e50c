#pragma once

#include "taper/ops/extremum.h"
#include "taper/ops/loss.h"
#include "taper/ops/op_util.h"

// What losses made of other ops share.
namespace taper {

/// The losses of the elements as the reduction asks.
inline Tensor reduced(const Tensor& losses, int64_t reduction) {
  if (reduction == Reduction::Mean) return losses.mean();
  return reduction == Reduction::Sum ? losses.sum() : losses;
}

/// max(0, distance(anchor, positive) - distance(anchor, negative) + margin); swap takes the
/// negative's smaller distance, to anchor or to positive.
template <class Distance>
Tensor triplet_loss(const char* op, const Tensor& anchor, const Tensor& positive,
                    const Tensor& negative, double margin, bool swap, int64_t reduction,
                    const Distance& distance) {
  TAPER_CHECK_AS(ShapeError, anchor.dim() == positive.dim() && anchor.dim() == negative.dim(), op,
                 ": The anchor, positive, and negative tensors are expected to have the same "
                 "number of dimensions, but got: anchor ",
                 anchor.dim(), "D, positive ", positive.dim(), "D, and negative ", negative.dim(),
                 "D inputs");
  Tensor far = distance(anchor, negative);
  if (swap) far = minimum(far, distance(positive, negative));
  return reduced(distance(anchor, positive).sub(far).add(margin).clamp_min(0), reduction);
}

}  // namespace taper
