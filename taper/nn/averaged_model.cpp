#include "taper/nn/averaged_model.h"

#include "taper/nn/normalization.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"

namespace taper::nn {
namespace {

double check_decay(double decay) {
  TAPER_CHECK_AS(ConfigError, decay >= 0 && decay <= 1, "AveragedModel: Invalid decay value ",
                 decay, " provided. Please provide a value in [0,1] range.");
  return decay;
}

/// averaged + (current - averaged) * weight; what is no float is rounded towards zero.
void blend(const std::vector<Tensor>& averaged, const std::vector<Tensor>& current, double weight) {
  for (size_t i = 0; i < averaged.size(); ++i) {
    if (averaged[i].is_floating_point()) {
      averaged[i].lerp_(current[i].to(averaged[i].scalar_type()), weight);
    } else {
      averaged[i].copy_(averaged[i].mul(1 - weight).add_(current[i].mul(weight)));
    }
  }
}

}  // namespace

AvgFn get_ema_avg_fn(double decay) {
  check_decay(decay);
  return [decay](const Tensor& averaged, const Tensor& current, int64_t) {
    return averaged.mul(decay).add(current, 1 - decay);
  };
}

AvgFn get_swa_avg_fn() {
  return [](const Tensor& averaged, const Tensor& current, int64_t num_averaged) {
    return averaged.add(current.sub(averaged).div(num_averaged + 1));
  };
}

MultiAvgFn get_ema_multi_avg_fn(double decay) {
  check_decay(decay);
  return [decay](const std::vector<Tensor>& averaged, const std::vector<Tensor>& current, int64_t) {
    blend(averaged, current, 1 - decay);
  };
}

MultiAvgFn get_swa_multi_avg_fn() {
  return [](const std::vector<Tensor>& averaged, const std::vector<Tensor>& current,
            int64_t num_averaged) {
    blend(averaged, current, 1.0 / static_cast<double>(num_averaged + 1));
  };
}

namespace detail {

AveragedModelBase::AveragedModelBase(const char* name, AveragedModelOptions options)
    : Module(name), options(std::move(options)) {
  TAPER_CHECK_AS(ConfigError, !this->options.avg_fn() || !this->options.multi_avg_fn(),
                 "AveragedModel: Only one of avg_fn and multi_avg_fn should be provided");
  register_buffer("n_averaged", &n_averaged, zeros({}, kLong));
}

void AveragedModelBase::average(const std::vector<Tensor>& own, const std::vector<Tensor>& current,
                                int64_t count) {
  if (const AvgFn& avg_fn = options.avg_fn()) {
    for (size_t i = 0; i < own.size(); ++i) own[i].copy_(avg_fn(own[i], current[i], count));
    return;
  }
  const MultiAvgFn avg_fn =
      options.multi_avg_fn() ? options.multi_avg_fn() : get_swa_multi_avg_fn();
  // One call per type, in the order in which the types come.
  std::vector<bool> done(own.size());
  for (size_t first = 0; first < own.size(); ++first) {
    std::vector<Tensor> averaged, currents;
    for (size_t i = first; i < own.size(); ++i) {
      if (done[i] || own[i].scalar_type() != own[first].scalar_type()) continue;
      done[i] = true;
      averaged.push_back(own[i]);
      currents.push_back(current[i]);
    }
    if (!averaged.empty()) avg_fn(averaged, currents, count);
  }
}

void AveragedModelBase::update_parameters(const Module& model) {
  NoGradGuard no_grad;
  const auto append = [](std::vector<Tensor>& to, const std::vector<Tensor>& from) {
    for (const Tensor& tensor : from) to.push_back(tensor.detach());
  };
  std::vector<Tensor> own, current;
  append(own, averaged().parameters());
  append(current, model.parameters());
  const size_t parameters = own.size(), parameters_of_model = current.size();
  append(own, averaged().buffers());
  append(current, model.buffers());
  TAPER_CHECK_AS(ShapeError, parameters == parameters_of_model && own.size() == current.size(),
                 "AveragedModel: got a model of ", parameters_of_model, " parameters and ",
                 current.size() - parameters_of_model, " buffers, expected ", parameters, " and ",
                 own.size() - parameters);
  for (size_t i = 0; i < own.size(); ++i) {
    TAPER_CHECK_AS(ShapeError, own[i].sizes() == current[i].sizes(),
                   "AveragedModel: got a tensor of sizes ", current[i].sizes(), ", expected ",
                   own[i].sizes());
  }
  const int64_t count = n_averaged.item<int64_t>();
  const size_t averaged_count = count == 0 ? 0 : options.use_buffers() ? own.size() : parameters;
  for (size_t i = averaged_count; i < own.size(); ++i) own[i].copy_(current[i]);
  own.resize(averaged_count);
  average(own, current, count);
  n_averaged.add_(1);
}

struct BatchNormUpdate::State {
  Module& model;
  bool was_training;
  std::vector<std::pair<BatchNormImplBase*, std::optional<double>>> norms;
};

BatchNormUpdate::BatchNormUpdate(Module& model)
    : state_(std::make_unique<State>(State{model, model.is_training(), {}})) {
  model.apply([&](Module& module) {
    if (auto* norm = dynamic_cast<BatchNormImplBase*>(&module)) {
      state_->norms.emplace_back(norm, norm->options.momentum());
    }
  });
  for (const auto& [norm, momentum] : state_->norms) {
    norm->reset_running_stats();
    norm->options.momentum(std::nullopt);
  }
  if (!is_empty()) model.train();
}

BatchNormUpdate::~BatchNormUpdate() {
  for (const auto& [norm, momentum] : state_->norms) norm->options.momentum(momentum);
  if (!is_empty()) state_->model.train(state_->was_training);
}

bool BatchNormUpdate::is_empty() const { return state_->norms.empty(); }

}  // namespace detail

}  // namespace taper::nn
