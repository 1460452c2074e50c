#include "taper/ops/memory.h"

#include "taper/taper.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Values = std::vector<double>;

TEST(Memory, ResizeKeepsTheElementsAndGrows) {
  Tensor x = arange(6).view({2, 3});
  const void* memory = x.data_ptr();
  x.resize_({4});
  EXPECT_EQ(to_dense(x).values, (Values{0, 1, 2, 3}));
  EXPECT_EQ(x.data_ptr(), memory);
  x.resize_({3, 4});
  EXPECT_EQ(x.sizes(), IntArrayRef({3, 4}));
  EXPECT_EQ(to_dense(x.view({12}).narrow(0, 0, 6)).values, (Values{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(x.resize_as_(ones({2, 0})).numel(), 0);
  EXPECT_TRUE(x.resize_({1, 2, 3, 2}, MemoryFormat::ChannelsLast)
                  .is_contiguous(MemoryFormat::ChannelsLast));
}

TEST(Memory, ResizedBeyondItsMemoryAViewMovesAway) {
  Tensor x = arange(3), part = x.narrow(0, 1, 2);
  part.resize_({5}).fill_(9);
  EXPECT_EQ(to_dense(x).values, (Values{0, 1, 2}));
  EXPECT_FALSE(part.is_view());
}

TEST(Memory, ResizeRefuses) {
  EXPECT_ERROR(Error, ones({2}).requires_grad_().resize_({3}),
               "cannot resize variables that require grad");
  EXPECT_ERROR(Error, ones({2}).resize_({-1}), "resize_");
  EXPECT_ERROR(Error, ones({2}).resize_({int64_t{1} << 40, int64_t{1} << 40}), "resize_");
  EXPECT_ERROR(Error, Tensor().resize_({1}), "undefined");
}

TEST(Memory, BackwardSeesThatASavedTensorMoved) {
  for (const int64_t size : {1, 8}) {
    Tensor w = ones({2}).requires_grad_(), x = full({2}, 3.0);
    const Tensor y = w.mul(x).sum();
    x.resize_({size});
    EXPECT_ERROR(Error, y.backward(), "modified by an inplace operation");
  }
}

TEST(Memory, SetRefersToAnotherTensorsMemory) {
  Tensor x = zeros({2}), y = arange(6).to(kFloat).view({2, 3});
  x.set_(y);
  x.fill_(1);
  EXPECT_EQ(y.sum().item<float>(), 6);
  x.set_(y, 1, {2, 2});
  EXPECT_EQ(x.strides(), IntArrayRef({2, 1}));
  EXPECT_EQ(x.storage_offset(), 1);
  EXPECT_EQ(x.set_().numel(), 0);
  EXPECT_ERROR(Error, x.set_(y, 5, {4}, {1}), "are out of bounds for storage of size");
  EXPECT_ERROR(Error, x.set_(y, -1, {4}, {1}), "set_");
  EXPECT_ERROR(Error, x.set_(arange(3)), "dtype");
  EXPECT_ERROR(Error, x.set_(ones({2}).requires_grad_()), "require grad");
}

TEST(Memory, AsStridedInPlaceIsDifferentiable) {
  Tensor leaf = ones({4}).requires_grad_();
  Tensor x = leaf.mul(2);
  x.as_strided_({2, 2}, {1, 2});
  x.select(0, 1).sum().backward();
  EXPECT_EQ(to_dense(leaf.grad()).values, (Values{0, 2, 0, 2}));
  EXPECT_ERROR(Error, ones({2}).as_strided_({4}, {1}), "are out of bounds for storage of size");
}

TEST(Memory, PermutedAndStridedTensorsWithoutValues) {
  EXPECT_EQ(empty_permuted({2, 3, 5}, {2, 0, 1}).strides(), IntArrayRef({3, 1, 6}));
  EXPECT_EQ(ones({1}, kInt).new_empty_strided({2, 3}, {1, 2}).strides(), IntArrayRef({1, 2}));
  EXPECT_EQ(ones({1}, kInt).new_empty_strided({2}, {1}).scalar_type(), kInt);
  EXPECT_ERROR(Error, empty_permuted({2, 3}, {0}), "does not match the length of the physical");
  EXPECT_ERROR(Error, empty_permuted({2, 3}, {0, 2}), "Dimension out of range");
  EXPECT_ERROR(Error, empty_permuted({2, 3}, {1, 1}), "Duplicate dim not allowed");
}

TEST(Memory, OutRefusesSharedElementsAndOtherTypes) {
  Tensor x = ones({3, 4}), i = zeros({3, 4}, kLong), other = ones({3, 4}, kDouble);
  const Tensor rows = tensor({0, 1, 2}), mask = ones({3, 4}, kBool);
  const char* shared = "refer to a single memory location";
  EXPECT_ERROR(Error, gather_out(x, x, 0, i), shared);
  EXPECT_ERROR(Error, index_select_out(x, x, 0, rows), shared);
  EXPECT_ERROR(Error, take_out(x, x, i), shared);
  Tensor flat = ones({12}), part = flat.narrow(0, 0, 6);
  EXPECT_ERROR(Error, masked_select_out(part, flat, mask.view({12})), shared);
  EXPECT_ERROR(Error, cat_out(part, {flat}), shared);
  const char* type = "Expected out tensor to have dtype";
  EXPECT_ERROR(Error, gather_out(other, x, 0, i), type);
  EXPECT_ERROR(Error, index_select_out(other, x, 0, rows), type);
  EXPECT_ERROR(Error, take_out(other, x, i), type);
  EXPECT_ERROR(Error, masked_select_out(other, x, mask), type);
}

TEST(Memory, CatWritesBesideItsInputs) {
  Tensor all = arange(6), out = all.narrow(0, 0, 2);
  cat_out(out, {all.narrow(0, 4, 1), all.narrow(0, 5, 1)});
  EXPECT_EQ(to_dense(all).values, (Values{4, 5, 2, 3, 4, 5}));
}

TEST(Memory, ScansInPlaceAndInto) {
  Tensor x = tensor({1, 2, 3}), out = empty({0});
  EXPECT_EQ(to_dense(x.cumsum_(0)).values, (Values{1, 3, 6}));
  EXPECT_EQ(to_dense(x.cumprod_(0)).values, (Values{1, 3, 18}));
  EXPECT_EQ(to_dense(cumsum_out(out, x, 0)).values, (Values{1, 4, 22}));
  EXPECT_ERROR(Error, x.cumsum_(0, kFloat), "Bad in-place call");
  Tensor values = empty({0}, kLong), indices = empty({0}, kLong), wrong = empty({0}, kInt);
  cummax_out(values, indices, x, 0);
  EXPECT_EQ(to_dense(indices).values, (Values{0, 1, 2}));
  cummin_out(values, indices, x, 0);
  EXPECT_EQ(to_dense(values).values, (Values{1, 1, 1}));
  EXPECT_ERROR(Error, cummax_out(values, wrong, x, 0), "Expected out tensor to have dtype");
  Tensor leaf = tensor({2.0, 0.0, 3.0}, kDouble).requires_grad_();
  leaf.mul(1).cumprod_(0).sum().backward();
  EXPECT_EQ(to_dense(leaf.grad()).values, (Values{1, 8, 0}));
}

TEST(Memory, MatrixTimesVectorAndPolygammaInPlace) {
  Tensor x = ones({2}), p = tensor({1.0});
  EXPECT_EQ(to_dense(x.addmv_(ones({2, 3}), ones({3}))).values, (Values{4, 4}));
  EXPECT_NEAR(p.polygamma_(1).item<float>(), 1.644934, 1e-5);
}

TEST(Memory, Queries) {
  const Tensor x = ones({2, 2});
  EXPECT_EQ(x.get_device(), -1);
  EXPECT_FALSE(x.is_meta() || x.is_sparse() || x.is_quantized());
  EXPECT_EQ((x.packed_accessor32<float, 2>()[1][1]), 1);
}

}  // namespace
}  // namespace taper::testing
