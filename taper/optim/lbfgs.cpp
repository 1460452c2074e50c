#include "taper/optim/lbfgs.h"

#include <algorithm>
#include <cmath>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/optim/step.h"

namespace taper::optim {
namespace {

double largest(const Tensor& t) { return t.abs().max().item<double>(); }
double product(const Tensor& a, const Tensor& b) { return a.dot(b).item<double>(); }

/// A place on the line x + t d, with the loss, the gradient and its slope along d there.
struct Point {
  double t, loss;
  Tensor grad;
  double slope;
};

/// The least place of the cubic through two points, within [low, high].
double cubic_minimum(const Point& a, const Point& b, double low, double high) {
  const double d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t);
  const double square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const double d2 = std::sqrt(square);
  const double place =
      a.t <= b.t ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
                 : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2));
  return std::min(std::max(place, low), high);
}

}  // namespace

/// One step: the parameters as one vector, and the state that the next step starts from.
struct LBFGS::Run {
  const std::vector<Tensor>& params;
  const LBFGSOptions& options;
  const LossClosure& closure;
  LBFGSParamState state;
  double loss = 0;
  Tensor grad = {};
  int64_t evals = 1;

  Tensor flat_grad() const;
  void move(double t, const Tensor& d) const;
  double evaluate();
  Point probe(double t, const Tensor& d);
  void choose_direction();
  bool line_search(double slope);
  bool iterate(int64_t iteration);

  // The two phases of the search, as Nocedal and Wright's algorithms 3.5 and 3.6.
  static constexpr double kDecrease = 1e-4, kCurvature = 0.9;
  static constexpr int kMaxTrials = 25;
  struct Bracket {
    Point ends[2];
    bool done = false;
    int trials = 0;
  };
  Bracket bracket(const Point& start, Point now);
  Point zoom(const Point& start, Bracket bracket);
};

Tensor LBFGS::Run::flat_grad() const {
  std::vector<Tensor> parts;
  for (const Tensor& param : params) {
    const Tensor* own = gradient_of(param);
    TAPER_CHECK_AS(ShapeError, own == nullptr || own->sizes() == param.sizes(),
                   "LBFGS: the gradient's sizes ", own->sizes(), " are not the parameter's sizes ",
                   param.sizes());
    parts.push_back(own ? own->reshape({-1}) : zeros({param.numel()}, param.scalar_type()));
  }
  return parts.size() == 1 ? parts[0].clone() : cat(parts);
}

/// p = p + t d
void LBFGS::Run::move(double t, const Tensor& d) const {
  int64_t offset = 0;
  for (const Tensor& param : params) {
    param.add_(d.slice(0, offset, offset + param.numel()).view(param.sizes()), t);
    offset += param.numel();
  }
}

double LBFGS::Run::evaluate() {
  const Tensor value = Optimizer::call(closure);
  TAPER_CHECK(value.defined() && value.numel() == 1,
              "LBFGS: the closure must return the loss, a tensor of one element");
  ++evals;
  ++state.func_evals();
  return value.item<double>();
}

/// Evaluates at p + t d, and leaves p as it was.
Point LBFGS::Run::probe(double t, const Tensor& d) {
  std::vector<Tensor> before;
  for (const Tensor& param : params) before.push_back(param.detach().clone());
  const auto restore = [&] {
    for (size_t i = 0; i < params.size(); ++i) params[i].copy_(before[i]);
  };
  move(t, d);
  try {
    Point point{t, evaluate(), flat_grad(), 0};
    restore();
    point.slope = product(point.grad, d);
    return point;
  } catch (...) {
    restore();
    throw;
  }
}

/// Steps forward until two points bracket a place that fulfils the conditions, or one does.
LBFGS::Run::Bracket LBFGS::Run::bracket(const Point& start, Point now) {
  Point before = start;
  int trials = 0;
  for (; trials < kMaxTrials; ++trials) {
    if (now.loss > start.loss + kDecrease * now.t * start.slope ||
        (trials > 1 && now.loss >= before.loss)) {
      return {{before, now}, false, trials};
    }
    if (std::fabs(now.slope) <= -kCurvature * start.slope) return {{now, now}, true, trials};
    if (now.slope >= 0) return {{before, now}, false, trials};
    const double low = now.t + 0.01 * (now.t - before.t), high = now.t * 10;
    const double t = cubic_minimum(before, now, low, high);
    before = std::move(now);
    now = probe(t, state.d());
  }
  return {{start, now}, false, trials};
}

/// Narrows a bracket; returns its lower end.
Point LBFGS::Run::zoom(const Point& start, Bracket bracket) {
  Point* low = &bracket.ends[0];
  Point* high = &bracket.ends[1];
  const auto order = [&] {
    if (!(low->loss <= high->loss)) std::swap(low, high);
  };
  order();
  const double length = largest(state.d());
  bool was_close = false;
  while (!bracket.done && bracket.trials < kMaxTrials) {
    const double least = std::min(low->t, high->t), most = std::max(low->t, high->t);
    if ((most - least) * length < options.tolerance_change()) break;
    double t = cubic_minimum(bracket.ends[0], bracket.ends[1], least, most);
    const double margin = 0.1 * (most - least);
    if (std::min(most - t, t - least) < margin) {
      const bool move_in = was_close || t >= most || t <= least;
      if (move_in) t = std::fabs(t - most) < std::fabs(t - least) ? most - margin : least + margin;
      was_close = !move_in;
    } else {
      was_close = false;
    }
    Point now = probe(t, state.d());
    ++bracket.trials;
    if (now.loss > start.loss + kDecrease * t * start.slope || now.loss >= low->loss) {
      *high = std::move(now);
      low = &bracket.ends[0];
      high = &bracket.ends[1];
      order();
      continue;
    }
    if (std::fabs(now.slope) <= -kCurvature * start.slope) {
      bracket.done = true;
    } else if (now.slope * (high->t - low->t) >= 0) {
      *high = *low;
    }
    *low = std::move(now);
  }
  return *low;
}

bool LBFGS::Run::line_search(double slope) {
  const Point start{0, loss, grad, slope};
  Point found = zoom(start, bracket(start, probe(state.t(), state.d())));
  loss = found.loss;
  grad = std::move(found.grad);
  state.t(found.t);
  move(state.t(), state.d());
  return largest(grad) <= options.tolerance_grad();
}

/// d = -H grad, H from the last history_size changes (two-loop recursion).
void LBFGS::Run::choose_direction() {
  LBFGSParamState& s = state;
  if (s.n_iter() == 1) {
    s.d(grad.neg());
    s.old_dirs().clear();
    s.old_stps().clear();
    s.ro().clear();
    s.H_diag(1);
    return;
  }
  const Tensor change = grad.sub(s.prev_flat_grad()), step = s.d().mul(s.t());
  if (const double ys = product(change, step); ys > 1e-10) {
    if (static_cast<int64_t>(s.old_dirs().size()) == options.history_size()) {
      s.old_dirs().erase(s.old_dirs().begin());
      s.old_stps().erase(s.old_stps().begin());
      s.ro().erase(s.ro().begin());
    }
    s.old_dirs().push_back(change);
    s.old_stps().push_back(step);
    s.ro().push_back(1 / ys);
    s.H_diag(ys / product(change, change));
  }
  const size_t count = s.old_dirs().size();
  std::vector<double> al(count);
  Tensor q = grad.neg();
  for (size_t i = count; i-- > 0;) {
    al[i] = product(s.old_stps()[i], q) * s.ro()[i];
    q.add_(s.old_dirs()[i], -al[i]);
  }
  q.mul_(s.H_diag());
  for (size_t i = 0; i < count; ++i) {
    q.add_(s.old_stps()[i], al[i] - product(s.old_dirs()[i], q) * s.ro()[i]);
  }
  s.d(std::move(q));
}

/// Returns whether the step goes on.
bool LBFGS::Run::iterate(int64_t iteration) {
  ++state.n_iter();
  choose_direction();
  state.prev_flat_grad(grad.clone());
  state.prev_loss(loss);
  const bool is_first = state.n_iter() == 1;
  const double scale = is_first ? std::min(1.0, 1 / grad.abs().sum().item<double>()) : 1;
  state.t(scale * options.lr());
  const double slope = product(grad, state.d());
  if (slope > -options.tolerance_change()) return false;
  bool is_flat = false;
  if (options.line_search_fn()) {
    is_flat = line_search(slope);
  } else {
    move(state.t(), state.d());
    if (iteration != options.max_iter()) {
      loss = evaluate();
      grad = flat_grad();
      is_flat = largest(grad) <= options.tolerance_grad();
    }
  }
  return iteration != options.max_iter() && evals < *options.max_eval() && !is_flat &&
         !(largest(state.d()) * std::fabs(state.t()) <= options.tolerance_change()) &&
         !(std::fabs(loss - state.prev_loss()) < options.tolerance_change());
}

namespace {

/// As Python's, the limit stands in the options.
LBFGSOptions with_limit(LBFGSOptions options) {
  if (!options.max_eval()) options.max_eval(options.max_iter() * 5 / 4);
  return options;
}

}  // namespace

LBFGS::LBFGS(std::vector<OptimizerParamGroup> param_groups, LBFGSOptions defaults)
    : OptimizerOf(std::move(param_groups), with_limit(std::move(defaults))) {
  TAPER_CHECK_AS(ConfigError, param_groups_.size() == 1,
                 "LBFGS: LBFGS doesn't support per-parameter options (parameter groups)");
}

LBFGS::LBFGS(std::vector<Tensor> params, LBFGSOptions defaults)
    : OptimizerOf(std::move(params), with_limit(std::move(defaults))) {}

LBFGS::LBFGS(const OrderedDict<std::string, Tensor>& named_params, LBFGSOptions defaults)
    : OptimizerOf(named_params, with_limit(std::move(defaults))) {}

Tensor LBFGS::step(LossClosure closure) {
  TAPER_CHECK(closure, "LBFGS: step() needs a closure that computes the loss");
  TAPER_CHECK_AS(ConfigError, param_groups_.size() == 1,
                 "LBFGS: LBFGS doesn't support per-parameter options (parameter groups)");
  const OptimizerParamGroup& group = param_groups_.front();
  const LBFGSOptions options = with_limit(options_of<LBFGSOptions>(group));
  TAPER_CHECK(!group.params().empty(), "LBFGS: the optimizer has no parameters");
  Tensor first_loss = begin_step(closure);
  TAPER_CHECK(first_loss.defined() && first_loss.numel() == 1,
              "LBFGS: the closure must return the loss, a tensor of one element");
  NoGradGuard no_grad;
  std::unique_ptr<OptimizerParamState>& slot = state_.at(0, group.params().front());
  Run run{group.params(), options, closure, state_in<LBFGSParamState>(slot)};
  ++run.state.func_evals();
  run.loss = first_loss.item<double>();
  run.grad = run.flat_grad();
  if (run.grad.numel() > 0 && !(largest(run.grad) <= options.tolerance_grad())) {
    const Tensor& previous = run.state.prev_flat_grad();
    TAPER_CHECK_AS(
        ShapeError,
        run.state.n_iter() == 0 || (previous.defined() && previous.sizes() == run.grad.sizes()),
        "LBFGS: the parameters are not those of the last step");
    for (int64_t i = 1; i <= options.max_iter() && run.iterate(i); ++i) {
    }
  }
  static_cast<LBFGSParamState&>(*slot) = std::move(run.state);
  end_step();
  return first_loss;
}

void LBFGSOptions::check() const {
  check_setting(lr_ >= 0, "LBFGS", "learning rate", lr_);
  TAPER_CHECK_AS(ConfigError, !line_search_fn_ || *line_search_fn_ == "strong_wolfe",
                 "LBFGS: only 'strong_wolfe' is supported");
  TAPER_CHECK_AS(ConfigError, history_size_ > 0,
                 "LBFGS: Invalid history_size value: ", history_size_);
}

void LBFGSOptions::fields(Fields& f) {
  f("lr", lr_);
  f("max_iter", max_iter_);
  f("max_eval", max_eval_);
  f("tolerance_grad", tolerance_grad_);
  f("tolerance_change", tolerance_change_);
  f("history_size", history_size_);
  f("line_search_fn", line_search_fn_);
}

void LBFGSParamState::fields(Fields& f) {
  f("func_evals", func_evals_);
  f("n_iter", n_iter_);
  // Absent before the first iteration.
  const auto presence = n_iter_ > 0 ? Fields::Presence::required : Fields::kOptional;
  if (f.is_saving() && n_iter_ == 0) return;
  f("d", d_, presence);
  f("t", t_, presence);
  f("old_dirs", old_dirs_, presence);
  f("old_stps", old_stps_, presence);
  f("ro", ro_, presence);
  f("H_diag", H_diag_, presence);
  f("prev_flat_grad", prev_flat_grad_, presence);
  f("prev_loss", prev_loss_, presence);
  if (f.is_saving()) return;
  f.take("al", Fields::kOptional);  // Python's scratch
  bool fits = old_dirs_.size() == ro_.size() && old_stps_.size() == ro_.size();
  const auto check = [&](const Tensor& t) {
    fits = fits && t.defined() && d_.defined() && t.dim() == 1 && t.sizes() == d_.sizes() &&
           t.scalar_type() == d_.scalar_type();
  };
  if (n_iter_ > 0) check(prev_flat_grad_);
  for (size_t i = 0; fits && i < ro_.size(); ++i) check(old_dirs_[i]), check(old_stps_[i]);
  TAPER_CHECK_AS(ShapeError, fits, "load_state_dict: LBFGS's tensors do not fit together");
}

TAPER_OPTIMIZER_COMPILED_ONCE(, LBFGSOptions, LBFGSParamState);

}  // namespace taper::optim
