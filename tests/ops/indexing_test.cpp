#include "taper/ops/indexing.h"

#include <gtest/gtest.h>

#include <sstream>

#include "taper/autograd/autograd.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

namespace taper {
namespace {

using namespace testing;
using namespace indexing;
using Inputs = std::vector<Dense>;
using Places = std::vector<int64_t>;

Tensor iota(IntArrayRef sizes) {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return arange(n, kFloat).view(sizes).clone();
}

std::vector<OpCase> index_cases() {
  OpCase op = moving_case("index", {});
  op.samples = {
      moving(
          "basic", {2, 3, 4},
          [](const Tensor& x) {
            return x.index({1, None, Slice(None, None, 2), Ellipsis});
          },
          mapped({1, 2, 4},
                 [](const Inputs& x, const Index& i) {
                   return x[0].at({1, 2 * i[1], i[2]});
                 })),
      moving(
          "adjacent tensors stay", {2, 3, 4},
          [](const Tensor& x) {
            return x.index({Slice(), tensor({0, -1}), tensor({1, 1})});
          },
          mapped({2, 2},
                 [](const Inputs& x, const Index& i) {
                   return x[0].at({i[0], i[1] == 0 ? 0 : 2, 1});
                 })),
      moving(
          "tensors apart go to the front", {2, 3, 4},
          [](const Tensor& x) {
            return x.index({tensor({0, 1}), Slice(), tensor({0, 1})});
          },
          mapped({2, 3},
                 [](const Inputs& x, const Index& i) {
                   return x[0].at({i[0], i[1], i[0]});
                 })),
      moving(
          "broadcast indices", {3, 4},
          [](const Tensor& x) {
            return x.index({tensor({{0}, {2}}), tensor({3, 0, 3})});
          },
          mapped({2, 3},
                 [](const Inputs& x, const Index& i) {
                   return x[0].at({i[0] * 2, i[1] == 1 ? 0 : 3});
                 })),
      moving(
          "mask", {2, 2, 2},
          [](const Tensor& x) {
            return x.index({tensor({{true, false}, {true, true}})});
          },
          mapped({3, 2},
                 [](const Inputs& x, const Index& i) {
                   const int64_t rows[3] = {0, 2, 3};
                   return x[0].values[rows[i[0]] * 2 + i[1]];
                 })),
      moving(
          "int32, a number and a mask", {2, 3, 2},
          [](const Tensor& x) {
            return x.index({"...", tensor({1, 0, 1}, kInt)});
          },
          mapped({2, 3, 3},
                 [](const Inputs& x, const Index& i) {
                   return x[0].at({i[0], i[1], i[2] == 1 ? 0 : 1});
                 })),
      moving(
          "no elements", {3, 2},
          [](const Tensor& x) { return x.index({tensor(std::vector<int64_t>())}); },
          mapped({0, 2}, nullptr)),
      moving(
          "a truth value", {2}, [](const Tensor& x) { return x.index({true}); },
          same_values({1, 2})),
  };
  return {op};
}
TAPER_OP_CASES(index_cases);

std::vector<OpCase> index_put_cases() {
  OpCase op = moving_case("index_put_", {});
  const auto put = [](std::string label, Index self, Index values, OpFunction write,
                      Reference reference) {
    return Sample{std::move(label),
                  {Arg{std::move(self)}, Arg{std::move(values)}},
                  [write = std::move(write)](const Tensors& x) {
                    return write({x[0].clone(), x[1]});
                  },
                  std::move(reference)};
  };
  op.samples = {
      put(
          "slices", {3, 4}, {1, 2},
          [](const Tensors& x) {
            return Tensors{x[0].index_put_({Slice(1, None), Slice(0, 2)}, x[1])};
          },
          mapped({3, 4},
                 [](const Inputs& x, const Index& i) {
                   return i[0] > 0 && i[1] < 2 ? x[1].at({0, i[1]}) : x[0].at(i);
                 })),
      put(
          "tensors", {3, 4}, {2},
          [](const Tensors& x) {
            return Tensors{x[0].index_put_({tensor({0, 2}), tensor({-1, 1})}, x[1])};
          },
          mapped({3, 4},
                 [](const Inputs& x, const Index& i) {
                   if (i == Index{0, 3}) return x[1].at({0});
                   return i == Index{2, 1} ? x[1].at({1}) : x[0].at(i);
                 })),
      put(
          "broadcast to rows", {3, 2}, {2},
          [](const Tensors& x) {
            return Tensors{x[0].index_put_({tensor({2, 0})}, x[1])};
          },
          mapped({3, 2}, [](const Inputs& x,
                            const Index& i) { return i[0] == 1 ? x[0].at(i) : x[1].at({i[1]}); })),
  };
  return {op};
}
TAPER_OP_CASES(index_put_cases);

std::vector<OpCase> accumulate_cases() {
  OpCase op = moving_case("index_put_accumulate", {});
  op.dtypes = {kFloat, kDouble, kHalf, kLong, kInt};
  op.samples = {
      {"repeated",
       {Arg{{3, 2}}, Arg{{3, 2}}},
       [](const Tensors& x) {
         return Tensors{x[0].index_put({tensor({0, 0, 2})}, x[1], true)};
       },
       mapped({3, 2},
              [](const Inputs& x, const Index& i) {
                double sum = x[0].at(i);
                if (i[0] == 0) sum += x[1].at({0, i[1]}) + x[1].at({1, i[1]});
                if (i[0] == 2) sum += x[1].at({2, i[1]});
                return sum;
              })},
      {"slices",
       {Arg{{3}}, Arg{{1}}},
       [](const Tensors& x) { return Tensors{x[0].index_put({Slice(0, 2)}, x[1], true)}; },
       mapped({3}, [](const Inputs& x, const Index& i) {
         return x[0].at(i) + (i[0] < 2 ? x[1].at({0}) : 0);
       })}};
  return {op};
}
TAPER_OP_CASES(accumulate_cases);

TEST(Index, ViewsShareAndCopiesDoNot) {
  const Tensor x = iota({3, 4});
  EXPECT_TRUE(x.index({Slice(1, 3), Ellipsis}).is_alias_of(x));
  EXPECT_TRUE(x.index({Ellipsis}).is_alias_of(x));
  EXPECT_FALSE(x.index({Ellipsis}).is_same(x));
  EXPECT_FALSE(x.index({tensor({0})}).is_alias_of(x));
  EXPECT_EQ(x.index({1, 2}).item<float>(), 6);
  EXPECT_EQ(x[1][2].item<float>(), 6);
  EXPECT_EQ(x[tensor(1)][-1].item<float>(), 7);
  EXPECT_EQ(x.index({tensor(2), tensor(1)}).dim(), 0);
}

TEST(Index, ErrorsKeepTheirText) {
  const Tensor x = iota({2, 3});
  EXPECT_ERROR(IndexError, x.index({}),
               "Passing an empty index list to Tensor::index() is not valid syntax");
  EXPECT_ERROR(IndexError, x.index({5}), "index 5 is out of bounds for dimension 0 with size 2");
  EXPECT_ERROR(IndexError, x.index({0, 0, 0}), "too many indices for tensor of dimension 2");
  EXPECT_ERROR(IndexError, x.index({tensor({5})}),
               "index 5 is out of bounds for dimension 0 with size 2");
  EXPECT_ERROR(IndexError, x.index({Slice(), tensor({-4})}),
               "index -4 is out of bounds for dimension 1 with size 3");
  EXPECT_ERROR(IndexError, x.index({tensor({0.5})}),
               "tensors used as indices must be long, int, byte or bool tensors");
  EXPECT_ERROR(
      IndexError, x.index({tensor({true})}),
      "The shape of the mask [1] at index 0 does not match the shape of the indexed tensor "
      "[2, 3] at index 0");
  EXPECT_ERROR(IndexError, x.index({tensor({0, 1}), tensor({0, 1, 2})}),
               "shape mismatch: indexing tensors could not be broadcast together with shapes [2], "
               "[3]");
  EXPECT_ERROR(IndexError, x.index({Ellipsis, Ellipsis}), "single ellipsis");
  EXPECT_ERROR(Error, Slice(None, None, 0), "slice step cannot be zero");
  EXPECT_ERROR(Error, Slice(0, 1, -1), "step must be greater than zero");
  EXPECT_ERROR(Error, TensorIndex("X"),
               "Expected \"...\" to represent an ellipsis index, but got \"X\"");
  EXPECT_ERROR(IndexError, tensor(1.0)[0], "invalid index of a 0-dim tensor");
  EXPECT_ERROR(IndexError, x[tensor({0})], "Can only index with tensors that are scalars");
}

TEST(IndexPut, ErrorsLeaveTheTensorAsItWas) {
  const Tensor x = zeros({3, 2});
  EXPECT_ERROR(ShapeError, x.index_put_({tensor({0, 1})}, ones({3})),
               "value tensor of shape [3] cannot be broadcast to indexing result of shape [2, 2]");
  EXPECT_ERROR(DTypeError, x.index_put_({tensor({0})}, ones({2}, kDouble)),
               "Index put requires the source and destination dtypes match, got Float for the "
               "destination and Double for the source.");
  EXPECT_ERROR(IndexError, x.index_put_({tensor({0, 9})}, ones({2})), "index 9 is out of bounds");
  EXPECT_EQ(x._version(), 0);
  EXPECT_EQ(to_dense(x).values, std::vector<double>(6, 0));
}

TEST(IndexPut, NumbersAndAssignments) {
  const Tensor x = zeros({2, 3});
  x.index_put_({0, Slice(1, None)}, 5);
  x.index_put_({tensor({true, false}), 0}, 2);
  EXPECT_EQ(to_dense(x).values, std::vector<double>({2, 5, 5, 0, 0, 0}));
  x.index_put_({1}, ones({1, 1, 3}));  // leading dimensions of size 1 do not matter
  EXPECT_EQ(to_dense(x[1]).values, std::vector<double>({1, 1, 1}));
  x.index_put_({true}, 7);
  EXPECT_EQ(to_dense(x).values, std::vector<double>(6, 7));
  x.index_put_({false}, 8);
  EXPECT_EQ(to_dense(x).values, std::vector<double>(6, 7));
}

TEST(IndexPut, LastOfRepeatedIndicesWins) {
  const Tensor x = zeros({2, 3});
  x.index_put_({tensor({1, 1, 1})}, iota({3, 3}));
  EXPECT_EQ(to_dense(x[1]).values, std::vector<double>({6, 7, 8}));
}

TEST(TensorIndexTest, Prints) {
  const auto text = [](const auto& value) {
    std::ostringstream out;
    out << value;
    return out.str();
  };
  EXPECT_EQ(text(Slice()), "0:9223372036854775807:1");
  EXPECT_EQ(text(Slice(1, 5, 2)), "1:5:2");
  EXPECT_EQ(text(std::vector<TensorIndex>{None, Ellipsis, 3, true, Slice(0, 2)}),
            "(None, ..., 3, true, 0:2:1)");
}

}  // namespace
}  // namespace taper
