#include "taper/ops/contraction.h"

#include <gtest/gtest.h>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/matmul.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

namespace taper {
namespace {

using namespace testing;
using Inputs = std::vector<Dense>;

Sample sample(std::string label, std::vector<Index> sizes, std::function<Tensor(const Tensors&)> op,
              Reference reference) {
  Sample s{std::move(label),
           {},
           [op](const Tensors& x) { return Tensors{op(x)}; },
           std::move(reference)};
  for (Index& size : sizes) s.args.push_back({std::move(size)});
  return s;
}

/// Einstein's sum as it is defined: over every value of every letter. Sizes by letter.
Reference summed(std::vector<std::string> operands, std::string result,
                 std::vector<std::pair<char, int64_t>> sizes) {
  return [=](const Inputs& x) {
    Index all, out_sizes;
    for (const auto& [letter, size] : sizes) all.push_back(size);
    const auto number = [&](char c) {
      size_t i = 0;
      while (sizes[i].first != c) ++i;
      return i;
    };
    int64_t count = 1;
    for (const char c : result) {
      out_sizes.push_back(all[number(c)]);
      count *= out_sizes.back();
    }
    Dense out{out_sizes, std::vector<double>(static_cast<size_t>(count))};
    for_each_index(all, [&](const Index& at) {
      double product = 1;
      for (size_t o = 0; o < operands.size(); ++o) {
        Index here;
        for (const char c : operands[o]) here.push_back(at[number(c)]);
        product *= x[o].at(here);
      }
      int64_t to = 0;
      for (const char c : result) to = to * all[number(c)] + at[number(c)];
      out.values[to] += product;
    });
    return Inputs{out};
  };
}

Sample einstein(std::string equation, std::vector<Index> sizes, std::vector<std::string> operands,
                std::string result, std::vector<std::pair<char, int64_t>> letters) {
  return sample(
      equation, std::move(sizes), [equation](const Tensors& x) { return einsum(equation, x); },
      summed(std::move(operands), std::move(result), std::move(letters)));
}

std::vector<OpCase> einsum_cases() {
  OpCase c;
  c.name = "einsum";
  c.samples = {
      einstein("ij,jk->ik", {{2, 3}, {3, 4}}, {"ij", "jk"}, "ik", {{'i', 2}, {'j', 3}, {'k', 4}}),
      einstein("bij , bkj", {{2, 3, 2}, {2, 2, 2}}, {"bij", "bkj"}, "ik",
               {{'b', 2}, {'i', 3}, {'j', 2}, {'k', 2}}),
      einstein("ii", {{3, 3}}, {"ii"}, "", {{'i', 3}}),
      einstein("iij->ji", {{2, 2, 3}}, {"iij"}, "ji", {{'i', 2}, {'j', 3}}),
      einstein("i,j", {{2}, {3}}, {"i", "j"}, "ij", {{'i', 2}, {'j', 3}}),
      einstein("...ij,...jk->...ik", {{2, 2, 3}, {2, 3, 2}}, {"bij", "bjk"}, "bik",
               {{'b', 2}, {'i', 2}, {'j', 3}, {'k', 2}}),
      einstein("i...,i->...", {{2, 3}, {2}}, {"ij", "i"}, "j", {{'i', 2}, {'j', 3}}),
      einstein("ab,bc,cd->da", {{2, 3}, {3, 2}, {2, 2}}, {"ab", "bc", "cd"}, "da",
               {{'a', 2}, {'b', 3}, {'c', 2}, {'d', 2}}),
      einstein("bhwi,bhwj->bij", {{2, 2, 2, 2}, {2, 2, 2, 3}}, {"bhwi", "bhwj"}, "bij",
               {{'b', 2}, {'h', 2}, {'w', 2}, {'i', 2}, {'j', 3}}),
      einstein("ij->", {{2, 3}}, {"ij"}, "", {{'i', 2}, {'j', 3}}),
      einstein("ik,jk->j", {{2, 3}, {2, 3}}, {"ik", "jk"}, "j", {{'i', 2}, {'k', 3}, {'j', 2}})};
  c.errors = {
      {"count",
       [] {
         einsum("ij,jk", {ones({2, 2})});
       },
       "the number of operands"},
      {"letter",
       [] {
         einsum("i1", {ones({2, 2})});
       },
       "subscripts must be in [a-zA-Z]"},
      {"dots",
       [] {
         einsum("i..", {ones({2, 2})});
       },
       "not part of any ellipsis"},
      {"rank",
       [] {
         einsum("ijk", {ones({2, 2})});
       },
       "the number of subscripts in the equation (3) does not match the number of dimensions (2)"},
      {"result",
       [] {
         einsum("ij->k", {ones({2, 2})});
       },
       "output subscript k does not appear"},
      {"twice",
       [] {
         einsum("ij->ii", {ones({2, 2})});
       },
       "appears more than once in the output"},
      {"diagonal",
       [] {
         einsum("ii", {ones({2, 3})});
       },
       "is repeated for operand 0 but the sizes"},
      {"sizes",
       [] {
         einsum("ij,jk", {ones({2, 3}), ones({2, 3})});
       },
       "operands do not broadcast"},
      {"none", [] { einsum("", {}); }, "must provide at least one operand"}};
  // Sums of products in another order than the reference's.
  c.tolerance = 4;
  c.same_bits = false;  // of a product: its tiles follow the operands' layout
  return {c};
}
TAPER_OP_CASES(einsum_cases);

std::vector<OpCase> product_cases() {
  std::vector<OpCase> cases;
  OpCase dots;
  dots.name = "tensordot";
  dots.samples = {
      sample(
          "two pairs", {{2, 3, 4}, {4, 3, 2}},
          [](const Tensors& x) {
            return tensordot(x[0], x[1], {1, 2}, {1, 0});
          },
          summed({"ijk", "kjl"}, "il", {{'i', 2}, {'j', 3}, {'k', 4}, {'l', 2}})),
      sample(
          "none", {{2}, {3}}, [](const Tensors& x) { return tensordot(x[0], x[1], {}, {}); },
          summed({"i", "j"}, "ij", {{'i', 2}, {'j', 3}}))};
  dots.errors = {
      {"sizes",
       [] {
         tensordot(ones({2, 3}), ones({2, 3}), 1, 0);
       },
       "contracted dimensions need to match, but first has size 3 in dim 1 and second has size 2"},
      {"lists",
       [] {
         tensordot(ones({2, 3}), ones({2, 3}), {0, 1}, 0);
       },
       "should have same length"},
      {"twice",
       [] {
         tensordot(ones({2, 2}), ones({2, 2}), {0, -2}, {0, 1});
       },
       "appears multiple times"}};
  dots.tolerance = 4;      // sums in another order
  dots.same_bits = false;  // of a product
  cases.push_back(dots);
  OpCase in;
  in.name = "inner";
  in.samples = {
      sample(
          "matrices", {{2, 3}, {4, 3}}, [](const Tensors& x) { return inner(x[0], x[1]); },
          summed({"ij", "kj"}, "ik", {{'i', 2}, {'j', 3}, {'k', 4}})),
      sample(
          "number", {{}, {3}}, [](const Tensors& x) { return inner(x[0], x[1]); },
          summed({"", "j"}, "j", {{'j', 3}}))};
  in.errors = {{"sizes", [] { inner(ones({2}), ones({3})); }, "the last dimension must match"}};
  in.same_bits = false;  // of a product
  cases.push_back(in);
  OpCase v;
  v.name = "vdot";
  v.samples = {sample(
      "vectors", {{4}, {4}}, [](const Tensors& x) { return vdot(x[0], x[1]); },
      summed({"i", "i"}, "", {{'i', 4}}))};
  v.same_bits = false;  // of a product
  cases.push_back(v);
  OpCase rank_one;
  rank_one.name = "addr";
  const Reference scaled = mapped({2, 3}, [](const Inputs& x, const Index& i) {
    return 0.5 * x[0].at(i) + 2 * x[1].at({i[0]}) * x[2].at({i[1]});
  });
  rank_one.samples = {sample(
      "scaled", {{2, 3}, {2}, {3}}, [](const Tensors& x) { return addr(x[0], x[1], x[2], 0.5, 2); },
      scaled)};
  rank_one.inplace = [](const Tensors& x) {
    Tensor self = x[0];
    return Tensors{self.addr_(x[1], x[2], 0.5, 2)};
  };
  cases.push_back(rank_one);
  OpCase batches;
  batches.name = "addbmm";
  batches.samples = {sample(
      "sum of products", {{2, 2}, {3, 2, 4}, {3, 4, 2}},
      [](const Tensors& x) { return addbmm(x[0], x[1], x[2], 2, 0.5); },
      [](const Inputs& x) {
        Inputs out =
            summed({"bij", "bjk"}, "ik", {{'b', 3}, {'i', 2}, {'j', 4}, {'k', 2}})({x[1], x[2]});
        for (size_t i = 0; i < 4; ++i)
          out[0].values[i] = 2 * x[0].values[i] + 0.5 * out[0].values[i];
        return out;
      })};
  batches.tolerance = 4;      // sums in another order
  batches.same_bits = false;  // of a product
  cases.push_back(batches);
  OpCase chain;
  chain.name = "chain_matmul";
  chain.samples = {sample(
      "four", {{2, 5}, {5, 1}, {1, 4}, {4, 2}}, [](const Tensors& x) { return chain_matmul(x); },
      summed({"ab", "bc", "cd", "de"}, "ae", {{'a', 2}, {'b', 5}, {'c', 1}, {'d', 4}, {'e', 2}}))};
  chain.errors = {{"sizes",
                   [] {
                     chain_matmul({ones({2, 3}), ones({2, 3})});
                   },
                   "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"}};
  chain.tolerance = 16;     // products of products round more often
  chain.same_bits = false;  // of a product
  cases.push_back(chain);
  OpCase three;
  three.name = "cross";
  const auto crossed = [](const Inputs& x, const Index& i) {
    const int64_t p = (i[1] + 1) % 3, q = (i[1] + 2) % 3;
    return x[0].at({i[0], p}) * x[1].at({i[0], q}) - x[0].at({i[0], q}) * x[1].at({i[0], p});
  };
  three.samples = {
      sample(
          "rows", {{2, 3}, {2, 3}}, [](const Tensors& x) { return cross(x[0], x[1]); },
          mapped({2, 3}, crossed)),
      sample(
          "chosen", {{3, 3}, {3, 3}}, [](const Tensors& x) { return cross(x[0], x[1], -1); },
          mapped({3, 3}, crossed))};
  three.errors = {{"none", [] { cross(ones({2}), ones({2})); }, "no dimension of size 3 in input"},
                  {"length",
                   [] {
                     cross(ones({2, 3}), ones({2, 3}), 0);
                   },
                   "must have length 3"}};
  cases.push_back(three);
  OpCase two;
  two.name = "bilinear";
  two.samples = {sample(
      "rows", {{4, 2}, {4, 3}, {2, 2, 3}, {2}},
      [](const Tensors& x) { return bilinear(x[0], x[1], x[2], x[3]); },
      mapped({4, 2}, [](const Inputs& x, const Index& i) {
        double sum = x[3].at({i[1]});
        for (int64_t a = 0; a < 2; ++a) {
          for (int64_t b = 0; b < 3; ++b) {
            sum += x[0].at({i[0], a}) * x[2].at({i[1], a, b}) * x[1].at({i[0], b});
          }
        }
        return sum;
      }))};
  two.tolerance = 8;      // the product of the first two rounds to the type
  two.same_bits = false;  // of a product
  cases.push_back(two);
  return cases;
}
TAPER_OP_CASES(product_cases);

TEST(Einsum, ProductsKeepTheirType) {
  const Tensor a = tensor({{1, 2}, {3, 4}}, kInt);
  const Tensor product = einsum("ij,jk->ik", {a, a});
  EXPECT_EQ(product.scalar_type(), kInt);
  EXPECT_EQ(to_dense(product).values, std::vector<double>({7, 10, 15, 22}));
}

}  // namespace
}  // namespace taper
