#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "taper/base/arg.h"
#include "taper/nn/cloneable.h"
#include "taper/nn/enum.h"
#include "taper/nn/module_holder.h"
#include "taper/nn/packed_sequence.h"

namespace taper TAPER_API {
namespace nn {

using RNNNonlinearity = Choice<enumtype::kTanh, enumtype::kReLU>;

/// The options that all recurrent layers have: of what size, how many layers, dropout between them.
#define TAPER_RECURRENT_ARGS(Name)                              \
  Name(int64_t input_size, int64_t hidden_size)                 \
      : input_size_(input_size), hidden_size_(hidden_size) {}   \
  TAPER_ARG(int64_t, input_size);                               \
  TAPER_ARG(int64_t, hidden_size);                              \
  TAPER_ARG(int64_t, num_layers) = 1;                           \
  TAPER_ARG(bool, bias) = true;                                 \
  /** Inputs and outputs are [N, L, *] instead of [L, N, *]. */ \
  TAPER_ARG(bool, batch_first) = false;                         \
  TAPER_ARG(double, dropout) = 0.0;                             \
  TAPER_ARG(bool, bidirectional) = false

struct RNNOptions {
  TAPER_RECURRENT_ARGS(RNNOptions);
  TAPER_ARG(RNNNonlinearity, nonlinearity) = kTanh;
};
struct LSTMOptions {
  TAPER_RECURRENT_ARGS(LSTMOptions);
  /// The size of outputs and h where it is not hidden_size, below which it lies; 0 for none.
  TAPER_ARG(int64_t, proj_size) = 0;
};
struct GRUOptions {
  TAPER_RECURRENT_ARGS(GRUOptions);
};

namespace detail {
/// The options of any of the three.
struct RNNOptionsBase {
  TAPER_RECURRENT_ARGS(RNNOptionsBase);
  TAPER_ARG(int64_t, proj_size) = 0;

 public:
  template <class Options>
  explicit RNNOptionsBase(const Options& o) : RNNOptionsBase(o.input_size(), o.hidden_size()) {
    num_layers(o.num_layers()).bias(o.bias()).batch_first(o.batch_first()).dropout(o.dropout());
    bidirectional(o.bidirectional());
  }
};
}  // namespace detail
#undef TAPER_RECURRENT_ARGS

/// What recurrent layers share. The parameters of layer k are weight_ih_l<k> [gates * hidden, in],
/// weight_hh_l<k> [gates * hidden, out], bias_ih_l<k>, bias_hh_l<k> and, projected, weight_hr_l<k>;
/// those of the backward direction end in _reverse. All start uniform in +-1 / sqrt(hidden).
class RNNImplBase : public virtual Module {
 public:
  void reset_parameters();
  /// Every weight, in the order of the parameters.
  std::vector<Tensor> all_weights() const { return weights_; }
  /// The weights need no common memory.
  void flatten_parameters() {}

  detail::RNNOptionsBase options_base;

 protected:
  enum class Mode : uint8_t { kTanh, kRelu, kLstm, kGru };
  struct Result {
    Tensor output, h, c;
  };
  struct PackedResult {
    utils::rnn::PackedSequence output;
    Tensor h, c;
  };

  RNNImplBase(const char* name, const detail::RNNOptionsBase& options)
      : options_base(options), type_name_(name) {}
  /// Checks the options and registers the weights; gates is the number of a cell's gates.
  void register_all(int64_t gates);
  void print(std::ostream& stream) const;
  /// The layer over a batch or one sequence; states may be undefined, then they are zeros.
  Result run(Mode mode, const Tensor& input, const Tensor& h, const Tensor& c) const;
  PackedResult run(Mode mode, const utils::rnn::PackedSequence& input, const Tensor& h,
                   const Tensor& c) const;
  Tensor* tensor_member(const std::string& name) override;

 private:
  int64_t directions() const { return options_base.bidirectional() ? 2 : 1; }
  int64_t output_size() const;
  void check_input(const Tensor& input, int64_t rank) const;
  Tensor start(const Tensor& given, bool cell_state, const Tensor& input, int64_t samples) const;

  const char* type_name_;
  bool has_cell_state_ = false;
  std::vector<Tensor> weights_;
  std::vector<std::string> weight_names_;
};

/// Layers of h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or max(0, .), over sequences.
class RNNImpl : public Cloneable<RNNImpl>, public RNNImplBase {
 public:
  RNNImpl(int64_t input_size, int64_t hidden_size) : RNNImpl(RNNOptions(input_size, hidden_size)) {}
  explicit RNNImpl(const RNNOptions& options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override { print(stream); }
  /// input [L, N, in] ([N, L, in] with batch_first) or one sequence [L, in]; hx is the first state
  /// [layers * directions, N, hidden], zeros when undefined. Returns the last layer's outputs
  /// [L, N, directions * hidden] and the last states.
  std::tuple<Tensor, Tensor> forward(const Tensor& input, const Tensor& hx = {});
  /// forward() of sequences of several lengths.
  std::tuple<utils::rnn::PackedSequence, Tensor> forward_with_packed_input(
      const utils::rnn::PackedSequence& packed_input, const Tensor& hx = {});

  RNNOptions options;

 private:
  Mode mode() const;
};
TAPER_LAYER(RNN);

/// Layers of long short-term memory (Hochreiter and Schmidhuber, 1997), taper::lstm_cell(), with a
/// projection of the outputs if proj_size is given (Sak et al., 2014).
class LSTMImpl : public Cloneable<LSTMImpl>, public RNNImplBase {
 public:
  using State = std::tuple<Tensor, Tensor>;

  LSTMImpl(int64_t input_size, int64_t hidden_size)
      : LSTMImpl(LSTMOptions(input_size, hidden_size)) {}
  explicit LSTMImpl(const LSTMOptions& options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override { print(stream); }
  /// As RNN's forward(), with states h [layers * directions, N, out] and c
  /// [layers * directions, N, hidden].
  std::tuple<Tensor, State> forward(const Tensor& input,
                                    const std::optional<State>& hx_opt = std::nullopt);
  std::tuple<utils::rnn::PackedSequence, State> forward_with_packed_input(
      const utils::rnn::PackedSequence& packed_input,
      const std::optional<State>& hx_opt = std::nullopt);

  LSTMOptions options;
};
TAPER_LAYER(LSTM);

/// Layers of gated recurrent units (Cho et al., 2014), taper::gru_cell().
class GRUImpl : public Cloneable<GRUImpl>, public RNNImplBase {
 public:
  GRUImpl(int64_t input_size, int64_t hidden_size) : GRUImpl(GRUOptions(input_size, hidden_size)) {}
  explicit GRUImpl(const GRUOptions& options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override { print(stream); }
  /// As RNN's forward().
  std::tuple<Tensor, Tensor> forward(const Tensor& input, const Tensor& hx = {});
  std::tuple<utils::rnn::PackedSequence, Tensor> forward_with_packed_input(
      const utils::rnn::PackedSequence& packed_input, const Tensor& hx = {});

  GRUOptions options;
};
TAPER_LAYER(GRU);

struct RNNCellOptions {
  RNNCellOptions(int64_t input_size, int64_t hidden_size)
      : input_size_(input_size), hidden_size_(hidden_size) {}
  TAPER_ARG(int64_t, input_size);
  TAPER_ARG(int64_t, hidden_size);
  TAPER_ARG(bool, bias) = true;
  TAPER_ARG(RNNNonlinearity, nonlinearity) = kTanh;
};
struct LSTMCellOptions {
  LSTMCellOptions(int64_t input_size, int64_t hidden_size)
      : input_size_(input_size), hidden_size_(hidden_size) {}
  TAPER_ARG(int64_t, input_size);
  TAPER_ARG(int64_t, hidden_size);
  TAPER_ARG(bool, bias) = true;
};
using GRUCellOptions = LSTMCellOptions;

/// What recurrent cells share: the parameters weight_ih, weight_hh, bias_ih and bias_hh.
class RNNCellImplBase : public virtual Module {
 public:
  void reset_parameters();

  Tensor weight_ih, weight_hh, bias_ih, bias_hh;

 protected:
  explicit RNNCellImplBase(const char* name) : type_name_(name) {}
  void register_all(int64_t input_size, int64_t hidden_size, bool bias, int64_t gates);
  std::string text(int64_t input_size, int64_t hidden_size) const;
  /// The input and the states as batches, checked; states that are undefined are zeros.
  Tensor batched(const Tensor& input, std::initializer_list<Tensor*> states) const;

 private:
  const char* type_name_;
};

/// One step of RNN: input [N, in] or [in] and the state to the next state.
class RNNCellImpl : public Cloneable<RNNCellImpl>, public RNNCellImplBase {
 public:
  RNNCellImpl(int64_t input_size, int64_t hidden_size)
      : RNNCellImpl(RNNCellOptions(input_size, hidden_size)) {}
  explicit RNNCellImpl(const RNNCellOptions& options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& hx = {});

  RNNCellOptions options;
};
TAPER_LAYER(RNNCell);

/// One step of LSTM; returns h and c.
class LSTMCellImpl : public Cloneable<LSTMCellImpl>, public RNNCellImplBase {
 public:
  using State = std::tuple<Tensor, Tensor>;

  LSTMCellImpl(int64_t input_size, int64_t hidden_size)
      : LSTMCellImpl(LSTMCellOptions(input_size, hidden_size)) {}
  explicit LSTMCellImpl(const LSTMCellOptions& options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  State forward(const Tensor& input, const std::optional<State>& hx_opt = std::nullopt);

  LSTMCellOptions options;
};
TAPER_LAYER(LSTMCell);

/// One step of GRU.
class GRUCellImpl : public Cloneable<GRUCellImpl>, public RNNCellImplBase {
 public:
  GRUCellImpl(int64_t input_size, int64_t hidden_size)
      : GRUCellImpl(GRUCellOptions(input_size, hidden_size)) {}
  explicit GRUCellImpl(const GRUCellOptions& options);
  void reset() override;
  void pretty_print(std::ostream& stream) const override;
  Tensor forward(const Tensor& input, const Tensor& hx = {});

  GRUCellOptions options;
};
TAPER_LAYER(GRUCell);

}  // namespace nn
}  // namespace taper
