#pragma once

#include <complex>
#include <functional>
#include <string>

#include "taper/ops/complex.h"
#include "taper/ops/slicing.h"
#include "tests/support/op_case.h"

// Cases of complex ops: their arguments and results are pairs of reals [..., 2], so that finite
// differences, layouts and degenerate arguments are those of every case.
namespace taper::testing {

using Number = std::complex<double>;

/// [..., 2] as complex numbers, through ops that have gradients.
inline Tensor as_complex(const Tensor& pairs) {
  return complex(pairs.select(-1, 0), pairs.select(-1, 1));
}
inline Tensor as_pairs(const Tensor& t) { return t.is_complex() ? view_as_real(t) : t; }

inline std::vector<Number> numbers(const Dense& pairs) {
  std::vector<Number> z;
  for (size_t i = 0; i + 1 < pairs.values.size(); i += 2) {
    z.emplace_back(pairs.values[i], pairs.values[i + 1]);
  }
  return z;
}
inline Dense pairs(std::vector<int64_t> sizes, const std::vector<Number>& z) {
  sizes.push_back(2);
  Dense out{sizes, {}};
  for (const Number& x : z) out.values.insert(out.values.end(), {x.real(), x.imag()});
  return out;
}

/// f of each number; `real` says that the results are real.
inline OpCase complex_unary(const std::string& name, std::function<Tensor(const Tensor&)> op,
                            std::function<Number(Number)> f, double low = 0.2, double high = 1.5,
                            bool real = false) {
  OpCase c;
  c.name = "complex_" + name;
  c.dtypes = {kFloat, kDouble};
  const auto call = [op](const Tensors& x) { return Tensors{as_pairs(op(as_complex(x[0])))}; };
  const Reference reference = [f, real](const std::vector<Dense>& x) {
    std::vector<Number> z = numbers(x[0]);
    for (Number& v : z) v = f(v);
    std::vector<int64_t> sizes(x[0].sizes.begin(), x[0].sizes.end() - 1);
    if (!real) return std::vector<Dense>{pairs(sizes, z)};
    Dense out{sizes, {}};
    for (const Number& v : z) out.values.push_back(v.real());
    return std::vector<Dense>{out};
  };
  c.samples = {{"matrix", {{{3, 4, 2}, low, high}}, call, reference},
               {"number", {{{2}, low, high}}, call, reference},
               {"empty", {{{0, 3, 2}, low, high}}, call, reference}};
  return c;
}

/// f of two numbers; the second argument is a row.
inline OpCase complex_binary(const std::string& name,
                             std::function<Tensor(const Tensor&, const Tensor&)> op,
                             std::function<Number(Number, Number)> f) {
  OpCase c;
  c.name = "complex_" + name;
  c.dtypes = {kFloat, kDouble};
  const auto call = [op](const Tensors& x) {
    return Tensors{as_pairs(op(as_complex(x[0]), as_complex(x[1])))};
  };
  const Reference reference = [f](const std::vector<Dense>& x) {
    std::vector<Number> a = numbers(x[0]);
    const std::vector<Number> b = numbers(x[1]);
    for (size_t i = 0; i < a.size(); ++i) a[i] = f(a[i], b[i % b.size()]);
    return std::vector<Dense>{
        pairs(std::vector<int64_t>(x[0].sizes.begin(), x[0].sizes.end() - 1), a)};
  };
  c.samples = {{"rows", {{{3, 4, 2}, 0.2, 1.5}, {{4, 2}, 0.2, 1.5}}, call, reference},
               {"same", {{{5, 2}, 0.2, 1.5}, {{5, 2}, 0.2, 1.5}}, call, reference}};
  return c;
}

}  // namespace taper::testing
