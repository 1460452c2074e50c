#include "taper/nn/adaptive.h"

#include <cmath>
#include <ostream>

#include "taper/nn/sequential.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/masking.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/scatter.h"
#include "taper/ops/softmax.h"
#include "taper/ops/sorting.h"
#include "taper/ops/view.h"

namespace taper::nn {

AdaptiveLogSoftmaxWithLossImpl::AdaptiveLogSoftmaxWithLossImpl(AdaptiveLogSoftmaxWithLossOptions o)
    : options(std::move(o)) {
  AdaptiveLogSoftmaxWithLossImpl::reset();
}

int64_t AdaptiveLogSoftmaxWithLossImpl::start_of(int64_t cluster) const {
  return cluster < clusters() ? options.cutoffs()[static_cast<size_t>(cluster)]
                              : options.n_classes();
}

void AdaptiveLogSoftmaxWithLossImpl::reset() {
  const std::vector<int64_t>& cutoffs = options.cutoffs();
  bool grows = !cutoffs.empty() && cutoffs[0] > 0 && cutoffs.back() < options.n_classes();
  for (size_t i = 1; i < cutoffs.size(); ++i) grows = grows && cutoffs[i - 1] < cutoffs[i];
  TAPER_CHECK_AS(ConfigError, grows,
                 "AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of unique, positive "
                 "integers sorted in an increasing order, where each value is between 1 and "
                 "n_classes-1, got ",
                 IntArrayRef(cutoffs), " for ", options.n_classes(), " classes");
  const int64_t in = options.in_features();
  TAPER_CHECK_AS(ConfigError, in > 0 && options.div_value() > 0,
                 "AdaptiveLogSoftmaxWithLoss: expected in_features and div_value above 0, got ", in,
                 " and ", options.div_value());
  head = register_module(
      "head", Linear(LinearOptions(in, cutoffs[0] + clusters()).bias(options.head_bias())));
  ModuleList list;
  for (int64_t i = 0; i < clusters(); ++i) {
    const auto features = static_cast<int64_t>(static_cast<double>(in) /
                                               std::pow(options.div_value(), double(i + 1)));
    list->push_back(
        Sequential(Linear(LinearOptions(in, features).bias(false)),
                   Linear(LinearOptions(features, start_of(i + 1) - start_of(i)).bias(false))));
  }
  tail = register_module("tail", list);
}

void AdaptiveLogSoftmaxWithLossImpl::reset_parameters() {
  apply([](Module& module) {
    if (auto* layer = module.as<LinearImpl>()) layer->reset_parameters();
  });
}

void AdaptiveLogSoftmaxWithLossImpl::pretty_print(std::ostream& stream) const {
  stream << "taper::nn::AdaptiveLogSoftmaxWithLoss";
}

Tensor AdaptiveLogSoftmaxWithLossImpl::cluster_log_prob(int64_t cluster, const Tensor& input) {
  return log_softmax(call(tail->at<SequentialImpl>(static_cast<size_t>(cluster)), input), 1);
}

ASMoutput AdaptiveLogSoftmaxWithLossImpl::forward(const Tensor& input, const Tensor& target) {
  const char* const name = "AdaptiveLogSoftmaxWithLoss";
  TAPER_CHECK_AS(ShapeError, target.dim() <= 1, name,
                 ": 0D or 1D target tensor expected, multi-target not supported, got sizes ",
                 target.sizes());
  TAPER_CHECK_AS(DTypeError, target.scalar_type() == kLong, name,
                 ": expected an int64 target, got ", target.scalar_type());
  const bool batched = target.dim() == 1;
  TAPER_CHECK_AS(ShapeError, input.dim() == target.dim() + 1, name, ": ", target.dim(),
                 "D target tensor expects ", target.dim() + 1,
                 "D input tensors, but found inputs with size ", input.sizes());
  TAPER_CHECK_AS(ShapeError, !batched || input.size(0) == target.size(0), name,
                 ": Input and target should have the same size in the batch dimension, got ",
                 input.sizes(), " and ", target.sizes());
  const Tensor x = batched ? input : input.unsqueeze(0);
  const Tensor classes = batched ? target : target.unsqueeze(0);
  const Tensor inside = classes.ge(0).logical_and(classes.lt(options.n_classes()));
  TAPER_CHECK_AS(IndexError, inside.all().item<bool>(), name, ": Target values should be in [0, ",
                 options.n_classes() - 1, "], but values in range [", classes.min().item<int64_t>(),
                 ", ", classes.max().item<int64_t>(), "] were found. ");
  Tensor places = classes, output = zeros({x.size(0)}, x.options());
  for (int64_t i = 0; i < clusters(); ++i) {
    const Tensor here = classes.ge(start_of(i)).logical_and(classes.lt(start_of(i + 1)));
    const Tensor rows = here.nonzero().flatten();
    if (rows.numel() == 0) continue;
    const Tensor relative = classes.index_select(0, rows).sub(start_of(i)).unsqueeze(1);
    const Tensor values = cluster_log_prob(i, x.index_select(0, rows)).gather(1, relative);
    output = output.index_copy(0, rows, values.squeeze(1));
    places = places.masked_fill(here, options.cutoffs()[0] + i);
  }
  const Tensor top = log_softmax(head(x), 1).gather(1, places.unsqueeze(1));
  output = output.add(top.squeeze(1));
  const Tensor loss = output.neg().mean();
  return {batched ? output : output.squeeze(0), loss};
}

Tensor AdaptiveLogSoftmaxWithLossImpl::log_prob(const Tensor& input) {
  TAPER_CHECK_AS(ShapeError, input.dim() == 2,
                 "AdaptiveLogSoftmaxWithLoss: log_prob expected input of 2 dimensions, got sizes ",
                 input.sizes());
  const int64_t short_list = options.cutoffs()[0];
  const Tensor top = log_softmax(head(input), 1);
  std::vector<Tensor> parts{top.narrow(1, 0, short_list)};
  for (int64_t i = 0; i < clusters(); ++i) {
    parts.push_back(cluster_log_prob(i, input).add(top.narrow(1, short_list + i, 1)));
  }
  return cat(parts, 1);
}

Tensor AdaptiveLogSoftmaxWithLossImpl::predict(const Tensor& input) {
  return log_prob(input).argmax(1);
}

template class Cloneable<AdaptiveLogSoftmaxWithLossImpl>;

}  // namespace taper::nn
