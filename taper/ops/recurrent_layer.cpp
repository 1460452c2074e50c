#include <algorithm>

#include "taper/autograd/autograd.h"
#include "taper/kernel/copy.h"
#include "taper/kernel/matmul.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/matmul.h"
#include "taper/ops/op_util.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/recurrent_util.h"
#include "taper/ops/view.h"

// A layer is one op: one product for all steps' inputs, for each step one product and one kernel,
// and the weights' gradients as one product over all steps.
namespace taper {

RecurrentSteps::RecurrentSteps(const std::vector<int64_t>& counts, bool reverse) {
  for (const int64_t count : counts) {
    steps.push_back({rows, count, 0, 0, 0});
    rows += count;
  }
  samples = counts.empty() ? 0 : counts[0];
  if (reverse) std::reverse(steps.begin(), steps.end());
  for (size_t i = 1; i < steps.size(); ++i) {
    steps[i].before = steps[i - 1].first;
    steps[i].kept = std::min(steps[i].count, steps[i - 1].count);
    steps[i - 1].next = steps[i].kept;
  }
}

namespace {

using Step = RecurrentSteps::Step;

/// Rows of a matrix for the kernels; absent for an undefined one.
class Rows {
 public:
  Rows(const Tensor& t, int64_t first, int64_t count) {
    if (!t.defined()) return;
    const int64_t n = t.sizes()[1];
    impl_ = TensorImpl::view(t.impl(), {count, n}, {n, 1}, t.storage_offset() + first * n);
  }
  operator View() const { return View(impl_.get()); }
  operator ConstView() const { return ConstView(impl_.get()); }

 private:
  TensorImplPtr impl_;
};

/// A factor of a product, row by row in memory, maybe turned.
struct Factor {
  ConstView view;
  bool turned = false;
};

/// A view, absent for an undefined tensor.
ConstView maybe(const Tensor& t) { return t.defined() ? in(t) : ConstView(); }

/// out = beta * out + a b + bias, all matrices.
void product(View out, Factor a, Factor b, ConstView bias, double beta) {
  const auto geometry = [](Factor f, int64_t& row, int64_t& col) {
    row = f.turned ? 1 : f.view.size(1);
    col = f.turned ? f.view.size(1) : 1;
  };
  MatmulGeometry g;
  g.m = out.size(0);
  g.n = out.size(1);
  g.k = a.view.size(a.turned ? 0 : 1);
  g.out_row = g.n;
  geometry(a, g.a_row, g.a_col);
  geometry(b, g.b_row, g.b_col);
  matmul_kernel(out.device(), out, a.view, b.view, bias, g, Scalar(1), Scalar(beta));
}

/// The matrix that every step multiplies with, w or its transpose. For many steps of some samples
/// it is laid out once, as strips of columns so narrow that a product reads them where they lie.
class StepWeight {
 public:
  StepWeight(const Tensor& w, bool turned, const RecurrentSteps& all) : w_(w), turned_(turned) {
    const NoRecordGuard no_record;
    const Tensor b = turned ? w.t() : w;
    const int64_t depth = b.sizes()[0], columns = b.sizes()[1];
    while (width_ > 1 && (columns % width_ != 0 || depth * width_ > kStrip)) width_ /= 2;
    if (all.steps.size() < 4 || all.samples <= 4 || width_ < 16) return;
    strips_ = b.reshape({depth, columns / width_, width_}).transpose(0, 1).contiguous();
  }

  /// out = beta * out + a w + bias.
  void multiply(View out, ConstView a, ConstView bias, double beta) const {
    if (!strips_.defined()) return product(out, {a}, {in(w_), turned_}, bias, beta);
    if (bias.defined()) copy_kernel(out.device(), out, bias);
    MatmulGeometry g;
    g.batch = strips_.sizes()[0];
    g.m = out.size(0);
    g.n = width_;
    g.k = a.size(1);
    g.out_batch = width_;
    g.out_row = out.size(1);
    g.a_row = g.k;
    g.b_batch = g.k * width_;
    g.b_row = width_;
    matmul_kernel(out.device(), out, a, in(strips_), ConstView(), g, Scalar(1),
                  Scalar(bias.defined() ? 1.0 : beta));
  }

 private:
  static constexpr int64_t kStrip = 16384;  // elements

  const Tensor& w_;
  bool turned_;
  int64_t width_ = 64;
  Tensor strips_;
};

void copy_rows(const Tensor& to, int64_t at, const Tensor& from, int64_t first, int64_t count) {
  if (count > 0) copy_kernel(to.device(), Rows(to, at, count), Rows(from, first, count));
}

/// The state that a step starts from, gathered from the steps before and the first state.
void gather(const Tensor& before, const Step& s, const Tensor& states, const Tensor& start) {
  copy_rows(before, s.first, states, s.before, s.kept);
  copy_rows(before, s.first + s.kept, start, s.kept, s.count - s.kept);
}

// The rows of the gradient's save list.
enum Saved { kX, kH, kC, kWih, kWhh, kBih, kBhh, kGates, kHidden, kBeforeH, kBeforeC, kStates };

RecurrentArgs saved_args(const Backward& g) {
  return {g.saved(kX),   g.saved(kH),   g.saved(kC),   g.saved(kWih),
          g.saved(kWhh), g.saved(kBih), g.saved(kBhh), Tensor()};
}

/// The same out of ops, which can be differentiated again, and in any type.
class Composed {
 public:
  Composed(RecurrentCell cell, const RecurrentArgs& args) : cell_(cell), args_(args) {}

  RecurrentResult run(const RecurrentSteps& all) {
    const Tensor inputs = linear(args_.x, args_.w_ih, args_.b_ih);
    std::vector<Tensor> outputs, ended_h, ended_c;
    Tensor h, c;
    for (const Step& s : all.steps) {
      h = rows_of(h, args_.h, s);
      if (args_.c.defined()) c = rows_of(c, args_.c, s);
      step(inputs.narrow(0, s.first, s.count), h, c);
      outputs.push_back(h);
      if (s.next == s.count) continue;
      ended_h.push_back(h.narrow(0, s.next, s.count - s.next));
      if (c.defined()) ended_c.push_back(c.narrow(0, s.next, s.count - s.next));
    }
    if (all.steps.back().first < all.steps.front().first) {
      std::reverse(outputs.begin(), outputs.end());
    }
    std::reverse(ended_h.begin(), ended_h.end());
    std::reverse(ended_c.begin(), ended_c.end());
    return {cat(outputs), joined(ended_h, args_.h), c.defined() ? joined(ended_c, args_.c) : c};
  }

 private:
  /// Of no samples nothing ends.
  static Tensor joined(const std::vector<Tensor>& ended, const Tensor& start) {
    return ended.empty() ? start.clone() : cat(ended);
  }
  static Tensor rows_of(const Tensor& state, const Tensor& start, const Step& s) {
    if (s.kept == 0) return start.narrow(0, 0, s.count);
    const Tensor kept = state.narrow(0, 0, s.kept);
    return s.kept == s.count ? kept : cat({kept, start.narrow(0, s.kept, s.count - s.kept)});
  }
  void step(const Tensor& inputs, Tensor& h, Tensor& c) const {
    const Tensor hidden = linear(h, args_.w_hh, args_.b_hh);
    const int64_t n = args_.w_hh.sizes()[0] / gate_count(cell_);
    const auto gate = [n](const Tensor& sums, int64_t i) { return sums.narrow(1, i * n, n); };
    if (cell_ == RecurrentCell::kGru) {
      const Tensor reset = gate(inputs, 0).add(gate(hidden, 0)).sigmoid();
      const Tensor keep = gate(inputs, 1).add(gate(hidden, 1)).sigmoid();
      const Tensor fresh = gate(inputs, 2).add(reset.mul(gate(hidden, 2))).tanh();
      h = fresh.add(keep.mul(h.sub(fresh)));
      return;
    }
    const Tensor sums = inputs.add(hidden);
    if (cell_ != RecurrentCell::kLstm) {
      h = cell_ == RecurrentCell::kTanh ? sums.tanh() : sums.relu();
      return;
    }
    c = gate(sums, 1).sigmoid().mul(c).add(gate(sums, 0).sigmoid().mul(gate(sums, 2).tanh()));
    h = gate(sums, 3).sigmoid().mul(c.tanh());
    if (args_.w_hr.defined()) h = linear(h, args_.w_hr);
  }

  RecurrentCell cell_;
  const RecurrentArgs& args_;
};

/// The gradients with a graph of their own: those of the composed form, computed anew.
void composed_backward(Backward& g, RecurrentCell cell, const RecurrentSteps& steps) {
  const bool create_graph = thread_state.grad_enabled;
  const AutoGradMode enable(true);
  RecurrentArgs args = saved_args(g);
  std::vector<Tensor> inputs, outputs, grads;
  std::vector<size_t> places;
  Tensor* const each[] = {&args.x,    &args.h,    &args.c,   &args.w_ih,
                          &args.w_hh, &args.b_ih, &args.b_hh};
  for (size_t i = 0; i < std::size(each); ++i) {
    if (!each[i]->defined() || !g.wants(i)) continue;
    // Its own tensor, should two arguments be one.
    *each[i] = each[i]->view_as(*each[i]);
    if (!each[i]->requires_grad()) each[i]->requires_grad_();
    inputs.push_back(*each[i]);
    places.push_back(i);
  }
  const RecurrentResult result = Composed(cell, args).run(steps);
  const Tensor* const results[] = {&result.output, &result.h, &result.c};
  for (size_t i = 0; i < (result.c.defined() ? 3u : 2u); ++i) {
    if (!g.grad(i).defined()) continue;
    outputs.push_back(*results[i]);
    grads.push_back(g.grad(i));
  }
  const std::vector<Tensor> found =
      autograd::grad(outputs, inputs, grads, true, create_graph, true);
  for (size_t i = 0; i < found.size(); ++i) g.set(places[i], found[i]);
}

/// The gradients of all gates' sums (`gates` by the inputs, `hidden` by the states), and of the
/// first states.
struct GateGradients {
  Tensor gates, hidden, h, c;
};

GateGradients gate_gradients(const Backward& g, RecurrentCell cell, const RecurrentSteps& all) {
  const Tensor &gates = g.saved(kGates), &w_hh = g.saved(kWhh);
  const auto start_of = [](const Tensor& grad, const Tensor& like) {
    return grad.defined() ? grad.clone(MemoryFormat::Contiguous)
                          : zeros(like.sizes(), like.options());
  };
  GateGradients r;
  const bool gru = cell == RecurrentCell::kGru;
  r.gates = new_tensor("recurrent", gates.sizes(), gates.scalar_type());
  r.hidden = gru ? new_tensor("recurrent", gates.sizes(), gates.scalar_type()) : r.gates;
  r.h = start_of(g.grad(1), g.saved(kH));
  if (cell == RecurrentCell::kLstm) r.c = start_of(g.grad(2), g.saved(kC));
  const StepWeight weight(w_hh, false, all);
  const Tensor later = g.grad(0).defined() ? g.grad(0).contiguous() : Tensor();
  for (auto s = all.steps.rbegin(); s != all.steps.rend(); ++s) {
    const auto rows = [&](const Tensor& t) { return Rows(t, s->first, s->count); };
    const Rows hidden = rows(r.hidden), h(r.h, 0, s->count), c(r.c, 0, s->count);
    const Rows sums = rows(r.gates), rest = rows(later);
    recurrent_step_backward_kernel(
        gates.device(), cell, {sums, gru ? View(hidden) : View(), h, c, rest}, rows(gates),
        rows(g.saved(kHidden)), rows(g.saved(gru ? kBeforeH : kBeforeC)), rows(g.saved(kStates)));
    weight.multiply(h, hidden, ConstView(), gru ? 1 : 0);
  }
  return r;
}

void layer_backward(Backward& g, RecurrentCell cell, const RecurrentSteps& steps) {
  if (thread_state.recording()) return composed_backward(g, cell, steps);
  const GateGradients r = gate_gradients(g, cell, steps);
  if (g.wants(kX)) g.set(kX, mm(r.gates, g.saved(kWih)));
  if (g.wants(kH)) g.set(kH, r.h);
  if (r.c.defined() && g.wants(kC)) g.set(kC, r.c);
  if (g.wants(kWih)) g.set(kWih, mm(r.gates.t(), g.saved(kX)));
  if (g.wants(kWhh)) g.set(kWhh, mm(r.hidden.t(), g.saved(kBeforeH)));
  if (!g.saved(kBih).defined()) return;
  const bool same = r.gates.is_same(r.hidden);
  const Tensor sum = g.wants(kBih) || same ? sum_to(r.gates, g.saved(kBih).sizes()) : Tensor();
  if (g.wants(kBih)) g.set(kBih, sum);
  if (g.wants(kBhh)) g.set(kBhh, same ? sum.clone() : sum_to(r.hidden, g.saved(kBhh).sizes()));
}

/// Both biases of the cells that add them.
Tensor joined_bias(RecurrentCell cell, const RecurrentArgs& a) {
  const NoRecordGuard no_record;
  return a.b_ih.defined() && cell != RecurrentCell::kGru ? a.b_ih.add(a.b_hh) : a.b_ih;
}

RecurrentResult fused(RecurrentCell cell, const RecurrentArgs& a, const RecurrentSteps& all) {
  const bool lstm = cell == RecurrentCell::kLstm, gru = cell == RecurrentCell::kGru;
  const int64_t wide = a.w_hh.sizes()[0], n = a.w_hh.sizes()[1];
  const auto make = [&](bool present, int64_t rows, int64_t columns) {
    return present ? new_tensor("recurrent", {rows, columns}, a.x.scalar_type()) : Tensor();
  };
  RecurrentResult r{make(true, all.rows, n), make(true, all.samples, n),
                    make(lstm, all.samples, n)};
  const Tensor gates = make(true, all.rows, wide), hidden = make(gru, all.rows, wide);
  const Tensor before_h = make(true, all.rows, n), before_c = make(lstm, all.rows, n);
  const Tensor states = make(lstm, all.rows, n);
  const Tensor bias = joined_bias(cell, a);
  product(out_view(gates), {in(a.x)}, {in(a.w_ih), true}, maybe(bias), 0);
  const StepWeight weight(a.w_hh, true, all);
  for (const Step& s : all.steps) {
    const auto rows = [&](const Tensor& t) { return Rows(t, s.first, s.count); };
    gather(before_h, s, r.output, a.h);
    if (lstm) gather(before_c, s, states, a.c);
    const Rows sums = rows(gates), of_state = rows(hidden), h = rows(before_h);
    weight.multiply(gru ? of_state : sums, h, gru ? maybe(a.b_hh) : ConstView(), gru ? 0 : 1);
    recurrent_step_kernel(gates.device(), cell, sums, of_state, lstm ? rows(before_c) : h,
                          rows(states), rows(r.output));
    copy_rows(r.h, s.next, r.output, s.first + s.next, s.count - s.next);
    if (lstm) copy_rows(r.c, s.next, states, s.first + s.next, s.count - s.next);
  }
  std::vector<Tensor> outputs{r.output, r.h};
  if (lstm) outputs.push_back(r.c);
  record({.name = "RecurrentBackward0",
          .outputs = outputs,
          .inputs = {a.x, a.h, a.c, a.w_ih, a.w_hh, a.b_ih, a.b_hh},
          .save = {a.x, a.h, a.c, a.w_ih, a.w_hh, a.b_ih, a.b_hh, gates, hidden, before_h, before_c,
                   states},
          .backward = [=](Backward& g) { layer_backward(g, cell, all); }});
  return r;
}

}  // namespace

RecurrentResult recurrent_layer(RecurrentCell cell, const RecurrentArgs& a,
                                const RecurrentSteps& steps) {
  const auto dense = [](const Tensor& t) { return t.defined() ? t.contiguous() : t; };
  const RecurrentArgs args{dense(a.x),    dense(a.h),    dense(a.c),    dense(a.w_ih),
                           dense(a.w_hh), dense(a.b_ih), dense(a.b_hh), dense(a.w_hr)};
  const ScalarType type = a.x.scalar_type();
  const bool has_kernel = !a.w_hr.defined() && (type == kFloat || type == kDouble);
  return has_kernel ? fused(cell, args, steps) : Composed(cell, args).run(steps);
}

}  // namespace taper
