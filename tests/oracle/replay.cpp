// Replays a file of cases: calls each op and compares what comes back with what the file says.
// Writes one line for each case that differs or is refused as it should be ("refuses: ", and the
// text of the error): "<id>\t<what>"; and the count of those that ran.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "tests/oracle/modules.h"

namespace taper::oracle {
namespace {

std::string shape_text(const Tensor& x) { return str(python_name(x.scalar_type()), x.sizes()); }

// torch.testing's tolerances.
struct Tolerance {
  double relative = 0;
  double absolute = 0;
};

Tolerance tolerance_of(ScalarType type) {
  switch (type) {
    case kDouble:
    case kComplexDouble:
      return {1e-7, 1e-7};
    case kFloat:
    case kComplexFloat:
      return {1.3e-6, 1e-5};
    case kHalf:
      return {1e-3, 1e-5};
    case kBFloat16:
      return {1.6e-2, 1e-5};
    default:
      return {};
  }
}

bool near(double got, double expected, Tolerance tolerance) {
  if (std::isnan(expected) || std::isnan(got)) return std::isnan(expected) == std::isnan(got);
  if (got == expected) return true;
  return std::fabs(got - expected) <=
             tolerance.absolute + tolerance.relative * std::fabs(expected) &&
         !std::isinf(expected);
}

std::string number_text(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.17g", value);
  return text;
}

std::string compare_integers(const Tensor& got, const Tensor& expected) {
  const auto* a = got.const_data_ptr<int64_t>();
  const auto* b = expected.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < got.numel(); ++i) {
    if (a[i] != b[i]) return str("element ", i, " is ", a[i], ", expected ", b[i]);
  }
  return "";
}

// The value in float64, when there is one, is as good as PyTorch's in float32.
std::string compare_reals(const Tensor& got, const Tensor& expected, const Tensor& exact,
                          const Case& c) {
  Tolerance tolerance = tolerance_of(expected.scalar_type());
  tolerance.absolute = std::max(tolerance.absolute, c.atol);
  const auto real = [&](const Tensor& x) {
    const Tensor plain = x.detach().contiguous().to(kDouble);
    return c.magnitudes ? plain.abs() : plain;
  };
  const Tensor a = real(got), b = real(expected);
  const Tensor e = exact.defined() ? real(exact) : b;
  for (int64_t i = 0; i < got.numel(); ++i) {
    const double value = a.const_data_ptr<double>()[i];
    if (!near(value, b.const_data_ptr<double>()[i], tolerance) &&
        !near(value, e.const_data_ptr<double>()[i], tolerance)) {
      const std::string shown = number_text(b.const_data_ptr<double>()[i]);
      const std::string wide = number_text(e.const_data_ptr<double>()[i]);
      return str("element ", i, " is ", number_text(value), ", expected ", shown,
                 exact.defined() ? ", in float64 " + wide : "");
    }
  }
  return "";
}

// A complex number is near when its distance is small, and not only in parts of which one cancels.
std::string compare_complex(const Tensor& got, const Tensor& expected, const Tensor& exact,
                            const Case& c) {
  Tolerance tolerance = tolerance_of(expected.scalar_type());
  tolerance.absolute = std::max(tolerance.absolute, c.atol);
  const auto wide = [](const Tensor& x) { return x.detach().contiguous().to(kComplexDouble); };
  const Tensor a = wide(got), b = wide(expected), e = exact.defined() ? wide(exact) : b;
  const auto close = [&](Complex<double> x, Complex<double> y) {
    const double size = std::hypot(y.re, y.im), distance = std::hypot(x.re - y.re, x.im - y.im);
    if (std::isfinite(size)) return distance <= tolerance.absolute + tolerance.relative * size;
    return near(x.re, y.re, tolerance) && near(x.im, y.im, tolerance);
  };
  for (int64_t i = 0; i < got.numel(); ++i) {
    const auto at = [i](const Tensor& x) { return x.const_data_ptr<Complex<double>>()[i]; };
    if (!close(at(a), at(b)) && !close(at(a), at(e))) {
      return str("element ", i, " is ", Scalar(at(a)), ", expected ", Scalar(at(b)),
                 exact.defined() ? str(", in complex128 ", Scalar(at(e))) : "");
    }
  }
  return "";
}

// Those of dimensions of size 1 are free.
bool same_strides(const Tensor& got, const Tensor& expected) {
  for (int64_t d = 0; d < got.dim() && got.numel() > 0; ++d) {
    if (got.size(d) != 1 && got.stride(d) != expected.stride(d)) return false;
  }
  return true;
}

// Empty when the same, else what differs.
std::string compare(const Tensor& got, const IValue& value, const IValue& exact, const Case& c,
                    bool strides) {
  if (value.isNone()) return "";  // not asked for
  const Tensor& expected = value.toTensor();
  if (!got.defined()) return "got none, expected " + shape_text(expected);
  if (got.scalar_type() != expected.scalar_type() || got.sizes() != expected.sizes()) {
    return "got " + shape_text(got) + ", expected " + shape_text(expected);
  }
  if (strides && !same_strides(got, expected)) {
    return str("got strides ", got.strides(), ", expected ", expected.strides());
  }
  if (c.shapes) return "";
  if (got.scalar_type() == kLong) {
    return compare_integers(got.contiguous(), expected.contiguous());
  }
  const bool usable = exact.isTensor() && exact.toTensor().sizes() == got.sizes() &&
                      isDifferentiableType(got.scalar_type());
  if (got.is_complex()) {
    return compare_complex(got, expected, usable ? exact.toTensor() : Tensor(), c);
  }
  return compare_reals(got, expected, usable ? exact.toTensor() : Tensor(), c);
}

std::string compare_outputs(const std::vector<Tensor>& got, const Case& c) {
  if (got.size() != c.outputs.size()) {
    return str("got ", got.size(), " outputs, expected ", c.outputs.size());
  }
  for (size_t i = 0; i < got.size(); ++i) {
    const IValue exact = c.exact.size() == got.size() ? c.exact[i] : IValue();
    const std::string difference = compare(got[i], c.outputs[i], exact, c, c.views);
    if (!difference.empty()) return str("output ", i, ": ", difference);
  }
  return "";
}

std::string compare_gradients(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                              const Case& c) {
  std::vector<Tensor> roots, weights;
  for (size_t i = 0; i < outputs.size() && i < c.grad_outputs.size(); ++i) {
    if (c.grad_outputs[i].isNone()) continue;
    if (!outputs[i].requires_grad()) return "output " + std::to_string(i) + " has no gradient";
    roots.push_back(outputs[i]);
    weights.push_back(c.grad_outputs[i].toTensor());
  }
  if (roots.empty()) return "";
  const std::vector<Tensor> got = autograd::grad(roots, inputs, weights, std::nullopt, false, true);
  for (size_t i = 0; i < got.size() && i < c.gradients.size(); ++i) {
    // No gradient and a gradient of zeros are the same.
    const bool missing = !got[i].defined() || c.gradients[i].isNone();
    const Tensor& some = got[i].defined()            ? got[i]
                         : c.gradients[i].isTensor() ? c.gradients[i].toTensor()
                                                     : got[i];
    if (missing && (!some.defined() || !some.any().item<bool>())) continue;
    const auto whole = [&](const Tensor& x) { return c.symmetric ? x.add(x.mT()) : x; };
    const IValue expected = missing ? c.gradients[i] : whole(c.gradients[i].toTensor());
    const std::string difference =
        compare(missing ? got[i] : whole(got[i]), expected, {}, c, false);
    if (!difference.empty()) return "gradient " + std::to_string(i) + ": " + difference;
  }
  return "";
}

ModuleResult call(const Case& c) {
  if (calls_module(c)) return call_module(c);
  const Entry* entry = find_entry(c.call);
  if (!entry) throw BadCase{"no such op: " + c.call};
  Arguments arguments(c.arguments);
  return {entry->call(arguments), c.inputs, ""};
}

std::string run(const Case& c) {
  ModuleResult got;
  try {
    got = call(c);
  } catch (const Error& error) {
    if (c.fails.empty()) return std::string("throws: ") + error.what();
    const bool of_kind = c.fails != "IndexError" || dynamic_cast<const IndexError*>(&error);
    return std::string(of_kind ? "refuses: " : "throws no IndexError: ") + error.what();
  }
  if (!c.fails.empty()) return "accepts what PyTorch refuses";
  std::string difference = got.difference;
  if (difference.empty()) difference = compare_outputs(got.outputs, c);
  if (difference.empty() && !c.gradients.empty()) {
    difference = compare_gradients(got.outputs, got.inputs, c);
  }
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

// How far a call gets: "f" it returns, "b" its outputs have gradients, "d" these have some too.
std::string reach(const Case& c) {
  const Entry* entry = find_entry(c.call);
  if (!entry) return "";
  std::string reached;
  try {
    Arguments arguments(c.arguments);
    std::vector<Tensor> roots, weights, all = c.inputs;
    for (const Tensor& output : entry->call(arguments)) {
      if (!output.defined() || !output.requires_grad()) continue;
      roots.push_back(output);
      weights.push_back(ones_like(output).set_requires_grad(true));
      all.push_back(weights.back());
    }
    reached = "f";
    if (roots.empty()) return reached;
    const std::vector<Tensor> slopes =
        autograd::grad(roots, c.inputs, weights, std::nullopt, true, true);
    reached = "fb";
    std::vector<Tensor> curved, ones;
    for (const Tensor& slope : slopes) {
      if (!slope.defined() || !slope.requires_grad()) continue;
      curved.push_back(slope);
      ones.push_back(ones_like(slope));
    }
    if (!curved.empty()) autograd::grad(curved, all, ones, std::nullopt, false, true);
    reached = "fbd";
  } catch (const Error&) {
  } catch (const BadCase&) {
  }
  return reached;
}

int reaches(const char* path) {
  CaseFile file(path);
  while (std::optional<Case> c = file.next()) {
    std::printf("%lld\t%s\n", static_cast<long long>(c->id), reach(*c).c_str());
  }
  return 0;
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
  const bool only_reach = argc == 3 && std::string_view(argv[1]) == "--reach";
  if (argc != 2 && !only_reach) {
    std::fprintf(stderr, "usage: taper_replay [--reach] CASES\n");
    return 2;
  }
  try {
    if (only_reach) return taper::oracle::reaches(argv[2]);
    return taper::oracle::replay(argv[1]);
  } catch (const taper::oracle::BadCase& bad) {
    std::fprintf(stderr, "%s\n", bad.text.c_str());
    return 2;
  }
}
