#include "taper/ops/recurrent.h"

#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Row = std::vector<double>;
using Counts = std::vector<int64_t>;

enum class Kind { tanh, relu, lstm, gru };

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

/// Weights of one cell; biases may be empty.
struct Cell {
  const Dense *w_ih, *w_hh, *b_ih = nullptr, *b_hh = nullptr, *w_hr = nullptr;
};
struct State {
  Row h, c;
};

Row times(const Dense& w, const Row& x, const Dense* bias) {
  const int64_t rows = w.sizes[0], columns = w.sizes[1];
  Row y(static_cast<size_t>(rows), 0);
  for (int64_t i = 0; i < rows; ++i) {
    double sum = bias != nullptr ? bias->values[i] : 0;
    for (int64_t j = 0; j < columns; ++j) sum += w.values[i * columns + j] * x[j];
    y[i] = sum;
  }
  return y;
}

/// One sample's step by the definition.
State next(Kind kind, const Cell& cell, const Row& x, const State& s) {
  const Row a = times(*cell.w_ih, x, cell.b_ih), b = times(*cell.w_hh, s.h, cell.b_hh);
  const size_t n = a.size() / (kind == Kind::lstm ? 4 : kind == Kind::gru ? 3 : 1);
  State to{Row(n), s.c};
  for (size_t i = 0; i < n; ++i) {
    const auto sum = [&](size_t gate) { return a[gate * n + i] + b[gate * n + i]; };
    if (kind == Kind::lstm) {
      to.c[i] = sigmoid_of(sum(1)) * s.c[i] + sigmoid_of(sum(0)) * std::tanh(sum(2));
      to.h[i] = sigmoid_of(sum(3)) * std::tanh(to.c[i]);
    } else if (kind == Kind::gru) {
      const double r = sigmoid_of(sum(0)), z = sigmoid_of(sum(1));
      to.h[i] = (1 - z) * std::tanh(a[2 * n + i] + r * b[2 * n + i]) + z * s.h[i];
    } else {
      to.h[i] = kind == Kind::tanh ? std::tanh(sum(0)) : std::max(sum(0), 0.0);
    }
  }
  if (cell.w_hr != nullptr) to.h = times(*cell.w_hr, to.h, nullptr);
  return to;
}

Row row_of(const Dense& d, int64_t i) {
  const int64_t n = d.sizes.back();
  return Row(d.values.begin() + i * n, d.values.begin() + (i + 1) * n);
}

/// What a call passes after the input: first the states, then each cell's weights.
struct Form {
  Kind kind;
  int64_t layers = 1, directions = 1;
  bool biases = true, projected = false;

  size_t states() const { return kind == Kind::lstm ? 2 : 1; }
  size_t weights() const { return 2u + (biases ? 2u : 0u) + (projected ? 1u : 0u); }
  Cell cell(const std::vector<Dense>& args, int64_t i) const {
    const Dense* p = &args[1 + states() + static_cast<size_t>(i) * weights()];
    Cell c{p, p + 1};
    if (biases) c.b_ih = p + 2, c.b_hh = p + 3;
    if (projected) c.w_hr = p + weights() - 1;
    return c;
  }
};

/// All layers over packed rows, sequence by sequence.
std::vector<Dense> run(const Form& f, const std::vector<Dense>& args, const Counts& counts) {
  const int64_t rows = args[0].numel() / args[0].sizes.back(), samples = counts[0];
  std::vector<Row> x;
  for (int64_t i = 0; i < rows; ++i) x.push_back(row_of(args[0], i));
  std::vector<Dense> results{{{rows, 0}, {}}, {args[1].sizes, {}}};
  if (f.states() == 2) results.push_back({args[2].sizes, {}});
  for (int64_t layer = 0; layer < f.layers; ++layer) {
    std::vector<Row> y(x.size());
    for (int64_t d = 0; d < f.directions; ++d) {
      const int64_t i = layer * f.directions + d;
      for (int64_t n = 0; n < samples; ++n) {
        State s{row_of(args[1], i * samples + n), {}};
        if (f.states() == 2) s.c = row_of(args[2], i * samples + n);
        std::vector<size_t> places;
        int64_t first = 0;
        for (const int64_t count : counts) {
          if (n < count) places.push_back(static_cast<size_t>(first + n));
          first += count;
        }
        if (d == 1) std::reverse(places.begin(), places.end());
        for (const size_t place : places) {
          s = next(f.kind, f.cell(args, i), x[place], s);
          y[place].insert(y[place].end(), s.h.begin(), s.h.end());
        }
        results[1].values.insert(results[1].values.end(), s.h.begin(), s.h.end());
        if (f.states() == 2) {
          results[2].values.insert(results[2].values.end(), s.c.begin(), s.c.end());
        }
      }
    }
    x = y;
  }
  for (const Row& r : x) results[0].values.insert(results[0].values.end(), r.begin(), r.end());
  results[0].sizes[1] = static_cast<int64_t>(x[0].size());
  return results;
}

/// input [t, n, 2] or packed rows, states of size 2 (1 where projected), weights.
std::vector<Arg> args_of(const Form& f, std::vector<int64_t> input, int64_t samples) {
  const int64_t gates = f.kind == Kind::lstm ? 4 : f.kind == Kind::gru ? 3 : 1;
  const int64_t hidden = 2, out = f.projected ? 1 : hidden, cells = f.layers * f.directions;
  std::vector<Arg> args{{input, -1, 1}, {{cells, samples, out}, -1, 1}};
  if (f.states() == 2) args.push_back({{cells, samples, hidden}, -1, 1});
  for (int64_t i = 0; i < cells; ++i) {
    const int64_t in = i < f.directions ? input.back() : out * f.directions;
    args.push_back({{gates * hidden, in}, -1, 1});
    args.push_back({{gates * hidden, out}, -1, 1});
    if (f.biases) args.push_back({{gates * hidden}, -1, 1});
    if (f.biases) args.push_back({{gates * hidden}, -1, 1});
    if (f.projected) args.push_back({{out, hidden}, -1, 1});
  }
  return args;
}

Tensors listed(const std::tuple<Tensor, Tensor>& r) { return {std::get<0>(r), std::get<1>(r)}; }
Tensors listed(const std::tuple<Tensor, Tensor, Tensor>& r) {
  return {std::get<0>(r), std::get<1>(r), std::get<2>(r)};
}

Tensors call(const Form& f, const Tensors& a, bool batch_first) {
  const Tensors hx(a.begin() + 1, a.begin() + 1 + static_cast<int64_t>(f.states()));
  const Tensors w(a.begin() + 1 + static_cast<int64_t>(f.states()), a.end());
  const bool two = f.directions == 2;
  const Tensor x = batch_first ? a[0].transpose(0, 1) : a[0];
  Tensors r;
  if (f.kind == Kind::lstm) {
    r = listed(lstm(x, hx, w, f.biases, f.layers, 0.5, false, two, batch_first));
  } else if (f.kind == Kind::gru) {
    r = listed(gru(x, hx[0], w, f.biases, f.layers, 0.5, false, two, batch_first));
  } else if (f.kind == Kind::tanh) {
    r = listed(rnn_tanh(x, hx[0], w, f.biases, f.layers, 0.5, false, two, batch_first));
  } else {
    r = listed(rnn_relu(x, hx[0], w, f.biases, f.layers, 0.5, false, two, batch_first));
  }
  if (batch_first) r[0] = r[0].transpose(0, 1);
  return r;
}

Tensors call_packed(const Form& f, const Tensors& a, const Counts& counts) {
  const Tensors hx(a.begin() + 1, a.begin() + 1 + static_cast<int64_t>(f.states()));
  const Tensors w(a.begin() + 1 + static_cast<int64_t>(f.states()), a.end());
  const Tensor sizes = tensor(counts);
  const bool two = f.directions == 2;
  if (f.kind == Kind::lstm) {
    return listed(lstm(a[0], sizes, hx, w, f.biases, f.layers, 0, true, two));
  }
  if (f.kind == Kind::gru) {
    return listed(gru(a[0], sizes, hx[0], w, f.biases, f.layers, 0, true, two));
  }
  if (f.kind == Kind::tanh) {
    return listed(rnn_tanh(a[0], sizes, hx[0], w, f.biases, f.layers, 0, true, two));
  }
  return listed(rnn_relu(a[0], sizes, hx[0], w, f.biases, f.layers, 0, true, two));
}

Sample padded(std::string label, const Form& f, int64_t t, int64_t n, bool batch_first = false) {
  const auto reference = [=](const std::vector<Dense>& args) {
    std::vector<Dense> r = run(f, args, Counts(static_cast<size_t>(t), n));
    r[0].sizes = {t, n, r[0].sizes[1]};
    return r;
  };
  return {std::move(label), args_of(f, {t, n, 2}, n),
          [=](const Tensors& a) { return call(f, a, batch_first); }, reference};
}

Sample packed(std::string label, const Form& f, const Counts& counts) {
  int64_t rows = 0;
  for (const int64_t count : counts) rows += count;
  return {std::move(label), args_of(f, {rows, 2}, counts[0]),
          [=](const Tensors& a) { return call_packed(f, a, counts); },
          [=](const std::vector<Dense>& args) { return run(f, args, counts); }};
}

std::vector<Sample> layer_samples(Kind kind) {
  return {padded("one layer", {kind}, 3, 2),
          padded("without biases", {kind, 1, 1, false}, 2, 1, true),
          padded("two layers, both ways", {kind, 2, 2}, 2, 2),
          packed("packed", {kind, 1, 1}, {3, 2, 2, 1}),
          packed("packed, both ways", {kind, 1, 2}, {2, 1})};
}

/// A step's cell: input, states [n, h], weights.
Sample cell_sample(Kind kind) {
  std::vector<Arg> args = args_of({kind}, {2, 2}, 2);
  for (size_t i = 1; i <= Form{kind}.states(); ++i) args[i].sizes = {2, 2};
  const auto op = [kind](const Tensors& a) -> Tensors {
    if (kind == Kind::lstm) return listed(lstm_cell(a[0], {a[1], a[2]}, a[3], a[4], a[5], a[6]));
    if (kind == Kind::gru) return {gru_cell(a[0], a[1], a[2], a[3], a[4], a[5])};
    auto* const cell = kind == Kind::tanh ? rnn_tanh_cell : rnn_relu_cell;
    return {cell(a[0], a[1], a[2], a[3], a[4], a[5])};
  };
  const auto reference = [kind](std::vector<Dense> args) {
    for (size_t i = 1; i <= Form{kind}.states(); ++i) args[i].sizes = {1, 2, 2};
    std::vector<Dense> r = run({kind}, args, {2});
    r.erase(r.begin() + 1);
    if (r.size() == 2) r[1].sizes = {2, 2};
    return r;
  };
  return {"one step", std::move(args), op, reference};
}

std::vector<ErrorInput> cell_errors() {
  const auto cell = [](IntArrayRef x, IntArrayRef h, IntArrayRef w_ih, IntArrayRef w_hh) {
    return [x = x.vec(), h = h.vec(), w_ih = w_ih.vec(), w_hh = w_hh.vec()] {
      gru_cell(ones(x), ones(h), ones(w_ih), ones(w_hh));
    };
  };
  using Kind = ErrorInput::Kind;
  return {
      {"rank", cell({2}, {2, 3}, {9, 2}, {9, 3}), "expected input of 2 dimensions", Kind::shape},
      {"input", cell({2, 4}, {2, 3}, {9, 2}, {9, 3}), "expected w_ih of size [9, 4]", Kind::shape},
      {"gates", cell({2, 2}, {2, 3}, {8, 2}, {8, 3}), "expected w_hh of 3 gates", Kind::shape},
      {"hidden", cell({2, 2}, {1, 3}, {9, 2}, {9, 3}), "expected hidden state of size [2, 3]",
       Kind::shape},
      {"bias",
       [] {
         gru_cell(ones({2, 2}), ones({2, 3}), ones({9, 2}), ones({9, 3}), ones({9}));
       },
       "expected both biases or none"},
      {"type",
       [] {
         gru_cell(ones({2, 2}), ones({2, 3}, kDouble), ones({9, 2}), ones({9, 3}));
       },
       "gru_cell", Kind::dtype},
      {"integers",
       [] {
         gru_cell(ones({2, 2}, kLong), ones({2, 3}, kLong), ones({9, 2}, kLong),
                  ones({9, 3}, kLong));
       },
       "gru_cell", Kind::dtype}};
}

std::vector<ErrorInput> layer_errors() {
  static const auto weights = [] { return Tensors{ones({12, 2}), ones({12, 3})}; };
  static const auto hx = [](int64_t n) { return Tensors{ones({1, n, 3}), ones({1, n, 3})}; };
  const auto on = [](IntArrayRef x, int64_t samples) {
    return [x = x.vec(), samples] {
      lstm(ones(x), hx(samples), weights(), false, 1, 0, true, false, false);
    };
  };
  const auto packed_on = [](const Counts& sizes) {
    return [sizes] {
      lstm(ones({5, 2}), tensor(sizes), hx(3), weights(), false, 1, 0, true, false);
    };
  };
  using Kind = ErrorInput::Kind;
  return {
      {"rank", on({3, 2}, 3), "expected input of 3 dimensions", Kind::shape},
      {"no steps", on({0, 3, 2}, 3), "Expected sequence length to be larger than 0", Kind::shape},
      {"samples", on({4, 2, 2}, 3), "expected hidden state of size [2, 3]", Kind::shape},
      {"states",
       [] {
         lstm(ones({4, 2, 2}), {ones({1, 2, 3})}, weights(), false, 1, 0, true, false, false);
       },
       "lstm expects two hidden states"},
      {"layers",
       [] {
         lstm(ones({4, 3, 2}), hx(3), weights(), false, 2, 0, true, false, false);
       },
       "expected 2 weights for each of 2 cells, got 2", Kind::shape},
      {"no layers",
       [] {
         lstm(ones({4, 3, 2}), hx(3), weights(), false, 0, 0, true, false, false);
       },
       "num_layers must be greater than zero", Kind::shape},
      {"growing", packed_on({2, 3}), "must be positive, never grow", Kind::shape},
      {"zero", packed_on({3, 2, 0}), "must be positive, never grow", Kind::shape},
      {"too many", packed_on({3, 3}), "sum to the 5 rows", Kind::shape},
      {"too few", packed_on({3, 1}), "sum to 4, but the data has 5 rows", Kind::shape},
      {"none", packed_on({}), "batch_sizes", Kind::any}};
}

std::vector<OpCase> recurrent_cases() {
  std::vector<Sample> lstms = layer_samples(Kind::lstm);
  lstms.push_back(padded("projected", {Kind::lstm, 2, 2, true, true}, 2, 2));
  lstms.push_back(packed("projected and packed", {Kind::lstm, 1, 1, false, true}, {2, 1}));
  return {{.name = "rnn_tanh_cell", .samples = {cell_sample(Kind::tanh)}},
          {.name = "rnn_relu_cell", .samples = {cell_sample(Kind::relu)}},
          {.name = "lstm_cell", .samples = {cell_sample(Kind::lstm)}},
          {.name = "gru_cell", .samples = {cell_sample(Kind::gru)}, .errors = cell_errors()},
          {.name = "rnn_tanh", .samples = layer_samples(Kind::tanh)},
          {.name = "rnn_relu", .samples = layer_samples(Kind::relu)},
          {.name = "lstm", .samples = std::move(lstms), .errors = layer_errors()},
          {.name = "gru", .samples = layer_samples(Kind::gru)}};
}
TAPER_OP_CASES(recurrent_cases);

TEST(Recurrent, OfNoSamplesIsEmpty) {
  const Tensor w_ih = ones({9, 2}).requires_grad_();
  const auto [y, h] =
      gru(ones({4, 0, 2}), ones({1, 0, 3}), {w_ih, ones({9, 3})}, false, 1, 0, true, false, false);
  EXPECT_EQ(y.sizes(), IntArrayRef({4, 0, 3}));
  EXPECT_EQ(h.sizes(), IntArrayRef({1, 0, 3}));
  y.sum().backward();
  EXPECT_EQ(w_ih.grad().abs().sum().item<double>(), 0);
}

TEST(Recurrent, DropsOutBetweenLayersInTraining) {
  manual_seed(2);
  const Tensors w{randn({4, 3}), randn({4, 4}), randn({4, 4}), randn({4, 4})};
  const Tensor x = randn({3, 2, 3}), h = zeros({2, 2, 4});
  const auto output = [&](double p, bool train) {
    return std::get<0>(rnn_tanh(x, h, w, false, 2, p, train, false, false));
  };
  const Tensor plain = output(0, true);
  EXPECT_TRUE(plain.equal(output(0.5, false)));
  EXPECT_FALSE(plain.equal(output(0.5, true)));
  // All of the first layer dropped: the second sees zeros.
  const Tensor dropped = output(1, true);
  EXPECT_EQ(dropped.abs().sum().item<double>(), 0);
}

TEST(Recurrent, ManySamplesAreAsEachAlone) {
  // So many that the steps' weights are laid out for them; each by itself reads them as they are.
  manual_seed(4);
  const int64_t n = 6, hidden = 16;
  const Tensor x = randn({5, n, 3}, kDouble), h = randn({2, n, hidden}, kDouble);
  for (const bool is_lstm : {false, true}) {
    const int64_t rows = (is_lstm ? 4 : 3) * hidden;
    Tensors w;
    for (int i = 0; i < 2; ++i) {
      for (const Counts& sizes : {Counts{rows, 3}, {rows, hidden}, {rows}, {rows}}) {
        w.push_back(randn(sizes, kDouble).mul(0.3).requires_grad_());
      }
    }
    const auto run = [&](const Tensor& input, const Tensor& state) {
      return is_lstm ? std::get<0>(lstm(input, {state, state}, w, true, 1, 0, true, true, false))
                     : std::get<0>(gru(input, state, w, true, 1, 0, true, true, false));
    };
    const Tensor together = run(x, h);
    const Tensors grads = autograd::grad({together.pow(2).sum()}, w);
    Tensors alone;
    for (int64_t i = 0; i < n; ++i) alone.push_back(run(x.narrow(1, i, 1), h.narrow(1, i, 1)));
    const Tensor apart = cat(alone, 1);
    EXPECT_LT(together.sub(apart).abs().max().item<double>(), 1e-13);
    const Tensors wanted = autograd::grad({apart.pow(2).sum()}, w);
    for (size_t i = 0; i < w.size(); ++i) {
      EXPECT_LT(grads[i].sub(wanted[i]).abs().max().item<double>(), 1e-11) << i;
    }
  }
}

TEST(Recurrent, StatesCanBeOneTensor) {
  const Tensor state = full({1, 2, 3}, 0.25, kDouble).requires_grad_();
  const Tensors w{ones({12, 2}, kDouble).mul(0.1), ones({12, 3}, kDouble).mul(-0.2)};
  const auto run = [&](const Tensor& h, const Tensor& c) {
    return std::get<0>(lstm(ones({2, 2, 2}, kDouble), {h, c}, w, false, 1, 0, true, false, false))
        .sum();
  };
  const Tensor h = state.detach().requires_grad_(), c = state.detach().clone().requires_grad_();
  for (const bool create_graph : {false, true}) {
    const Tensor both = autograd::grad({run(state, state)}, {state}, {}, true, create_graph)[0];
    const auto apart = autograd::grad({run(h, c)}, {h, c});
    EXPECT_LT(both.sub(apart[0].add(apart[1])).abs().max().item<double>(), 1e-15);
  }
}

}  // namespace
}  // namespace taper::testing
