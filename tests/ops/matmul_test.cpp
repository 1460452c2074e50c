#include "taper/ops/matmul.h"

#include <cmath>
#include "taper/ops/variants.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Sizes = std::vector<int64_t>;

Dense row_major(Sizes sizes, const std::function<double(const Sizes&)>& f) {
  Dense out{sizes, {}};
  for_each_index(sizes, [&](const Sizes& i) { out.values.push_back(f(i)); });
  return out;
}

// sum over k of a[..., i, k] b[..., k, j], the leading dimensions broadcast.
Dense multiply(const Dense& a, const Dense& b) {
  const Sizes batch_a(a.sizes.begin(), a.sizes.end() - 2);
  const Sizes batch_b(b.sizes.begin(), b.sizes.end() - 2);
  const DimVector batch = broadcast_sizes(batch_a, batch_b);
  Sizes sizes(batch.begin(), batch.end());
  sizes.push_back(a.sizes[a.sizes.size() - 2]);
  sizes.push_back(b.sizes.back());
  const int64_t depth = a.sizes.back();
  return row_major(sizes, [&](const Sizes& index) {
    Sizes left(index), right(index);
    double sum = 0;
    for (int64_t k = 0; k < depth; ++k) {
      left.back() = k;
      right[right.size() - 2] = k;
      sum += a.at(left) * b.at(right);
    }
    return sum;
  });
}

Dense reshaped(Dense d, Sizes sizes) {
  d.sizes = std::move(sizes);
  return d;
}
// The other argument of matmul's rules: a vector is a row on the left, a column on the right.
Dense matmul_reference(const Dense& a, const Dense& b) {
  const bool row = a.sizes.size() == 1, column = b.sizes.size() == 1;
  const Dense x = row ? reshaped(a, {1, a.sizes[0]}) : a;
  const Dense y = column ? reshaped(b, {b.sizes[0], 1}) : b;
  Dense out = multiply(x, y);
  if (column) out.sizes.pop_back();
  if (row) out.sizes.erase(out.sizes.end() - (column ? 1 : 2));
  return out;
}

Reference product_reference() {
  return
      [](const std::vector<Dense>& x) { return std::vector<Dense>{matmul_reference(x[0], x[1])}; };
}

using Binary = Tensor (*)(const Tensor&, const Tensor&);

Sample product_sample(const std::string& label, Binary op, Sizes a, Sizes b) {
  return {label,
          {{std::move(a)}, {std::move(b)}},
          [op](const Tensors& x) { return Tensors{op(x[0], x[1])}; },
          product_reference()};
}

// The order of a sum depends on the operands' layout, and sums are long for the tolerance.
OpCase product_case(std::string name, std::vector<Sample> samples) {
  OpCase c;
  c.name = std::move(name);
  c.samples = std::move(samples);
  c.same_bits = false;
  c.tolerance = 4;
  return c;
}

Tensor ones(Sizes sizes, ScalarType dtype = kFloat) {
  Dense d{sizes, {}};
  for_each_index(sizes, [&](const Sizes&) { d.values.push_back(1); });
  return to_tensor(d, dtype);
}

const std::vector<ScalarType> kNumbers = {kFloat, kDouble, kHalf, kBFloat16, kInt, kLong, kShort};

OpCase mm_case() {
  OpCase c = product_case("mm", {product_sample("square", taper::mm, {4, 4}, {4, 4}),
                                 product_sample("row", taper::mm, {1, 9}, {9, 20}),
                                 product_sample("wide", taper::mm, {3, 2}, {2, 50}),
                                 product_sample("tall", taper::mm, {19, 7}, {7, 1}),
                                 product_sample("no rows", taper::mm, {0, 3}, {3, 2}),
                                 product_sample("no depth", taper::mm, {2, 0}, {0, 3})});
  c.dtypes = kNumbers;
  c.errors = {{"sizes",
               [] {
                 mm(ones({2, 3}), ones({2, 3}));
               },
               "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", ErrorInput::Kind::shape},
              {"rank",
               [] {
                 mm(ones({2}), ones({2, 3}));
               },
               "self must be a matrix", ErrorInput::Kind::shape},
              {"rank of mat2",
               [] {
                 mm(ones({2, 3}), ones({3}));
               },
               "mat2 must be a matrix", ErrorInput::Kind::shape},
              {"types",
               [] {
                 mm(ones({2, 3}), ones({3, 2}, kDouble));
               },
               "expected m1 and m2 to have the same dtype", ErrorInput::Kind::dtype},
              {"bool",
               [] {
                 mm(ones({2, 3}, kBool), ones({3, 2}, kBool));
               },
               "\"addmm_impl_cpu_\" not implemented for 'Bool'", ErrorInput::Kind::dtype}};
  return c;
}

OpCase bmm_case() {
  OpCase c = product_case("bmm", {product_sample("batch", taper::bmm, {3, 2, 5}, {3, 5, 4}),
                                  product_sample("one", taper::bmm, {1, 6, 2}, {1, 2, 3}),
                                  product_sample("many", taper::bmm, {9, 1, 2}, {9, 2, 3}),
                                  product_sample("empty", taper::bmm, {0, 2, 3}, {0, 3, 2})});
  c.errors = {{"rank",
               [] {
                 bmm(ones({2, 3}), ones({2, 3, 4}));
               },
               "batch1 must be a 3D tensor", ErrorInput::Kind::shape},
              {"sizes",
               [] {
                 bmm(ones({2, 3, 4}), ones({1, 3, 4}));
               },
               "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: "
               "[1, 3].",
               ErrorInput::Kind::shape}};
  return c;
}

OpCase vector_case() {
  OpCase c = product_case("mv", {product_sample("matrix", taper::mv, {5, 20}, {20}),
                                 product_sample("one row", taper::mv, {1, 3}, {3}),
                                 product_sample("empty", taper::mv, {4, 0}, {0})});
  c.errors = {{"sizes",
               [] {
                 mv(ones({2, 3}), ones({2}));
               },
               "size mismatch, got 2, 2x3,2", ErrorInput::Kind::shape}};
  return c;
}

OpCase dot_case() {
  OpCase c = product_case("dot", {product_sample("long", taper::dot, {37}, {37}),
                                  product_sample("empty", taper::dot, {0}, {0})});
  c.dtypes = kNumbers;
  c.errors = {
      {"rank",
       [] {
         dot(ones({2, 2}), ones({2, 2}));
       },
       "1D tensors expected, but got 2D and 2D tensors", ErrorInput::Kind::shape},
      {"types", [] { dot(ones({2}), ones({2}, kDouble)); },
       "dot : expected both vectors to have same dtype, but found Float and Double",
       ErrorInput::Kind::dtype},
      {"sizes", [] { dot(ones({3}), ones({2})); },
       "inconsistent tensor size, expected tensor [3] and src [2] to have the same number of "
       "elements, but got 3 and 2 elements respectively",
       ErrorInput::Kind::shape}};
  return c;
}

OpCase matmul_case() {
  const auto s = [](const char* label, Sizes a, Sizes b) {
    return product_sample(label, taper::matmul, std::move(a), std::move(b));
  };
  OpCase c = product_case(
      "matmul", {s("vectors", {5}, {5}), s("matrices", {3, 5}, {5, 2}), s("row", {5}, {5, 2}),
                 s("column", {3, 5}, {5}), s("fold", {2, 3, 4}, {4, 5}),
                 s("matrix and batch", {3, 4}, {2, 4, 5}), s("row and batch", {4}, {2, 4, 5}),
                 s("batch and column", {2, 3, 4}, {4}), s("batches", {2, 3, 4}, {2, 4, 5}),
                 s("broadcast", {3, 1, 3, 4}, {2, 4, 2}), s("empty", {2, 0, 4}, {4, 5})});
  c.errors = {{"rank 0", [] { matmul(ones({}), ones({2})); },
               "both arguments to matmul need to be at least 1D, but they are 0D and 1D",
               ErrorInput::Kind::shape},
              {"batches",
               [] {
                 matmul(ones({2, 3, 4}), ones({3, 4, 2}));
               },
               "must match the size of tensor b", ErrorInput::Kind::shape},
              {"inner",
               [] {
                 matmul(ones({2, 3, 4}), ones({3, 4}));
               },
               "mat1 and mat2 shapes cannot be multiplied (6x4 and 3x4)", ErrorInput::Kind::shape}};
  return c;
}

OpCase outer_case() {
  OpCase c;
  c.name = "outer";
  c.samples = {{"matrix",
                {{{4}}, {{7}}},
                [](const Tensors& x) { return Tensors{outer(x[0], x[1])}; },
                [](const std::vector<Dense>& x) {
                  return std::vector<Dense>{row_major(
                      {x[0].numel(), x[1].numel()},
                      [&](const Sizes& i) { return x[0].values[i[0]] * x[1].values[i[1]]; })};
                }}};
  c.errors = {{"rank",
               [] {
                 outer(ones({2, 2}), ones({2}));
               },
               "Expected 1-D argument self, but got 2-D", ErrorInput::Kind::shape}};
  return c;
}

// beta * self + alpha * product.
Reference add_reference(double beta, double alpha) {
  return [=](const std::vector<Dense>& x) {
    const Dense p = matmul_reference(x[1], x[2]);
    return std::vector<Dense>{row_major(p.sizes, [&](const Sizes& i) {
      return (beta == 0 ? 0 : beta * x[0].at(i)) + alpha * p.at(i);
    })};
  };
}

using Ternary = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, const Scalar&,
                           const Scalar&);

Sample add_sample(const std::string& label, Ternary op, std::vector<Sizes> sizes, double beta,
                  double alpha) {
  return {label,
          {{sizes[0]}, {sizes[1]}, {sizes[2]}},
          [=](const Tensors& x) { return Tensors{op(x[0], x[1], x[2], beta, alpha)}; },
          add_reference(beta, alpha)};
}

OpCase addmm_case() {
  OpCase c =
      product_case("addmm", {add_sample("matrix", taper::addmm, {{3, 5}, {3, 4}, {4, 5}}, 1, 1),
                             add_sample("bias", taper::addmm, {{5}, {3, 4}, {4, 5}}, 1, 2),
                             add_sample("column", taper::addmm, {{3, 1}, {3, 4}, {4, 5}}, 0.5, 1),
                             add_sample("no self", taper::addmm, {{3, 5}, {3, 4}, {4, 5}}, 0, -1)});
  c.errors = {{"sizes",
               [] {
                 addmm(ones({2, 2}), ones({2, 3}), ones({2, 3}));
               },
               "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", ErrorInput::Kind::shape},
              {"self",
               [] {
                 addmm(ones({3, 3}), ones({2, 3}), ones({3, 2}));
               },
               "must match the existing size", ErrorInput::Kind::shape},
              {"alpha",
               [] {
                 addmm(ones({2, 2}, kLong), ones({2, 2}, kLong), ones({2, 2}, kLong), 1, 0.5);
               },
               "argument alpha must not be a floating point number"}};
  return c;
}

OpCase addmm_in_place_case() {
  OpCase c =
      product_case("addmm_", {add_sample("matrix", taper::addmm, {{3, 5}, {3, 4}, {4, 5}}, 2, 1)});
  c.inplace = [](const Tensors& x) {
    Tensor self = x[0];
    return Tensors{addmm_(self, x[1], x[2], 2, 1)};
  };
  return c;
}

OpCase addmv_case() {
  return product_case("addmv", {add_sample("vector", taper::addmv, {{3}, {3, 4}, {4}}, 1, 1),
                                add_sample("number", taper::addmv, {{}, {3, 4}, {4}}, 2, 3)});
}

OpCase baddbmm_case() {
  OpCase c = product_case(
      "baddbmm", {add_sample("batch", taper::baddbmm, {{2, 3, 5}, {2, 3, 4}, {2, 4, 5}}, 1, 1),
                  add_sample("row", taper::baddbmm, {{5}, {2, 3, 4}, {2, 4, 5}}, 2, 0.5)});
  c.inplace = nullptr;
  return c;
}

OpCase linear_case() {
  const auto call = [](const Tensors& x) {
    return Tensors{linear(x[0], x[1], x.size() > 2 ? std::optional<Tensor>(x[2]) : std::nullopt)};
  };
  const Reference reference = [](const std::vector<Dense>& x) {
    const int64_t n = x[1].sizes[0], k = x[1].sizes[1];
    Sizes sizes = x[0].sizes;
    sizes.back() = n;
    return std::vector<Dense>{row_major(sizes, [&](const Sizes& i) {
      double sum = x.size() > 2 ? x[2].values[i.back()] : 0;
      Sizes at = i;
      for (int64_t p = 0; p < k; ++p) {
        at.back() = p;
        sum += x[0].at(at) * x[1].at({i.back(), p});
      }
      return sum;
    })};
  };
  OpCase c = product_case("linear", {{"batch", {{{5, 7}}, {{3, 7}}, {{3}}}, call, reference},
                                     {"one row", {{{1, 20}}, {{33, 20}}, {{33}}}, call, reference},
                                     {"vector", {{{7}}, {{3, 7}}, {{3}}}, call, reference},
                                     {"no bias", {{{2, 3, 4}}, {{5, 4}}}, call, reference},
                                     {"deep", {{{2, 2, 3, 4}}, {{5, 4}}, {{5}}}, call, reference},
                                     {"empty", {{{0, 4}}, {{5, 4}}, {{5}}}, call, reference}});
  c.errors = {{"sizes",
               [] {
                 linear(ones({2, 3}), ones({4, 2}));
               },
               "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x4)", ErrorInput::Kind::shape},
              {"bias",
               [] {
                 linear(ones({2, 3}), ones({4, 3}), ones({3}));
               },
               "expected a bias of size [4], got [3]", ErrorInput::Kind::shape},
              {"types",
               [] {
                 linear(ones({2, 3}), ones({4, 3}, kDouble));
               },
               "same dtype", ErrorInput::Kind::dtype}};
  return c;
}

std::vector<OpCase> matmul_ops() {
  return {mm_case(),     bmm_case(),     vector_case(), dot_case(),
          matmul_case(), outer_case(),   addmm_case(),  addmm_in_place_case(),
          addmv_case(),  baddbmm_case(), linear_case()};
}
TAPER_OP_CASES(matmul_ops);

TEST(MatmulOps, OutMayBeAnOperand) {
  const Dense values = row_major({3, 3}, [](const Sizes& i) { return i[0] - 2.0 * i[1]; });
  const Dense want = multiply(values, values);
  Tensor a = to_tensor(values, kFloat);
  mm_out(a, a, a);
  EXPECT_EQ(to_dense(a).values, want.values);
  Tensor b = to_tensor(values, kFloat);
  addmm_(b, b, b, 0, 1);
  EXPECT_EQ(to_dense(b).values, want.values);
}

TEST(MatmulOps, OutKeepsItsMemoryAndType) {
  Tensor out = ones({2, 4}, kDouble);
  const void* memory = out.const_data_ptr();
  mm_out(out, ones({2, 3}, kDouble), ones({3, 4}, kDouble));
  EXPECT_EQ(out.const_data_ptr(), memory);
  EXPECT_EQ(to_dense(out).values, std::vector<double>(8, 3.0));
}

TEST(MatmulOps, BetaZeroIgnoresNanInSelf) {
  const Tensor self = to_tensor({{2, 2}, {NAN, NAN, NAN, NAN}}, kFloat);
  const Dense got = to_dense(addmm(self, ones({2, 3}), ones({3, 2}), 0, 1));
  EXPECT_EQ(got.values, std::vector<double>(4, 3.0));
}

TEST(MatmulOps, ExpandedFactorsOfAnySize) {
  for (int64_t n : {1, 2, 5, 8, 33, 70}) {
    for (ScalarType dtype : {kFloat, kDouble}) {
      const Tensor full = ones({n, n}, dtype);
      const std::vector<double> want(static_cast<size_t>(n * n), static_cast<double>(n));
      for (const Tensor& stretched :
           {ones({}, dtype).expand({n, n}), ones({n, 1}, dtype).expand({n, n}),
            ones({1, n}, dtype).expand({n, n})}) {
        EXPECT_EQ(to_dense(mm(stretched, full)).values, want) << n;
        EXPECT_EQ(to_dense(mm(full, stretched)).values, want) << n;
        EXPECT_EQ(to_dense(mm(stretched, stretched.t())).values, want) << n;
      }
    }
  }
}

// The gradient of a sum is one number, expanded.
TEST(MatmulOps, GradientOfASum) {
  Tensor x = ones({2, 3}).requires_grad_();
  mm(x, x.t()).sum().backward();
  EXPECT_EQ(to_dense(x.grad()).values, std::vector<double>(6, 4.0));
}

}  // namespace
}  // namespace taper::testing
