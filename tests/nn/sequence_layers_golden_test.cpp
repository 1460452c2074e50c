// Recurrent layers and transformers against PyTorch: what they hold, print and compute.
#include "tests/nn/golden_layers.h"

namespace taper {
namespace {

using SequenceLayers = GoldenLayers;

TEST_F(SequenceLayers, Recurrent) {
  using nn::GRUOptions;
  using nn::LSTMCellOptions;
  using nn::LSTMOptions;
  using nn::RNNOptions;
  check("rnn", nn::RNN(3, 4));
  check("rnn relu",
        nn::RNN(RNNOptions(3, 4).num_layers(2).nonlinearity(kReLU).bidirectional(true)));
  check("lstm", nn::LSTM(3, 4));
  check("lstm deep",
        nn::LSTM(LSTMOptions(3, 4).num_layers(2).batch_first(true).bidirectional(true)));
  check("lstm no bias", nn::LSTM(LSTMOptions(3, 4).num_layers(2).bias(false).dropout(0.5)), false);
  check("lstm projected",
        nn::LSTM(LSTMOptions(3, 4).num_layers(2).proj_size(2).bidirectional(true)));
  check("lstm sequence", nn::LSTM(LSTMOptions(3, 4).batch_first(true)));
  check("gru", nn::GRU(3, 4));
  check("gru deep", nn::GRU(GRUOptions(3, 4).num_layers(2).batch_first(true).bidirectional(true)));
  check("gru sequence", nn::GRU(GRUOptions(3, 4).bias(false)));
  check("rnn cell", nn::RNNCell(3, 4));
  check("rnn cell relu", nn::RNNCell(nn::RNNCellOptions(3, 4).bias(false).nonlinearity(kReLU)));
  check("lstm cell", nn::LSTMCell(3, 4));
  check("lstm cell sample", nn::LSTMCell(LSTMCellOptions(3, 4).bias(false)));
  check("gru cell", nn::GRUCell(3, 4));
  check("gru cell sample", nn::GRUCell(3, 4));
}

TEST_F(SequenceLayers, Transformers) {
  const auto layer = nn::TransformerEncoderLayerOptions(4, 2).dim_feedforward(5).dropout(0);
  const auto other = nn::TransformerEncoderLayerOptions(layer)
                         .activation(kGELU)
                         .batch_first(true)
                         .norm_first(true)
                         .layer_norm_eps(1e-3);
  check("encoder layer", nn::TransformerEncoderLayer(layer));
  check("encoder layer masks", nn::TransformerEncoderLayer(other));
  check("encoder", nn::TransformerEncoder(nn::TransformerEncoderLayer(layer), 2));
  check("encoder norm", nn::TransformerEncoder(nn::TransformerEncoderOptions(other, 2).norm(
                            nn::AnyModule(nn::LayerNorm(nn::LayerNormOptions({4}))))));
  using nn::MultiheadAttentionOptions;
  check("attention extra",
        nn::MultiheadAttention(
            MultiheadAttentionOptions(4, 2).add_bias_kv(true).add_zero_attn(true)));
  check("attention sizes",
        nn::MultiheadAttention(
            MultiheadAttentionOptions(4, 2).kdim(3).vdim(5).bias(false).add_zero_attn(true)));
  check("decoder layer", nn::TransformerDecoderLayer(layer));
  check("decoder layer masks", nn::TransformerDecoderLayer(other));
  check("decoder", nn::TransformerDecoder(nn::TransformerDecoderLayer(layer), 2));
  check("decoder sample", nn::TransformerDecoder(nn::TransformerDecoderOptions(other, 1).norm(
                              nn::AnyModule(nn::LayerNorm(nn::LayerNormOptions({4}))))));
  check("transformer",
        nn::Transformer(nn::TransformerOptions(4, 2, 1, 2).dim_feedforward(5).dropout(0)));
  check("transformer masks", nn::Transformer(nn::TransformerOptions(4, 2, 1, 1)
                                                 .dim_feedforward(5)
                                                 .dropout(0)
                                                 .batch_first(true)
                                                 .norm_first(true)));
}

}  // namespace
}  // namespace taper
