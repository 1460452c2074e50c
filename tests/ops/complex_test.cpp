#include "taper/ops/complex.h"

#include "taper/autograd/autograd.h"
#include "taper/autograd/grad_mode.h"
#include "taper/ops/contraction.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/indexing.h"
#include "taper/ops/joining.h"
#include "taper/ops/linalg_norm.h"
#include "taper/ops/masking.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/printing.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/scan.h"
#include "taper/ops/scatter.h"
#include "taper/ops/softmax.h"
#include "taper/ops/sorting.h"
#include "taper/ops/statistics.h"
#include "taper/ops/variants.h"
#include "taper/ops/view.h"
#include "tests/ops/complex_case.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using namespace testing;
using C64 = Complex<float>;
using C128 = Complex<double>;

Number log_of(Number z) { return std::log(z); }

#define TAPER_STD(name) \
  complex_unary(        \
      #name, [](const Tensor& x) { return name(x); }, [](Number z) { return std::name(z); })

std::vector<OpCase> complex_functions() {
  const auto two = [](const Tensor& x) { return pow(x, 2.5); };
  return {
      TAPER_STD(exp),
      TAPER_STD(log),
      TAPER_STD(log10),
      TAPER_STD(sqrt),
      TAPER_STD(sin),
      TAPER_STD(cos),
      TAPER_STD(tan),
      TAPER_STD(sinh),
      TAPER_STD(cosh),
      TAPER_STD(tanh),
      TAPER_STD(asin),
      TAPER_STD(acos),
      TAPER_STD(atan),
      TAPER_STD(asinh),
      TAPER_STD(acosh),
      TAPER_STD(atanh),
      TAPER_STD(conj),
      complex_unary(
          "acosh_left", [](const Tensor& x) { return acosh(neg(x)); },
          [](Number z) { return std::acosh(-z); }),
      complex_unary(
          "log2", [](const Tensor& x) { return log2(x); },
          [](Number z) { return std::log(z) / std::log(2.0); }),
      complex_unary(
          "exp2", [](const Tensor& x) { return exp2(x); },
          [](Number z) { return std::exp(z * std::log(2.0)); }),
      complex_unary(
          "log1p", [](const Tensor& x) { return log1p(x); },
          [](Number z) { return std::log(1.0 + z); }),
      complex_unary(
          "expm1", [](const Tensor& x) { return expm1(x); },
          [](Number z) { return std::exp(z) - 1.0; }),
      complex_unary(
          "sigmoid", [](const Tensor& x) { return sigmoid(x); },
          [](Number z) { return 1.0 / (1.0 + std::exp(-z)); }),
      complex_unary(
          "silu", [](const Tensor& x) { return silu(x); },
          [](Number z) { return z / (1.0 + std::exp(-z)); }),
      complex_unary(
          "rsqrt", [](const Tensor& x) { return rsqrt(x); },
          [](Number z) { return 1.0 / std::sqrt(z); }),
      complex_unary(
          "reciprocal", [](const Tensor& x) { return reciprocal(x); },
          [](Number z) { return 1.0 / z; }),
      complex_unary(
          "square", [](const Tensor& x) { return square(x); }, [](Number z) { return z * z; }),
      complex_unary(
          "neg", [](const Tensor& x) { return neg(x); }, [](Number z) { return -z; }),
      complex_unary(
          "sgn", [](const Tensor& x) { return sgn(x); }, [](Number z) { return z / std::abs(z); }),
      complex_unary(
          "abs", [](const Tensor& x) { return abs(x); },
          [](Number z) { return Number(std::abs(z)); }, -1.5, 1.5, true),
      complex_unary(
          "angle", [](const Tensor& x) { return angle(x); },
          [](Number z) { return Number(std::arg(z)); }, 0.2, 1.5, true),
      complex_unary(
          "real", [](const Tensor& x) { return real(x).clone(); },
          [](Number z) { return Number(z.real()); }, -1.5, 1.5, true),
      complex_unary(
          "imag", [](const Tensor& x) { return imag(x).clone(); },
          [](Number z) { return Number(z.imag()); }, -1.5, 1.5, true),
      complex_unary("power", two, [](Number z) { return std::pow(z, 2.5); }),
      complex_unary(
          "complex_power", [](const Tensor& x) { return pow(x, C128(1, -0.5)); },
          [](Number z) { return std::pow(z, Number(1, -0.5)); }),
      complex_unary(
          "exponent", [](const Tensor& x) { return pow(C128(0.5, 2), x); },
          [](Number z) { return std::pow(Number(0.5, 2), z); }),
      complex_unary(
          "negative_base", [](const Tensor& x) { return pow(-2.0, x); },
          [](Number z) { return std::exp(z * log_of(Number(-2.0))); }),
      complex_unary(
          "scaled", [](const Tensor& x) { return mul(x, C128(2, -3)); },
          [](Number z) { return z * Number(2, -3); }),
      complex_unary(
          "divided", [](const Tensor& x) { return Scalar(C128(2, -3)) / x; },
          [](Number z) { return Number(2, -3) / z; }),
      complex_unary(
          "loss", [](const Tensor& x) { return mul(abs(x), abs(x)); },
          [](Number z) { return Number(std::norm(z)); }, -1.5, 1.5, true),
      complex_unary(
          "of_real", [](const Tensor& x) { return mul(x, real(x)); },
          [](Number z) { return z * z.real(); }),
      complex_unary(
          "conj_physical", [](const Tensor& x) { return conj_physical(x); },
          [](Number z) { return std::conj(z); }),
  };
}
TAPER_OP_CASES(complex_functions);

std::vector<OpCase> complex_arithmetic() {
  return {
      complex_binary(
          "add", [](const Tensor& a, const Tensor& b) { return add(a, b); },
          [](Number a, Number b) { return a + b; }),
      complex_binary(
          "sub_scaled", [](const Tensor& a, const Tensor& b) { return sub(a, b, C128(1, 2)); },
          [](Number a, Number b) { return a - Number(1, 2) * b; }),
      complex_binary(
          "mul", [](const Tensor& a, const Tensor& b) { return mul(a, b); },
          [](Number a, Number b) { return a * b; }),
      complex_binary(
          "div", [](const Tensor& a, const Tensor& b) { return div(a, b); },
          [](Number a, Number b) { return a / b; }),
      complex_binary(
          "pow", [](const Tensor& a, const Tensor& b) { return pow(a, b); },
          [](Number a, Number b) { return std::pow(a, b); }),
      complex_binary(
          "lerp", [](const Tensor& a, const Tensor& b) { return lerp(a, b.expand_as(a), 0.25); },
          [](Number a, Number b) { return a + 0.25 * (b - a); }),
      complex_binary(
          "addcmul", [](const Tensor& a, const Tensor& b) { return addcmul(a, a, b, C128(0, 1)); },
          [](Number a, Number b) { return a + Number(0, 1) * a * b; }),
      complex_binary(
          "addcdiv", [](const Tensor& a, const Tensor& b) { return addcdiv(a, a, b, 2); },
          [](Number a, Number b) { return a + 2.0 * a / b; }),
      complex_binary(
          "where", [](const Tensor& a, const Tensor& b) { return where(gt(real(a), 0.7), a, b); },
          [](Number a, Number b) { return a.real() > 0.7 ? a : b; }),
  };
}
TAPER_OP_CASES(complex_arithmetic);

/// complex(), polar() and the views, from and to pairs.
std::vector<OpCase> making() {
  const auto call = [](Tensor (*op)(const Tensor&, const Tensor&)) {
    return [op](const Tensors& x) { return Tensors{view_as_real(op(x[0], x[1]))}; };
  };
  const auto reference = [](std::function<Number(double, double)> f) {
    return [f](const std::vector<Dense>& x) {
      std::vector<Number> z;
      for (size_t i = 0; i < x[0].values.size(); ++i) {
        z.push_back(f(x[0].values[i], x[1].values[i % x[1].values.size()]));
      }
      return std::vector<Dense>{pairs(x[0].sizes, z)};
    };
  };
  OpCase join{"complex"}, turn{"polar"};
  join.dtypes = turn.dtypes = {kFloat, kDouble};
  join.samples = {{"row", {{{3, 4}}, {{4}}}, call(complex), reference([](double a, double b) {
                     return Number(a, b);
                   })}};
  turn.samples = {
      {"row", {{{3, 4}, 0.1, 2}, {{4}, -3, 3}}, call(polar), reference([](double a, double b) {
         return std::polar(a, b);
       })}};
  join.errors = {
      {"types", [] { complex(ones({2}, kFloat), ones({2}, kDouble)); },
       "Expected object of scalar type Float but got scalar type Double", ErrorInput::Kind::dtype},
      {"integers", [] { complex(ones({2}, kLong), ones({2}, kLong)); },
       "Expected both inputs to be Float or Double tensors but got Long and Long",
       ErrorInput::Kind::dtype},
      {"sizes", [] { complex(ones({2}), ones({3})); }, "must match", ErrorInput::Kind::shape}};
  turn.errors = {{"types", [] { polar(ones({2}, kHalf), ones({2}, kHalf)); },
                  "Expected both inputs to be Float or Double", ErrorInput::Kind::dtype}};
  return {join, turn};
}
TAPER_OP_CASES(making);

Reference matrix_reference(bool conjugate) {
  return [conjugate](const std::vector<Dense>& x) {
    const std::vector<Number> a = numbers(x[0]), b = numbers(x[1]);
    const int64_t m = x[0].sizes[0], k = x[0].sizes[1], n = x[1].sizes[1];
    std::vector<Number> c;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        Number sum = 0;
        for (int64_t l = 0; l < k; ++l) {
          const Number left = a[i * k + l];
          sum += (conjugate ? std::conj(left) : left) * b[l * n + j];
        }
        c.push_back(sum);
      }
    }
    return std::vector<Dense>{pairs({m, n}, c)};
  };
}

std::vector<OpCase> products_and_sums() {
  OpCase mm_case{"complex_mm"}, addmm_case{"complex_addmm"}, sum_case{"complex_sum"},
      cumsum_case{"complex_cumsum"}, norm_case{"complex_norm"};
  const std::vector<Arg> factors = {{{3, 4, 2}}, {{4, 5, 2}}};
  mm_case.samples = {
      {"mm", factors,
       [](const Tensors& x) { return Tensors{as_pairs(mm(as_complex(x[0]), as_complex(x[1])))}; },
       matrix_reference(false)},
      {"adjoint", factors,
       [](const Tensors& x) {
         return Tensors{as_pairs(matmul(as_complex(x[0]).mH().mT(), as_complex(x[1])))};
       },
       matrix_reference(true)}};
  addmm_case.samples = {{"zero beta", factors,
                         [](const Tensors& x) {
                           const Tensor a = as_complex(x[0]), b = as_complex(x[1]);
                           return Tensors{as_pairs(addmm(mm(a, b), a, b, C128(0, 1), C128(1, -1)))};
                         },
                         matrix_reference(false)}};
  sum_case.samples = {{"rows",
                       {{{3, 4, 2}}},
                       [](const Tensors& x) { return Tensors{as_pairs(as_complex(x[0]).sum(1))}; },
                       [](const std::vector<Dense>& x) {
                         const std::vector<Number> z = numbers(x[0]);
                         std::vector<Number> s(3);
                         for (size_t i = 0; i < z.size(); ++i) s[i / 4] += z[i];
                         return std::vector<Dense>{pairs({3}, s)};
                       }},
                      {"mean",
                       {{{3, 4, 2}}},
                       [](const Tensors& x) { return Tensors{as_pairs(as_complex(x[0]).mean())}; },
                       [](const std::vector<Dense>& x) {
                         Number s = 0;
                         for (const Number& z : numbers(x[0])) s += z / 12.0;
                         return std::vector<Dense>{pairs({}, {s})};
                       }}};
  cumsum_case.samples = {
      {"columns",
       {{{3, 4, 2}}},
       [](const Tensors& x) { return Tensors{as_pairs(cumsum(as_complex(x[0]), 0))}; },
       [](const std::vector<Dense>& x) {
         std::vector<Number> z = numbers(x[0]);
         for (size_t i = 4; i < z.size(); ++i) z[i] += z[i - 4];
         return std::vector<Dense>{pairs({3, 4}, z)};
       }}};
  norm_case.samples = {
      {"two",
       {{{3, 4, 2}}},
       [](const Tensors& x) { return Tensors{linalg_vector_norm(as_complex(x[0]))}; },
       [](const std::vector<Dense>& x) {
         double s = 0;
         for (const Number& z : numbers(x[0])) s += std::norm(z);
         return std::vector<Dense>{{{}, {std::sqrt(s)}}};
       }}};
  std::vector<OpCase> cases = {mm_case, addmm_case, sum_case, cumsum_case, norm_case};
  for (OpCase& c : cases) c.dtypes = {kFloat, kDouble};
  return cases;
}
TAPER_OP_CASES(products_and_sums);

/// Products and variances of the rows of a 3 x 4 matrix, of which one may have a zero.
std::vector<OpCase> products_and_variances() {
  const auto rows = [](const Dense& x, std::vector<int64_t> sizes, auto f) {
    std::vector<Number> all, z = numbers(x);
    for (size_t i = 0; i < 12; i += 4) {
      for (const Number& v : f(std::vector<Number>(z.begin() + i, z.begin() + i + 4))) {
        all.push_back(v);
      }
    }
    return pairs(std::move(sizes), all);
  };
  const auto running = [](std::vector<Number> row) {
    for (size_t i = 1; i < row.size(); ++i) row[i] *= row[i - 1];
    return row;
  };
  const auto product = [running](const std::vector<Number>& row) {
    return std::vector<Number>{running(row).back()};
  };
  const auto variance = [](const Dense& x, bool root) {
    const std::vector<Number> z = numbers(x);
    Dense out{{3}, {}};
    for (size_t r = 0; r < 3; ++r) {
      Number mean = 0;
      double sum = 0;
      for (size_t i = 0; i < 4; ++i) mean += z[4 * r + i] / 4.0;
      for (size_t i = 0; i < 4; ++i) sum += std::norm(z[4 * r + i] - mean);
      out.values.push_back(root ? std::sqrt(sum / 3) : sum / 3);
    }
    return out;
  };
  const auto with_zero = [](const Tensor& pairs) {
    const Tensor mask = eye(3, 4, kBool);
    return as_complex(pairs).masked_fill(mask, 0);
  };
  OpCase prod_case{"complex_prod"}, cumprod_case{"complex_cumprod"}, var_case{"complex_var"};
  const std::vector<Arg> matrix = {{{3, 4, 2}}};
  prod_case.samples = {
      {"rows", matrix, [](const Tensors& x) { return Tensors{as_pairs(as_complex(x[0]).prod(1))}; },
       [=](const std::vector<Dense>& x) { return std::vector<Dense>{rows(x[0], {3}, product)}; }},
      {"all",
       {{{5, 2}}},
       [](const Tensors& x) { return Tensors{as_pairs(as_complex(x[0]).prod())}; },
       [](const std::vector<Dense>& x) {
         Number all = 1;
         for (const Number& z : numbers(x[0])) all *= z;
         return std::vector<Dense>{pairs({}, {all})};
       }},
      {"zeros", matrix,
       [=](const Tensors& x) { return Tensors{as_pairs(with_zero(x[0]).prod(1))}; },
       [](const std::vector<Dense>&) {
         return std::vector<Dense>{pairs({3}, std::vector<Number>(3))};
       }}};
  cumprod_case.samples = {
      {"rows", matrix,
       [](const Tensors& x) { return Tensors{as_pairs(as_complex(x[0]).cumprod(1))}; },
       [=](const std::vector<Dense>& x) {
         return std::vector<Dense>{rows(x[0], {3, 4}, running)};
       }},
      {"zeros", matrix,
       [=](const Tensors& x) { return Tensors{as_pairs(with_zero(x[0]).cumprod(1))}; },
       [=](std::vector<Dense> x) {
         for (size_t i = 0; i < 3; ++i) x[0].values[10 * i] = x[0].values[10 * i + 1] = 0;
         return std::vector<Dense>{rows(x[0], {3, 4}, running)};
       }}};
  var_case.samples = {{"rows", matrix,
                       [](const Tensors& x) {
                         const Tensor z = as_complex(x[0]);
                         return Tensors{z.var(1), z.std(1)};
                       },
                       [=](const std::vector<Dense>& x) {
                         return std::vector<Dense>{variance(x[0], false), variance(x[0], true)};
                       }}};
  std::vector<OpCase> cases = {prod_case, cumprod_case, var_case};
  for (OpCase& c : cases) {
    c.dtypes = {kFloat, kDouble};
    c.tolerance = 4;  // of a product of four complex numbers
  }
  return cases;
}
TAPER_OP_CASES(products_and_variances);

Tensor numbers_of(std::initializer_list<C128> values) { return tensor(std::vector<C128>(values)); }
std::vector<C128> values_of(const Tensor& t) {
  std::vector<C128> values;
  const Tensor flat = t.reshape({t.numel()});
  for (int64_t i = 0; i < flat.numel(); ++i) values.push_back(flat[i].item().toComplexDouble());
  return values;
}
void expect_values(const Tensor& t, const std::vector<C128>& expected) {
  const std::vector<C128> got = values_of(t);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i].re, expected[i].re, 1e-6) << i;
    EXPECT_NEAR(got[i].im, expected[i].im, 1e-6) << i;
  }
}

TEST(Complex, TypesAndPromotion) {
  EXPECT_EQ(promoteTypes(kComplexFloat, kDouble), kComplexDouble);
  EXPECT_EQ(promoteTypes(kComplexFloat, kLong), kComplexFloat);
  EXPECT_EQ(promoteTypes(kHalf, kComplexFloat), kComplexFloat);
  EXPECT_FALSE(canCast(kComplexFloat, kDouble));
  EXPECT_TRUE(canCast(kBool, kComplexFloat));
  EXPECT_EQ(result_type(ones({2}, kFloat), ones({}, kComplexDouble)), kComplexFloat);
  EXPECT_EQ(result_type(ones({2}, kDouble), C128(0, 1)), kComplexDouble);
  EXPECT_EQ(result_type(ones({2}, kLong), C128(0, 1)), kComplexFloat);
  EXPECT_EQ(result_type(ones({2}, kComplexFloat), ones({}, kDouble)), kComplexFloat);
  EXPECT_EQ(result_type(ones({2}, kComplexFloat), 1.5), kComplexFloat);
  const Tensor z = ones({2}, kComplexDouble);
  EXPECT_TRUE(z.is_complex() && is_complex(z) && !z.is_floating_point() && !z.is_conj());
  EXPECT_EQ(z.element_size(), 16);
  EXPECT_EQ(z.toString(), "CPUComplexDoubleType");
  EXPECT_EQ(str(kComplexFloat), "ComplexFloat");
}

TEST(Complex, CreationAndElements) {
  const Tensor z = numbers_of({{1, 2}, {3, -4}});
  EXPECT_EQ(z.scalar_type(), kComplexDouble);
  EXPECT_EQ(full({2}, C128(1, 2)).scalar_type(), kComplexFloat);
  expect_values(full({2}, C128(1, 2)), {{1, 2}, {1, 2}});
  expect_values(eye(2, kComplexFloat), {1, 0, 0, 1});
  expect_values(zeros({2}, kComplexDouble), {0, 0});
  EXPECT_EQ((z.accessor<C128, 1>()[1]), C128(3, -4));
  EXPECT_EQ(z[0].item<C128>(), C128(1, 2));
  EXPECT_EQ(ones({}, kComplexFloat).item<float>(), 1);
  EXPECT_ERROR(Error, z[0].item<double>(), "cannot be converted");
  EXPECT_ERROR(DTypeError, z.data_ptr<C64>(), "expected scalar type ComplexFloat");
  double blob[] = {1, 2, 3, 4};
  expect_values(from_blob(blob, {2}, kComplexDouble), {{1, 2}, {3, 4}});
  EXPECT_ERROR(DTypeError, arange(3, kComplexFloat),
               "\"arange\" not implemented for 'ComplexFloat'");
  EXPECT_ERROR(Error, zeros({2}).fill_(C128(1, 2)), "cannot be converted");
}

TEST(Complex, Conversions) {
  std::vector<std::string> warnings;
  auto before = set_warning_handler([&](std::string_view text) { warnings.emplace_back(text); });
  const Tensor z = numbers_of({{1.5, 2}, {0, -4}, {0, 0}});
  EXPECT_TRUE(equal(z.to(kLong), tensor({1, 0, 0})));
  EXPECT_EQ(warnings.size(), 1);
  EXPECT_NE(warnings.at(0).find("discards the imaginary part"), std::string::npos);
  EXPECT_TRUE(equal(z.to(kBool), tensor({true, true, false})));
  EXPECT_EQ(warnings.size(), 1);
  set_warning_handler(std::move(before));
  expect_values(tensor({1.5, -2.0}).to(kComplexFloat), {1.5, -2});
  expect_values(z.to(kComplexFloat), {{1.5, 2}, {0, -4}, {0, 0}});
  // Strides and broadcasts of 16-byte elements.
  const Tensor m = z.expand({2, 3}).t().contiguous();
  expect_values(m, {{1.5, 2}, {1.5, 2}, {0, -4}, {0, -4}, {0, 0}, {0, 0}});
  const Tensor wide = complex(randn({40, 70}, kDouble), randn({40, 70}, kDouble));
  EXPECT_TRUE(equal(wide.t().contiguous().t(), wide));
  EXPECT_TRUE(equal(wide.t().add(wide.t()), wide.mul(2).t()));
  EXPECT_TRUE(equal(wide.to(kComplexFloat).t().contiguous(), wide.t().to(kComplexFloat)));
}

TEST(Complex, ViewsShareMemory) {
  Tensor z = numbers_of({{1, 2}, {3, -4}});
  Tensor parts = view_as_real(z);
  EXPECT_EQ(parts.scalar_type(), kDouble);
  EXPECT_EQ(parts.data_ptr(), z.data_ptr());
  parts[0][1].fill_(7);
  expect_values(z, {{1, 7}, {3, -4}});
  z.imag().zero_();
  expect_values(z, {1, 3});
  EXPECT_TRUE(equal(view_as_real(view_as_complex(parts)), parts));
  EXPECT_TRUE(z.real().is_same(z.real()) || z.real().data_ptr() == z.data_ptr());
  const Tensor x = ones({2});
  EXPECT_TRUE(real(x).is_same(x) && conj(x).is_same(x));
  EXPECT_ERROR(DTypeError, imag(x), "imag is not implemented for tensors with non-complex dtypes");
  EXPECT_ERROR(DTypeError, view_as_real(x), "only supported for complex tensors");
  EXPECT_ERROR(DTypeError, view_as_complex(ones({2}, kHalf)), "float and double tensors");
  EXPECT_ERROR(ShapeError, view_as_complex(ones({})), "one or more dimensions");
  EXPECT_ERROR(ShapeError, view_as_complex(ones({3})), "last dimension of size 2");
  EXPECT_ERROR(ShapeError, view_as_complex(ones({2, 2}).t()), "last dimension with stride 1");
  EXPECT_ERROR(ShapeError, view_as_complex(ones({5}).narrow(0, 1, 2)), "divisible by 2");
  EXPECT_ERROR(ShapeError, view_as_complex(ones({2, 3}).narrow(1, 0, 2)), "stride divisible by 2");
}

TEST(Complex, WritesThroughPartsAreNeverLost) {
  Tensor leaf = numbers_of({{1, 2}}).requires_grad_();
  Tensor z = leaf.mul(2);
  EXPECT_ERROR(Error, z.real().mul_(2), "sees its base as another type");
  EXPECT_ERROR(Error, view_as_real(leaf).zero_(), "sees its base as another type");
  Tensor parts = view_as_real(z);
  z.mul_(3);
  EXPECT_ERROR(Error, parts.sum().backward(), "sees its base as another type");
  abs(z).sum().backward();
  const double size = std::hypot(1, 2);
  expect_values(leaf.grad(), {{6 / size, 12 / size}});
}

TEST(Complex, BackwardOfComplexNumbers) {
  Tensor z = numbers_of({{1, 2}, {3, -4}}).requires_grad_();
  EXPECT_ERROR(DTypeError, z.sum().backward(),
               "grad can be implicitly created only for real scalar outputs but got ComplexDouble");
  EXPECT_ERROR(DTypeError, z.sum().backward(ones({}, kDouble)),
               "both grad_output and output are required to have the same dtype");
  mul(z, z.conj()).real().sum().backward();  // |z|^2: 2 z
  expect_values(z.grad(), {{2, 4}, {6, -8}});
  Tensor x = tensor({1.0, 2.0}).to(kDouble).requires_grad_();
  real(mul(x, numbers_of({{1, 2}, {3, 4}}))).sum().backward();
  EXPECT_TRUE(equal(x.grad(), tensor({1.0, 3.0}).to(kDouble)));
  Tensor zero = zeros({1}, kComplexDouble).requires_grad_();
  abs(zero).sum().backward();
  expect_values(zero.grad(), {0});
}

TEST(Complex, InPlaceAndOut) {
  Tensor z = numbers_of({{1, 2}, {3, -4}});
  z.mul_(C128(0, 1));
  expect_values(z, {{-2, 1}, {4, 3}});
  z.conj_physical_();
  expect_values(z, {{-2, -1}, {4, -3}});
  Tensor lengths = empty({0}, kDouble);
  abs_out(lengths, z);
  EXPECT_DOUBLE_EQ(lengths[1].item<double>(), 5);
  EXPECT_ERROR(DTypeError, z.abs_(), "In-place abs is not supported for complex tensors");
  EXPECT_ERROR(DTypeError, ones({2}).mul_(z), "can't be cast to the desired output type Float");
}

TEST(Complex, Comparisons) {
  const Tensor z = numbers_of({{1, 2}, {3, -4}}), w = numbers_of({{1, 2}, {3, 4}});
  EXPECT_TRUE(equal(eq(z, w), tensor({true, false})));
  EXPECT_TRUE(equal(ne(z, C128(1, 2)), tensor({false, true})));
  EXPECT_TRUE(allclose(z, z.add(1e-12)));
  EXPECT_FALSE(allclose(z, w));
  EXPECT_TRUE(equal(isreal(numbers_of({{1, 0}, {1, 1}})), tensor({true, false})));
  EXPECT_TRUE(equal(isnan(numbers_of({{1, NAN}, {1, 1}})), tensor({true, false})));
  EXPECT_TRUE(numbers_of({{0, 1}, {1, 0}}).all().item<bool>());
  EXPECT_EQ(numbers_of({{0, 1}, {0, 0}}).count_nonzero().item<int64_t>(), 1);
  EXPECT_EQ(numbers_of({{0, 1}, {0, 0}}).nonzero().numel(), 1);
}

TEST(Complex, MovesElements) {
  const Tensor z = numbers_of({{1, 2}, {3, -4}, {5, 6}});
  const Tensor index = tensor({2, 0});
  expect_values(z.index_select(0, index), {{5, 6}, {1, 2}});
  expect_values(z.gather(0, index), {{5, 6}, {1, 2}});
  expect_values(cat({z, z.flip(0)}, 0), {{1, 2}, {3, -4}, {5, 6}, {5, 6}, {3, -4}, {1, 2}});
  expect_values(stack({z, z}, 1), {{1, 2}, {1, 2}, {3, -4}, {3, -4}, {5, 6}, {5, 6}});
  expect_values(z.scatter_add(0, index, z.narrow(0, 0, 2)), {{4, -2}, {3, -4}, {6, 8}});
  expect_values(z.masked_fill(tensor({true, false, false}), C128(0, 9)), {{0, 9}, {3, -4}, {5, 6}});
  expect_values(z.masked_select(tensor({true, false, true})), {{1, 2}, {5, 6}});
  expect_values(z.view({3, 1}).expand({3, 3}).triu(),
                {{1, 2}, {1, 2}, {1, 2}, 0, {3, -4}, {3, -4}, 0, 0, {5, 6}});
  expect_values(vdot(z, z), {91});
  expect_values(dot(z, z), {{-3 - 7 - 11, 4 - 24 + 60}});
}

TEST(Complex, ProductsAndVariancesOfAnyShape) {
  const Tensor z = complex(randn({3, 4, 5}, kDouble), randn({3, 4, 5}, kDouble));
  EXPECT_TRUE(allclose(z.prod(), z.prod(2).prod(1).prod(0)));
  EXPECT_EQ(z.prod(1, true).sizes(), IntArrayRef({3, 1, 5}));
  expect_values(zeros({0}, kComplexDouble).prod(), {1});
  EXPECT_EQ(zeros({2, 0}, kComplexFloat).prod(1).sizes(), IntArrayRef({2}));
  EXPECT_EQ(zeros({2, 0}, kComplexFloat).cumprod(1).sizes(), IntArrayRef({2, 0}));
  expect_values(numbers_of({{0, 1}})[0].cumprod(0), {{0, 1}});
  EXPECT_EQ(tensor({1.f, 2.f}).prod(kComplexDouble).item<C128>(), C128(2, 0));
  Tensor out = empty({0}, kComplexDouble);
  prod_out(out, z, 0);
  EXPECT_TRUE(allclose(out, z.cumprod(0)[2]));
  EXPECT_EQ(z.var().scalar_type(), kDouble);
  const auto [deviation, mean] = std_mean(z, {0}, 0);
  EXPECT_TRUE(allclose(deviation.square(), z.sub(mean).abs().square().mean(0)));
}

TEST(Complex, RefusedByName) {
  const Tensor z = numbers_of({{1, 2}, {3, -4}});
  EXPECT_ERROR(DTypeError, lt(z, z), "not implemented for 'ComplexDouble'");
  EXPECT_ERROR(DTypeError, z.max(), "not implemented for 'ComplexDouble'");
  EXPECT_ERROR(DTypeError, z.sort(), "not implemented for 'ComplexDouble'");
  EXPECT_ERROR(DTypeError, floor(z), "\"floor\" not implemented for 'ComplexDouble'");
  EXPECT_ERROR(DTypeError, relu(z), "\"relu\" not implemented for 'ComplexDouble'");
  EXPECT_ERROR(DTypeError, erf(z), "\"erf\" not implemented for 'ComplexDouble'");
  EXPECT_ERROR(DTypeError, sign(z), "Please use sgn instead");
  EXPECT_ERROR(DTypeError, softmax(z, 0), "not implemented for 'ComplexDouble'");
  EXPECT_ERROR(DTypeError, clamp(z, 0, 1), "not implemented for 'ComplexDouble'");
  EXPECT_ERROR(DTypeError, atan2(z, z), "not implemented for 'ComplexDouble'");
  EXPECT_ERROR(Error, add(ones({2}), ones({2}), C128(0, 1)), "must not be a complex number");
}

TEST(Complex, RandomNumbersHavePyTorchsStream) {
  manual_seed(0);
  // torch.manual_seed(0); torch.randn(2, dtype=torch.complex64)
  const Tensor z = randn({2}, kComplexFloat);
  EXPECT_NEAR(z[0].item<C64>().re, 1.0896, 1e-4);
  EXPECT_NEAR(z[0].item<C64>().im, -0.2075, 1e-4);
  EXPECT_NEAR(z[1].item<C64>().re, -1.5406, 1e-4);
  EXPECT_NEAR(z[1].item<C64>().im, 0.4019, 1e-4);
  const Tensor u = rand({50}, kComplexDouble);
  EXPECT_TRUE(view_as_real(u).ge(0).all().item<bool>() && view_as_real(u).lt(1).all().item<bool>());
}

TEST(Complex, Printing) {
  EXPECT_EQ(repr(numbers_of({{1, 2}, {-3, -4}, {100, 0}, {1, -10}}).to(kComplexFloat)),
            "tensor([  1.+2.j,  -3.-4.j, 100.+0.j,   1.-10.j])");
  EXPECT_EQ(repr(numbers_of({{1, 2}, {0.25, -1}})),
            "tensor([1.0000+2.j, 0.2500-1.j], dtype=torch.complex128)");
  EXPECT_EQ(repr(full({}, C128(1, 2))), "tensor(1.+2.j)");
  EXPECT_EQ(to_string(numbers_of({{1, 2}, {3, -4}})), " 1+2j\n 3-4j\n[ CPUComplexDoubleType{2} ]");
  EXPECT_EQ(str(Scalar(C128(1, -2))), "(1,-2)");
}

}  // namespace
}  // namespace taper
