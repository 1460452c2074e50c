// Replays a file of cases: calls each op and compares what comes back with what the file says.
// Writes one line for each case that differs, "<id>\t<what>", and the count of those that ran.
#include <cmath>
#include <cstdio>
#include <exception>
#include <string>

#include "tests/oracle/case_file.h"

namespace taper::oracle {
namespace {

using Values = std::vector<IValue>;

std::string shape_text(const Tensor& x) {
  return str(python_name(x.scalar_type()), x.sizes());
}

bool near(double got, double expected, const Case& c) {
  if (c.magnitudes) got = std::fabs(got), expected = std::fabs(expected);
  if (std::isnan(expected) || std::isnan(got)) return std::isnan(expected) == std::isnan(got);
  if (got == expected) return true;
  return std::fabs(got - expected) <= c.atol + c.rtol * std::fabs(expected) &&
         !std::isinf(expected);
}

std::string number_text(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.17g", value);
  return text;
}

template <class T>
std::string compare_elements(const Tensor& got, const Tensor& expected, const Case& c) {
  const T* a = got.const_data_ptr<T>();
  const T* b = expected.const_data_ptr<T>();
  for (int64_t i = 0; i < got.numel(); ++i) {
    bool same;
    if constexpr (std::is_same_v<T, int64_t>) {
      same = a[i] == b[i];
    } else {
      same = near(static_cast<double>(a[i]), static_cast<double>(b[i]), c);
    }
    if (!same) {
      return "element " + std::to_string(i) + " is " + number_text(static_cast<double>(a[i])) +
             ", expected " + number_text(static_cast<double>(b[i]));
    }
  }
  return "";
}

// Empty when the same, else what differs.
std::string compare(const Tensor& got, const IValue& value, const Case& c, bool strides) {
  if (value.isNone()) {
    return !got.defined() || got.numel() == 0 ? "" : "got " + shape_text(got) + ", expected none";
  }
  const Tensor& expected = value.toTensor();
  if (!got.defined()) return "got none, expected " + shape_text(expected);
  if (got.scalar_type() != expected.scalar_type() || got.sizes() != expected.sizes()) {
    return "got " + shape_text(got) + ", expected " + shape_text(expected);
  }
  if (strides && got.numel() > 0 && got.strides() != expected.strides()) {
    return str("got strides ", got.strides(), ", expected ", expected.strides());
  }
  if (c.shapes) return "";
  const Tensor a = got.detach().contiguous();
  const Tensor b = expected.contiguous();
  switch (got.scalar_type()) {
    case kDouble:
      return compare_elements<double>(a, b, c);
    case kLong:
      return compare_elements<int64_t>(a, b, c);
    default:
      return compare_elements<double>(a.to(kDouble), b.to(kDouble), c);
  }
}

std::string compare_all(const std::vector<Tensor>& got, const Values& expected, const Case& c,
                        const char* what, bool strides = false) {
  if (got.size() != expected.size()) {
    return std::string("got ") + std::to_string(got.size()) + " " + what + "s, expected " +
           std::to_string(expected.size());
  }
  for (size_t i = 0; i < got.size(); ++i) {
    const std::string difference = compare(got[i], expected[i], c, strides);
    if (!difference.empty()) return what + (" " + std::to_string(i)) + ": " + difference;
  }
  return "";
}

std::string compare_gradients(const std::vector<Tensor>& outputs, const Case& c) {
  std::vector<Tensor> roots, weights;
  for (size_t i = 0; i < outputs.size() && i < c.grad_outputs.size(); ++i) {
    if (c.grad_outputs[i].isNone()) continue;
    if (!outputs[i].requires_grad()) return "output " + std::to_string(i) + " has no gradient";
    roots.push_back(outputs[i]);
    weights.push_back(c.grad_outputs[i].toTensor());
  }
  if (roots.empty()) return "";
  const std::vector<Tensor> got =
      autograd::grad(roots, c.inputs, weights, std::nullopt, false, true);
  for (size_t i = 0; i < got.size() && i < c.gradients.size(); ++i) {
    // No gradient and a gradient of zeros are the same.
    const bool missing = !got[i].defined() || c.gradients[i].isNone();
    const Tensor& some = got[i].defined()            ? got[i]
                         : c.gradients[i].isTensor() ? c.gradients[i].toTensor()
                                                     : got[i];
    if (missing && (!some.defined() || !some.any().item<bool>())) continue;
    const std::string difference = compare(got[i], c.gradients[i], c, false);
    if (!difference.empty()) return "gradient " + std::to_string(i) + ": " + difference;
  }
  return "";
}

std::string run(const Case& c) {
  const Entry* entry = find_entry(c.call);
  if (!entry) return "no such op: " + c.call;
  Arguments arguments(c.arguments);
  std::vector<Tensor> outputs;
  try {
    outputs = entry->call(arguments);
  } catch (const Error& error) {
    return c.fails ? "" : std::string("throws: ") + error.what();
  }
  if (c.fails) return "accepts what PyTorch refuses";
  std::string difference = compare_all(outputs, c.outputs, c, "output", c.views);
  if (difference.empty() && !c.gradients.empty()) difference = compare_gradients(outputs, c);
  return difference;
}

std::string run_caught(const Case& c) {
  try {
    return run(c);
  } catch (const Error& error) {
    return std::string("throws in backward: ") + error.what();
  } catch (const BadCase& bad) {
    return "bad case: " + bad.text;
  } catch (const std::exception& error) {
    return std::string("throws what is not a taper::Error: ") + error.what();
  }
}

int replay(const char* path) {
  CaseFile file(path);
  int64_t ran = 0;
  while (std::optional<Case> c = file.next()) {
    std::printf("@%lld\n", static_cast<long long>(c->id));
    std::string difference = run_caught(*c);
    for (char& letter : difference) letter = letter == '\n' ? ' ' : letter;
    if (!difference.empty()) {
      std::printf("%lld\t%s\n", static_cast<long long>(c->id), difference.c_str());
    }
    ++ran;
  }
  std::printf("ran %lld\n", static_cast<long long>(ran));
  return 0;
}

}  // namespace
}  // namespace taper::oracle

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: taper_oracle CASES\n");
    return 2;
  }
  try {
    return taper::oracle::replay(argv[1]);
  } catch (const taper::oracle::BadCase& bad) {
    std::fprintf(stderr, "%s\n", bad.text.c_str());
    return 2;
  }
}
