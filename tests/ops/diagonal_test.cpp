#include "taper/ops/diagonal.h"

#include <gtest/gtest.h>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

namespace taper {
namespace {

using namespace testing;
using Inputs = std::vector<Dense>;

std::vector<OpCase> diagonal_cases() {
  std::vector<OpCase> cases;
  const Reference above = mapped({3, 3}, [](const Inputs& x, const Index& i) {
    return i[1] == i[0] + 1 ? x[0].at({i[0]}) : 0.0;
  });
  OpCase diagonal = moving_case(
      "diag", {moving(
                   "of a matrix", {3, 4}, [](const Tensor& x) { return diag(x, 1); },
                   mapped({3},
                          [](const Inputs& x, const Index& i) {
                            return x[0].at({i[0], i[0] + 1});
                          })),
               moving(
                   "to a matrix", {2}, [](const Tensor& x) { return diag(x, 1); }, above)});
  diagonal.errors = {{"rank", [] { diag(ones({1, 1, 1})); }, "Supports 1D or 2D tensors. Got 3D"}};
  cases.push_back(diagonal);
  cases.push_back(moving_case(
      "diagflat", {moving(
                      "a matrix", {2, 1}, [](const Tensor& x) { return diagflat(x, -1); },
                      mapped({3, 3}, [](const Inputs& x, const Index& i) {
                        return i[0] == i[1] + 1 ? x[0].values[i[1]] : 0.0;
                      }))}));
  OpCase embed = moving_case(
      "diag_embed",
      {moving(
           "last", {2, 3}, [](const Tensor& x) { return diag_embed(x); },
           mapped({2, 3, 3},
                  [](const Inputs& x, const Index& i) {
                    return i[1] == i[2] ? x[0].at({i[0], i[1]}) : 0.0;
                  })),
       moving(
           "first and below", {2, 2}, [](const Tensor& x) { return diag_embed(x, -1, 0, 2); },
           mapped({3, 2, 3}, [](const Inputs& x, const Index& i) {
             return i[0] == i[2] + 1 ? x[0].at({i[1], i[2]}) : 0.0;
           }))});
  embed.errors = {
      {"same", [] { diag_embed(ones({2}), 0, 1, 1); }, "diagonal dimensions cannot be identical"},
      {"offset", [] { diag_embed(ones({2}), INT64_MIN); }, "out of range"}};
  cases.push_back(embed);
  return cases;
}
TAPER_OP_CASES(diagonal_cases);

/// self {3, 4} with src where position(index) gives an index into it, -1 elsewhere.
Sample replaced(Index src, std::function<Tensor(const Tensor&, const Tensor&)> op,
                std::function<Index(const Index&)> position) {
  return {"a matrix",
          {{{3, 4}}, {std::move(src)}},
          [op](const Tensors& x) { return Tensors{op(x[0], x[1])}; },
          mapped({3, 4}, [position](const Inputs& x, const Index& i) {
            const Index at = position(i);
            return at.empty() ? x[0].at(i) : x[1].at(at);
          })};
}

std::vector<OpCase> scatter_cases() {
  std::vector<OpCase> cases;
  OpCase diagonal = moving_case(
      "diagonal_scatter",
      {replaced(
          {3}, [](const Tensor& x, const Tensor& src) { return diagonal_scatter(x, src, 1); },
          [](const Index& i) { return i[1] == i[0] + 1 ? Index{i[0]} : Index{}; })});
  diagonal.errors = {{"size",
                      [] {
                        diagonal_scatter(ones({3, 3}), ones({2}));
                      },
                      "expected src to have a size equal to the slice of self. src size = [2], "
                      "slice size = [3]"}};
  cases.push_back(diagonal);
  cases.push_back(moving_case(
      "select_scatter",
      {replaced(
          {3}, [](const Tensor& x, const Tensor& src) { return select_scatter(x, src, 1, -1); },
          [](const Index& i) { return i[1] == 3 ? Index{i[0]} : Index{}; })}));
  cases.push_back(moving_case(
      "slice_scatter",
      {replaced(
          {3, 2},
          [](const Tensor& x, const Tensor& src) { return slice_scatter(x, src, 1, 1, 4, 2); },
          [](const Index& i) {
            return i[1] % 2 == 1 ? Index{i[0], i[1] / 2} : Index{};
          })}));
  cases.push_back(moving_case(
      "as_strided_scatter",
      {replaced(
          {2, 2},
          [](const Tensor& x, const Tensor& src) {
            return as_strided_scatter(x.contiguous(), src, {2, 2}, {4, 1}, 1);
          },
          [](const Index& i) {
            return i[0] < 2 && (i[1] == 1 || i[1] == 2) ? Index{i[0], i[1] - 1} : Index{};
          })}));
  return cases;
}
TAPER_OP_CASES(scatter_cases);

TEST(Diagonal, FillsInPlace) {
  Tensor x = zeros({3, 3});
  x.fill_diagonal_(5);
  EXPECT_TRUE(x.equal(eye(3).mul(5)));
  Tensor tall = zeros({7, 3});
  tall.fill_diagonal_(1, true);
  EXPECT_TRUE(tall.sum(1).equal(tensor({1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0})));
  EXPECT_EQ(tall[4][0].item<float>(), 1);
  Tensor cube = zeros({2, 2, 2});
  cube.fill_diagonal_(1);
  EXPECT_EQ(cube.sum().item<float>(), 2);
  EXPECT_EQ(cube[1][1][1].item<float>(), 1);
  Tensor uneven = zeros({2, 2, 3});
  EXPECT_ERROR(ShapeError, ([&] { uneven.fill_diagonal_(1); }()), "must be of equal length");
}

}  // namespace
}  // namespace taper
