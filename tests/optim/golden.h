#pragma once

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "taper/optim/optim.h"
#include "tests/support/paths.h"

// Reads the files that tools/golden/optim_golden.py wrote.
namespace taper::testing {

using Values = std::vector<double>;

inline Values values_of(const Tensor& t) {
  const Tensor flat = t.detach().contiguous().to(kDouble);
  const double* data = flat.data_ptr<double>();
  return Values(data, data + flat.numel());
}

/// The next value of a line: N, T, F, 'text', a number, [ values ] or ( values ).
inline IValue read_value(std::istream& in) {
  std::string word;
  in >> word;
  if (word == "N") return IValue();
  if (word == "T") return true;
  if (word == "F") return false;
  if (word.front() == '\'') return word.substr(1, word.size() - 2);
  if (word == "[" || word == "(") {
    std::vector<IValue> elements;
    while (in >> std::ws && in.peek() != ']' && in.peek() != ')')
      elements.push_back(read_value(in));
    const bool is_list = in.get() == ']';
    return is_list ? IValue::list(std::move(elements)) : IValue::tuple(std::move(elements));
  }
  if (word.find_first_not_of("-0123456789") == std::string::npos) return int64_t{std::stoll(word)};
  return std::stod(word);
}

inline bool at_end(std::istream& in) { return (in >> std::ws).eof(); }

/// "key value key value ..." as a dict.
inline IValue read_dict(std::istream& in) {
  IValue dict = IValue::dict();
  while (!at_end(in)) {
    std::string key;
    in >> key;
    dict.insert(key, read_value(in));
  }
  return dict;
}

/// The numbers of a value, in order.
inline void append_numbers(const IValue& value, Values& numbers) {
  if (value.isTensor()) {
    const Values own = values_of(value.toTensor());
    numbers.insert(numbers.end(), own.begin(), own.end());
  } else if (value.isList() || value.isTuple()) {
    for (const IValue& element : value.toListRef()) append_numbers(element, numbers);
  } else if (value.isDouble() || value.isInt()) {
    numbers.push_back(value.toDouble());
  } else if (value.isBool()) {
    numbers.push_back(value.toBool());
  }
}
inline Values numbers_of(const IValue& value) {
  Values numbers;
  append_numbers(value, numbers);
  return numbers;
}

inline std::unique_ptr<optim::Optimizer> make_optimizer(const std::string& name,
                                                        const std::vector<Tensor>& params) {
  using namespace optim;
  if (name == "SGD") return std::make_unique<SGD>(params);
  if (name == "Adam") return std::make_unique<Adam>(params);
  if (name == "AdamW") return std::make_unique<AdamW>(params);
  if (name == "NAdam") return std::make_unique<NAdam>(params);
  if (name == "RAdam") return std::make_unique<RAdam>(params);
  if (name == "Adamax") return std::make_unique<Adamax>(params);
  if (name == "RMSprop") return std::make_unique<RMSprop>(params);
  if (name == "Adagrad") return std::make_unique<Adagrad>(params);
  if (name == "Adadelta") return std::make_unique<Adadelta>(params);
  if (name == "ASGD") return std::make_unique<ASGD>(params);
  if (name == "Rprop") return std::make_unique<Rprop>(params);
  if (name == "Lion") return std::make_unique<Lion>(params);
  if (name == "LBFGS") return std::make_unique<LBFGS>(params);
  if (name == "Adafactor") return std::make_unique<Adafactor>(params);
  TAPER_CHECK(name == "Muon", "no optimizer ", name);
  return std::make_unique<Muon>(params);
}

/// Sets options of the first group under Python's names, through a state dict.
inline void set_options(optim::Optimizer& optimizer, const IValue& options) {
  IValue dict = optimizer.state_dict();
  dict.insert("state", IValue::dict());  // Adagrad's depends on an option
  for (const auto& [key, value] : options.toGenericDict()) {
    dict.at("param_groups").toListRef()[0].insert(key.toStringRef(), value);
  }
  optimizer.load_state_dict(dict);
}

}  // namespace taper::testing
