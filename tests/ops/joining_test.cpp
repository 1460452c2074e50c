#include "taper/ops/joining.h"

#include <gtest/gtest.h>

#include "taper/autograd/autograd.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

namespace taper {
namespace {

using namespace testing;
using Inputs = std::vector<Dense>;

Sample pair(std::string label, Index a, Index b, std::function<Tensor(const Tensors&)> op,
            Reference reference) {
  return {std::move(label),
          {Arg{std::move(a)}, Arg{std::move(b)}},
          [op = std::move(op)](const Tensors& x) { return Tensors{op(x)}; },
          std::move(reference)};
}

std::vector<OpCase> joining_cases() {
  std::vector<OpCase> cases;
  const Reference columns = mapped({2, 5}, [](const Inputs& x, const Index& i) {
    return i[1] < 3 ? x[0].at(i) : x[1].at({i[0], i[1] - 3});
  });
  const Reference rows = mapped({3, 2}, [](const Inputs& x, const Index& i) {
    return i[0] < 1 ? x[0].at(i) : x[1].at({i[0] - 1, i[1]});
  });
  cases.push_back(moving_case(
      "cat", {pair(
                  "columns", {2, 3}, {2, 2}, [](const Tensors& x) { return cat(x, -1); }, columns),
              pair(
                  "rows", {1, 2}, {2, 2}, [](const Tensors& x) { return cat(x); }, rows),
              pair(
                  "an empty one", {0}, {2, 2}, [](const Tensors& x) { return cat(x, 1); },
                  [](const Inputs& x) { return Inputs{x[1]}; })}));
  cases.push_back(moving_case(
      "stack", {pair(
                    "front", {2, 3}, {2, 3}, [](const Tensors& x) { return stack(x); },
                    mapped({2, 2, 3},
                           [](const Inputs& x, const Index& i) {
                             return x[i[0]].at({i[1], i[2]});
                           })),
                pair(
                    "end", {2, 3}, {2, 3}, [](const Tensors& x) { return stack(x, -1); },
                    mapped({2, 3, 2}, [](const Inputs& x, const Index& i) {
                      return x[i[2]].at({i[0], i[1]});
                    }))}));
  cases.push_back(moving_case("hstack", {pair(
                                            "matrices", {2, 3}, {2, 2},
                                            [](const Tensors& x) { return hstack(x); }, columns)}));
  cases.push_back(moving_case(
      "vstack", {pair(
                    "a row and a matrix", {2}, {2, 2}, [](const Tensors& x) { return vstack(x); },
                    mapped({3, 2}, [](const Inputs& x, const Index& i) {
                      return i[0] < 1 ? x[0].at({i[1]}) : x[1].at({i[0] - 1, i[1]});
                    }))}));
  cases.push_back(moving_case(
      "dstack", {pair(
                    "a row and a matrix", {2}, {1, 2}, [](const Tensors& x) { return dstack(x); },
                    mapped({1, 2, 2}, [](const Inputs& x, const Index& i) {
                      return i[2] == 0 ? x[0].at({i[1]}) : x[1].at({0, i[1]});
                    }))}));
  cases.push_back(moving_case(
      "column_stack",
      {pair(
          "a column and a matrix", {2}, {2, 2}, [](const Tensors& x) { return column_stack(x); },
          mapped({2, 3}, [](const Inputs& x, const Index& i) {
            return i[1] == 0 ? x[0].at({i[0]}) : x[1].at({i[0], i[1] - 1});
          }))}));
  return cases;
}
TAPER_OP_CASES(joining_cases);

std::vector<OpCase> repeating_cases() {
  std::vector<OpCase> cases;
  const Reference repeated = mapped({2, 4, 3}, [](const Inputs& x, const Index& i) {
    return x[0].at({i[1] % 2, i[2]});
  });
  cases.push_back(moving_case(
      "repeat",
      {moving(
           "new dimension", {2, 3},
           [](const Tensor& x) {
             return x.repeat({2, 2, 1});
           },
           repeated),
       moving(
           "none", {2}, [](const Tensor& x) { return x.repeat(0); }, mapped({0}, nullptr))}));
  cases.push_back(moving_case(
      "tile", {moving(
                  "fewer than dimensions", {2, 3}, [](const Tensor& x) { return x.tile(2); },
                  mapped({2, 6}, [](const Inputs& x, const Index& i) {
                    return x[0].at({i[0], i[1] % 3});
                  }))}));
  cases.push_back(moving_case(
      "repeat_interleave",
      {moving(
           "rows", {2, 3}, [](const Tensor& x) { return x.repeat_interleave(2, 0); },
           mapped({4, 3},
                  [](const Inputs& x, const Index& i) {
                    return x[0].at({i[0] / 2, i[1]});
                  })),
       moving(
           "flattened", {2, 2}, [](const Tensor& x) { return x.repeat_interleave(3); },
           mapped({12}, [](const Inputs& x, const Index& i) { return x[0].values[i[0] / 3]; })),
       moving(
           "a number for each column", {2, 3},
           [](const Tensor& x) {
             return x.repeat_interleave(tensor({2, 0, 1}), 1);
           },
           mapped({2, 3},
                  [](const Inputs& x, const Index& i) {
                    return x[0].at({i[0], i[1] < 2 ? 0 : 2});
                  })),
       moving(
           "one number", {2, 2}, [](const Tensor& x) { return x.repeat_interleave(tensor(2)); },
           mapped({8}, [](const Inputs& x, const Index& i) { return x[0].values[i[0] / 2]; }))}));
  cases.push_back(moving_case("flip", {moving(
                                           "both", {2, 3},
                                           [](const Tensor& x) {
                                             return x.flip({0, -1});
                                           },
                                           mapped({2, 3},
                                                  [](const Inputs& x, const Index& i) {
                                                    return x[0].at({1 - i[0], 2 - i[1]});
                                                  })),
                                       moving(
                                           "one", {2, 3}, [](const Tensor& x) { return x.flip(0); },
                                           mapped({2, 3}, [](const Inputs& x, const Index& i) {
                                             return x[0].at({1 - i[0], i[1]});
                                           }))}));
  cases.push_back(moving_case(
      "roll",
      {moving(
           "flattened", {2, 3}, [](const Tensor& x) { return x.roll(1); },
           mapped({2, 3}, [](const Inputs& x,
                             const Index& i) { return x[0].values[(3 * i[0] + i[1] + 5) % 6]; })),
       moving(
           "two dimensions", {2, 3},
           [](const Tensor& x) {
             return x.roll({-1, 4}, {0, 1});
           },
           mapped({2, 3}, [](const Inputs& x, const Index& i) {
             return x[0].at({(i[0] + 1) % 2, (i[1] + 2) % 3});
           }))}));
  const auto turned = [](int64_t k, Index sizes, std::function<Index(const Index&)> from) {
    return moving(
        std::to_string(k) + " turns", {2, 3}, [k](const Tensor& x) { return rot90(x, k); },
        mapped(std::move(sizes),
               [from](const Inputs& x, const Index& i) { return x[0].at(from(i)); }));
  };
  OpCase rotation = moving_case("rot90", {turned(1, {3, 2},
                                                 [](const Index& i) {
                                                   return Index{i[1], 2 - i[0]};
                                                 }),
                                          turned(-1, {3, 2},
                                                 [](const Index& i) {
                                                   return Index{1 - i[1], i[0]};
                                                 }),
                                          turned(2, {2, 3},
                                                 [](const Index& i) {
                                                   return Index{1 - i[0], 2 - i[1]};
                                                 }),
                                          turned(4, {2, 3}, [](const Index& i) { return i; })});
  rotation.errors = {{"row", [] { rot90(ones({3})); }, "expected total dims >= 2"},
                     {"dims",
                      [] {
                        rot90(ones({3, 3}), 1, {0, -2});
                      },
                      "expected rotation dims to be different"}};
  cases.push_back(rotation);
  cases.push_back(
      moving_case("fliplr", {moving(
                                "matrix", {2, 3}, [](const Tensor& x) { return fliplr(x); },
                                mapped({2, 3}, [](const Inputs& x, const Index& i) {
                                  return x[0].at({i[0], 2 - i[1]});
                                }))}));
  cases.push_back(moving_case(
      "flipud",
      {moving(
          "row", {3}, [](const Tensor& x) { return flipud(x); },
          mapped({3}, [](const Inputs& x, const Index& i) { return x[0].at({2 - i[0]}); }))}));
  return cases;
}
TAPER_OP_CASES(repeating_cases);

TEST(Joining, TypesPromote) {
  EXPECT_EQ(cat({tensor({1, 2}), tensor({0.5})}).scalar_type(), kFloat);
  EXPECT_EQ(stack({tensor(true), tensor(2)}).scalar_type(), kLong);
  const Tensor a = tensor({1.0}, dtype(kFloat).requires_grad(true));
  const Tensor b = tensor({1.0}, dtype(kDouble).requires_grad(true));
  cat({a, b}).sum_to_size({}).backward();
  EXPECT_EQ(a.grad().scalar_type(), kFloat);
  EXPECT_EQ(b.grad().scalar_type(), kDouble);
}

TEST(Joining, LongRowsAreAsShortOnes) {
  // What is not contiguous is copied input by input.
  for (const ScalarType type : {kFloat, kByte, kComplexDouble}) {
    const Tensor a = arange(5 * 7 * 300).reshape({5, 7, 300}).to(type);
    const Tensor b = arange(5 * 7 * 500).reshape({5, 7, 500}).to(type), none = a.narrow(2, 0, 0);
    const Tensor strided = b.transpose(0, 1).contiguous().transpose(0, 1);
    const Tensor joined = cat({a, none.contiguous(), b, a}, 2);
    EXPECT_TRUE(joined.equal(cat({a, none, strided, a}, 2)));
    EXPECT_TRUE(joined.narrow(2, 300, 500).equal(b));
    EXPECT_TRUE(joined.narrow(2, 800, 300).equal(a));
    EXPECT_EQ(joined.sizes(), IntArrayRef({5, 7, 1100}));
  }
}

TEST(Joining, ChannelsLastStays) {
  const Tensor x = ones({1, 2, 3, 3}).contiguous(MemoryFormat::ChannelsLast);
  EXPECT_TRUE(cat({x, x}, 1).is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_TRUE(cat({x, ones({1, 2, 3, 3})}, 1).is_contiguous());
}

TEST(Joining, IntoATensorOfTheCallers) {
  Tensor out = empty({4});
  cat_out(out, {tensor({1.0, 2.0}), tensor({3.0, 4.0})});
  EXPECT_EQ(out.select(0, 3).item<float>(), 4);
  Tensor resized = empty({0});
  cat_out(resized, {tensor({1.0}), tensor({3.0})});
  EXPECT_EQ(resized.sizes(), IntArrayRef({2}));
  EXPECT_ERROR(Error, cat_out(out, {out, out}), "refer to a single memory location");
}

TEST(Joining, ErrorsKeepTheirText) {
  EXPECT_ERROR(Error, cat({}), "expected a non-empty list of Tensors");
  EXPECT_ERROR(Error, stack({}), "stack expects a non-empty TensorList");
  EXPECT_ERROR(ShapeError, cat({tensor(1.0)}),
               "zero-dimensional tensor (at position 0) cannot be concatenated");
  EXPECT_ERROR(ShapeError, cat({ones({1, 2}), ones({2})}),
               "Tensors must have same number of dimensions: got 2 and 1");
  EXPECT_ERROR(ShapeError, cat({ones({2, 2}), ones({3, 2})}, 1),
               "Sizes of tensors must match except in dimension 1. Expected size 2 but got size 3 "
               "for tensor number 1 in the list.");
  EXPECT_ERROR(ShapeError, stack({ones({2}), ones({3})}),
               "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at "
               "entry 1");
  EXPECT_ERROR(ShapeError, ones({2, 2}).repeat(2),
               "Number of dimensions of repeat dims can not be smaller than number of dimensions "
               "of tensor");
  EXPECT_ERROR(ShapeError, ones({2}).repeat(-1),
               "Trying to create tensor with negative dimension -1");
  EXPECT_ERROR(ShapeError, ones({2}).flip({0, 0}),
               "dim 0 appears multiple times in the list of dims");
  EXPECT_ERROR(ShapeError, repeat_interleave(ones({2, 2}, kLong)), "only accept 1D vector");
  EXPECT_ERROR(DTypeError, repeat_interleave(ones({2})), "has to be Long or Int tensor");
  EXPECT_ERROR(ShapeError, repeat_interleave(tensor({1, -1})), "repeats can not be negative");
  EXPECT_ERROR(ShapeError, repeat_interleave(full({4}, int64_t{1} << 62, kLong)),
               "the repeats sum to more");
  EXPECT_ERROR(ShapeError, repeat_interleave(tensor({1, 2}), std::optional<int64_t>(4)),
               "does not match required size");
  EXPECT_ERROR(ShapeError, ones({2}).repeat_interleave(2, 0, 3), "does not match required size");
  EXPECT_ERROR(ShapeError, ones({2}).repeat_interleave(tensor({1, 2, 3})),
               "repeats must have the same size as input along dim");
  EXPECT_ERROR(ShapeError, ones({2}).repeat_interleave(ones({1, 2}, kLong)),
               "repeats must be 0-dim or 1-dim tensor");
  EXPECT_ERROR(ShapeError, ones({2}).roll({1, 2}, {0}), "shifts and dimensions must align");
}

TEST(Joining, IndicesRepeated) {
  EXPECT_EQ(to_dense(repeat_interleave(tensor({2, 0, 1}))).values, (std::vector<double>{0, 0, 2}));
  EXPECT_EQ(repeat_interleave(tensor({1}).to(kInt)).scalar_type(), kInt);
  EXPECT_EQ(repeat_interleave(zeros({0}, kLong), std::optional<int64_t>(0)).sizes(),
            IntArrayRef(0));
  EXPECT_EQ(repeat_interleave(zeros({3}, kLong)).numel(), 0);
  EXPECT_EQ(ones({2}).repeat_interleave(2, 0, 4).numel(), 4);
  EXPECT_EQ(tensor(5.0).repeat_interleave(tensor({3})).sizes(), IntArrayRef(3));
}

}  // namespace
}  // namespace taper
