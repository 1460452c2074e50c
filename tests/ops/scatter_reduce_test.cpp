#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/ops/creation.h"
#include "taper/ops/scatter.h"
#include "taper/ops/variants.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper {
namespace {

using namespace testing;
using Values = std::vector<double>;
using Kind = ErrorInput::Kind;

double combine(const std::string& reduce, const Values& v) {
  double result = v[0];
  for (size_t i = 1; i < v.size(); ++i) {
    if (reduce == "prod") result *= v[i];
    if (reduce == "sum" || reduce == "mean") result += v[i];
    if (reduce == "amax") result = std::max(result, v[i]);
    if (reduce == "amin") result = std::min(result, v[i]);
  }
  return reduce == "mean" ? result / static_cast<double>(v.size()) : result;
}

/// self [rows, 3] with src combined along dim 0 by the row that place(i, j) names.
Dense reduced_rows(const Dense& self, const Dense& src, const std::string& reduce, bool include,
                   const std::function<int64_t(int64_t, int64_t)>& place, int64_t count) {
  Dense out = self;
  for (int64_t r = 0; r < self.sizes[0]; ++r) {
    for (int64_t j = 0; j < self.sizes[1]; ++j) {
      Values v;
      for (int64_t i = 0; i < count; ++i) {
        if (place(i, j) == r) v.push_back(src.at({i, j}));
      }
      if (v.empty()) continue;
      if (include) v.push_back(self.at({r, j}));
      out.values[static_cast<size_t>(r * self.sizes[1] + j)] = combine(reduce, v);
    }
  }
  return out;
}

OpCase scatter_reduce_case() {
  OpCase c{.name = "scatter_reduce"};
  for (const std::string reduce : {"sum", "prod", "mean", "amax", "amin"}) {
    for (const bool include : {true, false}) {
      c.samples.push_back({str(reduce, include ? "" : ", without self"),
                           {{{3, 3}}, index_arg({4, 3}, 3), {{5, 3}}},
                           [=](const Tensors& x) {
                             return Tensors{x[0].scatter_reduce(0, x[1], x[2], reduce, include)};
                           },
                           [=](const std::vector<Dense>& x) {
                             const auto place = [&](int64_t i, int64_t j) {
                               return static_cast<int64_t>(x[1].at({i, j}));
                             };
                             return std::vector<Dense>{
                                 reduced_rows(x[0], x[2], reduce, include, place, 4)};
                           }});
    }
  }
  c.tolerance = 8;  // sums of half types round at every step
  c.errors = {
      {"name", [] { ones({2}).scatter_reduce(0, zeros({2}, kLong), ones({2}), "add"); },
       "reduce argument must be either sum, prod, mean, amax or amin, got add"},
      {"index type", [] { ones({2}).scatter_reduce(0, zeros({2}), ones({2}), "sum"); },
       "Expected dtype int64 for index", Kind::dtype},
      {"type", [] { ones({2}).scatter_reduce(0, zeros({2}, kLong), ones({2}, kLong), "sum"); },
       "Expected self.dtype to be equal to src.dtype", Kind::dtype},
      {"size", [] { ones({2}).scatter_reduce(0, zeros({3}, kLong), ones({2}), "amax"); },
       "to be smaller size than src", Kind::shape},
      {"range", [] { ones({2}).scatter_reduce(0, full({1}, 2, kLong), ones({1}), "prod"); },
       "out of bounds", Kind::index}};
  return c;
}

OpCase index_reduce_case() {
  OpCase c{.name = "index_reduce"};
  for (const std::string reduce : {"prod", "mean", "amax", "amin"}) {
    c.samples.push_back(
        {reduce,
         {{{4, 3}}, index_arg({5}, 4), {{5, 3}}},
         [=](const Tensors& x) { return Tensors{x[0].index_reduce(0, x[1], x[2], reduce, false)}; },
         [=](const std::vector<Dense>& x) {
           const auto place = [&](int64_t i, int64_t) {
             return static_cast<int64_t>(x[1].at({i}));
           };
           return std::vector<Dense>{reduced_rows(x[0], x[2], reduce, false, place, 5)};
         }});
  }
  c.tolerance = 8;
  c.errors = {{"name", [] { ones({2}).index_reduce(0, zeros({2}, kLong), ones({2}), "sum"); },
               "Expected reduce to be one of prod, mean, amax or amin but got sum"},
              {"index", [] { ones({2}).index_reduce(0, zeros({2}), ones({2}), "mean"); },
               "Index is expected to be a vector", Kind::dtype},
              {"sizes", [] { ones({2}).index_reduce(0, zeros({2}, kLong), ones({3}), "mean"); },
               "expected source to have self's sizes", Kind::shape}};
  return c;
}

OpCase put_case() {
  OpCase c{.name = "put"};
  for (const bool accumulate : {false, true}) {
    c.samples.push_back(
        {accumulate ? "added" : "assigned",
         {{{3, 4}}, index_arg({2, 3}, 12), {{6}}},
         [=](const Tensors& x) { return Tensors{x[0].put(x[1], x[2], accumulate)}; },
         [=](const std::vector<Dense>& x) {
           Dense out = x[0];
           for (size_t i = 0; i < 6; ++i) {
             double& to = out.values[static_cast<size_t>(x[1].values[i])];
             to = accumulate ? to + x[2].values[i] : x[2].values[i];
           }
           return std::vector<Dense>{out};
         }});
  }
  // A place named twice has two gradients when assigned: the last wins forward.
  c.samples[0].args[1] = index_arg({1, 1}, 12);
  c.samples[0].args[2] = {{1}};
  c.samples[0].reference = [](const std::vector<Dense>& x) {
    Dense out = x[0];
    out.values[static_cast<size_t>(x[1].values[0])] = x[2].values[0];
    return std::vector<Dense>{out};
  };
  c.tolerance = 4;
  c.errors = {
      {"index", [] { ones({2}).put(zeros({1}), ones({1})); }, "Expected a long tensor for index",
       Kind::dtype},
      {"count", [] { ones({2}).put(zeros({1}, kLong), ones({2})); }, "same number of elements",
       Kind::shape},
      {"type", [] { ones({2}).put(zeros({1}, kLong), ones({1}, kLong)); }, "same dtype",
       Kind::dtype},
      {"range", [] { ones({2}).put(full({1}, -3, kLong), ones({1})); }, "out of", Kind::index},
      {"nothing", [] { ones({0}).put(zeros({1}, kLong), ones({1})); }, "empty tensor",
       Kind::index}};
  return c;
}

std::vector<OpCase> reductions_to_places() {
  return {scatter_reduce_case(), index_reduce_case(), put_case()};
}
TAPER_OP_CASES(reductions_to_places);

TEST(ScatterReduce, InPlaceKeepsTheGraph) {
  for (const char* reduce : {"sum", "prod", "mean", "amax"}) {
    Tensor x = tensor({1.0, 2.0}).requires_grad_(), src = tensor({4.0, 3.0}).requires_grad_();
    const Tensor index = zeros({2}, kLong);
    Tensor y = x.mul(1);
    y.scatter_reduce_(0, index, src, reduce);
    y.sum().backward();
    Tensor x2 = tensor({1.0, 2.0}).requires_grad_(), src2 = tensor({4.0, 3.0}).requires_grad_();
    x2.scatter_reduce(0, index, src2, reduce).sum().backward();
    EXPECT_EQ(to_dense(x.grad()).values, to_dense(x2.grad()).values) << reduce;
    EXPECT_EQ(to_dense(src.grad()).values, to_dense(src2.grad()).values) << reduce;
  }
  Tensor leaf = ones({2}).requires_grad_();
  EXPECT_ERROR(Error, leaf.put_(zeros({1}, kLong), ones({1})), "leaf");
}

TEST(ScatterReduce, ProductsWithZerosHaveTheRightGradient) {
  Tensor x = tensor({2.0, 0.0}).requires_grad_(), src = tensor({0.0, 3.0, 5.0}).requires_grad_();
  const Tensor index = tensor({0, 0, 1});
  const Tensor y = x.scatter_reduce(0, index, src, "prod").sum();
  autograd::grad({y}, {x, src}, {}, true);
  y.backward();
  EXPECT_EQ(to_dense(x.grad()).values, (Values{0, 5}));
  EXPECT_EQ(to_dense(src.grad()).values, (Values{6, 0, 0}));
  Tensor a = zeros({1}).requires_grad_();
  const Tensor b = a.scatter_reduce(0, zeros({1}, kLong), ones({1}), "prod");
  EXPECT_ERROR(Error, autograd::grad({b}, {a}, {}, true, true),
               "the second derivative of prod with zeros is not implemented");
}

TEST(ScatterReduce, IntegersAndTies) {
  const Tensor index = zeros({2}, kLong);
  EXPECT_EQ(
      full({1}, 2, kLong).scatter_reduce(0, index, tensor({-4, -5}), "mean")[0].item<int64_t>(),
      -3);
  Tensor x = ones({1}).requires_grad_(), src = ones({2}).requires_grad_();
  x.scatter_reduce(0, index, src, "amax").backward();
  EXPECT_FLOAT_EQ(x.grad().item<float>(), 1.0f / 3);
  EXPECT_EQ(to_dense(zeros({3}).put(tensor({-1}), ones({1}))).values, (Values{0, 0, 1}));
  EXPECT_EQ(ones({2}).scatter_reduce(0, zeros({0}, kLong), zeros({0}), "sum").numel(), 2);
}

}  // namespace
}  // namespace taper
