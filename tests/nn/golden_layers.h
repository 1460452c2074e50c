#pragma once

// Replays tests/nn/golden/layers.txt, which tools/golden/layers_golden.py made and describes: what
// PyTorch's layers hold, print and compute.
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "taper/nn/nn.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/nn/golden_cases.h"
#include "tests/nn/recorded.h"

namespace taper {

using Sizes = std::vector<int64_t>;

inline std::string sizes_text(const Tensor& t) {
  std::string s;
  for (const int64_t size : t.sizes()) s += (s.empty() ? "" : ",") + std::to_string(size);
  return s.empty() ? "-" : s;
}

inline Sizes parse_sizes(const std::string& text) {
  Sizes sizes;
  std::istringstream in(text == "-" ? "" : text);
  for (std::string size; std::getline(in, size, ',');) sizes.push_back(std::stoll(size));
  return sizes;
}

/// As the script prints: Python's tuples and words, and nothing of quotes and namespaces.
inline std::string plain(std::string text) {
  const auto replace = [&](const std::string& from, const std::string& to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  };
  replace("taper::nn::", "");
  replace(",)", ")");
  replace("true", "True");
  replace("false", "False");
  replace("'", "");
  replace("(", "");
  replace(")", "");
  replace("[", "");
  replace("]", "");
  return text;
}

inline Tensor weigh(const Tensor& t) {
  const Tensor flat = t.reshape(-1);
  return flat.mul(arange(flat.numel(), kDouble).cos()).sum();
}

inline Tensor parse_input(std::istringstream& line) {
  std::string kind, sizes;
  line >> kind >> sizes;
  if (kind == "ints" || kind == "mask") {
    std::vector<int64_t> values;
    for (int64_t value = 0; line >> value;) values.push_back(value);
    const Tensor integers = tensor(values).view(parse_sizes(sizes));
    return kind == "mask" ? integers.to(kBool) : integers;
  }
  const Tensor wave = waves(parse_sizes(sizes));
  if (kind == "sign") return arange(wave.numel(), kDouble).mul(M_PI).cos().view(wave.sizes());
  if (kind == "unit") return wave.add(1.25).div(2.5).requires_grad_();
  return kind == "fixed" ? wave.add(0.1) : wave.add(0.1).requires_grad_();
}

inline void expect_numbers(const Tensor& got, std::istringstream& line, const std::string& what) {
  SCOPED_TRACE(what);
  ASSERT_TRUE(got.defined());
  std::string sizes;
  line >> sizes;
  EXPECT_EQ(sizes_text(got), sizes);
  std::vector<double> want, values = values_of(got);
  for (double value = 0; line >> value;) want.push_back(value);
  values.resize(std::min<size_t>(values.size(), 3));
  values.push_back(weigh(got.detach()).item<double>());
  ASSERT_EQ(values.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    // PyTorch's hardsigmoid has the float nearest to 1/6 in its gradient.
    EXPECT_NEAR(values[i], want[i], 5e-8 * (1 + std::abs(want[i]))) << "number " << i;
  }
}

inline void gather(const Tensor& t, std::vector<Tensor>& parts) { parts.push_back(t.reshape(-1)); }
template <class A, class B>
void gather(const std::tuple<A, B>& several, std::vector<Tensor>& parts) {
  gather(std::get<0>(several), parts);
  gather(std::get<1>(several), parts);
}
inline void gather(const nn::ASMoutput& result, std::vector<Tensor>& parts) {
  gather(result.output, parts);
  gather(result.loss, parts);
}
/// The elements of several results, one after another.
inline Tensor joined(const Tensor& result) { return result; }
template <class Results>
Tensor joined(const Results& results) {
  std::vector<Tensor> parts;
  gather(results, parts);
  return cat(parts);
}

template <class Module, size_t... I>
Tensor call_with(Module& module, const std::vector<Tensor>& x, std::index_sequence<I...>) {
  if constexpr (requires { joined(module.forward(x[I]...)); }) {
    return joined(nn::call(module, x[I]...));
  } else if constexpr (sizeof...(I) == 3 &&
                       requires { joined(module.forward(x[0], std::make_tuple(x[1], x[2]))); }) {
    return joined(nn::call(module, x[0], std::make_tuple(x[1], x[2])));
  }
  return Tensor();
}

/// The layer of as many inputs as there are; an LSTM's states are a pair.
template <class Module>
Tensor call_with(Module& module, const std::vector<Tensor>& x) {
  switch (x.size()) {
    case 1:
      return call_with(module, x, std::make_index_sequence<1>());
    case 2:
      return call_with(module, x, std::make_index_sequence<2>());
    case 3:
      return call_with(module, x, std::make_index_sequence<3>());
    case 4:
      return call_with(module, x, std::make_index_sequence<4>());
    case 6:
      return call_with(module, x, std::make_index_sequence<6>());
    default:
      return Tensor();
  }
}

class GoldenLayers : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    cases_ = new std::map<std::string, Lines>(read_cases("layers.txt"));
  }
  static void TearDownTestSuite() { delete std::exchange(cases_, nullptr); }

  /// Replays a case of the file with this layer, and with a clone of it.
  template <class Holder>
  static void check(const std::string& name, Holder layer, bool training = true) {
    SCOPED_TRACE(name);
    const auto found = cases_->find(name);
    ASSERT_NE(found, cases_->end());
    using Impl = typename Holder::ContainedType;
    layer->train(training);
    const auto copy = std::dynamic_pointer_cast<Impl>(layer->clone());
    ASSERT_NE(copy, nullptr);
    replay(*layer, found->second);
    replay(*copy, found->second);
  }

 private:
  template <class Module>
  static void replay(Module& layer, const Lines& lines) {
    std::ostringstream text;
    text << layer;
    layer.to(kDouble);
    const auto parameters = layer.named_parameters();
    {
      const NoGradGuard no_grad;
      int64_t i = 0;
      for (const auto& p : parameters) {
        const Tensor phase = arange(p.value().numel(), kDouble).mul(0.9).add(i++);
        p.value().detach().copy_(phase.cos().mul(0.3).view(p.value().sizes()));
      }
    }
    std::vector<Tensor> inputs;
    std::string state;
    size_t entries = 0;
    const nn::StateDict dict = layer.state_dict();
    for (const std::string& all : lines) {
      std::istringstream line(all);
      std::string what, key;
      line >> what;
      if (what == "text") {
        // Without the children's lines.
        EXPECT_EQ(plain(text.str().substr(0, text.str().find('\n'))), plain(all.substr(5)));
      } else if (what == "state") {
        line >> key >> state;
        ASSERT_LT(entries, dict.size());
        EXPECT_EQ(dict.keys()[entries], key);
        EXPECT_EQ(sizes_text(dict.values()[entries++]), state);
      } else if (what == "input") {
        inputs.push_back(parse_input(line));
      } else if (what == "output") {
        const Tensor output = call_with(layer, inputs);
        expect_numbers(output, line, "output");
        if (output.requires_grad()) weigh(output).backward();
      } else if (what == "grad") {
        line >> key;
        const bool is_input = std::isdigit(static_cast<unsigned char>(key[0])) != 0;
        expect_numbers(is_input ? inputs[std::stoul(key)].grad() : parameters[key].grad(), line,
                       key);
      }
    }
    EXPECT_EQ(dict.size(), entries);
  }

  inline static std::map<std::string, Lines>* cases_ = nullptr;
};

}  // namespace taper
