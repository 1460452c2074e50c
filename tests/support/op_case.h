#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "taper/ops/op_util.h"

// One record per op drives all its tests: forward against an independent reference, every dtype,
// generated layouts, first and second gradients, the in-place variant, degenerate arguments,
// threads, error inputs.
namespace taper::testing {

/// Values outside any tensor: row-major doubles. References compute on these.
struct Dense {
  std::vector<int64_t> sizes;
  std::vector<double> values;

  int64_t numel() const { return static_cast<int64_t>(values.size()); }
  /// Element at an index, with size-1 and missing leading dimensions broadcast.
  double at(const std::vector<int64_t>& index) const;
};
/// The elements of a tensor, read one by one through its strides.
Dense to_dense(const Tensor& tensor);
/// A contiguous tensor with these values.
Tensor to_tensor(const Dense& dense, ScalarType dtype);
/// Visits the indices of sizes in row-major order.
void for_each_index(const std::vector<int64_t>& sizes,
                    const std::function<void(const std::vector<int64_t>&)>& visit);

using Tensors = std::vector<Tensor>;
using OpFunction = std::function<Tensors(const Tensors&)>;
using Reference = std::function<std::vector<Dense>(const std::vector<Dense>&)>;

/// A tensor argument: its sizes and the range its values are drawn from.
struct Arg {
  enum class Kind { real, index, boolean };
  std::vector<int64_t> sizes;
  double low = -1.5, high = 1.5;  // of an index: [low, high)
  Kind kind = Kind::real;
};
inline Arg index_arg(std::vector<int64_t> sizes, int64_t count) {
  return {std::move(sizes), 0, static_cast<double>(count), Arg::Kind::index};
}
inline Arg mask_arg(std::vector<int64_t> sizes) {
  return {std::move(sizes), 0, 2, Arg::Kind::boolean};
}

/// One call: the arguments, the op with its plain parameters bound, what it should give.
struct Sample {
  std::string label;
  std::vector<Arg> args;
  OpFunction op;
  Reference reference;
};

/// A call that must throw: the kind of error and a part of its text.
struct ErrorInput {
  enum class Kind { any, shape, dtype, index };
  std::string label;
  std::function<void()> call;
  std::string text;
  Kind kind = Kind::any;
};

struct OpCase {
  std::string name;  // as declared in taper/ops/
  std::vector<Sample> samples = {};
  std::vector<ErrorInput> errors = {};
  /// Types that the real arguments take in turn.
  std::vector<ScalarType> dtypes = {kFloat, kDouble, kHalf, kBFloat16};
  bool differentiable = true;
  /// Why gradgradcheck does not apply: the op throws this text, or the reason that it cannot.
  std::string no_second_gradient = {};
  /// The `_` variant on the same arguments, written to the first.
  OpFunction inplace = {};
  /// Same values, same shape: same bits in every layout and at every thread count.
  bool same_bits = true;
  /// Multiplies the tolerance of the dtype, for long sums; the reason stands beside the case.
  double tolerance = 1;
};

/// Cases whose reference is a function of one or two numbers, broadcast.
OpCase unary_case(std::string name, Tensor (*op)(const Tensor&), double (*reference)(double),
                  double low = -3, double high = 3);
OpCase binary_case(std::string name, std::function<Tensor(const Tensor&, const Tensor&)> op,
                   double (*reference)(double, double), double low = -3, double high = 3);
/// A reference that applies f to each element of the broadcast arguments.
Reference elementwise(std::function<double(const std::vector<double>&)> f);

/// After the op's forward, a write to any argument, result or saved tensor makes the backward throw
/// or leaves its gradients as they are; and hooks see all that it reads.
void check_writes_after_forward(const OpCase& op, const Sample& sample,
                                const std::function<Tensors()>& inputs);

/// Registers the tests of each case under the file that holds the cases.
bool register_op_cases(const char* suite, const char* file, int line,
                       const std::vector<OpCase>& cases);

}  // namespace taper::testing

/// Makes the tests of the cases that function() returns; once per test file.
#define TAPER_OP_CASES(function)                             \
  [[maybe_unused]] static const bool function##_registered = \
      ::taper::testing::register_op_cases(#function, __FILE__, __LINE__, function())
