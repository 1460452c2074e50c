#pragma once

#include <optional>

#include "taper/tensor/generator.h"
#include "taper/tensor/tensor.h"

// Random tensors from mt19937 with PyTorch's recipes: after manual_seed(s) the numbers are
// PyTorch's. Strided tensors are filled in memory order.
namespace taper TAPER_API {

/// Uniform in [0, 1).
Tensor rand(IntArrayRef size, const TensorOptions& options = {});
Tensor rand(IntArrayRef size, const std::optional<Generator>& generator,
            const TensorOptions& options = {});
/// Uniform in [0, 1), with self's sizes and type.
Tensor rand_like(const Tensor& self, const TensorOptions& options = {});
/// Standard normal.
Tensor randn(IntArrayRef size, const TensorOptions& options = {});
Tensor randn(IntArrayRef size, const std::optional<Generator>& generator,
             const TensorOptions& options = {});
/// Standard normal, with self's sizes and type.
Tensor randn_like(const Tensor& self, const TensorOptions& options = {});
/// Integers in [low, high); low is 0 unless given. int64 unless options say otherwise. Throws
/// unless low < high and both fit the type.
Tensor randint(int64_t high, IntArrayRef size, const TensorOptions& options = {});
Tensor randint(int64_t low, int64_t high, IntArrayRef size, const TensorOptions& options = {});
Tensor randint(int64_t low, int64_t high, IntArrayRef size,
               const std::optional<Generator>& generator, const TensorOptions& options = {});
Tensor randint_like(const Tensor& self, int64_t high, const TensorOptions& options = {});
Tensor randint_like(const Tensor& self, int64_t low, int64_t high,
                    const TensorOptions& options = {});
/// 0 to n - 1 in random order; int64 unless options say otherwise.
Tensor randperm(int64_t n, const TensorOptions& options = {});
Tensor randperm(int64_t n, const std::optional<Generator>& generator,
                const TensorOptions& options = {});
/// Normal with means and standard deviations from tensors or numbers.
Tensor normal(double mean, double std, IntArrayRef size,
              const std::optional<Generator>& generator = std::nullopt,
              const TensorOptions& options = {});
Tensor normal(const Tensor& mean, double std = 1,
              const std::optional<Generator>& generator = std::nullopt);
Tensor normal(double mean, const Tensor& std,
              const std::optional<Generator>& generator = std::nullopt);
Tensor normal(const Tensor& mean, const Tensor& std,
              const std::optional<Generator>& generator = std::nullopt);

/// Fills with normal numbers. Throws on a negative std and on integer tensors.
/// variants: method
Tensor& normal_(Tensor& self, double mean = 0, double std = 1,
                const std::optional<Generator>& generator = std::nullopt);
/// Fills with uniform numbers in [from, to). Throws when from > to.
/// variants: method
Tensor& uniform_(Tensor& self, double from = 0, double to = 1,
                 const std::optional<Generator>& generator = std::nullopt);
/// Fills with -ln(1 - u) / lambd.
/// variants: method
Tensor& exponential_(Tensor& self, double lambd = 1,
                     const std::optional<Generator>& generator = std::nullopt);
/// Fills with e^n, n normal. Throws unless std > 0.
/// variants: method
Tensor& log_normal_(Tensor& self, double mean = 1, double std = 2,
                    const std::optional<Generator>& generator = std::nullopt);
/// Fills with median + sigma tan(pi (u - 1/2)). Throws unless sigma > 0.
/// variants: method
Tensor& cauchy_(Tensor& self, double median = 0, double sigma = 1,
                const std::optional<Generator>& generator = std::nullopt);
/// Fills with the number of trials up to the first success, each of probability p in (0, 1).
/// variants: method
Tensor& geometric_(Tensor& self, double p,
                   const std::optional<Generator>& generator = std::nullopt);
/// Fills with integers from 0 to the type's largest (floating: the largest that is exact).
/// variants: method
Tensor& random_(Tensor& self, const std::optional<Generator>& generator = std::nullopt);
/// Fills with integers in [0, to).
/// variants: method
Tensor& random_(Tensor& self, int64_t to, const std::optional<Generator>& generator = std::nullopt);
/// Fills with integers in [from, to); without to up to the type's largest.
/// variants: method
Tensor& random_(Tensor& self, int64_t from, std::optional<int64_t> to,
                const std::optional<Generator>& generator = std::nullopt);

/// Indices of num_samples draws from each row of weights (one or two dimensions, not negative, not
/// all 0), int64; without replacement an index comes once at most.
/// variants: method
Tensor multinomial(const Tensor& self, int64_t num_samples, bool replacement = false,
                   const std::optional<Generator>& generator = std::nullopt);
/// Poisson counts with these rates, in self's type.
Tensor poisson(const Tensor& self, const std::optional<Generator>& generator = std::nullopt);
/// Numbers of successes in count trials of probability prob, which broadcast; floating types.
Tensor binomial(const Tensor& count, const Tensor& prob,
                const std::optional<Generator>& generator = std::nullopt);

}  // namespace taper
