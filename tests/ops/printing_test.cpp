#include "taper/ops/printing.h"

#include <gtest/gtest.h>

#include <cmath>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

// What Python's print gives for the same tensors.
TEST(Repr, Numbers) {
  EXPECT_EQ(repr(tensor(3.5)), "tensor(3.5000)");
  EXPECT_EQ(repr(tensor(3)), "tensor(3)");
  EXPECT_EQ(repr(tensor(true)), "tensor(True)");
  EXPECT_EQ(repr(tensor(2.0)), "tensor(2.)");
  EXPECT_EQ(repr(tensor({1.0, 2.5, -3.0})), "tensor([ 1.0000,  2.5000, -3.0000])");
  EXPECT_EQ(repr(tensor({1.0, 20.0})), "tensor([ 1., 20.])");
  EXPECT_EQ(repr(tensor({1, -20})), "tensor([  1, -20])");
  EXPECT_EQ(repr(tensor({true, false})), "tensor([ True, False])");
  EXPECT_EQ(repr(tensor({0.0, 0.0})), "tensor([0., 0.])");
}

TEST(Repr, ScientificWhereTheRangeAsks) {
  EXPECT_EQ(repr(tensor({1e-5, 1.0})), "tensor([1.0000e-05, 1.0000e+00])");
  EXPECT_EQ(repr(tensor({1.0, 1001.0})), "tensor([1.0000e+00, 1.0010e+03])");
  EXPECT_EQ(repr(tensor({1e9})), "tensor([1.0000e+09])");
  EXPECT_EQ(repr(tensor({NAN, 1.0f, INFINITY, -INFINITY})), "tensor([nan, 1., inf, -inf])");
  EXPECT_EQ(repr(tensor({NAN, 1.5f})), "tensor([   nan, 1.5000])");
}

TEST(Repr, TypesAndGradients) {
  EXPECT_EQ(repr(tensor({1.0}, kDouble)), "tensor([1.], dtype=torch.float64)");
  EXPECT_EQ(repr(tensor({1}, kByte)), "tensor([1], dtype=torch.uint8)");
  EXPECT_EQ(repr(tensor({1.5}, kHalf)), "tensor([1.5000], dtype=torch.float16)");
  EXPECT_EQ(repr(ones({2}, requires_grad())), "tensor([1., 1.], requires_grad=True)");
  EXPECT_EQ(repr(ones({2}, requires_grad()).view({2, 1})),
            "tensor([[1.],\n        [1.]], grad_fn=<ViewBackward0>)");
  EXPECT_EQ(repr(empty({0})), "tensor([])");
  EXPECT_EQ(repr(empty({2, 0})), "tensor([], size=(2, 0))");
  EXPECT_EQ(repr(empty({0}, kLong)), "tensor([], dtype=torch.int64)");
  EXPECT_EQ(repr(Tensor()), "None");
}

TEST(Repr, Nested) {
  EXPECT_EQ(repr(arange(6).view({2, 3})), "tensor([[0, 1, 2],\n        [3, 4, 5]])");
  EXPECT_EQ(repr(arange(6).view({2, 3}).t()), "tensor([[0, 3],\n        [1, 4],\n        [2, 5]])");
  EXPECT_EQ(repr(arange(4).view({2, 2, 1})),
            "tensor([[[0],\n         [1]],\n\n        [[2],\n         [3]]])");
  EXPECT_EQ(repr(zeros({2, 0, 3})), "tensor([], size=(2, 0, 3))");
}

TEST(Repr, LongLinesWrapAndLargeTensorsAreCut) {
  EXPECT_EQ(repr(arange(30)),
            "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
            "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])");
  EXPECT_EQ(repr(arange(2000)), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])");
  EXPECT_EQ(repr(zeros({1000, 2})),
            "tensor([[0., 0.],\n        [0., 0.],\n        [0., 0.],\n        ...,\n"
            "        [0., 0.],\n        [0., 0.],\n        [0., 0.]])");
}

}  // namespace
}  // namespace taper
