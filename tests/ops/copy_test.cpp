#include "taper/ops/copy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

namespace taper {
namespace {

using namespace testing;
using Inputs = std::vector<Dense>;

std::vector<OpCase> copy_cases() {
  std::vector<OpCase> cases;
  cases.push_back(moving_case(
      "clone",
      {moving(
           "plain", {2, 3}, [](const Tensor& x) { return x.clone(); }, same_values({2, 3})),
       moving(
           "channels last", {1, 2, 2, 2},
           [](const Tensor& x) { return x.clone(MemoryFormat::ChannelsLast); },
           same_values({1, 2, 2, 2}))}));
  cases.push_back(moving_case(
      "contiguous",
      {moving(
          "plain", {2, 3}, [](const Tensor& x) { return x.contiguous(); }, same_values({2, 3}))}));
  OpCase to_double = moving_case(
      "to", {moving(
                "double", {2, 3}, [](const Tensor& x) { return x.to(kDouble, false, true); },
                same_values({2, 3}))});
  cases.push_back(to_double);
  OpCase copies = moving_case("copy_", {});
  copies.samples.push_back(
      {"broadcast",
       {Arg{{2, 3}}, Arg{{3}}},
       [](const Tensors& x) {
         Tensors out{x[0].clone()};
         out[0].copy_(x[1]);
         return out;
       },
       mapped({2, 3}, [](const Inputs& x, const Index& i) { return x[1].at({i[1]}); })});
  copies.inplace = [](const Tensors& x) { return Tensors{x[0].copy_(x[1])}; };
  copies.errors = {{"sizes", [] { zeros({2}).copy_(zeros({3})); }, "doesn't match the broadcast",
                    ErrorInput::Kind::shape},
                   {"undefined", [] { zeros({2}).copy_(Tensor()); }, "expected defined tensors"}};
  cases.push_back(copies);
  OpCase fills = moving_case("fill_", {});
  fills.samples.push_back(
      {"tensor",
       {Arg{{2, 3}}, Arg{{}}},
       [](const Tensors& x) {
         Tensors out{x[0].clone()};
         out[0].fill_(x[1]);
         return out;
       },
       mapped({2, 3}, [](const Inputs& x, const Index&) { return x[1].values[0]; })});
  fills.inplace = [](const Tensors& x) { return Tensors{x[0].fill_(x[1])}; };
  fills.errors = {{"dimensions", [] { zeros({2}).fill_(zeros({1})); },
                   "fill_ only supports 0-dimension value tensor but got tensor with 1 dimensions.",
                   ErrorInput::Kind::shape}};
  cases.push_back(fills);
  return cases;
}
TAPER_OP_CASES(copy_cases);

TEST(Copy, ContiguousIsTheSameTensorWhereItCan) {
  const Tensor x = zeros({2, 3});
  EXPECT_TRUE(x.contiguous().is_same(x));
  EXPECT_FALSE(x.t().contiguous().is_same(x));
  EXPECT_TRUE(x.to(kFloat).is_same(x));
  EXPECT_TRUE(x.cpu().is_same(x));
  EXPECT_FALSE(x.to(kFloat, false, true).is_same(x));
  EXPECT_ERROR(Error, x.t().contiguous(MemoryFormat::Preserve), "preserve memory format");
}

TEST(Copy, CloneKeepsDenseStrides) {
  EXPECT_EQ(zeros({2, 3}).t().clone().strides(), IntArrayRef({1, 3}));
  EXPECT_EQ(zeros({2, 1}).expand({2, 3}).clone().strides(), IntArrayRef({3, 1}));
  EXPECT_EQ(zeros({2, 3}).t().clone(MemoryFormat::Contiguous).strides(), IntArrayRef({2, 1}));
  EXPECT_EQ(zeros({2, 3}).t().to(kDouble).strides(), IntArrayRef({1, 3}));
}

TEST(Copy, ConversionsSaturateAndTruncate) {
  const Tensor x = tensor({1.9, -1.9, 1e30, -1e30});
  const Dense as_long = to_dense(x.to(kLong));
  EXPECT_EQ(as_long.values[0], 1);
  EXPECT_EQ(as_long.values[1], -1);
  EXPECT_EQ(x.to(kLong).select(0, 2).item<int64_t>(), INT64_MAX);
  EXPECT_EQ(tensor({std::nan("")}).to(kInt).item<int>(), 0);
  EXPECT_TRUE(tensor({std::nan("")}).to(kBool).item<bool>());
  EXPECT_EQ(tensor({300}).to(kByte).item<int>(), 44);
}

TEST(Copy, ToTakesItsSixForms) {
  const Tensor x = zeros({2});
  EXPECT_EQ(x.to(kDouble).scalar_type(), kDouble);
  EXPECT_EQ(x.to(TensorOptions(kHalf)).scalar_type(), kHalf);
  EXPECT_EQ(x.to(dtype(kHalf).device(kCPU)).scalar_type(), kHalf);
  EXPECT_EQ(x.to(Device("cpu"), kInt).scalar_type(), kInt);
  EXPECT_EQ(x.to(kCPU).scalar_type(), kFloat);
  EXPECT_EQ(x.to(zeros({1}, kLong)).scalar_type(), kLong);
  EXPECT_EQ(
      x.to(kShort, std::nullopt, std::nullopt, false, false, false, std::nullopt).scalar_type(),
      kShort);
  EXPECT_EQ(x.toType(kBool).scalar_type(), kBool);
  EXPECT_EQ(x.type_as(zeros({1}, kByte)).scalar_type(), kByte);
  EXPECT_ERROR(Error, x.to(kCUDA), "cuda");
}

TEST(Copy, IntegersCarryNoGradient) {
  const Tensor x = ones({2}, requires_grad());
  EXPECT_FALSE(x.to(kLong).requires_grad());
  x.to(kDouble).to(kHalf).to(kFloat).sum_to_size({}).backward();
  EXPECT_EQ(to_dense(x.grad()).values, std::vector<double>({1, 1}));
}

TEST(Copy, OverwritingEndsTheGradient) {
  const Tensor x = ones({2}, requires_grad()), y = ones({2}, requires_grad());
  Tensor z = x.clone();
  z.copy_(y);
  z.sum_to_size({}).backward();
  EXPECT_EQ(to_dense(x.grad()).values, std::vector<double>({0, 0}));
  EXPECT_EQ(to_dense(y.grad()).values, std::vector<double>({1, 1}));
}

TEST(Copy, WritesCount) {
  const Tensor x = zeros({4});
  x.fill_(1);
  x.zero_();
  x.narrow(0, 0, 2).copy_(ones({2}));
  EXPECT_EQ(x._version(), 3);
  EXPECT_TRUE(x.copy_(x).is_same(x));
  EXPECT_ERROR(Error, x.narrow(0, 0, 3).copy_(x.narrow(0, 1, 3)),
               "some elements of the input tensor and the written-to tensor refer to a single "
               "memory location");
  const Tensor wide = zeros({1}).expand(3);
  wide.fill_(2);
  EXPECT_EQ(to_dense(wide).values, std::vector<double>({2, 2, 2}));
  const Tensor leaf = zeros({1}, requires_grad());
  EXPECT_ERROR(Error, leaf.zero_(),
               "a leaf Variable that requires grad is being used in an in-place operation.");
}

}  // namespace
}  // namespace taper
