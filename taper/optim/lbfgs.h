#pragma once

#include <optional>
#include <string>

#include "taper/optim/optimizer.h"

namespace taper TAPER_API {
namespace optim {

struct LBFGSOptions : public OptimizerCloneableOptions<LBFGSOptions> {
  LBFGSOptions(double lr = 1) : lr_(lr) {}
  void check() const override;
  void fields(Fields& fields) override;

  TAPER_ARG(double, lr) = 1;
  TAPER_ARG(int64_t, max_iter) = 20;
  /// Evaluations of the closure in one step; none: 5 / 4 of max_iter.
  TAPER_ARG(std::optional<int64_t>, max_eval) = std::nullopt;
  TAPER_ARG(double, tolerance_grad) = 1e-7;
  TAPER_ARG(double, tolerance_change) = 1e-9;
  TAPER_ARG(int64_t, history_size) = 100;
  /// "strong_wolfe", or none for steps of lr.
  TAPER_ARG(std::optional<std::string>, line_search_fn) = std::nullopt;
};

/// The state of the first parameter stands for all; its tensors hold all parameters end to end.
struct LBFGSParamState : public OptimizerCloneableParamState<LBFGSParamState> {
  void fields(Fields& fields) override;

  TAPER_ARG(int64_t, func_evals) = 0;
  TAPER_ARG(int64_t, n_iter) = 0;
  TAPER_ARG(double, t) = 0;
  TAPER_ARG(double, prev_loss) = 0;
  TAPER_ARG(double, H_diag) = 1;
  TAPER_ARG(Tensor, d) = {};
  TAPER_ARG(Tensor, prev_flat_grad) = {};
  TAPER_ARG(std::vector<Tensor>, old_dirs) = {};
  TAPER_ARG(std::vector<Tensor>, old_stps) = {};
  TAPER_ARG(std::vector<double>, ro) = {};
};

/// Limited-memory BFGS (Liu and Nocedal, 1989), as torch.optim.LBFGS: up to max_iter quasi-Newton
/// iterations per step, each of which calls the closure. One parameter group.
class LBFGS : public detail::OptimizerOf<LBFGSOptions, LBFGSParamState> {
 public:
  explicit LBFGS(std::vector<OptimizerParamGroup> param_groups, LBFGSOptions defaults = {});
  explicit LBFGS(std::vector<Tensor> params, LBFGSOptions defaults = {});
  explicit LBFGS(const OrderedDict<std::string, Tensor>& named_params, LBFGSOptions defaults = {});
  /// Needs a closure; returns the loss before the step. Throws when there are several groups. When
  /// the closure throws in a line search, the parameters are as they were before the iteration.
  Tensor step(LossClosure closure = nullptr) override;

 private:
  struct Run;
};

TAPER_OPTIMIZER_COMPILED_ONCE(extern, LBFGSOptions, LBFGSParamState);

}  // namespace optim
}  // namespace taper
