#include "taper/ops/scatter.h"

#include <gtest/gtest.h>

#include "taper/autograd/autograd.h"
#include "taper/base/parallel.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/variants.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

namespace taper {
namespace {

using namespace testing;
using Inputs = std::vector<Dense>;
using Kind = ErrorInput::Kind;

int64_t whole(double v) { return static_cast<int64_t>(v); }

std::vector<OpCase> gather_cases() {
  std::vector<OpCase> cases;
  const auto sample = [](std::string label, Index self, Arg index,
                         std::function<Tensor(const Tensor&, const Tensor&)> op,
                         Reference reference) {
    return Sample{std::move(label),
                  {Arg{std::move(self)}, std::move(index)},
                  [op = std::move(op)](const Tensors& x) { return Tensors{op(x[0], x[1])}; },
                  std::move(reference)};
  };
  cases.push_back(moving_case(
      "gather", {sample(
                     "last", {2, 3}, index_arg({2, 4}, 3),
                     [](const Tensor& x, const Tensor& i) { return x.gather(1, i); },
                     mapped({2, 4},
                            [](const Inputs& x, const Index& i) {
                              return x[0].at({i[0], whole(x[1].at(i))});
                            })),
                 sample(
                     "first, smaller index", {3, 2, 2}, index_arg({4, 1, 2}, 3),
                     [](const Tensor& x, const Tensor& i) { return x.gather(0, i); },
                     mapped({4, 1, 2},
                            [](const Inputs& x, const Index& i) {
                              return x[0].at({whole(x[1].at(i)), i[1], i[2]});
                            })),
                 sample(
                     "no dimensions", {}, index_arg({2}, 1),
                     [](const Tensor& x, const Tensor& i) { return x.gather(0, i); },
                     mapped({2}, [](const Inputs& x, const Index&) { return x[0].values[0]; }))}));
  cases.back().errors = {
      {"rank",
       [] {
         zeros({2, 3}).gather(0, zeros({2}, kLong));
       },
       "Index tensor must have the same number of dimensions as input tensor", Kind::shape},
      {"size",
       [] {
         zeros({2, 3, 4}).gather(0, zeros({1, 4, 4}, kLong));
       },
       "Size does not match at dimension 1 expected index [1, 4, 4] to be smaller than self [2, 3, "
       "4] apart from dimension 0",
       Kind::shape},
      {"dtype", [] { zeros({2}).gather(0, zeros({2}, kInt)); },
       "gather(): Expected dtype int64 for index", Kind::dtype},
      {"range", [] { zeros({4}).gather(0, tensor({-1})); },
       "index -1 is out of bounds for dimension 0 with size 4", Kind::index}};
  cases.push_back(
      moving_case("take_along_dim",
                  {sample(
                       "broadcast", {1, 3}, index_arg({2, 1}, 3),
                       [](const Tensor& x, const Tensor& i) { return x.take_along_dim(i, 1); },
                       mapped({2, 1},
                              [](const Inputs& x, const Index& i) {
                                return x[0].at({0, whole(x[1].at(i))});
                              })),
                   sample(
                       "flat", {2, 3}, index_arg({4}, 6),
                       [](const Tensor& x, const Tensor& i) { return x.take_along_dim(i); },
                       mapped({4}, [](const Inputs& x, const Index& i) {
                         return x[0].values[whole(x[1].at(i))];
                       }))}));
  cases.push_back(moving_case(
      "index_select", {sample(
                           "rows", {4, 3}, index_arg({5}, 4),
                           [](const Tensor& x, const Tensor& i) { return x.index_select(0, i); },
                           mapped({5, 3},
                                  [](const Inputs& x, const Index& i) {
                                    return x[0].at({whole(x[1].at({i[0]})), i[1]});
                                  })),
                       sample(
                           "columns", {2, 3}, index_arg({2}, 3),
                           [](const Tensor& x, const Tensor& i) { return x.index_select(-1, i); },
                           mapped({2, 2}, [](const Inputs& x, const Index& i) {
                             return x[0].at({i[0], whole(x[1].at({i[1]}))});
                           }))}));
  cases.back().errors = {{"vector",
                          [] {
                            zeros({2}).index_select(0, zeros({1, 1}, kLong));
                          },
                          "index_select(): Index is supposed to be a vector", Kind::shape},
                         {"dtype", [] { zeros({2}).index_select(0, zeros({1})); },
                          "index_select(): Expected dtype int32 or int64 for index", Kind::dtype},
                         {"range", [] { zeros({2}).index_select(0, tensor({-1})); },
                          "index out of range in self", Kind::index}};
  cases.push_back(moving_case("take", {sample("matrix", {2, 3}, index_arg({2, 2}, 6), taper::take,
                                              mapped({2, 2}, [](const Inputs& x, const Index& i) {
                                                return x[0].values[whole(x[1].at(i))];
                                              }))}));
  cases.push_back(
      moving_case("embedding", {sample(
                                   "rows", {4, 3}, index_arg({2, 2}, 4),
                                   [](const Tensor& w, const Tensor& i) { return embedding(w, i); },
                                   mapped({2, 2, 3}, [](const Inputs& x, const Index& i) {
                                     return x[0].at({whole(x[1].at({i[0], i[1]})), i[2]});
                                   }))}));
  cases.back().errors = {
      {"rank", [] { embedding(zeros({2}), tensor({0})); }, "'weight' must be 2-D", Kind::shape},
      {"dtype",
       [] {
         embedding(zeros({2, 2}), zeros({1}));
       },
       "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, "
       "Int; but got Float",
       Kind::dtype},
      {"range",
       [] {
         embedding(zeros({2, 2}), tensor({2}));
       },
       "index out of range in self", Kind::index}};
  return cases;
}
TAPER_OP_CASES(gather_cases);

/// self after the writes of src at index along dim, in order.
Reference scattered(int64_t dim, std::function<double(double, double)> combine) {
  return [=](const Inputs& x) {
    Dense out = x[0];
    for_each_index(x[1].sizes, [&](const Index& i) {
      Index at = i;
      at[dim] = whole(x[1].at(i));
      int64_t flat = 0;
      for (size_t d = 0; d < at.size(); ++d) flat = flat * out.sizes[d] + at[d];
      out.values[flat] = combine(out.values[flat], x[2].at(i));
    });
    return Inputs{out};
  };
}

std::vector<OpCase> scatter_cases() {
  std::vector<OpCase> cases;
  const auto add = [](double a, double b) { return a + b; };
  const auto assign = [](double, double b) { return b; };
  const auto sample = [](std::string label, Index self, Arg index, Index src, OpFunction op,
                         Reference reference) {
    return Sample{std::move(label),
                  {Arg{std::move(self)}, std::move(index), Arg{std::move(src)}},
                  std::move(op),
                  std::move(reference)};
  };
  // A gradient of an overwritten value is not a derivative: one index, no repeats.
  OpCase scatter = moving_case("scatter", {});
  scatter.samples = {sample(
                         "single", {2, 3}, index_arg({2, 1}, 3), {2, 1},
                         [](const Tensors& x) { return Tensors{x[0].scatter(1, x[1], x[2])}; },
                         scattered(1, assign)),
                     sample(
                         "larger source", {3, 2}, index_arg({1, 2}, 3), {2, 3},
                         [](const Tensors& x) { return Tensors{x[0].scatter(0, x[1], x[2])}; },
                         scattered(0, assign))};
  scatter.inplace = [](const Tensors& x) {
    return Tensors{x[0].scatter_(x[1].size(0) == 2 ? 1 : 0, x[1], x[2])};
  };
  scatter.errors = {
      {"dtype of index", [] { zeros({2}).scatter(0, zeros({1}, kInt), zeros({1})); },
       "scatter(): Expected dtype int64 for index", Kind::dtype},
      {"dtype of src", [] { zeros({2}).scatter(0, tensor({0}), zeros({1}, kDouble)); },
       "scatter(): Expected self.dtype to be equal to src.dtype", Kind::dtype},
      {"rank",
       [] {
         zeros({2, 2}).scatter(0, tensor({0}), zeros({1}));
       },
       "Index tensor must have the same number of dimensions as self tensor", Kind::shape},
      {"src",
       [] {
         zeros({2, 3, 4}).scatter(2, zeros({2, 3, 2}, kLong), zeros({2, 3, 1}));
       },
       "Expected index [2, 3, 2] to be smaller than self [2, 3, 4] apart from dimension 2 and to "
       "be "
       "smaller size than src [2, 3, 1]",
       Kind::shape},
      {"range", [] { zeros({4}).scatter(0, tensor({4}), zeros({1})); },
       "index 4 is out of bounds for dimension 0 with size 4", Kind::index},
      {"reduce", [] { zeros({4}).scatter(0, tensor({0}), zeros({1}), "mean"); },
       "reduce argument must be either add or multiply."}};
  cases.push_back(scatter);

  OpCase number = moving_case("scatter_number", {});
  number.samples = {{"value",
                     {Arg{{2, 3}}, index_arg({2, 2}, 3)},
                     [](const Tensors& x) { return Tensors{x[0].scatter(1, x[1], 1)}; },
                     [&](const Inputs& x) {
                       Inputs with = x;
                       with.push_back({{2, 2}, {1, 1, 1, 1}});
                       return scattered(1, [](double, double b) { return b; })(with);
                     }}};
  number.inplace = [](const Tensors& x) { return Tensors{x[0].scatter_(1, x[1], 1)}; };
  cases.push_back(number);

  for (const std::string_view reduce : {"add", "multiply"}) {
    OpCase combined =
        moving_case(reduce == "add" ? "scatter_number_add" : "scatter_number_mul", {});
    combined.dtypes = {kFloat, kDouble, kHalf, kLong, kInt};
    combined.samples = {
        {"value",
         {Arg{{2, 3}}, index_arg({2, 4}, 3)},
         [reduce](const Tensors& x) { return Tensors{x[0].scatter(1, x[1], 2, reduce)}; },
         [reduce](const Inputs& x) {
           Inputs with = x;
           with.push_back({{2, 4}, std::vector<double>(8, 2)});
           return scattered(
               1, [reduce](double a, double b) { return reduce == "add" ? a + b : a * b; })(with);
         }}};
    combined.inplace = [reduce](const Tensors& x) {
      return Tensors{x[0].scatter_(1, x[1], 2, reduce)};
    };
    combined.errors = {
        {"reduce", [] { zeros({4}).scatter(0, tensor({0}), 1, "mean"); }, "either add or multiply"},
        {"range", [] { zeros({4}).scatter(0, tensor({4}), 1, "add"); }, "out of bounds",
         Kind::index}};
    cases.push_back(combined);
  }

  OpCase sums = moving_case("scatter_add", {});
  sums.dtypes = {kFloat, kDouble, kHalf, kLong, kInt};
  sums.samples = {sample(
                      "last", {2, 3}, index_arg({2, 5}, 3), {2, 5},
                      [](const Tensors& x) { return Tensors{x[0].scatter_add(1, x[1], x[2])}; },
                      scattered(1, add)),
                  sample(
                      "first", {3, 2}, index_arg({5, 2}, 3), {5, 2},
                      [](const Tensors& x) { return Tensors{x[0].scatter_add(0, x[1], x[2])}; },
                      scattered(0, add))};
  sums.inplace = [](const Tensors& x) {
    return Tensors{x[0].scatter_add_(x[1].size(0) == 2 ? 1 : 0, x[1], x[2])};
  };
  cases.push_back(sums);
  return cases;
}
TAPER_OP_CASES(scatter_cases);

std::vector<OpCase> slice_cases() {
  std::vector<OpCase> cases;
  // self after the writes of slices of source to the slices of dimension 1 that index names.
  const auto slices = [](std::function<double(double, double)> combine) -> Reference {
    return [=](const Inputs& x) {
      Dense out = x[0];
      for_each_index({2, 2}, [&](const Index& i) {
        double& there = out.values[i[0] * 3 + whole(x[1].at({i[1]}))];
        there = combine(there, x.size() > 2 ? x[2].at(i) : 0);
      });
      return Inputs{out};
    };
  };
  OpCase sums = moving_case("index_add", {});
  sums.dtypes = {kFloat, kDouble, kHalf, kLong};
  sums.samples = {{"columns",
                   {Arg{{2, 3}}, index_arg({2}, 3), Arg{{2, 2}}},
                   [](const Tensors& x) { return Tensors{x[0].index_add(1, x[1], x[2], 2)}; },
                   slices([](double a, double b) { return a + 2 * b; })}};
  sums.inplace = [](const Tensors& x) { return Tensors{x[0].index_add_(1, x[1], x[2], 2)}; };
  sums.errors = {
      {"dtype", [] { zeros({2}).index_add(0, tensor({0}), zeros({1}, kDouble)); },
       "self and source expected to have the same dtype, but got (self) Float and (source) Double",
       Kind::dtype},
      {"count",
       [] {
         zeros({3}).index_add(0, tensor({0, 1}), zeros({3}));
       },
       "Number of indices (2) should be equal to source.size(dim): (3), for dim: 0", Kind::shape},
      {"shape",
       [] {
         zeros({3, 2}).index_add(0, tensor({0}), zeros({1, 3}));
       },
       "source tensor shape must match self tensor shape, excluding the specified dimension",
       Kind::shape}};
  cases.push_back(sums);
  OpCase copies = moving_case("index_copy", {});
  copies.samples = {{"columns",
                     {Arg{{2, 3}}, Arg{{2, 2}}},
                     [](const Tensors& x) {
                       return Tensors{x[0].index_copy(1, tensor({2, 0}), x[1])};
                     },
                     mapped({2, 3}, [](const Inputs& x, const Index& i) {
                       return i[1] == 1 ? x[0].at(i) : x[1].at({i[0], i[1] == 2 ? 0 : 1});
                     })}};
  copies.inplace = [](const Tensors& x) {
    return Tensors{x[0].index_copy_(1, tensor({2, 0}), x[1])};
  };
  cases.push_back(copies);
  OpCase fills = moving_case("index_fill", {});
  fills.samples = {{"columns",
                    {Arg{{2, 3}}, index_arg({2}, 3)},
                    [](const Tensors& x) { return Tensors{x[0].index_fill(1, x[1], 0)}; },
                    slices([](double, double) { return 0; })}};
  fills.inplace = [](const Tensors& x) { return Tensors{x[0].index_fill_(1, x[1], 0)}; };
  cases.push_back(fills);
  return cases;
}
TAPER_OP_CASES(slice_cases);

TEST(Scatter, RepeatedIndicesLastWins) {
  const Tensor x = zeros({2}).scatter_(0, tensor({0, 0, 0}), tensor({1.0, 2.0, 3.0}));
  EXPECT_EQ(to_dense(x).values, std::vector<double>({3, 0}));
}

TEST(Scatter, AnErrorLeavesSelfAsItWas) {
  const Tensor x = zeros({3});
  EXPECT_ERROR(IndexError, x.scatter_(0, tensor({0, 5}), ones({2})), "index 5 is out of bounds");
  EXPECT_ERROR(IndexError, x.index_add_(0, tensor({0, 5}), ones({2})), "index out of range");
  EXPECT_EQ(to_dense(x).values, std::vector<double>({0, 0, 0}));
}

TEST(Scatter, ReduceForms) {
  const Tensor x = full({3}, 2.0);
  EXPECT_EQ(to_dense(x.scatter(0, tensor({0, 0}), tensor({3.0, 4.0}), "multiply")).values,
            std::vector<double>({24, 2, 2}));
  EXPECT_EQ(to_dense(x.scatter(0, tensor({1}), tensor({3.0}), "add")).values,
            std::vector<double>({2, 5, 2}));
  const Tensor leaf = ones({1}, requires_grad());
  EXPECT_ERROR(Error, x.scatter(0, tensor({0}), leaf, "multiply"), "not implemented");
}

TEST(Scatter, OutForms) {
  const Tensor x = full({3}, 2.0), at = tensor({0, 2}), src = tensor({3.0, 4.0});
  Tensor out;
  const auto values = [&](const Tensor& written) {
    EXPECT_TRUE(written.is_same(out));
    return to_dense(out).values;
  };
  using V = std::vector<double>;
  out = empty({0}, kDouble);
  EXPECT_EQ(values(scatter_out(out, x, 0, at, src)), (V{3, 2, 4}));
  EXPECT_EQ(values(scatter_out(out, x, 0, at, 7)), (V{7, 2, 7}));
  EXPECT_EQ(values(scatter_out(out, x, 0, at, src, "multiply")), (V{6, 2, 8}));
  EXPECT_EQ(values(scatter_out(out, x, 0, at, 3, "add")), (V{5, 2, 5}));
  EXPECT_EQ(values(scatter_add_out(out, x, 0, at, src)), (V{5, 2, 6}));
  EXPECT_ERROR(Error, scatter_out(out, ones({3}, requires_grad()), 0, at, 1),
               "don't support automatic differentiation");
  EXPECT_ERROR(Error, scatter_out(out = empty({3}, kLong), x, 0, at, 1), "can't be cast");
}

TEST(Gather, OutForms) {
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}}), at = tensor({1, 0});
  Tensor wide = zeros({2, 4}), out = wide.slice(1, 0, 4, 2);  // not contiguous
  EXPECT_TRUE(gather_out(out, x, 1, at.view({2, 1}).expand({2, 2})).is_same(out));
  EXPECT_EQ(to_dense(wide).values, std::vector<double>({2, 0, 2, 0, 3, 0, 3, 0}));
  index_select_out(out, x, 0, at);
  EXPECT_EQ(to_dense(wide).values, std::vector<double>({3, 0, 4, 0, 1, 0, 2, 0}));
  take_out(out = empty({0}), x, at);
  EXPECT_EQ(to_dense(out).values, std::vector<double>({2, 1}));
  masked_select_out(out, x, x.gt(1));
  EXPECT_EQ(to_dense(out).values, std::vector<double>({2, 3, 4}));
  Tensor same = x.clone();
  EXPECT_ERROR(Error, index_select_out(same, same, 0, at), "refer to a single memory location");
  EXPECT_EQ(to_dense(same).values, to_dense(x).values);
  EXPECT_ERROR(Error, take_out(out, ones({3}, requires_grad()), at),
               "don't support automatic differentiation");
}

TEST(Take, NegativeIndicesCountFromTheEnd) {
  const Tensor x = arange(6).view({2, 3});
  EXPECT_EQ(to_dense(x.take(tensor({-1, 0}))).values, std::vector<double>({5, 0}));
  EXPECT_ERROR(IndexError, x.take(tensor({6})), "index 6 is out of bounds");
}

TEST(Embedding, PaddingRowGetsNoGradient) {
  const Tensor w = ones({3, 2}, requires_grad());
  embedding(w, tensor({0, 1, 1}), 1).sum_to_size({}).backward();
  EXPECT_EQ(to_dense(w.grad()).values, std::vector<double>({1, 1, 0, 0, 0, 0}));
}

TEST(Embedding, GradientScaledByFrequency) {
  const Tensor w = ones({3, 1}, requires_grad());
  embedding(w, tensor({0, 1, 1}), -1, true).sum_to_size({}).backward();
  EXPECT_EQ(to_dense(w.grad()).values, std::vector<double>({1, 1, 0}));
}

TEST(OneHot, Classes) {
  EXPECT_EQ(to_dense(one_hot(tensor({0, 2}))).values, std::vector<double>({1, 0, 0, 0, 0, 1}));
  EXPECT_EQ(one_hot(tensor({{1}}), 4).sizes(), IntArrayRef({1, 1, 4}));
  EXPECT_ERROR(Error, one_hot(tensor({-1})), "Class values must be non-negative.");
  EXPECT_ERROR(Error, one_hot(tensor({3}), 3), "Class values must be smaller than num_classes.");
  EXPECT_ERROR(Error, one_hot(zeros({0}, kLong)),
               "Can not infer total number of classes from empty tensor.");
  EXPECT_ERROR(DTypeError, one_hot(zeros({1})), "one_hot is only applicable to index tensor");
}

TEST(ScatterThreads, SumsDoNotDependOnTheThreadCount) {
  const int before = get_num_threads();
  const Tensor index = arange(40000).view({-1}).mul(7919).remainder(100);
  const Tensor rows = arange(40000 * 40, kFloat).mul(1e-3).view({40000, 40});
  Tensor results[2];
  for (int threads : {1, 2}) {
    set_num_threads(threads);
    results[threads - 1] = zeros({100, 40}).index_add_(0, index, rows);
  }
  set_num_threads(before);
  EXPECT_EQ(to_dense(results[0]).values, to_dense(results[1]).values);
}

}  // namespace
}  // namespace taper
