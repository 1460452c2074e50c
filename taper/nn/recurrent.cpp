#include "taper/nn/recurrent.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "taper/nn/init.h"
#include "taper/ops/creation.h"
#include "taper/ops/recurrent.h"
#include "taper/ops/scatter.h"
#include "taper/ops/view.h"

namespace taper::nn {
namespace {

using utils::rnn::PackedSequence;

void start_uniform(const std::vector<Tensor>& weights, int64_t hidden_size) {
  const double bound = hidden_size > 0 ? 1 / std::sqrt(static_cast<double>(hidden_size)) : 0;
  for (const Tensor& weight : weights) init::uniform_(weight, -bound, bound);
}

/// The samples of a state in another order; undefined for one that is kept.
Tensor permuted(const Tensor& state, const Tensor& order) {
  return state.defined() && order.defined() ? index_select(state, 1, order) : state;
}

using PaddedOp = std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, TensorList, bool, int64_t,
                                            double, bool, bool, bool);
using PackedOp = std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, TensorList,
                                            bool, int64_t, double, bool, bool);
/// The op of a layer with one state.
template <class Op, class Mode>
Op* op_of(Mode mode) {
  if (mode == Mode::kGru) return gru;
  return mode == Mode::kTanh ? static_cast<Op*>(rnn_tanh) : static_cast<Op*>(rnn_relu);
}

detail::RNNOptionsBase base_of(const LSTMOptions& o) {
  return detail::RNNOptionsBase(o).proj_size(o.proj_size());
}

void check_options(const char* name, const detail::RNNOptionsBase& o) {
  TAPER_CHECK_AS(ConfigError, o.input_size() >= 0, name, ": input_size must not be negative, got ",
                 o.input_size());
  TAPER_CHECK_AS(ConfigError, o.hidden_size() > 0, name,
                 ": hidden_size must be greater than zero, got ", o.hidden_size());
  TAPER_CHECK_AS(ConfigError, o.num_layers() > 0, name,
                 ": num_layers must be greater than zero, got ", o.num_layers());
  TAPER_CHECK_AS(ConfigError, o.dropout() >= 0 && o.dropout() <= 1, name,
                 ": dropout should be a number in range [0, 1] representing the probability of an "
                 "element being zeroed, got ",
                 o.dropout());
  TAPER_CHECK_AS(ConfigError, o.proj_size() >= 0, name,
                 ": proj_size should be a positive integer or zero to disable projections, got ",
                 o.proj_size());
  TAPER_CHECK_AS(ConfigError, o.proj_size() < o.hidden_size(), name,
                 ": proj_size has to be smaller than hidden_size, got ", o.proj_size(), " and ",
                 o.hidden_size());
  if (o.dropout() > 0 && o.num_layers() == 1) {
    warn(str(name,
             ": dropout option adds dropout after all but last recurrent layer, so non-zero "
             "dropout expects num_layers greater than 1, but got dropout=",
             o.dropout(), " and num_layers=1"));
  }
}

}  // namespace

int64_t RNNImplBase::output_size() const {
  return options_base.proj_size() > 0 ? options_base.proj_size() : options_base.hidden_size();
}

void RNNImplBase::register_all(int64_t gates) {
  const detail::RNNOptionsBase& o = options_base;
  check_options(type_name_, o);
  weights_.clear();
  weight_names_.clear();
  has_cell_state_ = gates == 4;
  const int64_t rows = gates * o.hidden_size();
  for (int64_t layer = 0; layer < o.num_layers(); ++layer) {
    const int64_t in = layer == 0 ? o.input_size() : output_size() * directions();
    for (const char* end : {"", "_reverse"}) {
      if (*end != '\0' && !o.bidirectional()) continue;
      const auto add = [&](const char* name, IntArrayRef sizes) {
        weight_names_.push_back(str(name, "_l", layer, end));
        weights_.push_back(register_parameter(weight_names_.back(), empty(sizes)));
      };
      add("weight_ih", {rows, in});
      add("weight_hh", {rows, output_size()});
      if (o.bias()) add("bias_ih", {rows});
      if (o.bias()) add("bias_hh", {rows});
      if (o.proj_size() > 0) add("weight_hr", {o.proj_size(), o.hidden_size()});
    }
  }
  reset_parameters();
}

Tensor* RNNImplBase::tensor_member(const std::string& name) {
  const auto found = std::find(weight_names_.begin(), weight_names_.end(), name);
  if (found == weight_names_.end()) return Module::tensor_member(name);
  return &weights_[static_cast<size_t>(found - weight_names_.begin())];
}

void RNNImplBase::reset_parameters() { start_uniform(weights_, options_base.hidden_size()); }

void RNNImplBase::print(std::ostream& stream) const {
  const detail::RNNOptionsBase& o = options_base;
  std::string s = str("taper::nn::", type_name_, "(", o.input_size(), ", ", o.hidden_size());
  if (o.proj_size() != 0) s += str(", proj_size=", o.proj_size());
  if (o.num_layers() != 1) s += str(", num_layers=", o.num_layers());
  if (!o.bias()) s += ", bias=false";
  if (o.batch_first()) s += ", batch_first=true";
  if (o.dropout() != 0) s += str(", dropout=", o.dropout());
  if (o.bidirectional()) s += ", bidirectional=true";
  stream << s << ")";
}

void RNNImplBase::check_input(const Tensor& input, int64_t rank) const {
  TAPER_CHECK_AS(ShapeError, input.dim() == rank, type_name_, ": input must have ", rank,
                 " dimensions, got ", input.dim());
  TAPER_CHECK_AS(ShapeError, input.size(-1) == options_base.input_size(), type_name_,
                 ": input.size(-1) must be equal to input_size. Expected ",
                 options_base.input_size(), ", got ", input.size(-1));
}

/// A first state: what was given, checked, or zeros.
Tensor RNNImplBase::start(const Tensor& given, bool cell_state, const Tensor& input,
                          int64_t samples) const {
  const int64_t size = cell_state ? options_base.hidden_size() : output_size();
  const char* const which = !has_cell_state_ ? "" : cell_state ? "[1]" : "[0]";
  const DimVector sizes{options_base.num_layers() * directions(), samples, size};
  if (!given.defined()) return zeros(sizes, input.options());
  TAPER_CHECK_AS(ShapeError, given.sizes() == IntArrayRef(sizes), type_name_, ": Expected hidden",
                 which, " size ", IntArrayRef(sizes), ", got ", given.sizes());
  return given;
}

RNNImplBase::Result RNNImplBase::run(Mode mode, const Tensor& input, const Tensor& h,
                                     const Tensor& c) const {
  const detail::RNNOptionsBase& o = options_base;
  TAPER_CHECK_AS(ShapeError, input.dim() == 2 || input.dim() == 3, type_name_,
                 ": Expected input to be 2D or 3D, got ", input.dim(), "D instead");
  check_input(input, input.dim());
  const bool batched = input.dim() == 3;
  for (const Tensor* state : {&h, &c}) {
    TAPER_CHECK_AS(ShapeError, !state->defined() || state->dim() == input.dim(), type_name_,
                   ": For ", batched ? "batched 3-D" : "unbatched 2-D",
                   " input, hx and cx should also be ", input.dim(), "-D but got ",
                   state->defined() ? state->dim() : 0, "-D tensor");
  }
  const auto widen = [&](const Tensor& state) {
    return batched || !state.defined() ? state : state.unsqueeze(1);
  };
  const Tensor x = batched ? input : input.unsqueeze(o.batch_first() ? 0 : 1);
  const int64_t samples = x.size(o.batch_first() ? 0 : 1);
  const Tensor h0 = start(widen(h), false, x, samples);
  Result r;
  if (mode == Mode::kLstm) {
    std::tie(r.output, r.h, r.c) =
        lstm(x, {h0, start(widen(c), true, x, samples)}, weights_, o.bias(), o.num_layers(),
             o.dropout(), is_training(), o.bidirectional(), o.batch_first());
  } else {
    std::tie(r.output, r.h) =
        op_of<PaddedOp>(mode)(x, h0, weights_, o.bias(), o.num_layers(), o.dropout(), is_training(),
                              o.bidirectional(), o.batch_first());
  }
  if (batched) return r;
  return {r.output.squeeze(o.batch_first() ? 0 : 1), r.h.squeeze(1),
          r.c.defined() ? r.c.squeeze(1) : r.c};
}

RNNImplBase::PackedResult RNNImplBase::run(Mode mode, const PackedSequence& input, const Tensor& h,
                                           const Tensor& c) const {
  const detail::RNNOptionsBase& o = options_base;
  const Tensor &data = input.data(), &sizes = input.batch_sizes();
  TAPER_CHECK(data.defined() && sizes.defined() && sizes.numel() > 0, type_name_,
              ": the packed sequence is empty");
  check_input(data, 2);
  const int64_t samples = sizes.flatten()[0].item<int64_t>();
  const auto ordered = [&](const Tensor& state, bool cell_state) {
    return permuted(start(state, cell_state, data, samples), input.sorted_indices());
  };
  const Tensor h0 = ordered(h, false);
  Result r;
  if (mode == Mode::kLstm) {
    std::tie(r.output, r.h, r.c) =
        lstm(data, sizes, {h0, ordered(c, true)}, weights_, o.bias(), o.num_layers(), o.dropout(),
             is_training(), o.bidirectional());
  } else {
    std::tie(r.output, r.h) =
        op_of<PackedOp>(mode)(data, sizes, h0, weights_, o.bias(), o.num_layers(), o.dropout(),
                              is_training(), o.bidirectional());
  }
  const Tensor& back = input.unsorted_indices();
  return {PackedSequence(r.output, sizes, input.sorted_indices(), back), permuted(r.h, back),
          permuted(r.c, back)};
}

RNNImpl::RNNImpl(const RNNOptions& options)
    : RNNImplBase("RNN", detail::RNNOptionsBase(options)), options(options) {
  RNNImpl::reset();
}
void RNNImpl::reset() { register_all(1); }

RNNImplBase::Mode RNNImpl::mode() const {
  return options.nonlinearity().is<enumtype::kTanh>() ? Mode::kTanh : Mode::kRelu;
}

std::tuple<Tensor, Tensor> RNNImpl::forward(const Tensor& input, const Tensor& hx) {
  const Result r = run(mode(), input, hx, {});
  return {r.output, r.h};
}

std::tuple<PackedSequence, Tensor> RNNImpl::forward_with_packed_input(
    const PackedSequence& packed_input, const Tensor& hx) {
  const PackedResult r = run(mode(), packed_input, hx, {});
  return {r.output, r.h};
}

LSTMImpl::LSTMImpl(const LSTMOptions& options)
    : RNNImplBase("LSTM", base_of(options)), options(options) {
  LSTMImpl::reset();
}
void LSTMImpl::reset() { register_all(4); }

std::tuple<Tensor, LSTMImpl::State> LSTMImpl::forward(const Tensor& input,
                                                      const std::optional<State>& hx_opt) {
  const State hx = hx_opt.value_or(State());
  const Result r = run(Mode::kLstm, input, std::get<0>(hx), std::get<1>(hx));
  return {r.output, State(r.h, r.c)};
}

std::tuple<PackedSequence, LSTMImpl::State> LSTMImpl::forward_with_packed_input(
    const PackedSequence& packed_input, const std::optional<State>& hx_opt) {
  const State hx = hx_opt.value_or(State());
  const PackedResult r = run(Mode::kLstm, packed_input, std::get<0>(hx), std::get<1>(hx));
  return {r.output, State(r.h, r.c)};
}

GRUImpl::GRUImpl(const GRUOptions& options)
    : RNNImplBase("GRU", detail::RNNOptionsBase(options)), options(options) {
  GRUImpl::reset();
}
void GRUImpl::reset() { register_all(3); }

std::tuple<Tensor, Tensor> GRUImpl::forward(const Tensor& input, const Tensor& hx) {
  const Result r = run(Mode::kGru, input, hx, {});
  return {r.output, r.h};
}

std::tuple<PackedSequence, Tensor> GRUImpl::forward_with_packed_input(
    const PackedSequence& packed_input, const Tensor& hx) {
  const PackedResult r = run(Mode::kGru, packed_input, hx, {});
  return {r.output, r.h};
}

void RNNCellImplBase::register_all(int64_t input_size, int64_t hidden_size, bool bias,
                                   int64_t gates) {
  TAPER_CHECK_AS(ConfigError, input_size >= 0 && hidden_size > 0, type_name_,
                 ": hidden_size must be greater than zero and input_size not negative, got ",
                 hidden_size, " and ", input_size);
  const int64_t rows = gates * hidden_size;
  register_parameter("weight_ih", &weight_ih, empty({rows, input_size}));
  register_parameter("weight_hh", &weight_hh, empty({rows, hidden_size}));
  register_parameter("bias_ih", &bias_ih, bias ? empty({rows}) : Tensor(), bias);
  register_parameter("bias_hh", &bias_hh, bias ? empty({rows}) : Tensor(), bias);
  reset_parameters();
}

void RNNCellImplBase::reset_parameters() {
  std::vector<Tensor> weights{weight_ih, weight_hh};
  if (bias_ih.defined()) weights.insert(weights.end(), {bias_ih, bias_hh});
  start_uniform(weights, weight_hh.size(1));
}

std::string RNNCellImplBase::text(int64_t input_size, int64_t hidden_size) const {
  return str("taper::nn::", type_name_, "(", input_size, ", ", hidden_size,
             bias_ih.defined() ? "" : ", bias=false");
}

Tensor RNNCellImplBase::batched(const Tensor& input, std::initializer_list<Tensor*> states) const {
  TAPER_CHECK_AS(ShapeError, input.dim() == 1 || input.dim() == 2, type_name_,
                 ": Expected input to be 1D or 2D, got ", input.dim(), "D instead");
  const int64_t in = weight_ih.size(1), hidden = weight_hh.size(1);
  TAPER_CHECK_AS(ShapeError, input.size(-1) == in, type_name_,
                 ": input has inconsistent input_size: got ", input.size(-1), " expected ", in);
  const bool is_batch = input.dim() == 2;
  Tensor x = is_batch ? input : input.unsqueeze(0);
  for (Tensor* state : states) {
    if (!state->defined()) {
      *state = zeros({x.size(0), hidden}, x.options());
      continue;
    }
    TAPER_CHECK_AS(ShapeError, state->dim() == input.dim(), type_name_, ": Expected hidden to be ",
                   input.dim(), "D as the input, got ", state->dim(), "D instead");
    if (!is_batch) *state = state->unsqueeze(0);
    TAPER_CHECK_AS(ShapeError, state->size(0) == x.size(0), type_name_, ": Input batch size ",
                   x.size(0), " doesn't match hidden batch size ", state->size(0));
    TAPER_CHECK_AS(ShapeError, state->size(1) == hidden, type_name_,
                   ": hidden has inconsistent hidden_size: got ", state->size(1), ", expected ",
                   hidden);
  }
  return x;
}

RNNCellImpl::RNNCellImpl(const RNNCellOptions& options)
    : RNNCellImplBase("RNNCell"), options(options) {
  RNNCellImpl::reset();
}

void RNNCellImpl::reset() {
  register_all(options.input_size(), options.hidden_size(), options.bias(), 1);
}

void RNNCellImpl::pretty_print(std::ostream& stream) const {
  const bool relu = options.nonlinearity().is<enumtype::kReLU>();
  stream << text(options.input_size(), options.hidden_size())
         << (relu ? ", nonlinearity=relu)" : ")");
}

Tensor RNNCellImpl::forward(const Tensor& input, const Tensor& hx) {
  Tensor h = hx;
  const Tensor x = batched(input, {&h});
  auto* const cell = options.nonlinearity().is<enumtype::kReLU>() ? rnn_relu_cell : rnn_tanh_cell;
  const Tensor y = cell(x, h, weight_ih, weight_hh, bias_ih, bias_hh);
  return input.dim() == 1 ? y.squeeze(0) : y;
}

LSTMCellImpl::LSTMCellImpl(const LSTMCellOptions& options)
    : RNNCellImplBase("LSTMCell"), options(options) {
  LSTMCellImpl::reset();
}

void LSTMCellImpl::reset() {
  register_all(options.input_size(), options.hidden_size(), options.bias(), 4);
}

void LSTMCellImpl::pretty_print(std::ostream& stream) const {
  stream << text(options.input_size(), options.hidden_size()) << ")";
}

LSTMCellImpl::State LSTMCellImpl::forward(const Tensor& input, const std::optional<State>& hx_opt) {
  auto [h, c] = hx_opt.value_or(State());
  const Tensor x = batched(input, {&h, &c});
  auto [y, state] = lstm_cell(x, {h, c}, weight_ih, weight_hh, bias_ih, bias_hh);
  if (input.dim() == 2) return {y, state};
  return {y.squeeze(0), state.squeeze(0)};
}

GRUCellImpl::GRUCellImpl(const GRUCellOptions& options)
    : RNNCellImplBase("GRUCell"), options(options) {
  GRUCellImpl::reset();
}

void GRUCellImpl::reset() {
  register_all(options.input_size(), options.hidden_size(), options.bias(), 3);
}

void GRUCellImpl::pretty_print(std::ostream& stream) const {
  stream << text(options.input_size(), options.hidden_size()) << ")";
}

Tensor GRUCellImpl::forward(const Tensor& input, const Tensor& hx) {
  Tensor h = hx;
  const Tensor x = batched(input, {&h});
  const Tensor y = gru_cell(x, h, weight_ih, weight_hh, bias_ih, bias_hh);
  return input.dim() == 1 ? y.squeeze(0) : y;
}

template class Cloneable<RNNImpl>;
template class Cloneable<LSTMImpl>;
template class Cloneable<GRUImpl>;
template class Cloneable<RNNCellImpl>;
template class Cloneable<LSTMCellImpl>;
template class Cloneable<GRUCellImpl>;

}  // namespace taper::nn
