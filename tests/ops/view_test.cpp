#include "taper/ops/view.h"

#include <gtest/gtest.h>

#include "taper/autograd/autograd.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

namespace taper {
namespace {

using namespace testing;
using Inputs = std::vector<Dense>;

Tensor iota(IntArrayRef sizes) {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return arange(n, kFloat).view(sizes).clone();
}

std::vector<OpCase> view_cases() {
  std::vector<OpCase> cases;
  cases.push_back(moving_case(
      "view", {moving(
                   "split", {4, 3},
                   [](const Tensor& x) {
                     return x.view({2, -1, 3});
                   },
                   same_values({2, 2, 3})),
               moving(
                   "one element", {1}, [](const Tensor& x) { return x.view(IntArrayRef()); },
                   same_values({}))}));
  cases.push_back(moving_case("reshape", {moving(
                                              "merge", {2, 3, 4},
                                              [](const Tensor& x) {
                                                return x.reshape({6, -1});
                                              },
                                              same_values({6, 4})),
                                          moving(
                                              "no elements", {0, 3},
                                              [](const Tensor& x) {
                                                return x.reshape({3, 0});
                                              },
                                              same_values({3, 0}))}));
  cases.push_back(moving_case(
      "flatten",
      {moving(
           "all", {2, 3, 4}, [](const Tensor& x) { return x.flatten(); }, same_values({24})),
       moving(
           "middle", {2, 3, 4, 1}, [](const Tensor& x) { return x.flatten(1, 2); },
           same_values({2, 12, 1})),
       moving(
           "no dimensions", {}, [](const Tensor& x) { return x.flatten(); }, same_values({1}))}));
  cases.push_back(moving_case("unflatten", {moving(
                                               "middle", {2, 6, 2},
                                               [](const Tensor& x) {
                                                 return x.unflatten(1, {3, -1});
                                               },
                                               same_values({2, 3, 2, 2}))}));
  cases.push_back(moving_case("ravel", {moving("all", {2, 3}, ravel, same_values({6}))}));
  cases.push_back(moving_case(
      "squeeze",
      {moving(
           "all", {1, 3, 1}, [](const Tensor& x) { return x.squeeze(); }, same_values({3})),
       moving(
           "one", {1, 3, 1}, [](const Tensor& x) { return x.squeeze(-1); }, same_values({1, 3})),
       moving(
           "not of size 1", {2, 3}, [](const Tensor& x) { return x.squeeze(0); },
           same_values({2, 3})),
       moving(
           "two", {1, 3, 1, 1},
           [](const Tensor& x) {
             return x.squeeze({0, -1});
           },
           same_values({3, 1}))}));
  cases.push_back(moving_case(
      "unsqueeze",
      {moving(
           "front", {2, 3}, [](const Tensor& x) { return x.unsqueeze(0); }, same_values({1, 2, 3})),
       moving(
           "end", {2, 3}, [](const Tensor& x) { return x.unsqueeze(-1); }, same_values({2, 3, 1})),
       moving(
           "beyond the inline dimensions", {1, 2, 1, 3, 1, 2},
           [](const Tensor& x) { return x.unsqueeze(3); }, same_values({1, 2, 1, 1, 3, 1, 2}))}));
  return cases;
}
TAPER_OP_CASES(view_cases);

std::vector<OpCase> permutation_cases() {
  std::vector<OpCase> cases;
  const Reference swapped = mapped({4, 3, 2}, [](const Inputs& x, const Index& i) {
    return x[0].at({i[2], i[1], i[0]});
  });
  cases.push_back(moving_case(
      "transpose",
      {moving(
           "ends", {2, 3, 4}, [](const Tensor& x) { return x.transpose(0, -1); }, swapped),
       moving(
           "square", {3, 3}, [](const Tensor& x) { return x.transpose(0, 1); },
           mapped({3, 3}, [](const Inputs& x, const Index& i) {
             return x[0].at({i[1], i[0]});
           }))}));
  cases.back().inplace = [](const Tensors& x) { return Tensors{x[0].transpose_(0, 1)}; };
  cases.push_back(moving_case(
      "swapaxes",
      {moving(
          "ends", {2, 3, 4}, [](const Tensor& x) { return x.swapaxes(0, 2); }, swapped)}));
  cases.push_back(moving_case(
      "swapdims",
      {moving(
          "ends", {2, 3, 4}, [](const Tensor& x) { return x.swapdims(0, 2); }, swapped)}));
  const Reference turned = mapped({3, 2}, [](const Inputs& x, const Index& i) {
    return x[0].at({i[1], i[0]});
  });
  cases.push_back(moving_case(
      "t", {moving(
                "matrix", {2, 3}, [](const Tensor& x) { return x.t(); }, turned),
            moving(
                "vector", {3}, [](const Tensor& x) { return x.t(); }, same_values({3}))}));
  cases.push_back(moving_case("mT", {moving("matrix", {2, 3}, mT, turned)}));
  cases.push_back(moving_case("numpy_T", {moving("all", {2, 3, 4}, numpy_T, swapped)}));
  cases.push_back(moving_case("permute", {moving(
                                             "three", {2, 3, 4},
                                             [](const Tensor& x) {
                                               return x.permute({2, 0, -2});
                                             },
                                             mapped({4, 2, 3}, [](const Inputs& x, const Index& i) {
                                               return x[0].at({i[1], i[2], i[0]});
                                             }))}));
  cases.push_back(
      moving_case("movedim", {moving(
                                  "one", {2, 3, 4}, [](const Tensor& x) { return x.movedim(0, 2); },
                                  mapped({3, 4, 2},
                                         [](const Inputs& x, const Index& i) {
                                           return x[0].at({i[2], i[0], i[1]});
                                         })),
                              moving(
                                  "two", {2, 3, 4},
                                  [](const Tensor& x) {
                                    return x.movedim({0, 1}, {2, 0});
                                  },
                                  mapped({3, 4, 2}, [](const Inputs& x, const Index& i) {
                                    return x[0].at({i[2], i[0], i[1]});
                                  }))}));
  return cases;
}
TAPER_OP_CASES(permutation_cases);

std::vector<OpCase> expansion_cases() {
  std::vector<OpCase> cases;
  const Reference wide = mapped({2, 3, 4}, [](const Inputs& x, const Index& i) {
    return x[0].at({i[1], 0});
  });
  cases.push_back(moving_case("expand", {moving(
                                             "new dimension", {3, 1},
                                             [](const Tensor& x) {
                                               return x.expand({2, -1, 4});
                                             },
                                             wide),
                                         moving(
                                             "to no elements", {1, 2},
                                             [](const Tensor& x) {
                                               return x.expand({0, 2});
                                             },
                                             same_values({0, 2}))}));
  cases.back().samples[1].reference = [](const Inputs&) { return Inputs{{{0, 2}, {}}}; };
  cases.push_back(moving_case("broadcast_to", {moving(
                                                  "wide", {3, 1},
                                                  [](const Tensor& x) {
                                                    return x.broadcast_to({2, 3, 4});
                                                  },
                                                  wide)}));
  OpCase sums = moving_case("sum_to_size", {});
  sums.dtypes = {kFloat, kDouble};
  sums.samples.push_back(moving(
      "leading and inner", {2, 3, 4},
      [](const Tensor& x) {
        return x.sum_to_size({3, 1});
      },
      mapped({3, 1}, [](const Inputs& x, const Index& i) {
        double sum = 0;
        for (int64_t a = 0; a < 2; ++a) {
          for (int64_t b = 0; b < 4; ++b) sum += x[0].at({a, i[0], b});
        }
        return sum;
      })));
  cases.push_back(sums);
  return cases;
}
TAPER_OP_CASES(expansion_cases);

TEST(View, SharesMemoryAndVersion) {
  const Tensor x = iota({3, 4});
  const Tensor y = x.t().view({2, 2, 3});
  EXPECT_EQ(y.strides(), IntArrayRef({2, 1, 4}));
  EXPECT_EQ(y.data_ptr(), x.data_ptr());
  y.zero_();
  EXPECT_EQ(x._version(), 1);
  for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(x.view(-1).select(0, i).item<float>(), 0);
  EXPECT_TRUE(y.is_view());
  EXPECT_TRUE(y._base().is_same(x));
}

TEST(View, StrideRules) {
  const Tensor t = iota({3, 4}).t();
  EXPECT_ERROR(ShapeError, t.view(12), "view size is not compatible with input tensor's size");
  EXPECT_EQ(t.view({4, 3, 1}).strides(), IntArrayRef({1, 4, 4}));
  EXPECT_EQ(empty({3, 0, 7}).view({3, 0, 7}).strides(), IntArrayRef({7, 7, 1}));
  EXPECT_EQ(iota({3, 4}).unsqueeze(0).strides(), IntArrayRef({12, 4, 1}));
  EXPECT_EQ(t.unsqueeze(1).strides(), IntArrayRef({1, 12, 4}));
  const Tensor narrow = iota({3, 4}).narrow(1, 0, 2);
  EXPECT_ERROR(ShapeError, narrow.view(6), "view size is not compatible");
  EXPECT_EQ(narrow.view({3, 2, 1}).sizes(), IntArrayRef({3, 2, 1}));
  EXPECT_EQ(narrow.reshape(6).sizes(), IntArrayRef({6}));
}

TEST(View, ErrorsKeepTheirText) {
  const Tensor x = iota({3, 4});
  EXPECT_ERROR(ShapeError, x.view({5, 2}), "shape '[5, 2]' is invalid for input of size 12");
  EXPECT_ERROR(ShapeError, x.view({5, -1}), "shape '[5, -1]' is invalid for input of size 12");
  EXPECT_ERROR(ShapeError, x.view({-1, -1}), "only one dimension can be inferred");
  EXPECT_ERROR(ShapeError, x.view({-2, 6}), "invalid shape dimension -2");
  EXPECT_ERROR(ShapeError, empty({0, 3}).view({-1, 0}),
               "cannot reshape tensor of 0 elements into shape [-1, 0] because the unspecified "
               "dimension size -1 can be any value and is ambiguous");
  EXPECT_ERROR(ShapeError, x.flatten(1, 0), "start_dim cannot come after end_dim");
  EXPECT_ERROR(ShapeError, x.unflatten(0, {2, 2}), "don't multiply up to the size of dim 0");
  EXPECT_ERROR(IndexError, x.transpose(0, 2),
               "Dimension out of range (expected to be in range of [-2, 1], but got 2)");
  EXPECT_ERROR(ShapeError, iota({1, 1, 1}).t(),
               "t() expects a tensor with <= 2 dimensions, but self is 3D");
  EXPECT_ERROR(ShapeError, x.permute({0}), "input.dim() = 2 is not equal to len(dims) = 1");
  EXPECT_ERROR(ShapeError, x.permute({0, 0}), "duplicate dims are not allowed");
  EXPECT_ERROR(ShapeError, x.movedim({0, 0}, {0, 1}), "repeated dim in `source`");
  EXPECT_ERROR(ShapeError, iota({3}).mT(),
               "tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.");
  EXPECT_ERROR(IndexError, x.unsqueeze(3),
               "Dimension out of range (expected to be in range of [-3, 2], but got 3)");
  EXPECT_ERROR(ShapeError, x.squeeze({0, 0}), "dim 0 appears multiple times in the list of dims");
}

TEST(View, ExpandErrors) {
  EXPECT_ERROR(ShapeError, iota({3}).expand(4),
               "The expanded size of the tensor (4) must match the existing size (3) at "
               "non-singleton dimension 0.  Target sizes: [4].  Tensor sizes: [3]");
  EXPECT_ERROR(ShapeError, iota({3}).expand({-1, 3}),
               "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing "
               "dimension 0");
  EXPECT_ERROR(ShapeError, iota({3, 4}).expand(4),
               "the number of sizes provided (1) must be greater or equal to the number of "
               "dimensions in the tensor (2)");
  const Tensor wide = iota({1}).expand(3);
  EXPECT_ERROR(Error, wide.copy_(iota({3})),
               "more than one element of the written-to tensor refers to a single memory location");
  EXPECT_ERROR(ShapeError, iota({2, 3}).sum_to_size({2, 2}), "is not expandable to size");
}

TEST(View, AsAnotherType) {
  const Tensor x = tensor({1.0, 2.0, 3.0});
  EXPECT_EQ(x.view(kInt).index_select(0, tensor({0})).item<int>(), 0x3f800000);
  EXPECT_EQ(x.view(kByte).sizes(), IntArrayRef({12}));
  EXPECT_ERROR(ShapeError, x.view(kDouble),
               "self.size(-1) must be divisible by 2 to view Float as Double (different element "
               "sizes), but got 3");
  EXPECT_ERROR(ShapeError, tensor(1.0).view(kDouble), "self.dim() cannot be 0 to view");
  EXPECT_EQ(zeros({2, 4}, kShort).view(kLong).sizes(), IntArrayRef({2, 1}));
  EXPECT_ERROR(ShapeError, zeros({4, 2}).t().view(kDouble), "self.stride(-1) must be 1");
}

TEST(View, GeometryChangesInPlace) {
  Tensor x = iota({2, 3});
  EXPECT_TRUE(x.t_().is_same(x));
  EXPECT_EQ(x.sizes(), IntArrayRef({3, 2}));
  EXPECT_EQ(x.unsqueeze_(0).sizes(), IntArrayRef({1, 3, 2}));
  EXPECT_EQ(x.squeeze_().sizes(), IntArrayRef({3, 2}));
  EXPECT_EQ(x.unsqueeze_(-1).squeeze_(2).sizes(), IntArrayRef({3, 2}));
  Tensor leaf = iota({2, 3}).requires_grad_();
  EXPECT_ERROR(Error, leaf.t_(),
               "a leaf Variable that requires grad is being used in an in-place operation");
}

TEST(View, GeometryInPlaceOnAViewKeepsTheBase) {
  const Tensor leaf = iota({2, 3}).requires_grad_();
  const Tensor base = leaf.mul(2);
  Tensor part = base.narrow(1, 0, 2);
  part.t_();
  EXPECT_EQ(base.sizes(), IntArrayRef({2, 3}));
  part.mul(tensor({{1.0, 2.0}, {3.0, 4.0}})).sum_to_size({}).backward();
  const Tensor want = tensor({{2.0, 6.0, 0.0}, {4.0, 8.0, 0.0}});
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(leaf.grad().view(-1).select(0, i).item<float>(),
              want.view(-1).select(0, i).item<float>());
  }
}

TEST(View, RecordedNamesAreTorchs) {
  const Tensor x = iota({2, 3}).requires_grad_();
  EXPECT_STREQ(x.view(6).grad_fn()->name(), "ViewBackward0");
  EXPECT_STREQ(x.t().grad_fn()->name(), "TransposeBackward0");
  EXPECT_STREQ(x.permute({1, 0}).grad_fn()->name(), "PermuteBackward0");
  EXPECT_STREQ(x.expand({2, 2, 3}).grad_fn()->name(), "ExpandBackward0");
  EXPECT_STREQ(x.unsqueeze(0).grad_fn()->name(), "UnsqueezeBackward0");
  EXPECT_FALSE(iota({2}).to(kLong).view({2, 1}).requires_grad());
}

}  // namespace
}  // namespace taper
