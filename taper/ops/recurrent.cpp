#include "taper/ops/recurrent.h"

#include "taper/autograd/autocast_state.h"
#include "taper/core/sizes.h"
#include "taper/ops/dropout.h"
#include "taper/ops/joining.h"
#include "taper/ops/op_util.h"
#include "taper/ops/recurrent_util.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

/// Layers of one kind of cell, as an op is asked for them.
struct Stack {
  const char* op;
  RecurrentCell cell;
  TensorList params;
  bool has_biases;
  int64_t num_layers;
  double dropout;
  bool train, bidirectional;

  int64_t directions() const { return bidirectional ? 2 : 1; }
};

void check_sizes(const char* op, const char* what, const Tensor& t, IntArrayRef sizes) {
  TAPER_CHECK_AS(ShapeError, t.sizes() == sizes, op, ": expected ", what, " of size ", sizes,
                 ", got ", t.sizes());
}

/// Checks the weights against each other, and the input and states against them.
void check_args(const char* op, RecurrentCell cell, const RecurrentArgs& a, int64_t samples) {
  check_floating(op, a.x);
  TAPER_CHECK(a.h.defined() && a.c.defined() == (cell == RecurrentCell::kLstm), op,
              ": expected a defined tensor for each state, got an undefined one");
  for (const Tensor* t : {&a.h, &a.c, &a.w_ih, &a.w_hh, &a.b_ih, &a.b_hh, &a.w_hr}) {
    if (t->defined()) check_same_dtype(op, *t, a.x);
  }
  TAPER_CHECK_AS(ShapeError, a.w_hh.dim() == 2, op, ": expected w_hh of two dimensions, got ",
                 a.w_hh.sizes());
  const int64_t wide = a.w_hh.sizes()[0], out = a.w_hh.sizes()[1];
  const int64_t hidden = wide / gate_count(cell);
  TAPER_CHECK_AS(
      ShapeError,
      wide == hidden * gate_count(cell) && hidden > 0 && (out == hidden || a.w_hr.defined()), op,
      ": expected w_hh of ", gate_count(cell), " gates, [gates * hidden_size, hidden_size], got ",
      a.w_hh.sizes());
  check_sizes(op, "w_ih", a.w_ih, {wide, a.x.sizes()[1]});
  if (a.b_ih.defined()) check_sizes(op, "b_ih", a.b_ih, {wide});
  if (a.b_hh.defined()) check_sizes(op, "b_hh", a.b_hh, {wide});
  TAPER_CHECK(a.b_ih.defined() == a.b_hh.defined(), op, ": expected both biases or none");
  if (a.w_hr.defined()) check_sizes(op, "w_hr", a.w_hr, {out, hidden});
  check_sizes(op, "hidden state", a.h, {samples, out});
  if (a.c.defined()) check_sizes(op, "cell state", a.c, {samples, hidden});
}

RecurrentResult one_layer(const char* op, RecurrentCell cell, const RecurrentArgs& args,
                          const RecurrentSteps& steps) {
  if (autocasting()) [[unlikely]] {
    // The kernels have no bfloat16 way of their own: layers compute in float32.
    const AutocastScope off(false);
    RecurrentArgs a = args;
    for (Tensor* t : {&a.x, &a.h, &a.c, &a.w_ih, &a.w_hh, &a.b_ih, &a.b_hh, &a.w_hr}) {
      *t = autocast_to(*t, kFloat);
    }
    return one_layer(op, cell, a, steps);
  }
  check_args(op, cell, args, steps.samples);
  return recurrent_layer(cell, args, steps);
}

/// How many weights each layer and direction has.
size_t weights_of(const Stack& s) {
  const size_t cells = static_cast<size_t>(s.num_layers * s.directions());
  const size_t own = s.has_biases ? 4 : 2;
  const bool projected = s.cell == RecurrentCell::kLstm && s.params.size() == cells * (own + 1);
  TAPER_CHECK_AS(ShapeError, projected || s.params.size() == cells * own, s.op, ": expected ", own,
                 " weights for each of ", cells, " cells, got ", s.params.size());
  return projected ? own + 1 : own;
}

RecurrentArgs args_of(const Stack& s, size_t i, size_t count, const Tensor& x, const Tensor& h,
                      const Tensor& c) {
  const Tensor* p = &s.params[i * count];
  const bool projected = count % 2 != 0;
  return {x,
          h.select(0, static_cast<int64_t>(i)),
          c.defined() ? c.select(0, static_cast<int64_t>(i)) : c,
          p[0],
          p[1],
          s.has_biases ? p[2] : Tensor(),
          s.has_biases ? p[3] : Tensor(),
          projected ? p[count - 1] : Tensor()};
}

/// All layers over rows of steps; the states are [layers * directions, samples, h].
RecurrentResult run(const Stack& s, Tensor x, const std::vector<int64_t>& counts, const Tensor& h,
                    const Tensor& c) {
  TAPER_CHECK_AS(ShapeError, s.num_layers > 0, s.op, ": num_layers must be greater than zero, got ",
                 s.num_layers);
  const size_t weights = weights_of(s);
  const int64_t cells = s.num_layers * s.directions();
  for (const Tensor* state : {&h, &c}) {
    TAPER_CHECK_AS(ShapeError,
                   !state->defined() || (state->dim() == 3 && state->sizes()[0] == cells), s.op,
                   ": Expected hidden size [", cells, ", ", counts[0], ", *], got ",
                   state->defined() ? state->sizes() : IntArrayRef());
  }
  std::vector<Tensor> last_h, last_c;
  for (int64_t layer = 0; layer < s.num_layers; ++layer) {
    std::vector<Tensor> outputs;
    for (int64_t direction = 0; direction < s.directions(); ++direction) {
      const size_t i = static_cast<size_t>(layer * s.directions() + direction);
      const RecurrentResult r = one_layer(s.op, s.cell, args_of(s, i, weights, x, h, c),
                                          RecurrentSteps(counts, direction == 1));
      outputs.push_back(r.output);
      last_h.push_back(r.h);
      last_c.push_back(r.c);
    }
    x = s.bidirectional ? cat(outputs, 1) : outputs[0];
    if (s.dropout != 0 && s.train && layer + 1 < s.num_layers) x = dropout(x, s.dropout, true);
  }
  return {x, stack(last_h), c.defined() ? stack(last_c) : c};
}

RecurrentResult run_padded(const Stack& s, const Tensor& input, const Tensor& h, const Tensor& c,
                           bool batch_first) {
  TAPER_CHECK_AS(ShapeError, input.dim() == 3, s.op, ": expected input of 3 dimensions, got ",
                 input.sizes());
  const Tensor steps = batch_first ? input.transpose(0, 1) : input;
  const int64_t t = steps.sizes()[0], n = steps.sizes()[1], features = steps.sizes()[2];
  TAPER_CHECK_AS(ShapeError, t > 0, s.op, ": Expected sequence length to be larger than 0 in RNN");
  RecurrentResult r = run(s, steps.reshape({t * n, features}),
                          std::vector<int64_t>(static_cast<size_t>(t), n), h, c);
  r.output = r.output.view({t, n, r.output.sizes()[1]});
  if (batch_first) r.output = r.output.transpose(0, 1);
  return r;
}

RecurrentResult run_packed(const Stack& s, const Tensor& data, const Tensor& batch_sizes,
                           const Tensor& h, const Tensor& c) {
  TAPER_CHECK_AS(ShapeError, data.dim() == 2, s.op, ": expected packed data of 2 dimensions, got ",
                 data.sizes());
  TAPER_CHECK_AS(DTypeError, batch_sizes.scalar_type() == kLong, s.op,
                 ": batch_sizes must be int64, got ", batch_sizes.scalar_type());
  TAPER_CHECK_AS(ShapeError, batch_sizes.dim() == 1 && batch_sizes.numel() > 0, s.op,
                 ": batch_sizes must have one dimension and not be empty, got ",
                 batch_sizes.sizes());
  const Tensor dense = batch_sizes.contiguous();
  const int64_t* first = dense.const_data_ptr<int64_t>();
  const std::vector<int64_t> counts(first, first + dense.numel());
  int64_t rows = 0;
  for (size_t t = 0; t < counts.size(); ++t) {
    TAPER_CHECK_AS(ShapeError,
                   counts[t] > 0 && counts[t] <= data.sizes()[0] - rows &&
                       (t == 0 || counts[t] <= counts[t - 1]),
                   s.op, ": batch_sizes must be positive, never grow and sum to the ",
                   data.sizes()[0], " rows of the data, got ", IntArrayRef(counts));
    rows += counts[t];
  }
  TAPER_CHECK_AS(ShapeError, rows == data.sizes()[0], s.op, ": batch_sizes sum to ", rows,
                 ", but the data has ", data.sizes()[0], " rows");
  return run(s, data, counts, h, c);
}

/// A cell is a layer of one step.
RecurrentResult one_step(const char* op, RecurrentCell cell, const Tensor& input, const Tensor& h,
                         const Tensor& c, const Tensor& w_ih, const Tensor& w_hh,
                         const std::optional<Tensor>& b_ih, const std::optional<Tensor>& b_hh) {
  TAPER_CHECK_AS(ShapeError, input.dim() == 2, op, ": expected input of 2 dimensions, got ",
                 input.sizes());
  return one_layer(
      op, cell,
      {input, h, c, w_ih, w_hh, b_ih.value_or(Tensor()), b_hh.value_or(Tensor()), Tensor()},
      RecurrentSteps({input.sizes()[0]}, false));
}

void check_two(const char* op, TensorList hx) {
  TAPER_CHECK(hx.size() == 2, op, ": lstm expects two hidden states, got ", hx.size());
}

std::tuple<Tensor, Tensor> two(const RecurrentResult& r) { return {r.output, r.h}; }
std::tuple<Tensor, Tensor, Tensor> three(const RecurrentResult& r) { return {r.output, r.h, r.c}; }

}  // namespace

Tensor rnn_tanh_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const std::optional<Tensor>& b_ih, const std::optional<Tensor>& b_hh) {
  return one_step("rnn_tanh_cell", RecurrentCell::kTanh, input, hx, {}, w_ih, w_hh, b_ih, b_hh)
      .output;
}

Tensor rnn_relu_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const std::optional<Tensor>& b_ih, const std::optional<Tensor>& b_hh) {
  return one_step("rnn_relu_cell", RecurrentCell::kRelu, input, hx, {}, w_ih, w_hh, b_ih, b_hh)
      .output;
}

std::tuple<Tensor, Tensor> lstm_cell(const Tensor& input, TensorList hx, const Tensor& w_ih,
                                     const Tensor& w_hh, const std::optional<Tensor>& b_ih,
                                     const std::optional<Tensor>& b_hh) {
  check_two("lstm_cell", hx);
  const RecurrentResult r =
      one_step("lstm_cell", RecurrentCell::kLstm, input, hx[0], hx[1], w_ih, w_hh, b_ih, b_hh);
  return {r.output, r.c};
}

Tensor gru_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                const std::optional<Tensor>& b_ih, const std::optional<Tensor>& b_hh) {
  return one_step("gru_cell", RecurrentCell::kGru, input, hx, {}, w_ih, w_hh, b_ih, b_hh).output;
}

std::tuple<Tensor, Tensor> rnn_tanh(const Tensor& input, const Tensor& hx, TensorList params,
                                    bool has_biases, int64_t num_layers, double dropout, bool train,
                                    bool bidirectional, bool batch_first) {
  return two(run_padded({"rnn_tanh", RecurrentCell::kTanh, params, has_biases, num_layers, dropout,
                         train, bidirectional},
                        input, hx, {}, batch_first));
}

std::tuple<Tensor, Tensor> rnn_tanh(const Tensor& data, const Tensor& batch_sizes, const Tensor& hx,
                                    TensorList params, bool has_biases, int64_t num_layers,
                                    double dropout, bool train, bool bidirectional) {
  return two(run_packed({"rnn_tanh", RecurrentCell::kTanh, params, has_biases, num_layers, dropout,
                         train, bidirectional},
                        data, batch_sizes, hx, {}));
}

std::tuple<Tensor, Tensor> rnn_relu(const Tensor& input, const Tensor& hx, TensorList params,
                                    bool has_biases, int64_t num_layers, double dropout, bool train,
                                    bool bidirectional, bool batch_first) {
  return two(run_padded({"rnn_relu", RecurrentCell::kRelu, params, has_biases, num_layers, dropout,
                         train, bidirectional},
                        input, hx, {}, batch_first));
}

std::tuple<Tensor, Tensor> rnn_relu(const Tensor& data, const Tensor& batch_sizes, const Tensor& hx,
                                    TensorList params, bool has_biases, int64_t num_layers,
                                    double dropout, bool train, bool bidirectional) {
  return two(run_packed({"rnn_relu", RecurrentCell::kRelu, params, has_biases, num_layers, dropout,
                         train, bidirectional},
                        data, batch_sizes, hx, {}));
}

std::tuple<Tensor, Tensor> gru(const Tensor& input, const Tensor& hx, TensorList params,
                               bool has_biases, int64_t num_layers, double dropout, bool train,
                               bool bidirectional, bool batch_first) {
  return two(run_padded(
      {"gru", RecurrentCell::kGru, params, has_biases, num_layers, dropout, train, bidirectional},
      input, hx, {}, batch_first));
}

std::tuple<Tensor, Tensor> gru(const Tensor& data, const Tensor& batch_sizes, const Tensor& hx,
                               TensorList params, bool has_biases, int64_t num_layers,
                               double dropout, bool train, bool bidirectional) {
  return two(run_packed(
      {"gru", RecurrentCell::kGru, params, has_biases, num_layers, dropout, train, bidirectional},
      data, batch_sizes, hx, {}));
}

std::tuple<Tensor, Tensor, Tensor> lstm(const Tensor& input, TensorList hx, TensorList params,
                                        bool has_biases, int64_t num_layers, double dropout,
                                        bool train, bool bidirectional, bool batch_first) {
  check_two("lstm", hx);
  return three(run_padded(
      {"lstm", RecurrentCell::kLstm, params, has_biases, num_layers, dropout, train, bidirectional},
      input, hx[0], hx[1], batch_first));
}

std::tuple<Tensor, Tensor, Tensor> lstm(const Tensor& data, const Tensor& batch_sizes,
                                        TensorList hx, TensorList params, bool has_biases,
                                        int64_t num_layers, double dropout, bool train,
                                        bool bidirectional) {
  check_two("lstm", hx);
  return three(run_packed(
      {"lstm", RecurrentCell::kLstm, params, has_biases, num_layers, dropout, train, bidirectional},
      data, batch_sizes, hx[0], hx[1]));
}

}  // namespace taper
