#include "taper/ops/masking.h"

#include <gtest/gtest.h>

#include <cmath>

#include "taper/autograd/autograd.h"
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

std::vector<OpCase> masking_cases() {
  std::vector<OpCase> cases;
  OpCase fills = moving_case("masked_fill", {});
  fills.samples = {
      {"broadcast mask",
       {Arg{{2, 3}}, mask_arg({3})},
       [](const Tensors& x) { return Tensors{x[0].masked_fill(x[1], 1)}; },
       mapped({2, 3}, [](const Inputs& x,
                         const Index& i) { return x[1].at({i[1]}) != 0 ? 1 : x[0].at(i); })},
      {"broadcast self",
       {Arg{{3}}, mask_arg({2, 3})},
       [](const Tensors& x) { return Tensors{x[0].masked_fill(x[1], 1)}; },
       mapped({2, 3}, [](const Inputs& x, const Index& i) {
         return x[1].at(i) != 0 ? 1 : x[0].at({i[1]});
       })}};
  fills.inplace = [](const Tensors& x) { return Tensors{x[0].masked_fill_(x[1], 1)}; };
  fills.errors = {
      {"mask", [] { zeros({2}).masked_fill(zeros({2}), 1); },
       "masked_fill only supports boolean masks, but got mask with dtype Float", Kind::dtype},
      {"value", [] { zeros({2}).masked_fill(zeros({2}, kBool), zeros({1})); },
       "masked_fill only supports a 0-dimensional value tensor, but got tensor with 1 "
       "dimension(s).",
       Kind::shape},
      {"sizes", [] { zeros({2}).masked_fill(zeros({3}, kBool), 0); },
       "The size of tensor a (2) must match the size of tensor b (3)", Kind::shape}};
  cases.push_back(fills);
  OpCase by_tensor = moving_case("masked_fill_tensor", {});
  by_tensor.samples = {{"value",
                        {Arg{{2, 3}}, mask_arg({2, 3}), Arg{{}}},
                        [](const Tensors& x) { return Tensors{x[0].masked_fill(x[1], x[2])}; },
                        mapped({2, 3}, [](const Inputs& x, const Index& i) {
                          return x[1].at(i) != 0 ? x[2].values[0] : x[0].at(i);
                        })}};
  cases.push_back(by_tensor);
  OpCase scatters = moving_case("masked_scatter", {});
  scatters.samples = {{"a longer source",
                       {Arg{{2, 3}}, mask_arg({3}), Arg{{7}}},
                       [](const Tensors& x) { return Tensors{x[0].masked_scatter(x[1], x[2])}; },
                       [](const Inputs& x) {
                         Dense out = x[0];
                         size_t used = 0;
                         for (int64_t i = 0; i < 6; ++i) {
                           if (x[1].values[i % 3] != 0) out.values[i] = x[2].values[used++];
                         }
                         return Inputs{out};
                       }}};
  scatters.inplace = [](const Tensors& x) { return Tensors{x[0].masked_scatter_(x[1], x[2])}; };
  scatters.errors = {
      {"source", [] { zeros({2}).masked_scatter(ones({2}, kBool), ones({1})); },
       "Number of elements of source < number of ones in mask", Kind::shape},
      {"types", [] { zeros({2}).masked_scatter(ones({2}, kBool), ones({2}, kDouble)); },
       "expected self and source to have same dtypes", Kind::dtype}};
  cases.push_back(scatters);
  OpCase selects = moving_case("masked_select", {});
  selects.samples = {{"broadcast",
                      {Arg{{2, 3}}, mask_arg({3})},
                      [](const Tensors& x) { return Tensors{x[0].masked_select(x[1])}; },
                      [](const Inputs& x) {
                        Dense out{{0}, {}};
                        for (int64_t i = 0; i < 6; ++i) {
                          if (x[1].values[i % 3] != 0) out.values.push_back(x[0].values[i]);
                        }
                        out.sizes[0] = out.numel();
                        return Inputs{out};
                      }}};
  selects.errors = {{"mask", [] { zeros({2}).masked_select(zeros({2})); },
                     "expected BoolTensor for mask", Kind::dtype}};
  cases.push_back(selects);
  return cases;
}
TAPER_OP_CASES(masking_cases);

std::vector<OpCase> triangle_cases() {
  std::vector<OpCase> cases;
  const auto triangle = [](Index sizes, int64_t diagonal, bool upper) {
    return mapped(sizes, [=](const Inputs& x, const Index& i) {
      const int64_t row = i[i.size() - 2], column = i.back();
      const bool kept = upper ? column - row >= diagonal : column - row <= diagonal;
      return kept ? x[0].at(i) : 0;
    });
  };
  OpCase lower = moving_case(
      "tril",
      {moving(
           "main", {3, 3}, [](const Tensor& x) { return x.tril(); }, triangle({3, 3}, 0, false)),
       moving(
           "wide, above", {2, 2, 4}, [](const Tensor& x) { return x.tril(1); },
           triangle({2, 2, 4}, 1, false)),
       moving(
           "far below", {2, 2}, [](const Tensor& x) { return x.tril(INT64_MIN); },
           mapped({2, 2}, [](const Inputs&, const Index&) { return 0; }))});
  lower.errors = {{"rank", [] { zeros({2}).tril(); },
                   "input tensor must have at least 2 dimensions", Kind::shape}};
  cases.push_back(lower);
  cases.push_back(moving_case(
      "triu",
      {moving(
           "main", {3, 3}, [](const Tensor& x) { return x.triu(); }, triangle({3, 3}, 0, true)),
       moving(
           "tall, below", {4, 2}, [](const Tensor& x) { return x.triu(-2); },
           triangle({4, 2}, -2, true))}));
  cases.back().inplace = [](const Tensors& x) {
    return Tensors{x[0].triu_(x[0].size(0) == 3 ? 0 : -2)};
  };
  return cases;
}
TAPER_OP_CASES(triangle_cases);

TEST(Nonzero, RowMajorIndices) {
  const Tensor x = tensor({{0, 3}, {5, 0}, {0, 7}});
  EXPECT_EQ(to_dense(x.nonzero()).values, std::vector<double>({0, 1, 1, 0, 2, 1}));
  EXPECT_EQ(to_dense(x.t().nonzero()).values, std::vector<double>({0, 1, 1, 0, 1, 2}));
  EXPECT_EQ(x.nonzero().scalar_type(), kLong);
  EXPECT_EQ(zeros({2, 2}).nonzero().sizes(), IntArrayRef({0, 2}));
  EXPECT_EQ(tensor(3).nonzero().sizes(), IntArrayRef({1, 0}));
  EXPECT_EQ(tensor(0).nonzero().sizes(), IntArrayRef({0, 0}));
  EXPECT_EQ(empty({0, 3}).nonzero().sizes(), IntArrayRef({0, 2}));
  EXPECT_EQ(to_dense(where(x)[1]).values, std::vector<double>({1, 0, 1}));
  EXPECT_EQ(to_dense(x.argwhere()).values, to_dense(x.nonzero()).values);
  EXPECT_EQ(to_dense(tensor({0.0, std::nan("")}).nonzero()).values, std::vector<double>({1}));
}

}  // namespace
}  // namespace taper
