// GPT and ResNet-18, as a user of either library writes them.
#pragma once

#include <cmath>
#include <limits>
#include <string>

#include "models/networks.h"

namespace bench {

struct GptSize {
  int64_t layers, width, heads, length, vocabulary;
};

/// Causal self-attention and a network of four times the width, each behind a layer norm.
struct GptBlock : lib::nn::Module {
  GptBlock(const GptSize& s, lib::Tensor future_positions)
      : heads(s.heads),
        future(std::move(future_positions)),
        norm1(register_module("norm1", lib::nn::LayerNorm(lib::nn::LayerNormOptions({s.width})))),
        norm2(register_module("norm2", lib::nn::LayerNorm(lib::nn::LayerNormOptions({s.width})))),
        qkv(register_module("qkv", lib::nn::Linear(s.width, 3 * s.width))),
        out(register_module("out", lib::nn::Linear(s.width, s.width))),
        up(register_module("up", lib::nn::Linear(s.width, 4 * s.width))),
        down(register_module("down", lib::nn::Linear(4 * s.width, s.width))) {}

  lib::Tensor attention(const lib::Tensor& x) {
    const int64_t b = x.size(0), t = x.size(1), c = x.size(2);
    const std::vector<lib::Tensor> parts = qkv->forward(x).split(c, 2);
    const auto by_head = [&](const lib::Tensor& part) {
      return part.view({b, t, heads, c / heads}).transpose(1, 2);
    };
    const double scale = 1 / std::sqrt(static_cast<double>(c / heads));
    lib::Tensor scores = by_head(parts[0]).matmul(by_head(parts[1]).transpose(-2, -1)).mul(scale);
    scores = scores.masked_fill(future, -std::numeric_limits<float>::infinity()).softmax(-1);
    return out->forward(
        scores.matmul(by_head(parts[2])).transpose(1, 2).contiguous().view({b, t, c}));
  }
  lib::Tensor forward(lib::Tensor x) {
    x = x + attention(norm1->forward(x));
    return x + down->forward(lib::gelu(up->forward(norm2->forward(x))));
  }

  int64_t heads;
  lib::Tensor future;
  lib::nn::LayerNorm norm1, norm2;
  lib::nn::Linear qkv, out, up, down;
};

/// (batch, length) token numbers to (batch * length, vocabulary) scores.
struct Gpt : lib::nn::Module {
  explicit Gpt(const GptSize& s)
      : size(s),
        tokens(register_module("tokens", lib::nn::Embedding(s.vocabulary, s.width))),
        places(register_module("places", lib::nn::Embedding(s.length, s.width))),
        norm(register_module("norm", lib::nn::LayerNorm(lib::nn::LayerNormOptions({s.width})))),
        head(register_module("head", lib::nn::Linear(s.width, s.vocabulary))) {
    const lib::Tensor future = lib::ones({s.length, s.length}, lib::kFloat32).tril().eq(0);
    for (int64_t i = 0; i < s.layers; ++i) {
      blocks.push_back(
          register_module("block" + std::to_string(i), std::make_shared<GptBlock>(s, future)));
    }
    position = lib::arange(s.length, lib::kInt64);
  }

  lib::Tensor forward(lib::Tensor x) {
    x = tokens->forward(x) + places->forward(position);
    for (const auto& block : blocks) x = block->forward(x);
    return head->forward(norm->forward(x)).view({-1, size.vocabulary});
  }

  GptSize size;
  lib::nn::Embedding tokens, places;
  lib::nn::LayerNorm norm;
  lib::nn::Linear head;
  std::vector<std::shared_ptr<GptBlock>> blocks;
  lib::Tensor position;
};

inline lib::nn::Conv2d conv(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  return lib::nn::Conv2d(
      lib::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

/// Two 3x3 convolutions beside a shortcut, which is a 1x1 one where the sizes change.
struct ResidualBlock : lib::nn::Module {
  ResidualBlock(int64_t in, int64_t out, int64_t stride)
      : conv1(register_module("conv1", conv(in, out, 3, stride))),
        conv2(register_module("conv2", conv(out, out, 3, 1))),
        norm1(register_module("norm1", lib::nn::BatchNorm2d(out))),
        norm2(register_module("norm2", lib::nn::BatchNorm2d(out))) {
    if (in == out && stride == 1) return;
    shortcut = register_module("shortcut", conv(in, out, 1, stride));
    shortcut_norm = register_module("shortcut_norm", lib::nn::BatchNorm2d(out));
  }

  lib::Tensor forward(lib::Tensor x) {
    lib::Tensor y = lib::relu(norm1->forward(conv1->forward(x)));
    y = norm2->forward(conv2->forward(y));
    if (shortcut) x = shortcut_norm->forward(shortcut->forward(x));
    return lib::relu(y + x);
  }

  lib::nn::Conv2d conv1, conv2, shortcut{nullptr};
  lib::nn::BatchNorm2d norm1, norm2, shortcut_norm{nullptr};
};

/// ResNet-18 for (n, 3, 32, 32) images.
struct ResNet18 : lib::nn::Module {
  ResNet18()
      : stem(register_module("stem", conv(3, 64, 3, 1))),
        norm(register_module("norm", lib::nn::BatchNorm2d(64))),
        head(register_module("head", lib::nn::Linear(512, 10))) {
    int64_t in = 64;
    for (const int64_t out : {64, 128, 256, 512}) {
      for (int64_t i = 0; i < 2; ++i) {
        blocks.push_back(
            register_module("block" + std::to_string(blocks.size()),
                            std::make_shared<ResidualBlock>(in, out, i == 0 && out > 64 ? 2 : 1)));
        in = out;
      }
    }
  }

  lib::Tensor forward(lib::Tensor x) {
    x = lib::relu(norm->forward(stem->forward(x)));
    for (const auto& block : blocks) x = block->forward(x);
    return head->forward(lib::adaptive_avg_pool2d(x, {1, 1}).flatten(1));
  }

  lib::nn::Conv2d stem;
  lib::nn::BatchNorm2d norm;
  lib::nn::Linear head;
  std::vector<std::shared_ptr<ResidualBlock>> blocks;
};

}  // namespace bench
