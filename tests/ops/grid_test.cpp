#include "taper/ops/grid.h"

#include <gtest/gtest.h>

#include <cmath>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

namespace taper {
namespace {

using namespace testing;
using Inputs = std::vector<Dense>;

Sample listed(std::string label, std::vector<Index> sizes,
              std::function<Tensors(const Tensors&)> op, Reference reference) {
  Sample sample{std::move(label), {}, std::move(op), std::move(reference)};
  for (Index& s : sizes) sample.args.push_back({std::move(s)});
  return sample;
}

std::vector<OpCase> grid_cases() {
  std::vector<OpCase> cases;
  OpCase mesh = moving_case(
      "meshgrid",
      {listed(
           "ij", {{3}, {2}}, [](const Tensors& x) { return meshgrid(x); },
           [](const Inputs& x) {
             Inputs out(2, Dense{{3, 2}, {}});
             for_each_index({3, 2}, [&](const Index& i) {
               out[0].values.push_back(x[0].at({i[0]}));
               out[1].values.push_back(x[1].at({i[1]}));
             });
             return out;
           }),
       listed(
           "xy with a number", {{3}, {}}, [](const Tensors& x) { return meshgrid(x, "xy"); },
           [](const Inputs& x) {
             return Inputs{{{1, 3}, x[0].values}, {{1, 3}, std::vector<double>(3, x[1].values[0])}};
           })});
  mesh.errors = {
      {"matrix",
       [] {
         meshgrid({ones({2, 2})});
       },
       "Expected 0D or 1D tensor"},
      {"types",
       [] {
         meshgrid({ones({2}), ones({2}, kLong)});
       },
       "meshgrid expects all tensors to have the same dtype", ErrorInput::Kind::dtype},
      {"indexing", [] { meshgrid({ones({2})}, "yx"); }, "must be one of \"xy\" or \"ij\""}};
  cases.push_back(mesh);
  OpCase product = moving_case(
      "cartesian_prod",
      {listed(
           "three", {{2}, {3}, {2}}, [](const Tensors& x) { return Tensors{cartesian_prod(x)}; },
           mapped({12, 3},
                  [](const Inputs& x, const Index& i) {
                    const int64_t at[] = {i[0] / 6, i[0] / 2 % 3, i[0] % 2};
                    return x[i[1]].at({at[i[1]]});
                  })),
       listed(
           "one", {{3}}, [](const Tensors& x) { return Tensors{cartesian_prod(x)}; },
           same_values({3})),
       listed(
           "an empty one", {{2}, {0}}, [](const Tensors& x) { return Tensors{cartesian_prod(x)}; },
           mapped({0, 2}, nullptr))});
  product.errors = {
      {"matrix",
       [] {
         cartesian_prod({ones({2, 2})});
       },
       "Expect a 1D vector, but got shape [2, 2]"},
      {"number", [] { cartesian_prod({ones({})}); }, "Expect a 1D vector, but got shape []"},
      {"none", [] { cartesian_prod({}); }, "meshgrid expects a non-empty TensorList"}};
  cases.push_back(product);
  const auto choose = [](int64_t r, bool again) {
    return [r, again](const Tensor& x) { return combinations(x, r, again); };
  };
  const auto rows = [](Index sizes, std::vector<int64_t> order) {
    return mapped(sizes, [order, width = sizes[1]](const Inputs& x, const Index& i) {
      return x[0].at({order[i[0] * width + i[1]]});
    });
  };
  OpCase combine =
      moving_case("combinations",
                  {moving("pairs", {3}, choose(2, false), rows({3, 2}, {0, 1, 0, 2, 1, 2})),
                   moving("triples of four", {4}, choose(3, false),
                          rows({4, 3}, {0, 1, 2, 0, 1, 3, 0, 2, 3, 1, 2, 3})),
                   moving("with replacement", {2}, choose(3, true),
                          rows({4, 3}, {0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1, 1})),
                   moving("none of them", {3}, choose(0, false), mapped({0}, nullptr)),
                   moving("more than there are", {2}, choose(3, false), mapped({0, 3}, nullptr))});
  combine.errors = {
      {"negative", [] { combinations(ones({3}), -1); }, "Expect a non-negative number, but got -1"},
      {"matrix",
       [] {
         combinations(ones({3, 1}));
       },
       "Expect a 1D vector, but got shape [3, 1]"},
      {"too many", [] { combinations(ones({200}), 100); }, "combinations"},
      {"far too many", [] { combinations(ones({2}), int64_t{1} << 62, true); }, "combinations"}};
  cases.push_back(combine);
  return cases;
}
TAPER_OP_CASES(grid_cases);

std::vector<OpCase> block_cases() {
  std::vector<OpCase> cases;
  cases.push_back(
      moving_case("block_diag", {listed(
                                    "a matrix, a row and a number", {{2, 2}, {3}, {}},
                                    [](const Tensors& x) { return Tensors{block_diag(x)}; },
                                    mapped({4, 6}, [](const Inputs& x, const Index& i) {
                                      if (i[0] < 2 && i[1] < 2) return x[0].at(i);
                                      if (i[0] == 2 && i[1] >= 2 && i[1] < 5)
                                        return x[1].at({i[1] - 2});
                                      return i[0] == 3 && i[1] == 5 ? x[2].values[0] : 0.0;
                                    }))}));
  OpCase powers;
  powers.name = "vander";
  powers.samples = {
      listed(
          "square", {{3}}, [](const Tensors& x) { return Tensors{vander(x[0])}; },
          mapped({3, 3},
                 [](const Inputs& x, const Index& i) {
                   return std::pow(x[0].at({i[0]}), double(2 - i[1]));
                 })),
      listed(
          "increasing", {{2}}, [](const Tensors& x) { return Tensors{vander(x[0], 4, true)}; },
          mapped({2, 4}, [](const Inputs& x, const Index& i) {
            return std::pow(x[0].at({i[0]}), double(i[1]));
          }))};
  powers.errors = {{"matrix",
                    [] {
                      vander(ones({2, 2}));
                    },
                    "one-dimensional"},
                   {"negative", [] { vander(ones({2}), -1); }, "N must be non-negative"}};
  cases.push_back(powers);
  OpCase blocks;
  blocks.name = "kron";
  blocks.samples = {
      listed(
          "matrices", {{2, 3}, {2, 2}}, [](const Tensors& x) { return Tensors{kron(x[0], x[1])}; },
          mapped({4, 6},
                 [](const Inputs& x, const Index& i) {
                   return x[0].at({i[0] / 2, i[1] / 2}) * x[1].at({i[0] % 2, i[1] % 2});
                 })),
      listed(
          "a row and a matrix", {{3}, {2, 2}},
          [](const Tensors& x) { return Tensors{kron(x[0], x[1])}; },
          mapped({2, 6}, [](const Inputs& x, const Index& i) {
            return x[0].at({i[1] / 2}) * x[1].at({i[0], i[1] % 2});
          }))};
  cases.push_back(blocks);
  return cases;
}
TAPER_OP_CASES(block_cases);

std::vector<double> values(const Tensor& t) { return to_dense(t).values; }
using V = std::vector<double>;

TEST(Grid, TriangleIndices) {
  EXPECT_EQ(values(tril_indices(3, 3)), (V{0, 1, 1, 2, 2, 2, 0, 0, 1, 0, 1, 2}));
  EXPECT_EQ(values(triu_indices(2, 3, 1)), (V{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(tril_indices(3, 3).scalar_type(), kLong);
  EXPECT_EQ(triu_indices(3, 3, 0, kInt).scalar_type(), kInt);
  // Every offset: what is below, and what is above the next diagonal, make the whole.
  for (int64_t offset = -5; offset <= 5; ++offset) {
    const int64_t below = tril_indices(3, 4, offset).size(1);
    EXPECT_EQ(below + triu_indices(3, 4, offset + 1).size(1), 12) << offset;
    const Tensor kept = tril_indices(3, 4, offset);
    for (int64_t i = 0; i < below; ++i) {
      EXPECT_LE(kept[1][i].item<int64_t>() - kept[0][i].item<int64_t>(), offset);
    }
  }
  EXPECT_EQ(tril_indices(int64_t{1} << 40, 0).size(1), 0);
  EXPECT_EQ(triu_indices(1 << 20, 1, 0).size(1), 1);
  EXPECT_ERROR(ShapeError, ([] { tril_indices(-1, 2); }()), "row must be non-negative, got -1");
  EXPECT_ERROR(Error, ([] { tril_indices(int64_t{1} << 60, 64); }()), "tril_indices");
}

TEST(Grid, MeshgridExpandsWithoutCopies) {
  const Tensor x = arange(3), y = arange(4);
  const std::vector<Tensor> grids = meshgrid({x, y});
  EXPECT_EQ(grids[0].data_ptr(), x.data_ptr());
  EXPECT_EQ(grids[1].strides(), IntArrayRef({0, 1}));
}

}  // namespace
}  // namespace taper
