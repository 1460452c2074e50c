#include "taper/ops/creation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "taper/core/allocator.h"
#include "taper/ops/copy.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper {
namespace {

using testing::to_dense;

std::vector<double> values(const Tensor& t) { return to_dense(t).values; }
using Values = std::vector<double>;

TEST(Creation, FilledTensors) {
  EXPECT_EQ(values(zeros({2, 2})), Values({0, 0, 0, 0}));
  EXPECT_EQ(values(ones(3, kShort)), Values({1, 1, 1}));
  EXPECT_EQ(values(full({2}, 2.5)), Values({2.5, 2.5}));
  EXPECT_EQ(full({2}, 3).scalar_type(), kLong);
  EXPECT_EQ(full({2}, true).scalar_type(), kBool);
  EXPECT_EQ(full({2}, 3.0).scalar_type(), kFloat);
  EXPECT_EQ(full({2}, 3, kHalf).scalar_type(), kHalf);
  EXPECT_EQ(scalar_tensor(3).scalar_type(), kFloat);
  EXPECT_EQ(zeros({}).dim(), 0);
  EXPECT_EQ(zeros({0, 3}).numel(), 0);
}

TEST(Creation, OptionsAreHonoured) {
  const Tensor x = zeros({2}, dtype(kDouble).requires_grad(true));
  EXPECT_TRUE(x.requires_grad());
  EXPECT_EQ(x.scalar_type(), kDouble);
  EXPECT_TRUE(tensor({1.0}, requires_grad()).requires_grad());
  EXPECT_ERROR(DTypeError, zeros({2}, dtype(kLong).requires_grad(true)),
               "Only Tensors of floating point and complex dtype can require gradients");
  EXPECT_ERROR(Error, zeros({2}, Device("cuda:0")), "cuda:0");
  EXPECT_TRUE(
      empty({1, 2, 3, 3}, MemoryFormat::ChannelsLast).is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_TRUE(empty({1, 2, 3, 3}, {}, MemoryFormat::ChannelsLast)
                  .is_contiguous(MemoryFormat::ChannelsLast));
  EXPECT_FALSE(zeros_like(x).requires_grad());
}

TEST(Creation, LikeKeepsDenseStrides) {
  const Tensor t = zeros({2, 3}, kDouble).t();
  EXPECT_EQ(ones_like(t).strides(), t.strides());
  EXPECT_EQ(ones_like(t).scalar_type(), kDouble);
  EXPECT_EQ(zeros_like(t, kInt).scalar_type(), kInt);
  EXPECT_EQ(full_like(t, 7).strides(), t.strides());
  EXPECT_EQ(empty_like(zeros({3, 1}).expand({3, 2})).strides(), IntArrayRef({2, 1}));
  EXPECT_EQ(empty_like(t, {}, MemoryFormat::Contiguous).strides(), IntArrayRef({2, 1}));
  EXPECT_EQ(t.new_zeros({2}).scalar_type(), kDouble);
  EXPECT_EQ(t.new_ones(2, kInt).scalar_type(), kInt);
  EXPECT_EQ(values(t.new_full({1}, 4)), Values({4}));
  EXPECT_EQ(t.new_empty({5}).scalar_type(), kDouble);
}

TEST(Creation, Eye) {
  EXPECT_EQ(values(eye(2, 3)), Values({1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(values(eye(3, 1)), Values({1, 0, 0}));
  EXPECT_EQ(eye(0).sizes(), IntArrayRef({0, 0}));
  EXPECT_ERROR(ShapeError, eye(-1), "n must be greater or equal to 0, got -1");
}

TEST(Creation, Arange) {
  EXPECT_EQ(values(arange(4)), Values({0, 1, 2, 3}));
  EXPECT_EQ(arange(4).scalar_type(), kLong);
  EXPECT_EQ(arange(4.0).scalar_type(), kFloat);
  EXPECT_EQ(values(arange(5, 0, -2)), Values({5, 3, 1}));
  EXPECT_EQ(values(arange(0.5, 2)), Values({0.5, 1.5}));
  EXPECT_EQ(arange(1, 1).numel(), 0);
  EXPECT_EQ(arange(0, 1, 0.1).numel(), 10);
  EXPECT_EQ(values(arange(1, 2.5, 0.5, kDouble)), Values({1, 1.5, 2}));
  EXPECT_EQ(arange(INT64_MAX - 2, INT64_MAX).select(0, 1).item<int64_t>(), INT64_MAX - 1);
  EXPECT_ERROR(Error, arange(0, 1, 0), "step must be nonzero");
  EXPECT_ERROR(Error, arange(0, 1, -1), "upper bound and larger bound inconsistent with step sign");
  EXPECT_ERROR(Error, arange(0, INFINITY), "unsupported range");
  EXPECT_ERROR(Error, arange(0, 1, std::nan("")), "step");
  EXPECT_ERROR(ShapeError, arange(0.0, 1e300), "invalid size, possible overflow?");
  EXPECT_ERROR(ShapeError, arange(INT64_MIN, INT64_MAX), "");
}

TEST(Creation, Linspace) {
  EXPECT_EQ(values(linspace(0, 1, 5)), Values({0, 0.25, 0.5, 0.75, 1}));
  EXPECT_EQ(values(linspace(3, 3, 1)), Values({3}));
  EXPECT_EQ(linspace(0, 1, 0).numel(), 0);
  // Symmetric: the end is exact, whatever the step's rounding.
  const Tensor x = linspace(0.1, 0.7, 1000, kDouble);
  EXPECT_EQ(values(x).front(), 0.1);
  EXPECT_EQ(values(x).back(), 0.7);
  EXPECT_ERROR(ShapeError, linspace(0, 1, -1), "number of steps must be non-negative");
}

TEST(Creation, TensorFromBraces) {
  EXPECT_EQ(values(tensor({{1, 2}, {3, 4}})), Values({1, 2, 3, 4}));
  EXPECT_EQ(tensor({{{1}, {2}}}).sizes(), IntArrayRef({1, 2, 1}));
  EXPECT_EQ(tensor(1).dim(), 0);
  EXPECT_EQ(tensor({1}).dim(), 1);
  EXPECT_EQ(tensor({}).sizes(), IntArrayRef({0}));
  EXPECT_EQ(tensor({{}, {}}).sizes(), IntArrayRef({2, 0}));
  EXPECT_EQ(tensor({1, 2}).scalar_type(), kLong);
  EXPECT_EQ(tensor({1.0, 2.0}).scalar_type(), kFloat);
  EXPECT_EQ(tensor({1.0f}).scalar_type(), kFloat);
  EXPECT_EQ(tensor({true}).scalar_type(), kBool);
  EXPECT_EQ(tensor({1.5}, kDouble).item<double>(), 1.5);
  EXPECT_EQ(values(tensor({1.9}, kLong)), Values({1}));
  EXPECT_ERROR(ShapeError, tensor({{1, 2}, {3}}),
               "Expected all sub-lists to have sizes: [2] (e.g. {1, 2}), but got sub-list {3} with "
               "sizes: [1]");
  EXPECT_ERROR(DTypeError, tensor({1, 2.0}),
               "Expected all elements of the tensor to have the same scalar type: Int, but got "
               "element of scalar type: Double");
}

TEST(Creation, TensorFromContainers) {
  EXPECT_EQ(values(tensor(std::vector<float>{1, 2})), Values({1, 2}));
  EXPECT_EQ(tensor(std::vector<int>{1}).scalar_type(), kLong);
  EXPECT_EQ(tensor(std::vector<int64_t>{1}).scalar_type(), kLong);
  EXPECT_EQ(tensor(std::vector<uint8_t>{1}).scalar_type(), kByte);
  EXPECT_EQ(values(tensor(std::vector<bool>{true, false})), Values({1, 0}));
  const std::vector<double> v{1, 2, 3};
  EXPECT_EQ(values(tensor(ArrayRef<double>(v))), Values({1, 2, 3}));
  EXPECT_EQ(tensor(v).scalar_type(), kFloat);
  EXPECT_EQ(tensor(v, kDouble).scalar_type(), kDouble);
}

TEST(Creation, DefaultTypeIsUsed) {
  set_default_dtype(kDouble);
  EXPECT_EQ(zeros({1}).scalar_type(), kDouble);
  EXPECT_EQ(tensor({1.0f}).scalar_type(), kDouble);
  EXPECT_EQ(arange(1.0).scalar_type(), kDouble);
  set_default_dtype(kFloat);
  EXPECT_EQ(zeros({1}).scalar_type(), kFloat);
}

TEST(FromBlob, SharesMemoryAndDeletesOnce) {
  float data[6] = {0, 1, 2, 3, 4, 5};
  const Tensor x = from_blob(data, {2, 3});
  x.select(0, 0).fill_(9);
  EXPECT_EQ(data[2], 9);
  EXPECT_EQ(values(from_blob(data, {2, 2}, {3, 2})), Values({9, 9, 3, 5}));
  int deleted = 0;
  {
    const Tensor owner = from_blob(data, {6}, [&](void* p) { deleted += p == data; });
    const Tensor view = owner.view({2, 3});
    EXPECT_EQ(deleted, 0);
  }
  EXPECT_EQ(deleted, 1);
  {
    from_blob(
        data, {2}, {2}, [&](void*) { ++deleted; }, kFloat);
  }
  EXPECT_EQ(deleted, 2);
  int32_t numbers[2] = {1, 2};
  EXPECT_EQ(from_blob(numbers, {2}, kInt).scalar_type(), kInt);
  EXPECT_EQ(from_blob(nullptr, {0}).numel(), 0);
}

TEST(Creation, SizesAreChecked) {
  EXPECT_ERROR(ShapeError, zeros({-1}), "Trying to create tensor with negative dimension -1: [-1]");
  EXPECT_ERROR(ShapeError, empty({INT64_MAX, 2}), "overflow");
  EXPECT_ERROR(ShapeError, taper::empty(std::vector<int64_t>(65, 1)), "at most 64");
  EXPECT_ERROR(OutOfMemoryError, empty({int64_t{1} << 50}), "not enough memory");
  EXPECT_ERROR(ShapeError, empty_strided({2}, {-1}), "Negative strides");
  EXPECT_EQ(empty_strided({2, 3}, {1, 2}).strides(), IntArrayRef({1, 2}));
}

TEST(Creation, NothingLeaks) {
  const LiveObjects before = live_objects();
  {
    const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}}, requires_grad());
    const Tensor y = x.view(4).clone();
    EXPECT_GT(live_objects().nodes, before.nodes);
  }
  EXPECT_EQ(live_objects().storages, before.storages);
  EXPECT_EQ(live_objects().nodes, before.nodes);
}

}  // namespace
}  // namespace taper
