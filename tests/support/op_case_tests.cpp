// The tests that every OpCase goes through.
#include <cmath>
#include <cstring>
#include <random>

#include "taper/autograd/autograd.h"
#include "taper/base/parallel.h"
#include "taper/func/gradcheck.h"
#include "tests/support/op_case.h"
#include "tests/support/same_bits.h"

namespace taper::testing {
namespace {

ScalarType dtype_of(const Arg& arg, ScalarType real) {
  if (arg.kind == Arg::Kind::index) return kLong;
  return arg.kind == Arg::Kind::boolean ? kBool : real;
}

/// Values drawn per argument from a fixed seed: a failure repeats.
Tensor draw(const Arg& arg, ScalarType real, std::mt19937_64& random) {
  std::uniform_real_distribution<double> uniform(arg.low, arg.high);
  Dense dense{arg.sizes, {}};
  for_each_index(arg.sizes, [&](const auto&) {
    const double v = uniform(random);
    dense.values.push_back(arg.kind == Arg::Kind::real ? v : std::floor(v));
  });
  return to_tensor(dense, dtype_of(arg, real));
}

Tensors draw_all(const Sample& sample, ScalarType real) {
  std::mt19937_64 random(7);
  Tensors inputs;
  for (const Arg& arg : sample.args) inputs.push_back(draw(arg, real, random));
  return inputs;
}

/// The same values with another geometry; layout 0 is the tensor itself.
constexpr int kLayouts = 4;
const char* layout_name(int layout) {
  const char* names[kLayouts] = {"contiguous", "transposed", "strided with offset", "padded rows"};
  return names[layout];
}
Tensor with_layout(const Tensor& t, int layout) {
  const int64_t rank = t.dim();
  if (layout == 0) return t;
  DimVector sizes(t.sizes().begin(), t.sizes().end()), strides(rank, 1);
  int64_t step = 1, offset = 0;
  if (layout == 1) {
    for (int64_t d = 0; d < rank; ++d) {
      strides[d] = step;
      step *= std::max<int64_t>(sizes[d], 1);
    }
  } else {
    step = layout == 2 ? 2 : 1;
    offset = layout == 2 ? 3 : 0;
    for (int64_t d = rank - 1; d >= 0; --d) {
      strides[d] = step;
      step *= std::max<int64_t>(sizes[d], 1) + (layout == 3 && d == rank - 1 ? 3 : 0);
    }
  }
  Tensor other(TensorImpl::make("with_layout", sizes, strides, t.scalar_type(), nullptr, offset));
  NoGradGuard no_grad;
  other.copy_(t);
  return other;
}

struct Tolerance {
  double relative, absolute;
};
Tolerance tolerance_of(ScalarType dtype) {
  switch (dtype) {
    case ScalarType::Half:
      return {2e-3, 1e-3};
    case ScalarType::BFloat16:
      return {1.6e-2, 1e-2};
    case ScalarType::Float:
      return {4e-6, 2e-6};
    case ScalarType::Double:
      return {1e-12, 1e-12};
    default:
      return {0, 0};
  }
}

void expect_close(const Dense& got, const Dense& want, Tolerance t, double factor,
                  const std::string& where) {
  ASSERT_EQ(got.sizes, want.sizes) << where;
  for (size_t i = 0; i < want.values.size(); ++i) {
    const double g = got.values[i], w = want.values[i];
    if (std::isnan(w)) {
      ASSERT_TRUE(std::isnan(g)) << where << " element " << i << ": " << g << ", expected nan";
    } else if (std::isinf(w)) {
      ASSERT_EQ(g, w) << where << " element " << i;
    } else {
      ASSERT_LE(std::abs(g - w), factor * (t.absolute + t.relative * std::abs(w)))
          << where << " element " << i << ": " << g << ", expected " << w;
    }
  }
}

void check_forward(const OpCase& op, const Sample& sample, ScalarType dtype, int layout) {
  const std::string where =
      op.name + " " + sample.label + " " + toString(dtype) + " " + layout_name(layout);
  const Tensors drawn = draw_all(sample, dtype);
  Tensors inputs;
  std::vector<Dense> values;
  for (const Tensor& t : drawn) {
    inputs.push_back(with_layout(t, layout));
    values.push_back(to_dense(inputs.back()));
  }
  const Tensors got = sample.op(inputs);
  const std::vector<Dense> want = sample.reference(values);
  ASSERT_EQ(got.size(), want.size()) << where;
  for (size_t i = 0; i < got.size(); ++i) {
    expect_close(to_dense(got[i]), want[i], tolerance_of(dtype), op.tolerance, where);
  }
  if (op.same_bits && layout > 0) {
    const Tensors plain = sample.op(drawn);
    for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(same_bits(got[i], plain[i])) << where;
  }
}

/// float64 inputs that want gradients where they can.
Tensors gradient_inputs(const Sample& sample, int layout) {
  Tensors inputs;
  for (const Tensor& t : draw_all(sample, kDouble)) {
    Tensor x = with_layout(t, layout).detach();
    if (x.is_floating_point()) x.requires_grad_();
    inputs.push_back(x);
  }
  return inputs;
}

void forward_matches_the_reference(const OpCase& op) {
  ASSERT_FALSE(op.samples.empty());
  for (const Sample& sample : op.samples) {
    for (ScalarType dtype : op.dtypes) {
      for (int layout = 0; layout < kLayouts; ++layout) check_forward(op, sample, dtype, layout);
    }
  }
}

/// gradcheck, of tangents too, which come from second gradients where an op has no rule for them.
bool check_gradients(const OpCase& op, const OpFunction& f, const Tensors& inputs) {
  return gradcheck(f, inputs, 1e-6, 1e-5, 1e-3, op.no_second_gradient.empty());
}

void gradients_match_finite_differences(const OpCase& op) {
  if (!op.differentiable) return;
  for (const Sample& sample : op.samples) {
    for (int layout : {0, 1}) {
      SCOPED_TRACE(sample.label);
      EXPECT_NO_THROW(check_gradients(op, sample.op, gradient_inputs(sample, layout)))
          << op.name << " " << sample.label << " " << layout_name(layout);
    }
  }
}

void second_gradients_match_or_are_refused_by_name(const OpCase& op) {
  if (!op.differentiable) return;
  for (const Sample& sample : op.samples) {
    if (op.no_second_gradient.empty()) {
      EXPECT_NO_THROW(gradgradcheck(sample.op, gradient_inputs(sample, 0)))
          << op.name << " " << sample.label;
      continue;
    }
    try {
      gradgradcheck(sample.op, gradient_inputs(sample, 0));
      ADD_FAILURE() << op.name << ": the second gradient is there; drop no_second_gradient";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(op.no_second_gradient), std::string::npos)
          << error.what();
    }
  }
}

void in_place_equals_out_of_place_and_its_gradient(const OpCase& op) {
  if (!op.inplace) return;
  for (const Sample& sample : op.samples) {
    const Tensors inputs = draw_all(sample, kDouble);
    const Tensor want = sample.op(inputs)[0];
    // An in-place op cannot grow its first argument.
    if (want.sizes() != inputs[0].sizes() || want.scalar_type() != kDouble) continue;
    Tensors copies = inputs;
    copies[0] = inputs[0].clone();
    const int64_t version = copies[0]._version();
    const Tensor got = op.inplace(copies)[0];
    EXPECT_TRUE(got.is_same(copies[0])) << op.name;
    EXPECT_GT(got._version(), version) << op.name;
    EXPECT_TRUE(same_bits(got, want)) << op.name << " " << sample.label;
    if (!op.differentiable) continue;
    const auto on_copy = [&](const Tensors& x) {
      Tensors args = x;
      args[0] = x[0].clone();
      return op.inplace(args);
    };
    EXPECT_NO_THROW(check_gradients(op, on_copy, gradient_inputs(sample, 0)))
        << op.name << " in place";
    check_writes_after_forward(op, {sample.label + " in place", sample.args, on_copy, {}},
                               [&] { return gradient_inputs(sample, 0); });
  }
}

void bits_do_not_depend_on_threads(const OpCase& op) {
  if (!op.same_bits) return;
  const int before = get_num_threads();
  for (const Sample& sample : op.samples) {
    const Tensors inputs = draw_all(sample, kFloat);
    set_num_threads(1);
    const Tensors one = sample.op(inputs);
    for (int threads : {2, 4}) {
      set_num_threads(threads);
      const Tensors many = sample.op(inputs);
      for (size_t i = 0; i < one.size(); ++i) {
        EXPECT_TRUE(same_bits(one[i], many[i])) << op.name << " at " << threads << " threads";
      }
    }
  }
  set_num_threads(before);
}

/// Whatever a caller passes gives a result or a taper::Error: no crash, no other exception.
void degenerate_arguments_throw_or_work(const OpCase& op) {
  int calls = 0;
  for (const Sample& sample : op.samples) {
    const Tensors inputs = draw_all(sample, kFloat);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Tensor& t = inputs[i];
      const bool real = t.is_floating_point();
      Tensors mutants = {
          to_tensor({{0}, {}}, t.scalar_type()),
          to_tensor({{}, {1}}, t.scalar_type()),
          t.unsqueeze(0),
          Tensor(),
      };
      if (t.dim() > 0 && t.size(-1) > 0) {
        mutants.push_back(t.narrow(-1, 0, 0));
        mutants.push_back(t.narrow(-1, 0, t.size(-1) - 1));
      }
      if (real) {
        mutants.push_back(t.mul(std::nan("")));
        mutants.push_back(t.mul(INFINITY));
        mutants.push_back(to_tensor(to_dense(t), kLong));
        mutants.push_back(to_tensor(to_dense(t), kBool));
      } else {
        mutants.push_back(to_tensor(to_dense(t), kFloat));
        mutants.push_back(t.to(kLong).add(1000000));
        mutants.push_back(t.to(kLong).add(-1000000));
      }
      for (const Tensor& mutant : mutants) {
        Tensors args = inputs;
        args[i] = mutant;
        ++calls;
        try {
          for (const Tensor& result : sample.op(args)) {
            if (result.defined()) to_dense(result);
          }
        } catch (const Error& error) {
          EXPECT_GT(std::strlen(error.what()), 8u) << op.name;
        }
      }
    }
  }
  EXPECT_GT(calls, 0) << op.name;
}

void error_inputs_throw_their_text(const OpCase& op) {
  for (const ErrorInput& input : op.errors) {
    try {
      input.call();
      ADD_FAILURE() << op.name << " " << input.label << ": no error";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(input.text), std::string::npos)
          << op.name << " " << input.label << ": " << error.what();
      using Kind = ErrorInput::Kind;
      const bool right =
          input.kind == Kind::any ||
          (input.kind == Kind::shape && dynamic_cast<const ShapeError*>(&error) != nullptr) ||
          (input.kind == Kind::dtype && dynamic_cast<const DTypeError*>(&error) != nullptr) ||
          (input.kind == Kind::index && dynamic_cast<const IndexError*>(&error) != nullptr);
      EXPECT_TRUE(right) << op.name << " " << input.label << ": another kind of error";
    }
  }
}

void writes_after_forward_throw_or_do_no_harm(const OpCase& op) {
  if (!op.differentiable) return;
  for (const Sample& sample : op.samples) {
    check_writes_after_forward(op, sample, [&] { return gradient_inputs(sample, 0); });
  }
}

struct Check {
  const char* name;
  void (*run)(const OpCase&);
};
constexpr Check kChecks[] = {
    {"ForwardMatchesTheReference", forward_matches_the_reference},
    {"GradientsMatchFiniteDifferences", gradients_match_finite_differences},
    {"SecondGradientsMatchOrAreRefusedByName", second_gradients_match_or_are_refused_by_name},
    {"InPlaceEqualsOutOfPlaceAndItsGradient", in_place_equals_out_of_place_and_its_gradient},
    {"WritesAfterForwardThrowOrDoNoHarm", writes_after_forward_throw_or_do_no_harm},
    {"BitsDoNotDependOnThreads", bits_do_not_depend_on_threads},
    {"DegenerateArgumentsThrowOrWork", degenerate_arguments_throw_or_work},
    {"ErrorInputsThrowTheirText", error_inputs_throw_their_text},
};

class OpTest : public ::testing::Test {
 public:
  OpTest(const Check& check, OpCase op) : check_(check), op_(std::move(op)) {}
  void TestBody() override { check_.run(op_); }

 private:
  const Check& check_;
  OpCase op_;
};

}  // namespace

bool register_op_cases(const char* suite, const char* file, int line,
                       const std::vector<OpCase>& cases) {
  for (const OpCase& op : cases) {
    for (const Check& check : kChecks) {
      const std::string name = op.name + "_" + check.name;
      ::testing::RegisterTest(suite, name.c_str(), nullptr, nullptr, file, line,
                              [&check, op]() -> ::testing::Test* { return new OpTest(check, op); });
    }
  }
  return true;
}

}  // namespace taper::testing
