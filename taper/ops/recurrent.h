#pragma once

#include <tuple>

#include "taper/tensor/tensor.h"

// Recurrent cells and layers. Weights have a gate's rows side by side: w_ih [gates * h, input],
// w_hh [gates * h, h], biases [gates * h] or none.
namespace taper TAPER_API {

/// tanh(W_ih x + b_ih + W_hh h + b_hh); input [n, in], hx [n, h].
Tensor rnn_tanh_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const std::optional<Tensor>& b_ih = std::nullopt,
                     const std::optional<Tensor>& b_hh = std::nullopt);
/// rnn_tanh_cell() with max(0, .) for tanh.
Tensor rnn_relu_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const std::optional<Tensor>& b_ih = std::nullopt,
                     const std::optional<Tensor>& b_hh = std::nullopt);
/// The next h and c = f c + i g, h = o tanh(c), with the gates i, f, o sigmoids and g tanh of
/// W_ih x + b_ih + W_hh h + b_hh (Hochreiter and Schmidhuber, 1997). hx holds h and c.
std::tuple<Tensor, Tensor> lstm_cell(const Tensor& input, TensorList hx, const Tensor& w_ih,
                                     const Tensor& w_hh,
                                     const std::optional<Tensor>& b_ih = std::nullopt,
                                     const std::optional<Tensor>& b_hh = std::nullopt);
/// n + z (h - n), with the gates r and z sigmoids and n = tanh(x_n + r h_n), x and h the input's
/// and the state's products (Cho et al., 2014).
Tensor gru_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                const std::optional<Tensor>& b_ih = std::nullopt,
                const std::optional<Tensor>& b_hh = std::nullopt);

/// Layers of cells over all steps of input [t, n, in] ([n, t, in] with batch_first). hx is the
/// first state [layers * directions, n, h]; params has each layer's and direction's w_ih, w_hh,
/// b_ih, b_hh in turn. Dropout stands between layers. Returns the last layer's outputs
/// [t, n, directions * h] and the last states. Throws where the sizes do not fit.
std::tuple<Tensor, Tensor> rnn_tanh(const Tensor& input, const Tensor& hx, TensorList params,
                                    bool has_biases, int64_t num_layers, double dropout, bool train,
                                    bool bidirectional, bool batch_first);
/// rnn_tanh() of packed sequences: data [rows, in] holds the steps one after another, batch_sizes
/// the number of sequences in each, which never grows.
std::tuple<Tensor, Tensor> rnn_tanh(const Tensor& data, const Tensor& batch_sizes, const Tensor& hx,
                                    TensorList params, bool has_biases, int64_t num_layers,
                                    double dropout, bool train, bool bidirectional);
/// rnn_tanh() with rnn_relu_cell().
std::tuple<Tensor, Tensor> rnn_relu(const Tensor& input, const Tensor& hx, TensorList params,
                                    bool has_biases, int64_t num_layers, double dropout, bool train,
                                    bool bidirectional, bool batch_first);
std::tuple<Tensor, Tensor> rnn_relu(const Tensor& data, const Tensor& batch_sizes, const Tensor& hx,
                                    TensorList params, bool has_biases, int64_t num_layers,
                                    double dropout, bool train, bool bidirectional);
/// rnn_tanh() with gru_cell().
std::tuple<Tensor, Tensor> gru(const Tensor& input, const Tensor& hx, TensorList params,
                               bool has_biases, int64_t num_layers, double dropout, bool train,
                               bool bidirectional, bool batch_first);
std::tuple<Tensor, Tensor> gru(const Tensor& data, const Tensor& batch_sizes, const Tensor& hx,
                               TensorList params, bool has_biases, int64_t num_layers,
                               double dropout, bool train, bool bidirectional);
/// rnn_tanh() with lstm_cell(); hx holds h and c, and the results are the outputs, h and c. With a
/// fifth weight w_hr [p, h] for each cell, outputs and h are projected: h = W_hr o tanh(c).
std::tuple<Tensor, Tensor, Tensor> lstm(const Tensor& input, TensorList hx, TensorList params,
                                        bool has_biases, int64_t num_layers, double dropout,
                                        bool train, bool bidirectional, bool batch_first);
std::tuple<Tensor, Tensor, Tensor> lstm(const Tensor& data, const Tensor& batch_sizes,
                                        TensorList hx, TensorList params, bool has_biases,
                                        int64_t num_layers, double dropout, bool train,
                                        bool bidirectional);

}  // namespace taper
