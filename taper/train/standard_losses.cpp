#include "taper/nn/functional_loss.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/loss.h"
#include "taper/ops/pointwise.h"
#include "taper/train/standard.h"

namespace taper::train {
namespace {

using Weights = std::vector<double>;

/// Weights in the type of what they weigh; none when there are none.
std::optional<Tensor> weights_like(const Weights& weights, const Tensor& like) {
  if (weights.empty()) return std::nullopt;
  return tensor(weights, kDouble).to(like.scalar_type());
}

struct PlainArgs {
  std::string reduction = "mean";

  void fields(Fields& f) {
    f("reduction", reduction, "what becomes of the losses of a batch").one_of({"mean", "sum"});
  }
  int64_t mode() const { return reduction == "mean" ? Reduction::Mean : Reduction::Sum; }
};

struct WeightedArgs : PlainArgs {
  Weights weight;

  void fields(Fields& f) {
    f("weight", weight, "a weight for each class; empty: 1").min(0);
    PlainArgs::fields(f);
  }
};

struct ClassArgs : WeightedArgs {
  int64_t ignore_index = -100;

  void fields(Fields& f) {
    f("ignore_index", ignore_index, "class whose samples do not count");
    WeightedArgs::fields(f);
  }
};

struct CrossEntropyArgs : ClassArgs {
  double label_smoothing = 0;

  void fields(Fields& f) {
    f("label_smoothing", label_smoothing, "part of the target that is spread over all classes")
        .range(0, 1);
    ClassArgs::fields(f);
  }
};

struct BetaArgs : PlainArgs {
  double beta = 1;
  void fields(Fields& f) {
    f("beta", beta, "difference from which the loss is straight").min(0);
    PlainArgs::fields(f);
  }
};

struct DeltaArgs : PlainArgs {
  double delta = 1;
  void fields(Fields& f) {
    f("delta", delta, "difference from which the loss is straight").above(0);
    PlainArgs::fields(f);
  }
};

struct BceArgs : WeightedArgs {
  Weights pos_weight;
  void fields(Fields& f) {
    f("pos_weight", pos_weight, "a weight for each class's positive cases; empty: 1").min(0);
    WeightedArgs::fields(f);
  }
};

struct KlDivArgs {
  bool log_target = false;
  std::string reduction = "mean";
  void fields(Fields& f) {
    f("log_target", log_target, "the target holds logarithms");
    f("reduction", reduction, "what becomes of the losses of a batch")
        .one_of({"mean", "sum", "batchmean"});
  }
};

struct PoissonArgs : PlainArgs {
  bool log_input = true, full = false;
  double eps = 1e-8;
  void fields(Fields& f) {
    f("log_input", log_input, "the output is the rate's logarithm");
    f("full", full, "add Stirling's term");
    f("eps", eps, "added within the logarithm").above(0);
    PlainArgs::fields(f);
  }
};

struct MarginArgs : PlainArgs {
  double margin = 1;
  void fields(Fields& f) {
    f("margin", margin, "distance that is asked for");
    PlainArgs::fields(f);
  }
};

struct MultiMarginArgs : WeightedArgs {
  int64_t p = 1;
  double margin = 1;
  void fields(Fields& f) {
    f("p", p, "power").range(1, 2);
    f("margin", margin, "distance that is asked for");
    WeightedArgs::fields(f);
  }
};

Tensor kl_div_loss(const KlDivArgs& args, const Tensor& output, const Tensor& target) {
  if (args.reduction == "mean") return kl_div(output, target, Reduction::Mean, args.log_target);
  Tensor sum = kl_div(output, target, Reduction::Sum, args.log_target);
  if (args.reduction == "sum") return sum;
  TAPER_CHECK_AS(ShapeError, output.dim() > 0,
                 "KLDivLoss: batchmean needs a batch, got an output without dimensions");
  return sum.div(static_cast<double>(output.size(0)));
}

Tensor multilabel_soft_margin(const WeightedArgs& args, const Tensor& output,
                              const Tensor& target) {
  nn::functional::MultilabelSoftMarginLossFuncOptions options;
  if (const auto weight = weights_like(args.weight, output)) options.weight(*weight);
  if (args.reduction == "sum") options.reduction(kSum);
  return nn::functional::multilabel_soft_margin_loss(output, target, options);
}

/// Adds loss(args, output, target).
template <class Args>
void add(LossRegistry& registry, const char* name, const char* help,
         Tensor (*loss)(const Args&, const Tensor&, const Tensor&)) {
  registry.add<Args>(name, help, [loss](const Args& args) {
    return [args, loss](const Tensor& output, const Tensor& target) {
      return loss(args, output, target);
    };
  });
}

void add_class_losses(LossRegistry& r) {
  add<CrossEntropyArgs>(r, "CrossEntropyLoss", "of logits and classes, or probabilities of classes",
                        [](const CrossEntropyArgs& a, const Tensor& x, const Tensor& y) {
                          return cross_entropy_loss(x, y, weights_like(a.weight, x), a.mode(),
                                                    a.ignore_index, a.label_smoothing);
                        });
  add<ClassArgs>(r, "NLLLoss", "of logarithms of probabilities and classes",
                 [](const ClassArgs& a, const Tensor& x, const Tensor& y) {
                   return nll_loss_nd(x, y, weights_like(a.weight, x), a.mode(), a.ignore_index);
                 });
  add<WeightedArgs>(r, "BCELoss", "of probabilities and targets from 0 to 1",
                    [](const WeightedArgs& a, const Tensor& x, const Tensor& y) {
                      return binary_cross_entropy(x, y, weights_like(a.weight, x), a.mode());
                    });
  add<BceArgs>(r, "BCEWithLogitsLoss", "of logits and targets from 0 to 1",
               [](const BceArgs& a, const Tensor& x, const Tensor& y) {
                 return binary_cross_entropy_with_logits(x, y, weights_like(a.weight, x),
                                                         weights_like(a.pos_weight, x), a.mode());
               });
  add<MultiMarginArgs>(r, "MultiMarginLoss", "of scores and classes",
                       [](const MultiMarginArgs& a, const Tensor& x, const Tensor& y) {
                         return multi_margin_loss(x, y, a.p, a.margin, weights_like(a.weight, x),
                                                  a.mode());
                       });
  add<PlainArgs>(r, "MultiLabelMarginLoss", "of scores and lists of classes",
                 [](const PlainArgs& a, const Tensor& x, const Tensor& y) {
                   return multilabel_margin_loss(x, y, a.mode());
                 });
  add<WeightedArgs>(r, "MultiLabelSoftMarginLoss", "of logits and a 0 or 1 for each class",
                    &multilabel_soft_margin);
}

void add_value_losses(LossRegistry& r) {
  add<PlainArgs>(r, "MSELoss", "squared differences",
                 [](const PlainArgs& a, const Tensor& x, const Tensor& y) {
                   return mse_loss(x, y, a.mode());
                 });
  add<PlainArgs>(
      r, "L1Loss", "absolute differences",
      [](const PlainArgs& a, const Tensor& x, const Tensor& y) { return l1_loss(x, y, a.mode()); });
  add<BetaArgs>(r, "SmoothL1Loss", "squares of small differences, sizes of large ones",
                [](const BetaArgs& a, const Tensor& x, const Tensor& y) {
                  return smooth_l1_loss(x, y, a.mode(), a.beta);
                });
  add<DeltaArgs>(r, "HuberLoss", "SmoothL1Loss times delta",
                 [](const DeltaArgs& a, const Tensor& x, const Tensor& y) {
                   return huber_loss(x, y, a.mode(), a.delta);
                 });
  add<KlDivArgs>(r, "KLDivLoss", "of logarithms of probabilities and probabilities", &kl_div_loss);
  add<PoissonArgs>(r, "PoissonNLLLoss", "of rates and counts",
                   [](const PoissonArgs& a, const Tensor& x, const Tensor& y) {
                     return poisson_nll_loss(x, y, a.log_input, a.full, a.eps, a.mode());
                   });
  add<PlainArgs>(r, "SoftMarginLoss", "of scores and targets of 1 or -1",
                 [](const PlainArgs& a, const Tensor& x, const Tensor& y) {
                   return soft_margin_loss(x, y, a.mode());
                 });
  add<MarginArgs>(r, "HingeEmbeddingLoss", "of distances and targets of 1 or -1",
                  [](const MarginArgs& a, const Tensor& x, const Tensor& y) {
                    return hinge_embedding_loss(x, y, a.margin, a.mode());
                  });
}

}  // namespace

LossRegistry standard_losses() {
  LossRegistry registry("loss");
  add_class_losses(registry);
  add_value_losses(registry);
  return registry;
}

}  // namespace taper::train
