// Ten steps of every optimizer beside PyTorch's, and its state dicts.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "taper/taper.h"
#include "tests/optim/golden.h"

namespace taper::testing {
namespace {

constexpr int kSteps = 10, kSaved = 5, kParams = 2;

struct Case {
  std::string optimizer, label;
  IValue options;
  Tensor after[kSteps + 1][kParams];
  std::map<int64_t, std::map<std::string, IValue>> state;
  std::vector<std::string> option_names;
};

struct Golden {
  Tensor start[kParams];
  Tensor grad[kSteps + 1][kParams];
  std::vector<Case> cases;
};

/// The rest of a line: a value, or a tensor's elements, in the form of its parameter if they fit.
IValue read_state(std::istream& in, const Tensor& param) {
  const IValue first = read_value(in);
  if (at_end(in)) return first;
  Values numbers = numbers_of(first);
  while (!at_end(in)) append_numbers(read_value(in), numbers);
  const Tensor flat = tensor(numbers, kDouble);
  return param.defined() && flat.numel() == param.numel() ? flat.view(param.sizes()) : flat;
}

IValue tensors_of(const IValue& value) {
  if (!value.isList() || value.size() == 0 || !value.toListRef()[0].isList()) return value;
  std::vector<IValue> tensors;
  for (const IValue& row : value.toListRef()) tensors.push_back(tensor(numbers_of(row), kDouble));
  return IValue::list(std::move(tensors));
}

Golden read_golden() {
  Golden golden;
  std::ifstream file(test_path("optim/golden/optimizers.txt"));
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string word;
    int step = 0;
    int64_t index = 0;
    line >> word;
    if (word == "case") {
      Case& c = golden.cases.emplace_back();
      c.label = text;
      line >> c.optimizer;
      c.options = read_dict(line);
    } else if (word == "start") {
      line >> index;
      const Tensor flat = read_state(line, Tensor()).toTensor();
      golden.start[index] = index == 1 ? flat.view({2, 2}) : flat;
    } else if (word == "grad") {
      line >> step >> index;
      golden.grad[step][index] = read_state(line, golden.start[index]).toTensor();
    } else if (word == "after") {
      line >> step >> index;
      golden.cases.back().after[step][index] = read_state(line, golden.start[index]).toTensor();
    } else if (word == "state") {
      std::string key;
      line >> index >> key;
      const IValue value = tensors_of(read_state(line, golden.start[index]));
      golden.cases.back().state[index][key] = value;
    } else if (word == "options") {
      while (line >> word) golden.cases.back().option_names.push_back(word);
    }
  }
  return golden;
}

Tensor rosenbrock(const std::vector<Tensor>& params) {
  const Tensor x = cat({params[0].flatten(), params[1].flatten()});
  const int64_t n = x.numel();
  const Tensor head = x.slice(0, 0, n - 1), tail = x.slice(0, 1, n);
  return ((tail - head * head).square() * 10 + (1 - head).square()).sum();
}

std::vector<Tensor> leaves(const Tensor (&values)[kParams]) {
  std::vector<Tensor> params;
  for (const Tensor& value : values) params.push_back(value.clone().set_requires_grad(true));
  return params;
}

void take_step(const Golden& golden, optim::Optimizer& optimizer, const Case& c,
               const std::vector<Tensor>& params, int step) {
  if (c.optimizer == "LBFGS") {
    optimizer.step([&] {
      optimizer.zero_grad();
      Tensor loss = rosenbrock(params);
      loss.backward();
      return loss;
    });
  } else {
    for (int i = 0; i < kParams; ++i) params[i].mutable_grad() = golden.grad[step][i];
    optimizer.step();
  }
}

void expect_values(const Values& got, const Values& expected, double tolerance,
                   const std::string& label) {
  ASSERT_EQ(got.size(), expected.size()) << label;
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], tolerance * (1 + std::fabs(expected[i])))
        << label << " element " << i;
  }
}

/// What rounding grows to in ten steps.
double tolerance_of(const Case& c) { return c.optimizer == "LBFGS" ? 1e-8 : 1e-13; }

void compare_steps(const Golden& golden, optim::Optimizer& optimizer, const Case& c,
                   const std::vector<Tensor>& params, int first) {
  for (int step = first; step <= kSteps; ++step) {
    take_step(golden, optimizer, c, params, step);
    for (int i = 0; i < kParams; ++i) {
      expect_values(values_of(params[i]), values_of(c.after[step][i]), tolerance_of(c),
                    c.label + " step " + std::to_string(step));
    }
  }
}

TEST(OptimGolden, TrajectoriesArePyTorchs) {
  const Golden golden = read_golden();
  ASSERT_EQ(golden.cases.size(), 44u);
  for (const Case& c : golden.cases) {
    const std::vector<Tensor> params = leaves(golden.start);
    const auto optimizer = make_optimizer(c.optimizer, params);
    set_options(*optimizer, c.options);
    compare_steps(golden, *optimizer, c, params, 1);
  }
}

TEST(OptimGolden, StateDictsHoldWhatPyTorchsHold) {
  const Golden golden = read_golden();
  for (const Case& c : golden.cases) {
    const std::vector<Tensor> params = leaves(golden.start);
    const auto optimizer = make_optimizer(c.optimizer, params);
    set_options(*optimizer, c.options);
    for (int step = 1; step <= kSaved; ++step) take_step(golden, *optimizer, c, params, step);
    const IValue dict = optimizer->state_dict();
    EXPECT_EQ(dict.at("state").size(), c.state.size()) << c.label;
    for (const auto& [index, entries] : c.state) {
      const IValue* own = dict.at("state").find(index);
      ASSERT_NE(own, nullptr) << c.label;
      EXPECT_EQ(own->size(), entries.size()) << c.label;
      for (const auto& [key, value] : entries) {
        ASSERT_NE(own->find(key), nullptr) << c.label << ' ' << key;
        expect_values(numbers_of(own->at(key)), numbers_of(value), tolerance_of(c),
                      c.label + ' ' + key);
      }
    }
    ASSERT_EQ(dict.at("param_groups").size(), 1u);
    IValue group = dict.at("param_groups").toListRef()[0];
    EXPECT_EQ(numbers_of(group.at("params")), (Values{0, 1}));
    for (const std::string& name : c.option_names) {
      EXPECT_TRUE(group.erase(name)) << c.label << " has no " << name;
    }
    for (const auto& [key, value] : group.toGenericDict()) {
      // Options that came after 1.13.
      EXPECT_TRUE(key.toStringRef() == "decoupled_weight_decay" || key.toStringRef() == "maximize")
          << c.label << ' ' << key.toStringRef();
    }
  }
}

TEST(OptimGolden, ContinuesFromPyTorchsState) {
  const Golden golden = read_golden();
  for (const Case& c : golden.cases) {
    const std::vector<Tensor> params = leaves(c.after[kSaved]);
    const auto optimizer = make_optimizer(c.optimizer, params);
    set_options(*optimizer, c.options);
    IValue dict = optimizer->state_dict();
    for (const auto& [index, entries] : c.state) {
      IValue state = IValue::dict();
      for (const auto& [key, value] : entries) state.insert(key, value);
      dict.at("state").insert(index, state);
    }
    IValue& group = dict.at("param_groups").toListRef()[0];
    group.insert("foreach", IValue());
    group.insert("differentiable", false);
    optimizer->load_state_dict(dict);
    compare_steps(golden, *optimizer, c, params, kSaved + 1);
  }
}

}  // namespace
}  // namespace taper::testing
