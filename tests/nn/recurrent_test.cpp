// Recurrent layers and sequences of several lengths: what the golden file does not tell.
#include "taper/nn/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "taper/base/error.h"
#include "taper/nn/nn.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/nn/recorded.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using namespace nn::utils::rnn;
using Sizes = std::vector<int64_t>;

std::vector<Tensor> sequences(const Sizes& lengths) {
  std::vector<Tensor> list;
  for (const int64_t length : lengths) {
    list.push_back(waves({length, 3}).add(static_cast<double>(list.size()) / 8).to(kFloat));
  }
  return list;
}

/// The states of one sample, or all of them.
Tensor state_part(const Tensor& state, int64_t i) { return state.select(1, i); }
std::tuple<Tensor, Tensor> state_part(const std::tuple<Tensor, Tensor>& state, int64_t i) {
  return {std::get<0>(state).select(1, i), std::get<1>(state).select(1, i)};
}
std::vector<double> numbers(const Tensor& t) { return values_of(t); }
std::vector<double> numbers(const std::tuple<Tensor, Tensor>& t) {
  return values_of(cat({std::get<0>(t).flatten(), std::get<1>(t).flatten()}));
}

/// Packed sequences give what each gives alone, outputs, states and gradients.
template <class Layer, class State>
void check_packed(Layer layer, const State& start) {
  const Sizes lengths{2, 5, 3, 5};
  const std::vector<Tensor> list = sequences(lengths);
  const PackedSequence packed = pack_sequence(list, /*enforce_sorted=*/false);
  const auto [output, last] = layer->forward_with_packed_input(packed, start);
  const std::vector<Tensor> together = unpack_sequence(output);
  output.data().pow(2).sum().backward();
  std::vector<Tensor> grads;
  for (const Tensor& p : layer->parameters()) grads.push_back(p.grad().clone());
  layer->zero_grad();
  for (size_t i = 0; i < list.size(); ++i) {
    const int64_t n = static_cast<int64_t>(i);
    const auto [alone, state] = layer->forward(list[i], state_part(start, n));
    expect_near(together[i], values_of(alone), 1e-6);
    const std::vector<double> got = numbers(state_part(last, n)), want = numbers(state);
    ASSERT_EQ(got.size(), want.size());
    for (size_t k = 0; k < got.size(); ++k) EXPECT_NEAR(got[k], want[k], 1e-6);
    alone.pow(2).sum().backward();
  }
  for (size_t i = 0; i < grads.size(); ++i) {
    const Tensor gap = layer->parameters()[i].grad().sub(grads[i]);
    EXPECT_LT(gap.abs().max().template item<double>(), 1e-4) << i;
  }
}

TEST(RecurrentLayers, PackedSequencesAreAsEachAlone) {
  manual_seed(1);
  const Tensor h = randn({4, 4, 4}), c = randn({4, 4, 4});
  check_packed(nn::RNN(nn::RNNOptions(3, 4).num_layers(2).bidirectional(true)), h);
  check_packed(nn::GRU(nn::GRUOptions(3, 4).num_layers(2).bidirectional(true)), h);
  using State = std::tuple<Tensor, Tensor>;
  check_packed(nn::LSTM(nn::LSTMOptions(3, 4).num_layers(2).bidirectional(true)), State(h, c));
  check_packed(nn::LSTM(nn::LSTMOptions(3, 4).num_layers(2).bidirectional(true).proj_size(2)),
               State(h.narrow(2, 0, 2), c));
}

TEST(RecurrentLayers, StartAsPyTorchs) {
  // Recorded with PyTorch 1.13.1.
  manual_seed(0);
  nn::LSTM layer(2, 3);
  const Tensor weight = layer->named_parameters()["weight_ih_l0"];
  expect_near(weight.flatten().narrow(0, 0, 3), {-0.004322517663, 0.3097158372, -0.4751853347},
              1e-7);
  expect_near(layer->named_parameters()["bias_hh_l0"].narrow(0, 10, 2),
              {0.438993901, -0.5759230256}, 1e-7);
}

TEST(RecurrentLayers, InSequentialAndAnyModule) {
  struct TakeImpl : nn::Module {
    Tensor forward(const std::tuple<Tensor, Tensor>& result) { return std::get<0>(result); }
  };
  nn::Sequential net(nn::GRU(3, 4), std::make_shared<TakeImpl>(), nn::Linear(4, 2));
  EXPECT_EQ(net->forward(ones({5, 2, 3})).sizes(), IntArrayRef({5, 2, 2}));
  using LstmResult = std::tuple<Tensor, std::tuple<Tensor, Tensor>>;
  nn::AnyModule any(nn::LSTM(3, 4));
  const auto result = any.forward<LstmResult>(ones({5, 2, 3}));
  EXPECT_EQ(std::get<1>(std::get<1>(result)).sizes(), IntArrayRef({1, 2, 4}));
  nn::AnyModule rnn(nn::RNN(3, 4));
  const auto given = rnn.forward<std::tuple<Tensor, Tensor>>(ones({5, 2, 3}), ones({1, 2, 4}));
  EXPECT_EQ(std::get<0>(given).sizes(), IntArrayRef({5, 2, 4}));
  EXPECT_ERROR(Error, any.forward<Tensor>(ones({5, 2, 3})), "its actual type is");
}

TEST(RecurrentLayers, KeepWeightsThroughConversionAndLoading) {
  nn::LSTM layer(nn::LSTMOptions(3, 4).num_layers(2));
  layer->to(kDouble);
  const Tensor x = waves({5, 2, 3});
  const Tensor before = std::get<0>(layer(x));
  EXPECT_EQ(before.scalar_type(), kDouble);
  nn::LSTM other(nn::LSTMOptions(3, 4).num_layers(2));
  other->load_state_dict(layer->state_dict(), true, /*assign=*/true);
  expect_near(std::get<0>(other(x)), values_of(before));
  {
    const NoGradGuard no_grad;
    for (const Tensor& p : other->parameters()) p.detach().zero_();
  }
  EXPECT_EQ(other->all_weights().size(), 8u);
  EXPECT_EQ(std::get<0>(layer(x)).abs().max().item<double>(), 0) << "assigned memory is shared";
  layer->to(kBFloat16);
  EXPECT_EQ(std::get<0>(layer(x.to(kBFloat16))).scalar_type(), kBFloat16);
}

TEST(RecurrentLayers, RefuseWhatDoesNotFit) {
  nn::LSTM lstm(3, 4);
  nn::GRU gru(nn::GRUOptions(3, 4).num_layers(2));
  const Tensor x = ones({5, 2, 3});
  EXPECT_ERROR(ShapeError, lstm(ones({3})), "LSTM: Expected input to be 2D or 3D, got 1D instead");
  EXPECT_ERROR(ShapeError, lstm(ones({5, 2, 2})),
               "input.size(-1) must be equal to input_size. Expected 3, got 2");
  EXPECT_ERROR(ShapeError, lstm(ones({0, 2, 3})), "Expected sequence length to be larger than 0");
  const Tensor state = ones({1, 2, 4});
  EXPECT_ERROR(ShapeError, lstm(x, std::make_tuple(ones({1, 3, 4}), state)),
               "Expected hidden[0] size [1, 2, 4], got [1, 3, 4]");
  EXPECT_ERROR(ShapeError, lstm(x, std::make_tuple(state, ones({1, 2, 3}))),
               "Expected hidden[1] size [1, 2, 4], got [1, 2, 3]");
  EXPECT_ERROR(ShapeError, gru(x, state), "Expected hidden size [2, 2, 4], got [1, 2, 4]");
  EXPECT_ERROR(ShapeError, gru(x, ones({2, 4})), "For batched 3-D input");
  EXPECT_ERROR(DTypeError, gru(ones({5, 2, 3}, kDouble)), "gru");
  EXPECT_ERROR(ShapeError, gru->forward_with_packed_input(pack_sequence({ones({2, 5})})),
               "Expected 3, got 5");
  EXPECT_ERROR(Error, gru->forward_with_packed_input(PackedSequence()), "is empty");
  EXPECT_ERROR(ConfigError, nn::RNN(3, 0), "hidden_size must be greater than zero");
  EXPECT_ERROR(ConfigError, nn::RNN(nn::RNNOptions(3, 4).num_layers(0)),
               "num_layers must be greater than zero");
  EXPECT_ERROR(ConfigError, nn::GRU(nn::GRUOptions(3, 4).dropout(1.5)),
               "dropout should be a number in range [0, 1]");
  EXPECT_ERROR(ConfigError, nn::LSTM(nn::LSTMOptions(3, 4).proj_size(4)),
               "proj_size has to be smaller than hidden_size");
  EXPECT_ERROR(ConfigError, nn::LSTM(nn::LSTMOptions(3, 4).proj_size(-1)), "positive integer");
  EXPECT_ERROR(ConfigError, nn::GRUCell(-1, 4), "hidden_size must be greater than zero");
  nn::GRUCell cell(3, 4);
  EXPECT_ERROR(ShapeError, cell(ones({1, 2, 3})), "Expected input to be 1D or 2D, got 3D");
  EXPECT_ERROR(ShapeError, cell(ones({2, 4})), "inconsistent input_size: got 4 expected 3");
  EXPECT_ERROR(ShapeError, cell(ones({2, 3}), ones({3, 4})),
               "Input batch size 2 doesn't match hidden batch size 3");
  EXPECT_ERROR(ShapeError, cell(ones({2, 3}), ones({2, 3})),
               "inconsistent hidden_size: got 3, expected 4");
  EXPECT_ERROR(ShapeError, cell(ones({2, 3}), ones({4})), "Expected hidden to be 2D");
}

TEST(RecurrentLayers, WarnsOfDropoutThatDoesNothing) {
  std::string text;
  const WarningHandler before = set_warning_handler([&](std::string_view t) { text += t; });
  nn::GRU layer(nn::GRUOptions(3, 4).dropout(0.25));
  set_warning_handler(before);
  EXPECT_NE(text.find("expects num_layers greater than 1"), std::string::npos) << text;
}

TEST(PackedSequences, GoThereAndBack) {
  const Tensor x = arange(12, kFloat).view({3, 2, 2}).requires_grad_();
  const PackedSequence packed = pack_padded_sequence(x, Sizes{2, 3}, false, false);
  expect_near(packed.data(), {2, 3, 0, 1, 6, 7, 4, 5, 10, 11});
  expect_near(packed.batch_sizes(), {2, 2, 1});
  expect_near(packed.sorted_indices(), {1, 0});
  expect_near(packed.unsorted_indices(), {1, 0});
  const auto [padded, lengths] = pad_packed_sequence(packed, true, -1, 4);
  expect_near(padded, {0, 1, 4, 5, -1, -1, -1, -1, 2, 3, 6, 7, 10, 11, -1, -1});
  expect_near(lengths, {2, 3});
  padded.sum().backward();
  expect_near(x.grad(), {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1});
  const PackedSequence same = pack_padded_sequence(x.detach().narrow(1, 1, 1), Sizes{3});
  EXPECT_FALSE(same.sorted_indices().defined());
  EXPECT_EQ(same.to(kDouble).data().scalar_type(), kDouble);
  const std::vector<Tensor> parts = unpack_sequence(packed);
  expect_near(parts[0], {0, 1, 4, 5});
  expect_near(parts[1], {2, 3, 6, 7, 10, 11});
}

TEST(PackedSequences, PadAndUnpadLists) {
  const std::vector<Tensor> list{ones({1, 2}), full({3, 2}, 2.0), zeros({0, 2})};
  const Tensor padded = pad_sequence(list, false, 7);
  EXPECT_EQ(padded.sizes(), IntArrayRef({3, 3, 2}));
  expect_near(padded.select(2, 0), {1, 2, 7, 7, 2, 7, 7, 2, 7});
  EXPECT_EQ(pad_sequence(list, true).sizes(), IntArrayRef({3, 3, 2}));
  const std::vector<Tensor> back = unpad_sequence(padded, tensor({1, 3, 0}));
  for (size_t i = 0; i < list.size(); ++i) EXPECT_TRUE(back[i].equal(list[i])) << i;
  expect_near(pack_sequence({tensor({1.0, 2.0}), tensor({3.0})}).data(), {1, 3, 2});
}

TEST(PackedSequences, RefuseWhatDoesNotFit) {
  const Tensor x = ones({3, 2, 2});
  EXPECT_ERROR(Error, pack_padded_sequence(x, Sizes{2, 3}),
               "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True");
  EXPECT_ERROR(ShapeError, pack_padded_sequence(x, Sizes{3, 0}),
               "Length of all samples has to be greater than 0");
  EXPECT_ERROR(ShapeError, pack_padded_sequence(x, Sizes{4, 1}), "lengths of at most 3");
  EXPECT_ERROR(ShapeError, pack_padded_sequence(x, Sizes{3}),
               "Expected `len(lengths)` to be equal to batch_size, but got 1 (batch_size=2)");
  EXPECT_ERROR(ShapeError, pack_padded_sequence(ones({3}), Sizes{3}), "at least two dimensions");
  EXPECT_ERROR(ShapeError, pack_padded_sequence(ones({3, 0, 2}), Sizes{}), "batch_size=0");
  EXPECT_ERROR(DTypeError, pack_padded_sequence(x, tensor({3.0, 2.0})), "must be integers");
  const PackedSequence packed = pack_padded_sequence(x, tensor({3, 1}));
  EXPECT_ERROR(ShapeError, pad_packed_sequence(packed, false, 0, 2),
               "Expected total_length to be at least the length of the longest sequence");
  EXPECT_ERROR(Error, pad_packed_sequence(PackedSequence()), "is empty");
  EXPECT_ERROR(ShapeError, pad_packed_sequence(PackedSequence(ones({3, 2}), tensor({1, 2}))),
               "never grow");
  EXPECT_ERROR(ShapeError, pad_packed_sequence(PackedSequence(ones({3, 2}), tensor({2}))),
               "sum to 2, but the data has 3 rows");
  EXPECT_ERROR(IndexError, invert_permutation(tensor({0, 2})), "expected each of 0 to 1 once");
  EXPECT_ERROR(Error, pad_sequence({}), "received an empty list of sequences");
  EXPECT_ERROR(ShapeError, pad_sequence({ones({1, 2}), ones({1, 3})}), "expected all sequences");
  EXPECT_ERROR(ShapeError, unpad_sequence(x, tensor({4, 1})), "expected lengths of 0 to 3");
  EXPECT_ERROR(ShapeError, unpad_sequence(x, tensor({1})), "expected 2 lengths");
}

}  // namespace
}  // namespace taper
