#include "taper/optim/adafactor.h"
#include "taper/optim/adagrad.h"
#include "taper/optim/adam.h"
#include "taper/optim/lbfgs.h"
#include "taper/optim/sgd.h"
#include "taper/train/standard.h"

// The options of each optimizer as a config has them. Defaults are the options' own.
namespace taper::train {
namespace {

using namespace taper::optim;

template <class Options>
void rate(train::Fields& f, Options& o) {
  f("lr", o.lr(), "learning rate").min(0);
}
template <class Options>
void decay(train::Fields& f, Options& o) {
  f("weight_decay", o.weight_decay(), "how fast weights shrink").min(0);
}
template <class Options>
void direction(train::Fields& f, Options& o) {
  f("maximize", o.maximize(), "climb instead of descending");
}
/// What the kin of Adam share.
template <class Options>
void adam_like(train::Fields& f, Options& o) {
  rate(f, o);
  f("betas", o.betas(), "decay of the averages of the gradient and of its square").min(0).below(1);
  f("eps", o.eps(), "added to the divisor").min(0);
  decay(f, o);
  direction(f, o);
}

void walk(train::Fields& f, SGDOptions& o) {
  rate(f, o);
  f("momentum", o.momentum(), "decay of the running step").min(0);
  f("dampening", o.dampening(), "part of the gradient that momentum leaves out");
  decay(f, o);
  f("nesterov", o.nesterov(), "look ahead along the running step");
  direction(f, o);
}
void walk(train::Fields& f, AdamWOptions& o) {
  adam_like(f, o);
  f("amsgrad", o.amsgrad(), "divide by the largest average so far");
}
void walk(train::Fields& f, AdamOptions& o) {
  adam_like(f, o);
  f("amsgrad", o.amsgrad(), "divide by the largest average so far");
  f("decoupled_weight_decay", o.decoupled_weight_decay(), "decay as AdamW does");
}
void walk(train::Fields& f, NAdamOptions& o) {
  adam_like(f, o);
  f("momentum_decay", o.momentum_decay(), "decay of the momentum").min(0);
  f("decoupled_weight_decay", o.decoupled_weight_decay(), "decay as AdamW does");
}
void walk(train::Fields& f, RAdamOptions& o) {
  adam_like(f, o);
  f("decoupled_weight_decay", o.decoupled_weight_decay(), "decay as AdamW does");
}
void walk(train::Fields& f, AdamaxOptions& o) { adam_like(f, o); }
void walk(train::Fields& f, RMSpropOptions& o) {
  rate(f, o);
  f("alpha", o.alpha(), "decay of the average of the squared gradient").min(0);
  f("eps", o.eps(), "added to the divisor").min(0);
  decay(f, o);
  f("momentum", o.momentum(), "decay of the running step").min(0);
  f("centered", o.centered(), "divide by the variance instead");
  direction(f, o);
}
void walk(train::Fields& f, AdagradOptions& o) {
  rate(f, o);
  f("lr_decay", o.lr_decay(), "how fast the rate falls").min(0);
  decay(f, o);
  f("initial_accumulator_value", o.initial_accumulator_value(), "first sum of squares").min(0);
  f("eps", o.eps(), "added to the divisor").min(0);
  direction(f, o);
}
void walk(train::Fields& f, AdadeltaOptions& o) {
  rate(f, o);
  f("rho", o.rho(), "decay of the averages of squares").range(0, 1);
  f("eps", o.eps(), "added before the roots").min(0);
  decay(f, o);
  direction(f, o);
}
void walk(train::Fields& f, ASGDOptions& o) {
  rate(f, o);
  f("lambd", o.lambd(), "decay term").min(0);
  f("alpha", o.alpha(), "power of the rate's fall");
  f("t0", o.t0(), "step at which averaging begins").min(0);
  decay(f, o);
  direction(f, o);
}
void walk(train::Fields& f, RpropOptions& o) {
  rate(f, o);
  f("etas", o.etas(), "factors on a change of sign and without one").above(0);
  f("step_sizes", o.step_sizes(), "least and largest step").min(0);
  direction(f, o);
}
void walk(train::Fields& f, LionOptions& o) {
  rate(f, o);
  f("betas", o.betas(), "weights of the average in the step and in itself").min(0).below(1);
  decay(f, o);
  direction(f, o);
}
void walk(train::Fields& f, AdafactorOptions& o) {
  rate(f, o);
  f("beta2_decay", o.beta2_decay(), "power of the averages' decay").max(0);
  f("eps", o.eps(), "least squared gradient (null: the type's own) and least size").min(0);
  f("d", o.d(), "threshold of clipping").min(1);
  decay(f, o);
  direction(f, o);
}
void walk(train::Fields& f, MuonOptions& o) {
  rate(f, o);
  decay(f, o);
  f("momentum", o.momentum(), "decay of the running step").min(0);
  f("nesterov", o.nesterov(), "look ahead along the running step");
  f("ns_coefficients", o.ns_coefficients(), "of the iteration that orthogonalizes");
  f("eps", o.eps(), "added to the norm").min(0);
  f("ns_steps", o.ns_steps(), "iterations").range(0, 99);
  f("adjust_lr_fn", o.adjust_lr_fn(), "how the rate follows a matrix's size")
      .one_of({"original", "match_rms_adamw"});
}
void walk(train::Fields& f, LBFGSOptions& o) {
  rate(f, o);
  f("max_iter", o.max_iter(), "iterations of a step").min(1);
  f("max_eval", o.max_eval(), "evaluations of a step; null: max_iter * 5 / 4").min(1);
  f("tolerance_grad", o.tolerance_grad(), "gradient at which a step ends").min(0);
  f("tolerance_change", o.tolerance_change(), "change at which a step ends").min(0);
  f("history_size", o.history_size(), "steps remembered").min(1);
  f("line_search_fn", o.line_search_fn(), "how the length of a step is found")
      .one_of({"strong_wolfe"});
}

template <class Options>
struct GroupArgs {
  OneOrMore<std::string> match;
  Options options;

  void fields(train::Fields& f) {
    f("match", match, "names of the parameters, with * and ?").required();
    walk(f, options);
  }
  void check() const { options.check(); }
};

template <class Options>
struct OptimizerArgs {
  Options options;
  GroupArgs<Options> like;
  std::vector<GroupArgs<Options>> groups;

  void fields(train::Fields& f) {
    walk(f, options);
    f.flush();
    like.options = options;
    f("groups", groups, like, "parameters with options of their own");
  }
  void check() const { options.check(); }
};

bool matches(std::string_view name, std::string_view pattern) {
  size_t i = 0, j = 0, star = std::string_view::npos, resume = 0;
  while (i < name.size()) {
    if (j < pattern.size() && pattern[j] == '*') {
      star = j++;
      resume = i;
    } else if (j < pattern.size() && (pattern[j] == '?' || pattern[j] == name[i])) {
      ++i;
      ++j;
    } else if (star != std::string_view::npos) {
      j = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  while (j < pattern.size() && pattern[j] == '*') ++j;
  return j == pattern.size();
}

/// The parameters that no group asks for, then those of each group.
std::vector<NamedParameters> split(const NamedParameters& parameters,
                                   const std::vector<std::vector<std::string>>& groups) {
  std::vector<NamedParameters> parts(groups.size() + 1);
  for (const auto& item : parameters) {
    size_t part = 0;
    for (size_t i = 0; i < groups.size() && part == 0; ++i) {
      for (const std::string& pattern : groups[i]) {
        if (matches(item.key(), pattern)) part = i + 1;
      }
    }
    parts[part].insert(item.key(), item.value());
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    TAPER_CHECK_AS(ConfigError, !parts[i + 1].is_empty(), "groups.", i,
                   ": expected names of parameters, but match leaves none of ", parameters.size(),
                   parameters.is_empty() ? "" : ", whose first is " + parameters.front().key());
  }
  return parts;
}

template <class Optimizer, class Options>
std::unique_ptr<optim::Optimizer> make(const OptimizerArgs<Options>& args,
                                       const NamedParameters& parameters) {
  std::vector<std::vector<std::string>> patterns;
  for (const auto& group : args.groups) {
    patterns.emplace_back(group.match.begin(), group.match.end());
  }
  const std::vector<NamedParameters> parts = split(parameters, patterns);
  std::vector<OptimizerParamGroup> groups;
  if (!parts[0].is_empty() || args.groups.empty()) groups.emplace_back(parts[0]);
  for (size_t i = 0; i < args.groups.size(); ++i) {
    groups.emplace_back(parts[i + 1], std::make_unique<Options>(args.groups[i].options));
  }
  return std::make_unique<Optimizer>(std::move(groups), args.options);
}

template <class Optimizer, class Options>
void add(OptimizerRegistry& registry, const char* name, const char* help) {
  registry.add<OptimizerArgs<Options>>(name, help, &make<Optimizer, Options>);
}

}  // namespace

OptimizerRegistry standard_optimizers() {
  OptimizerRegistry r("optimizer");
  add<SGD, SGDOptions>(r, "SGD", "gradient descent with momentum");
  add<Adam, AdamOptions>(r, "Adam", "steps by averages of the gradient and its square");
  add<AdamW, AdamWOptions>(r, "AdamW", "Adam with decoupled weight decay");
  add<NAdam, NAdamOptions>(r, "NAdam", "Adam with Nesterov momentum");
  add<RAdam, RAdamOptions>(r, "RAdam", "Adam with a rectified rate");
  add<Adamax, AdamaxOptions>(r, "Adamax", "Adam by the maximum norm");
  add<RMSprop, RMSpropOptions>(r, "RMSprop", "steps by the average of the squared gradient");
  add<Adagrad, AdagradOptions>(r, "Adagrad", "steps by the sum of squared gradients");
  add<Adadelta, AdadeltaOptions>(r, "Adadelta", "steps by averages of squares, without a rate");
  add<ASGD, ASGDOptions>(r, "ASGD", "gradient descent that averages the weights");
  add<Rprop, RpropOptions>(r, "Rprop", "steps by the gradient's sign");
  add<Lion, LionOptions>(r, "Lion", "steps by the sign of an average");
  add<Adafactor, AdafactorOptions>(r, "Adafactor", "Adam with factored averages");
  add<Muon, MuonOptions>(r, "Muon", "orthogonalized steps of matrices");
  add<LBFGS, LBFGSOptions>(r, "LBFGS", "quasi-Newton, several evaluations per step");
  return r;
}

}  // namespace taper::train
