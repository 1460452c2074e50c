#include "taper/kernel/random.h"

#include <cmath>
#include <limits>

#include "taper/kernel/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/random.h"
#include "taper/ops/random_util.h"
#include "taper/ops/sorting.h"

namespace taper {
namespace {

void check_normal(const char* op, const Tensor& self, double std) {
  TAPER_CHECK(std >= 0, op, ": normal expects std >= 0.0, but found std ", std);
  if (!self.is_complex()) check_floating(op, self);
}

/// Smallest and largest integer that a type holds exactly.
struct Range {
  int64_t low, high;
};
Range range_of(const char* op, ScalarType type) {
  if (isComplexType(type)) fail_complex(op, type);
  return visit_dtype(type, [](auto zero) -> Range {
    using T = decltype(zero);
    if constexpr (std::is_same_v<T, bool>) {
      return {0, 1};
    } else if constexpr (std::is_integral_v<T>) {
      return {static_cast<int64_t>(std::numeric_limits<T>::min()),
              static_cast<int64_t>(std::numeric_limits<T>::max())};
    } else if constexpr (sizeof(T) == 2) {
      // Half reaches 65,504 only; its exact integers end at 2^11.
      const int64_t most = std::is_same_v<T, Half> ? 65504 : int64_t{1} << 62;
      return {-most, most};
    } else {
      return {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
    }
  });
}

void check_range(const char* op, ScalarType type, int64_t low, int64_t high) {
  TAPER_CHECK(low < high, op, ": random_ expects 'from' to be less than 'to', but got from=", low,
              " >= to=", high);
  const Range r = range_of(op, type);
  TAPER_CHECK(low >= r.low && low <= r.high, op, ": from is out of bounds for ", type, ", got ",
              low);
  TAPER_CHECK(high - 1 >= r.low && high - 1 <= r.high, op, ": to - 1 is out of bounds for ", type,
              ", got ", high - 1);
}

void fill_range(const Tensor& t, int64_t low, int64_t high,
                const std::optional<Generator>& generator) {
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  with_engine(generator, [&](RandomEngine& engine) {
    random_range_kernel(t.device(), out_view(t), engine, range, low);
  });
}

/// In-place fill of a tensor of any strides.
template <class F>
Tensor& overwrite(const char* op, const char* node, Tensor& self,
                  const std::optional<Generator>& generator, F&& f) {
  begin_inplace(op, self, {self});
  // Complex numbers are filled as their parts.
  const TensorImplPtr parts = self.is_complex() ? parts_of(op, self) : self.shared_impl();
  with_engine(generator, [&](RandomEngine& engine) { f(View(parts.get()), engine); });
  record_overwrite(node, self);
  return self;
}

/// A factory's tensor, filled without a trace in the graph, then made a leaf as asked.
template <class F>
Tensor filled(Tensor t, const TensorOptions& options, F&& f) {
  {
    const NoRecordGuard no_record;
    f(t);
  }
  if (options.requires_grad()) t.set_requires_grad(true);
  return t;
}
TensorOptions without_grad(const TensorOptions& options) {
  return options.requires_grad(std::nullopt);
}
TensorOptions integer_default(const TensorOptions& options) {
  return options.has_dtype() ? options : options.dtype(kLong);
}

}  // namespace

void record_overwrite(const char* node, const Tensor& self) {
  if (!isDifferentiableType(self.scalar_type())) return;
  record({.name = node,
          .outputs = {self},
          .inputs = {self},
          .inplace = true,
          .backward = [](Backward& g) { g.set(0, zeros(g.sizes(0), g.grad().options())); }});
}

Tensor& normal_(Tensor& self, double mean, double std, const std::optional<Generator>& generator) {
  check_normal("normal_", self, std);
  // Both parts share the variance.
  if (self.is_complex()) std *= std::sqrt(0.5);
  return overwrite("normal_", "NormalBackward0", self, generator,
                   [&](View v, RandomEngine& e) { normal_kernel(v.device(), v, e, mean, std); });
}

Tensor& uniform_(Tensor& self, double from, double to, const std::optional<Generator>& generator) {
  if (!self.is_complex()) check_floating("uniform_", self);
  TAPER_CHECK(from <= to, "uniform_ expects to return a [from, to) range, but found from=", from,
              " > to=", to);
  return overwrite("uniform_", "UniformBackward0", self, generator,
                   [&](View v, RandomEngine& e) { uniform_kernel(v.device(), v, e, from, to); });
}

Tensor& exponential_(Tensor& self, double lambd, const std::optional<Generator>& generator) {
  check_floating("exponential_", self);
  TAPER_CHECK(lambd > 0, "exponential_ expects lambda > 0.0, but found lambda=", lambd);
  return overwrite("exponential_", "ExponentialBackward0", self, generator,
                   [&](View v, RandomEngine& e) { exponential_kernel(v.device(), v, e, lambd); });
}

namespace {

/// Fills with shape(u) of uniform doubles u in [0, 1), converted to self's type.
template <class F>
Tensor& from_uniform(const char* op, const char* node, Tensor& self,
                     const std::optional<Generator>& generator, F&& shape) {
  fill_in_place(op, node, self, [&](const Tensor& target) {
    const NoRecordGuard no_record;
    const Tensor u = new_tensor(op, target.sizes(), kDouble);
    with_engine(generator,
                [&](RandomEngine& e) { uniform_kernel(u.device(), out_view(u), e, 0, 1); });
    const Tensor values = shape(u);
    copy_kernel(target.device(), out_view(target), in(values));
  });
  return self;
}

}  // namespace

Tensor& log_normal_(Tensor& self, double mean, double std,
                    const std::optional<Generator>& generator) {
  check_floating("log_normal_", self);
  TAPER_CHECK(std > 0, "log_normal_ expects std > 0.0, but found std=", std);
  fill_in_place("log_normal_", "LogNormalBackward0", self, [&](const Tensor& target) {
    const NoRecordGuard no_record;
    const Tensor n = new_tensor("log_normal_", target.sizes(), kDouble);
    with_engine(generator,
                [&](RandomEngine& e) { normal_kernel(n.device(), out_view(n), e, mean, std); });
    copy_kernel(target.device(), out_view(target), in(n.exp()));
  });
  return self;
}

Tensor& cauchy_(Tensor& self, double median, double sigma,
                const std::optional<Generator>& generator) {
  check_floating("cauchy_", self);
  TAPER_CHECK(sigma > 0, "cauchy_ expects sigma > 0.0, but found sigma=", sigma);
  return from_uniform("cauchy_", "CauchyBackward0", self, generator, [&](const Tensor& u) {
    return u.sub(0.5).mul(3.14159265358979323846).tan().mul(sigma).add(median);
  });
}

Tensor& geometric_(Tensor& self, double p, const std::optional<Generator>& generator) {
  TAPER_CHECK(p > 0 && p < 1, "geometric_ expects p to be in (0, 1), but got p=", p);
  // 1 - u is never 0.
  return from_uniform("geometric_", "GeometricBackward0", self, generator, [p](const Tensor& u) {
    return u.neg().log1p().div(std::log1p(-p)).ceil().clamp_min(1);
  });
}

Tensor multinomial(const Tensor& self, int64_t num_samples, bool replacement,
                   const std::optional<Generator>& generator) {
  const NoRecordGuard no_record;
  check_floating("multinomial", self);
  TAPER_CHECK_AS(ShapeError, self.dim() == 1 || self.dim() == 2,
                 "multinomial: prob_dist must be 1 or 2 dim, got ", self.sizes());
  TAPER_CHECK(num_samples > 0, "multinomial: cannot sample n_sample <= 0 samples, got ",
              num_samples);
  const int64_t categories = self.size(-1);
  TAPER_CHECK(replacement || num_samples <= categories,
              "multinomial: cannot sample n_sample > prob_dist.size(-1) samples without "
              "replacement, got ",
              num_samples, " and ", categories);
  TAPER_CHECK_AS(ShapeError, categories > 0, "multinomial: prob_dist must not be empty, got ",
                 self.sizes());
  const Tensor weights = self.to(kDouble);
  TAPER_CHECK(weights.ge(0).logical_and(weights.lt(INFINITY)).all().item<bool>(),
              "multinomial: probability tensor contains either `inf`, `nan` or element < 0");
  const Tensor sums = weights.cumsum(-1);
  const Tensor total = sums.slice(-1, categories - 1);
  TAPER_CHECK(total.gt(0).all().item<bool>(),
              "multinomial: invalid multinomial distribution (sum of probabilities <= 0)");
  if (!replacement || num_samples == 1) {
    // The first of exponential arrivals at the rates of the weights.
    TAPER_CHECK(weights.gt(0).sum(-1).ge(num_samples).all().item<bool>(),
                "multinomial: invalid multinomial distribution (fewer categories of positive "
                "weight than samples, ",
                num_samples, ")");
    Tensor arrivals = empty(self.sizes(), self.options());
    exponential_(arrivals, 1, generator);
    const Tensor scores = weights.div(arrivals.to(kDouble)).masked_fill(weights.eq(0), -1);
    return std::get<1>(scores.topk(num_samples));
  }
  DimVector sizes(self.sizes());
  sizes.back() = num_samples;
  return searchsorted(sums.div(total), rand(sizes, generator, kDouble), false, true);
}

Tensor poisson(const Tensor& self, const std::optional<Generator>& generator) {
  const NoRecordGuard no_record;
  check_floating("poisson", self);
  const Tensor rates = self.to(kDouble).contiguous();
  TAPER_CHECK(rates.ge(0).logical_and(rates.lt(INFINITY)).all().item<bool>(),
              "poisson: invalid Poisson rate, expected rate to be finite and non-negative");
  const Tensor counts = new_tensor("poisson", self.sizes(), kDouble);
  with_engine(generator, [&](RandomEngine& e) {
    poisson_kernel(self.device(), out_view(counts), in(rates), e);
  });
  return counts.to(self.scalar_type());
}

Tensor binomial(const Tensor& count, const Tensor& prob,
                const std::optional<Generator>& generator) {
  const NoRecordGuard no_record;
  check_floating("binomial", count);
  check_same_dtype("binomial", count, prob);
  const DimVector sizes = broadcast_sizes(count.sizes(), prob.sizes());
  const Tensor n = count.to(kDouble).expand(sizes).floor().contiguous();
  const Tensor p = prob.to(kDouble).expand(sizes).contiguous();
  TAPER_CHECK(n.ge(0).logical_and(n.lt(INFINITY)).all().item<bool>(),
              "binomial: expected count to be finite and non-negative");
  TAPER_CHECK(p.ge(0).logical_and(p.le(1)).all().item<bool>(),
              "binomial: expected prob to be in [0, 1]");
  const Tensor wins = new_tensor("binomial", sizes, kDouble);
  with_engine(generator, [&](RandomEngine& e) {
    binomial_kernel(wins.device(), out_view(wins), in(n), in(p), e);
  });
  return wins.to(count.scalar_type());
}

Tensor& random_(Tensor& self, const std::optional<Generator>& generator) {
  return overwrite("random_", "RandomBackward1", self, generator,
                   [&](View v, RandomEngine& e) { random_full_kernel(v.device(), v, e); });
}
Tensor& random_(Tensor& self, int64_t to, const std::optional<Generator>& generator) {
  return random_(self, 0, to, generator);
}
Tensor& random_(Tensor& self, int64_t from, std::optional<int64_t> to,
                const std::optional<Generator>& generator) {
  if (to) {
    check_range("random_", self.scalar_type(), from, *to);
    const uint64_t range = static_cast<uint64_t>(*to) - static_cast<uint64_t>(from);
    return overwrite("random_", "RandomBackward2", self, generator, [&](View v, RandomEngine& e) {
      random_range_kernel(v.device(), v, e, range, from);
    });
  }
  // Up to the largest, included: all 64 bits have a kernel of their own.
  if (from == std::numeric_limits<int64_t>::min()) {
    TAPER_CHECK_AS(DTypeError, self.scalar_type() == kLong, "random_: from is out of bounds for ",
                   self.scalar_type());
    return overwrite("random_", "RandomBackward0", self, generator,
                     [&](View v, RandomEngine& e) { random_all64_kernel(v.device(), v, e); });
  }
  const ScalarType type = self.scalar_type();
  int64_t most = range_of("random_", type).high;
  if (type == kFloat) most = int64_t{1} << 24;
  if (type == kDouble) most = int64_t{1} << 53;
  if (type == kHalf) most = int64_t{1} << 11;
  if (type == kBFloat16) most = int64_t{1} << 8;
  TAPER_CHECK(from <= most, "random_: from is out of bounds for ", type, ", got ", from);
  const uint64_t range = static_cast<uint64_t>(most) - static_cast<uint64_t>(from) + 1;
  return overwrite("random_", "RandomBackward0", self, generator, [&](View v, RandomEngine& e) {
    random_range_kernel(v.device(), v, e, range, from);
  });
}

Tensor rand(IntArrayRef size, const std::optional<Generator>& generator,
            const TensorOptions& options) {
  return filled(empty(size, without_grad(options)), options,
                [&](Tensor& t) { uniform_(t, 0, 1, generator); });
}
Tensor rand(IntArrayRef size, const TensorOptions& options) {
  return rand(size, std::optional<Generator>(), options);
}
Tensor rand_like(const Tensor& self, const TensorOptions& options) {
  return filled(empty_like(self, without_grad(options)), options, [](Tensor& t) { uniform_(t); });
}
Tensor randn(IntArrayRef size, const std::optional<Generator>& generator,
             const TensorOptions& options) {
  return filled(empty(size, without_grad(options)), options,
                [&](Tensor& t) { normal_(t, 0, 1, generator); });
}
Tensor randn(IntArrayRef size, const TensorOptions& options) {
  return randn(size, std::optional<Generator>(), options);
}
Tensor randn_like(const Tensor& self, const TensorOptions& options) {
  return filled(empty_like(self, without_grad(options)), options, [](Tensor& t) { normal_(t); });
}

Tensor randint(int64_t low, int64_t high, IntArrayRef size,
               const std::optional<Generator>& generator, const TensorOptions& options) {
  const TensorOptions o = integer_default(options);
  check_range("randint", o.dtype(), low, high);
  return filled(empty(size, without_grad(o)), o,
                [&](Tensor& t) { fill_range(t, low, high, generator); });
}
Tensor randint(int64_t low, int64_t high, IntArrayRef size, const TensorOptions& options) {
  return randint(low, high, size, std::optional<Generator>(), options);
}
Tensor randint(int64_t high, IntArrayRef size, const TensorOptions& options) {
  return randint(0, high, size, std::optional<Generator>(), options);
}
Tensor randint_like(const Tensor& self, int64_t low, int64_t high, const TensorOptions& options) {
  return filled(empty_like(self, without_grad(options)), options, [&](Tensor& t) {
    check_range("randint_like", t.scalar_type(), low, high);
    fill_range(t, low, high, std::nullopt);
  });
}
Tensor randint_like(const Tensor& self, int64_t high, const TensorOptions& options) {
  return randint_like(self, 0, high, options);
}

Tensor randperm(int64_t n, const std::optional<Generator>& generator,
                const TensorOptions& options) {
  TAPER_CHECK(n >= 0, "randperm: n must be non-negative, got ", n);
  const TensorOptions o = integer_default(options);
  TAPER_CHECK(n == 0 || n - 1 <= range_of("randperm", o.dtype()).high,
              "randperm: n is too large for ", o.dtype(), ", got ", n);
  return filled(empty({n}, without_grad(o)), o, [&](Tensor& t) {
    with_engine(generator, [&](RandomEngine& e) { randperm_kernel(t.device(), out_view(t), e); });
  });
}
Tensor randperm(int64_t n, const TensorOptions& options) {
  return randperm(n, std::optional<Generator>(), options);
}

Tensor normal(double mean, double std, IntArrayRef size, const std::optional<Generator>& generator,
              const TensorOptions& options) {
  return filled(empty(size, without_grad(options)), options,
                [&](Tensor& t) { normal_(t, mean, std, generator); });
}
Tensor normal(const Tensor& mean, double std, const std::optional<Generator>& generator) {
  const NoRecordGuard no_record;
  Tensor t = empty(mean.sizes(), mean.options());
  return normal_(t, 0, std, generator).add_(mean);
}
Tensor normal(double mean, const Tensor& std, const std::optional<Generator>& generator) {
  const NoRecordGuard no_record;
  TAPER_CHECK(std.numel() == 0 || std.ge(0).all().item<bool>(),
              "normal expects all elements of std >= 0.0");
  Tensor t = empty(std.sizes(), std.options());
  return normal_(t, 0, 1, generator).mul_(std).add_(Scalar(mean));
}
Tensor normal(const Tensor& mean, const Tensor& std, const std::optional<Generator>& generator) {
  const NoRecordGuard no_record;
  TAPER_CHECK(std.numel() == 0 || std.ge(0).all().item<bool>(),
              "normal expects all elements of std >= 0.0");
  Tensor t = empty(broadcast_sizes(mean.sizes(), std.sizes()), mean.options());
  return normal_(t, 0, 1, generator).mul_(std).add_(mean);
}

}  // namespace taper
