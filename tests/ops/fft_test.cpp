#include "taper/ops/fft.h"

#include "taper/base/parallel.h"
#include "taper/func/gradcheck.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/ops/complex_case.h"
#include "tests/support/expect_error.h"
#include "tests/support/same_bits.h"

namespace taper {
namespace {

using namespace testing;
constexpr double kPi = 3.14159265358979323846;

/// e^(sign 2 pi i k / n) for k < n.
std::vector<Number> roots(int64_t n, double sign) {
  std::vector<Number> w;
  for (int64_t k = 0; k < n; ++k) w.push_back(std::polar(1.0, sign * 2 * kPi * k / n));
  return w;
}
/// The transform by its definition.
std::vector<Number> transform(const std::vector<Number>& x, bool inverse) {
  const int64_t n = static_cast<int64_t>(x.size());
  const std::vector<Number> w = roots(n, inverse ? 1 : -1);
  std::vector<Number> y(x.size());
  for (int64_t k = 0; k < n; ++k) {
    for (int64_t j = 0; j < n; ++j) y[k] += x[j] * w[j * k % n];
  }
  return y;
}

Tensor random_numbers(IntArrayRef sizes, ScalarType type) { return randn(sizes, type); }
std::vector<Number> row_of(const Tensor& t) { return numbers(to_dense(view_as_real(t))); }

double distance(const std::vector<Number>& a, const std::vector<Number>& b) {
  double error = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += std::norm(a[i] - b[i]);
    size += std::norm(b[i]);
  }
  return size == 0 ? std::sqrt(error) : std::sqrt(error / size);
}

void expect_transforms(int64_t n, ScalarType real_type, double tolerance) {
  SCOPED_TRACE(str("n = ", n, " ", real_type));
  const Tensor z = random_numbers({n}, toComplexType(real_type));
  const std::vector<Number> x = row_of(z), y = transform(x, false), back = transform(x, true);
  EXPECT_LT(distance(row_of(fft::fft(z)), y), tolerance);
  EXPECT_LT(distance(row_of(fft::ifft(z, std::nullopt, -1, "forward")), back), tolerance);
  const Tensor r = randn({n}, real_type);
  std::vector<Number> line;
  for (double v : to_dense(r).values) line.emplace_back(v);
  std::vector<Number> half = transform(line, false);
  half.resize(static_cast<size_t>(n / 2 + 1));
  const Tensor spectrum = fft::rfft(r);
  ASSERT_EQ(spectrum.size(0), n / 2 + 1);
  EXPECT_LT(distance(row_of(spectrum), half), tolerance);
  const Tensor again = fft::irfft(spectrum, n);
  ASSERT_EQ(again.size(0), n);
  EXPECT_LT(again.sub(r).norm().item<double>(), tolerance * std::sqrt(n) * 2);
}

TEST(Fft, EveryShortLengthByDefinition) {
  manual_seed(1);
  for (int64_t n = 1; n <= 130; ++n) {
    expect_transforms(n, kFloat, 1e-6);
    expect_transforms(n, kDouble, 2e-15);
  }
}

TEST(Fft, LongLengthsByDefinition) {
  manual_seed(2);
  for (int64_t n : {143, 211, 256, 343, 500, 509, 625, 729, 1000, 1009, 1024, 1331}) {
    expect_transforms(n, kFloat, 2e-6);
    expect_transforms(n, kDouble, 1e-14);
  }
}

TEST(Fft, VeryLongLengths) {
  manual_seed(3);
  for (int64_t n : {65536, 65537, 100000}) {
    const Tensor z = random_numbers({n}, kComplexFloat);
    const Tensor y = fft::fft(z);
    const std::vector<Number> x = row_of(z), got = row_of(y), w = roots(n, -1);
    for (int64_t k : {int64_t{0}, int64_t{1}, n / 3, n - 1}) {
      Number want = 0;
      for (int64_t j = 0; j < n; ++j) want += x[j] * w[j * k % n];
      EXPECT_LT(std::abs(got[k] - want), 2e-6 * std::sqrt(2.0 * n)) << n << " " << k;
    }
    EXPECT_LT(distance(row_of(fft::ifft(y)), x), 3e-6) << n;
  }
}

TEST(Fft, HermitianForms) {
  const Tensor z = random_numbers({5}, kComplexDouble);
  std::vector<Number> half = row_of(z);
  half[0] = half[0].real();
  half[4] = half[4].real();
  std::vector<Number> whole = half;
  for (int64_t k = 3; k > 0; --k) whole.push_back(std::conj(half[k]));
  const std::vector<double> got = to_dense(fft::hfft(z)).values;
  const std::vector<Number> want = transform(whole, false);
  ASSERT_EQ(got.size(), 8);
  for (size_t k = 0; k < 8; ++k) EXPECT_NEAR(got[k], want[k].real(), 1e-12);
  const Tensor r = randn({9}, kDouble);
  EXPECT_TRUE(allclose(fft::ihfft(r), fft::rfft(r).conj().div(9)));
  EXPECT_TRUE(allclose(fft::hfft(fft::ihfft(r), 9), r));
}

TEST(Fft, LengthsAndNorms) {
  const Tensor z = random_numbers({6}, kComplexDouble);
  EXPECT_TRUE(allclose(fft::fft(z, 4), fft::fft(z.narrow(0, 0, 4))));
  EXPECT_TRUE(allclose(fft::fft(z, 8).narrow(0, 0, 1), z.sum().reshape({1})));
  EXPECT_TRUE(allclose(fft::fft(z, 6, 0, "ortho"), fft::fft(z).div(std::sqrt(6.0))));
  EXPECT_TRUE(allclose(fft::fft(z, 6, 0, "forward"), fft::fft(z).div(6)));
  EXPECT_TRUE(allclose(fft::ifft(fft::fft(z)), z));
  EXPECT_EQ(fft::fft(ones({4}, kLong)).scalar_type(), kComplexFloat);
  EXPECT_EQ(fft::irfft(ones({4})).scalar_type(), kFloat);
  EXPECT_EQ(fft::irfft(ones({4})).size(0), 6);
  EXPECT_EQ(fft::fft(ones({0, 4})).sizes(), IntArrayRef({0, 4}));
}

TEST(Fft, SeveralDimensions) {
  manual_seed(4);
  const Tensor z = random_numbers({3, 4, 5}, kComplexDouble);
  const Tensor all = fft::fft(fft::fft(fft::fft(z, std::nullopt, 0), std::nullopt, 1));
  EXPECT_TRUE(allclose(fft::fftn(z), all));
  EXPECT_TRUE(allclose(fft::fft2(z), fft::fft(fft::fft(z, std::nullopt, 1))));
  EXPECT_TRUE(allclose(fft::ifftn(fft::fftn(z)), z));
  EXPECT_TRUE(allclose(fft::ifft2(fft::fft2(z)), z));
  const Tensor r = randn({3, 4, 5}, kDouble);
  EXPECT_TRUE(allclose(fft::rfftn(r), fft::fftn(r).narrow(2, 0, 3)));
  EXPECT_TRUE(allclose(fft::irfftn(fft::rfftn(r), IntArrayRef({3, 4, 5})), r));
  EXPECT_TRUE(allclose(fft::irfft2(fft::rfft2(r), IntArrayRef({4, 5})), r));
  EXPECT_TRUE(allclose(fft::hfftn(fft::ihfftn(r), IntArrayRef({3, 4, 5})), r));
  EXPECT_TRUE(allclose(fft::hfft2(fft::ihfft2(r), IntArrayRef({4, 5})), r));
  EXPECT_TRUE(allclose(fft::fftn(z, IntArrayRef({2, -1})), fft::fft2(z.narrow(1, 0, 2))));
}

TEST(Fft, LayoutsAndThreadsGiveTheSameBits) {
  manual_seed(5);
  const Tensor z = random_numbers({64, 300}, kComplexFloat);
  const Tensor y = fft::fft(z);
  EXPECT_TRUE(same_bits(view_as_real(fft::fft(z.t().contiguous().t())), view_as_real(y)));
  EXPECT_TRUE(
      same_bits(view_as_real(fft::fft(z.t(), std::nullopt, 0).t().contiguous()), view_as_real(y)));
  EXPECT_TRUE(same_bits(view_as_real(fft::fft(z.narrow(0, 7, 1))),
                        view_as_real(y.narrow(0, 7, 1).contiguous())));
  const int threads = get_num_threads();
  set_num_threads(1);
  EXPECT_TRUE(same_bits(view_as_real(fft::fft(z)), view_as_real(y)));
  set_num_threads(threads);
}

TEST(Fft, GradientsOfComposedTransforms) {
  manual_seed(6);
  const Tensor pairs = randn({2, 3, 4, 2}, kDouble).requires_grad_();
  const Tensor reals = randn({2, 3, 4}, kDouble).requires_grad_();
  using Transform = Tensor (*)(const Tensor&);
  const Transform complex_ones[] = {
      [](const Tensor& z) { return fft_hfft(z); },
      [](const Tensor& z) { return fft_fftn(z, IntArrayRef({2, 5})); },
      [](const Tensor& z) { return fft_ifftn(z, std::nullopt, IntArrayRef({0, 1}), "ortho"); },
      [](const Tensor& z) { return fft_irfftn(z, std::nullopt, IntArrayRef({0, 2})); },
      [](const Tensor& z) { return fft_hfftn(z, IntArrayRef({3, 5})); }};
  for (Transform f : complex_ones) {
    const auto call = [f](const Tensors& x) { return Tensors{as_pairs(f(as_complex(x[0])))}; };
    EXPECT_TRUE(gradcheck(call, {pairs}));
    EXPECT_TRUE(gradgradcheck(call, {pairs}));
  }
  const Transform real_ones[] = {
      [](const Tensor& x) { return fft_ihfft(x, 5); },
      [](const Tensor& x) { return fft_rfftn(x, std::nullopt, IntArrayRef({2, 0}), "forward"); },
      [](const Tensor& x) { return fft_ihfftn(x); }, [](const Tensor& x) { return fft_fft(x); }};
  for (Transform f : real_ones) {
    const auto call = [f](const Tensors& x) { return Tensors{as_pairs(f(x[0]))}; };
    EXPECT_TRUE(gradcheck(call, {reals}));
    EXPECT_TRUE(gradgradcheck(call, {reals}));
  }
}

TEST(Fft, Frequencies) {
  EXPECT_TRUE(allclose(fft::fftfreq(5), tensor({0.0, 0.2, 0.4, -0.4, -0.2})));
  EXPECT_TRUE(allclose(fft::fftfreq(4, 0.5), tensor({0.0, 0.5, -1.0, -0.5})));
  EXPECT_TRUE(allclose(fft::rfftfreq(5), tensor({0.0, 0.2, 0.4})));
  EXPECT_TRUE(allclose(fft::rfftfreq(4, kDouble), tensor({0.0, 0.25, 0.5}).to(kDouble)));
  const Tensor x = arange(5);
  EXPECT_TRUE(equal(fft::fftshift(x), tensor({3, 4, 0, 1, 2})));
  EXPECT_TRUE(equal(fft::ifftshift(fft::fftshift(x)), x));
  const Tensor m = arange(6).view({2, 3});
  EXPECT_TRUE(equal(fft::fftshift(m), tensor({{5, 3, 4}, {2, 0, 1}})));
  EXPECT_TRUE(equal(fft::fftshift(m, IntArrayRef({1})), tensor({{2, 0, 1}, {5, 3, 4}})));
}

TEST(Fft, Errors) {
  const Tensor x = ones({4}), z = ones({4}, kComplexFloat);
  EXPECT_ERROR(ShapeError, fft::fft(x, 0), "Invalid number of data points (0) specified");
  EXPECT_ERROR(ShapeError, fft::fft(ones({0})), "Invalid number of data points (0) specified");
  EXPECT_ERROR(ShapeError, fft::irfft(ones({1})), "Invalid number of data points (0) specified");
  EXPECT_ERROR(ShapeError, fft::fft(x, int64_t{1} << 62), "too many");
  EXPECT_ERROR(IndexError, fft::fft(x, 4, 1), "Dimension out of range");
  EXPECT_ERROR(IndexError, fft::fft(ones({})), "tensor has no dimensions");
  EXPECT_ERROR(ConfigError, fft::fft(x, 4, 0, "none"), "Invalid normalization mode: \"none\"");
  EXPECT_ERROR(DTypeError, fft::fft(x.to(kHalf)), "Unsupported dtype Half");
  EXPECT_ERROR(DTypeError, fft::rfft(z), "rfft expects a real input tensor, but got ComplexFloat");
  EXPECT_ERROR(DTypeError, fft::ihfftn(z), "expects a real input tensor");
  EXPECT_ERROR(ShapeError, fft::fftn(x, IntArrayRef({2, 2})),
               "Got shape with 2 values but input tensor only has 1 dimensions");
  EXPECT_ERROR(ShapeError, fft::fftn(ones({2, 2}), std::nullopt, IntArrayRef({0, -2})),
               "FFT dims must be unique");
  EXPECT_ERROR(ShapeError, fft::fftn(ones({2, 2}), IntArrayRef({2}), IntArrayRef({0, 1})),
               "must have the same length");
}

/// Lines of n numbers, of which the op gets pairs; the reference is the definition.
OpCase line_case(const char* name, std::function<Tensor(const Tensor&)> op, bool inverse) {
  OpCase c{name};
  c.dtypes = {kFloat, kDouble};
  for (int64_t n : {1, 4, 7, 13, 16, 20}) {
    c.samples.push_back({str("length ", n),
                         {{{2, n, 2}}},
                         [op](const Tensors& x) { return Tensors{as_pairs(op(as_complex(x[0])))}; },
                         [n, inverse](const std::vector<Dense>& x) {
                           const std::vector<Number> all = numbers(x[0]);
                           std::vector<Number> result;
                           for (int64_t row = 0; row < 2; ++row) {
                             const auto at = all.begin() + row * n;
                             const double scale = inverse ? 1.0 / static_cast<double>(n) : 1;
                             for (const Number& z : transform({at, at + n}, inverse)) {
                               result.push_back(z * scale);
                             }
                           }
                           return std::vector<Dense>{pairs({2, n}, result)};
                         }});
  }
  c.tolerance = 4;
  return c;
}

/// A real line and its half spectrum.
OpCase real_case() {
  OpCase c{"fft_rfft"};
  c.dtypes = {kFloat, kDouble};
  for (int64_t n : {1, 2, 6, 9, 26}) {
    c.samples.push_back({str("length ", n),
                         {{{n}}},
                         [](const Tensors& x) { return Tensors{view_as_real(fft_rfft(x[0]))}; },
                         [n](const std::vector<Dense>& x) {
                           std::vector<Number> line(x[0].values.begin(), x[0].values.end());
                           line = transform(line, false);
                           line.resize(static_cast<size_t>(n / 2 + 1));
                           return std::vector<Dense>{pairs({n / 2 + 1}, line)};
                         }});
  }
  c.tolerance = 4;
  return c;
}
OpCase real_inverse_case() {
  OpCase c{"fft_irfft"};
  c.dtypes = {kFloat, kDouble};
  for (int64_t n : {1, 2, 6, 9, 26}) {
    c.samples.push_back({str("length ", n),
                         {{{n / 2 + 1, 2}}},
                         [n](const Tensors& x) { return Tensors{fft_irfft(as_complex(x[0]), n)}; },
                         [n](const std::vector<Dense>& x) {
                           std::vector<Number> whole = numbers(x[0]);
                           whole[0] = whole[0].real();
                           if (n % 2 == 0) whole.back() = whole.back().real();
                           for (int64_t k = n - static_cast<int64_t>(whole.size()); k > 0; --k) {
                             whole.push_back(std::conj(whole[k]));
                           }
                           Dense out{{n}, {}};
                           for (const Number& z : transform(whole, true)) {
                             out.values.push_back(z.real() / static_cast<double>(n));
                           }
                           return std::vector<Dense>{out};
                         }});
  }
  c.tolerance = 4;
  return c;
}

std::vector<OpCase> transforms() {
  return {line_case(
              "fft_fft", [](const Tensor& z) { return fft_fft(z); }, false),
          line_case(
              "fft_ifft", [](const Tensor& z) { return fft_ifft(z); }, true),
          real_case(), real_inverse_case()};
}
TAPER_OP_CASES(transforms);

}  // namespace
}  // namespace taper
