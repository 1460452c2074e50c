#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "taper/autograd/grad_mode.h"
#include "taper/base/arg.h"
#include "taper/base/function.h"
#include "taper/nn/module_holder.h"

namespace taper TAPER_API {
namespace nn {

/// The new average of a tensor, from the present one, the model's tensor and the number of models
/// that the average holds.
using AvgFn = Function<Tensor(const Tensor& averaged, const Tensor& current, int64_t num_averaged)>;
/// The same in place, for lists of tensors of one type.
using MultiAvgFn = Function<void(const std::vector<Tensor>& averaged,
                                 const std::vector<Tensor>& current, int64_t num_averaged)>;

/// Exponential moving average: decay * averaged + (1 - decay) * current. Throws ConfigError unless
/// decay is in [0, 1].
AvgFn get_ema_avg_fn(double decay = 0.999);
MultiAvgFn get_ema_multi_avg_fn(double decay = 0.999);
/// Equal weights: averaged + (current - averaged) / (num_averaged + 1).
AvgFn get_swa_avg_fn();
MultiAvgFn get_swa_multi_avg_fn();

/// At most one function; without any, equal weights.
struct AveragedModelOptions {
  TAPER_ARG(AvgFn, avg_fn) = {};
  TAPER_ARG(MultiAvgFn, multi_avg_fn) = {};
  /// Average the buffers as well, instead of copying them.
  TAPER_ARG(bool, use_buffers) = false;
};

namespace detail {

/// What does not depend on the module's type.
class AveragedModelBase : public Module {
 public:
  /// Brings the model's parameters into the average: copies them the first time. Throws ShapeError
  /// when they do not correspond.
  void update_parameters(const Module& model);

  AveragedModelOptions options;
  /// The number of models in the average, a tensor of type int64.
  Tensor n_averaged;

 protected:
  AveragedModelBase(const char* name, AveragedModelOptions options);
  virtual const Module& averaged() const = 0;

 private:
  void average(const std::vector<Tensor>& own, const std::vector<Tensor>& current, int64_t count);
};

}  // namespace detail

/// A copy of a model whose parameters are the average of the model's, for stochastic weight
/// averaging (Izmailov et al., 2018) and exponential moving averages, as
/// torch.optim.swa_utils.AveragedModel. State dicts have "n_averaged" and "module." names.
template <class ModuleType>
class AveragedModelImpl : public detail::AveragedModelBase {
 public:
  /// Throws when the model cannot be cloned.
  explicit AveragedModelImpl(const std::shared_ptr<ModuleType>& model,
                             AveragedModelOptions options = {})
      : AveragedModelBase("AveragedModel", std::move(options)) {
    TAPER_CHECK(model != nullptr, "AveragedModel: the model is empty");
    module = register_module("module", std::dynamic_pointer_cast<ModuleType>(model->clone()));
  }

  template <class... Args>
  auto forward(Args&&... args)
      -> decltype(std::declval<ModuleType&>().forward(std::forward<Args>(args)...)) {
    return call(*module, std::forward<Args>(args)...);
  }

  std::shared_ptr<ModuleType> module;

 protected:
  const Module& averaged() const override { return *module; }
};

/// The holder: AveragedModel averaged(net) from a model's holder or shared_ptr.
template <class ModuleType>
class AveragedModel : public ModuleHolder<AveragedModelImpl<ModuleType>> {
 public:
  AveragedModel(std::nullptr_t) : ModuleHolder<AveragedModelImpl<ModuleType>>(nullptr) {}
  explicit AveragedModel(const std::shared_ptr<ModuleType>& model,
                         AveragedModelOptions options = {})
      : ModuleHolder<AveragedModelImpl<ModuleType>>(
            std::make_shared<AveragedModelImpl<ModuleType>>(model, std::move(options))) {}
  explicit AveragedModel(const ModuleHolder<ModuleType>& model, AveragedModelOptions options = {})
      : AveragedModel(model.ptr(), std::move(options)) {}
};
template <class Holder>
requires requires { typename Holder::ContainedType; }
AveragedModel(const Holder&, AveragedModelOptions = {})
    ->AveragedModel<typename Holder::ContainedType>;

namespace detail {

/// Batch normalizations that gather their statistics anew: equal weights for all batches, training
/// mode. Afterwards momenta and modes are as before.
class BatchNormUpdate {
 public:
  explicit BatchNormUpdate(Module& model);
  ~BatchNormUpdate();
  BatchNormUpdate(const BatchNormUpdate&) = delete;
  BatchNormUpdate& operator=(const BatchNormUpdate&) = delete;
  bool is_empty() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

template <class Batch>
const Tensor& input_of(const Batch& batch) {
  if constexpr (std::is_base_of_v<Tensor, Batch>) {
    return batch;
  } else if constexpr (requires { batch.first; }) {
    return batch.first;
  } else {
    return batch.data;
  }
}

}  // namespace detail

/// Computes the running statistics of the model's batch normalizations over all batches of a
/// loader (or container), in one pass, as torch.optim.swa_utils.update_bn. A batch is a tensor, an
/// Example, or a pair that begins with the input.
template <class Loader, class Contained>
void update_bn(Loader&& loader, ModuleHolder<Contained>& model) {
  const detail::BatchNormUpdate update(*model);
  if (update.is_empty()) return;
  NoGradGuard no_grad;
  for (auto&& batch : loader) model(detail::input_of(batch));
}

}  // namespace nn
}  // namespace taper
