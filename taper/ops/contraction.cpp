#include "taper/ops/contraction.h"

#include <algorithm>
#include <array>
#include <vector>

#include "taper/ops/autocast_util.h"
#include "taper/ops/bodies.h"
#include "taper/ops/copy.h"
#include "taper/ops/joining.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/pointwise_util.h"
#include "taper/ops/reduction.h"
#include "taper/ops/slicing.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// An operand's or the result's dimensions: letters, and '.' where the ellipsis stands.
using Labels = std::string;

/// One side of an equation without blanks, "..." as one '.'.
Labels labels_of(std::string_view text) {
  Labels labels;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if (c == '.') {
      TAPER_CHECK(text.substr(i, 3) == "..." && labels.find('.') == Labels::npos,
                  "einsum: found '.' in \"", text, "\" that is not part of any ellipsis");
      labels += '.';
      i += 2;
      continue;
    }
    TAPER_CHECK(is_letter(c), "einsum: invalid subscript given at index ", i, " of \"", text,
                "\", subscripts must be in [a-zA-Z]");
    labels += c;
  }
  return labels;
}

struct Equation {
  std::vector<Labels> operands;
  Labels result;
};

Equation parse(std::string_view text, size_t operands) {
  Equation e;
  const size_t arrow = text.find("->");
  std::string_view left = text.substr(0, arrow);
  while (true) {
    const size_t comma = left.find(',');
    e.operands.push_back(labels_of(left.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    left.remove_prefix(comma + 1);
  }
  TAPER_CHECK(e.operands.size() == operands,
              "einsum: the number of operands does not match the equation's: got ", operands,
              ", expected ", e.operands.size());
  std::array<int, 128> count{};
  bool ellipsis = false;
  for (const Labels& labels : e.operands) {
    for (const char c : labels) {
      ++count[static_cast<size_t>(c)];
      ellipsis |= c == '.';
    }
  }
  if (arrow != std::string_view::npos) {
    e.result = labels_of(text.substr(arrow + 2));
    for (size_t i = 0; i < e.result.size(); ++i) {
      const char c = e.result[i];
      TAPER_CHECK(c == '.' || e.result.find(c, i + 1) == Labels::npos, "einsum: output subscript ",
                  std::string(1, c),
                  " appears more than once in the "
                  "output");
      TAPER_CHECK(c == '.' ? ellipsis : count[static_cast<size_t>(c)] > 0,
                  "einsum: output subscript ", c == '.' ? "..." : std::string(1, c),
                  " does not appear in the equation for any input operand");
    }
    return e;
  }
  if (ellipsis) e.result += '.';
  for (char c = 'A'; c <= 'z'; ++c) {
    if (is_letter(c) && count[static_cast<size_t>(c)] == 1) e.result += c;
  }
  return e;
}

/// Where each label's dimension stands when every operand has all of them: the result's first, the
/// dimensions of the ellipsis in its place, then those that are summed.
struct Arrangement {
  std::array<int64_t, 128> place;
  int64_t ellipsis = -1;  // its first dimension
  int64_t ellipsis_rank = 0;
  int64_t result_rank = 0, rank = 0;
};

int64_t ellipsis_rank(const Labels& labels, const Tensor& t, size_t number) {
  const bool has = labels.find('.') != Labels::npos;
  const int64_t named = static_cast<int64_t>(labels.size()) - has;
  TAPER_CHECK_AS(ShapeError, has ? named <= t.dim() : named == t.dim(),
                 "einsum: the number of subscripts in the equation (", named,
                 has ? ") is more than the number of dimensions ("
                     : ") does not match the number of dimensions (",
                 t.dim(), ") for operand ", number, has ? "" : " and no ellipsis was given");
  return t.dim() - named;
}

Arrangement arrangement_of(const Equation& e, TensorList operands) {
  Arrangement l;
  l.place.fill(-1);
  for (size_t i = 0; i < operands.size(); ++i) {
    l.ellipsis_rank = std::max(l.ellipsis_rank, ellipsis_rank(e.operands[i], operands[i], i));
  }
  const auto add = [&](char c) {
    if (c == '.') {
      if (l.ellipsis >= 0) return;
      l.ellipsis = l.rank;
      l.rank += l.ellipsis_rank;
    } else if (l.place[static_cast<size_t>(c)] < 0) {
      l.place[static_cast<size_t>(c)] = l.rank++;
    }
  };
  for (const char c : e.result) add(c);
  l.result_rank = l.rank;
  for (const Labels& labels : e.operands) {
    for (const char c : labels) add(c);
  }
  return l;
}

/// The operand with all dimensions of the arrangement, size 1 where it has none.
Tensor laid_out(const Tensor& operand, const Labels& labels, const Arrangement& l, size_t number) {
  Tensor t = operand;
  std::vector<int64_t> places;  // of t's dimensions
  int64_t d = 0;
  const int64_t dots = ellipsis_rank(labels, operand, number);
  for (const char c : labels) {
    if (c == '.') {
      for (int64_t i = 0; i < dots; ++i, ++d) {
        places.push_back(l.ellipsis + l.ellipsis_rank - dots + i);
      }
      continue;
    }
    const int64_t place = l.place[static_cast<size_t>(c)];
    const auto before = std::find(places.begin(), places.end(), place);
    if (before == places.end()) {
      places.push_back(place);
      ++d;
      continue;
    }
    // A second time: the diagonal, whose dimension goes to the end and back to its place.
    const int64_t first = before - places.begin();
    TAPER_CHECK_AS(ShapeError, t.size(first) == t.size(d), "einsum: subscript ", std::string(1, c),
                   " is repeated for operand ", number, " but the sizes don't match, ", t.size(d),
                   " != ", t.size(first));
    t = t.diagonal(0, first, d).movedim(-1, first);
  }
  std::vector<int64_t> order(places.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return places[a] < places[b]; });
  t = t.permute(order);
  DimVector sizes(static_cast<size_t>(l.rank), 1);
  for (size_t i = 0; i < order.size(); ++i)
    sizes[places[order[i]]] = t.size(static_cast<int64_t>(i));
  return t.reshape(sizes);
}

/// The sum over the dimensions `summed` of a * b, which have one rank and broadcast; those
/// dimensions stay with size 1. One batched product does it.
Tensor sum_of_products(Tensor a, Tensor b, const std::vector<bool>& summed) {
  const int64_t rank = a.dim();
  DimVector batch, left, right, inner_dims, sizes;
  for (int64_t d = 0; d < rank; ++d) {
    const bool in_a = a.size(d) != 1, in_b = b.size(d) != 1;
    if (summed[d]) {
      // Of one operand only: summed before the product.
      if (in_a && !in_b) a = a.sum(d, true);
      if (in_b && !in_a) b = b.sum(d, true);
      inner_dims.push_back(d);
      sizes.push_back(1);
    } else {
      (in_a && in_b ? batch : in_b ? right : left).push_back(d);
      sizes.push_back(in_a ? a.size(d) : b.size(d));
    }
  }
  const auto count = [](const Tensor& t, const DimVector& dims) {
    int64_t n = 1;
    for (const int64_t d : dims) n *= t.size(d);
    return n;
  };
  const auto joined = [](std::initializer_list<const DimVector*> lists) {
    DimVector all;
    for (const DimVector* list : lists) {
      for (const int64_t d : *list) all.push_back(d);
    }
    return all;
  };
  const int64_t n = count(a, batch), k = count(a, inner_dims);
  const Tensor x =
      a.permute(joined({&batch, &left, &inner_dims, &right})).reshape({n, count(a, left), k});
  const Tensor y =
      b.permute(joined({&batch, &inner_dims, &right, &left})).reshape({n, k, count(b, right)});
  // Back from [batch, left, right] to the places of the dimensions.
  const DimVector order = joined({&batch, &left, &right, &inner_dims});
  DimVector ordered_sizes, back(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    ordered_sizes.push_back(sizes[order[i]]);
    back[order[i]] = static_cast<int64_t>(i);
  }
  return bmm(x, y).reshape(ordered_sizes).permute(back);
}

Tensor contract(TensorList operands, const std::vector<Tensor>& full, const Arrangement& l) {
  Tensor result = full[0];
  for (size_t i = 1; i < full.size(); ++i) {
    for (int64_t d = 0; d < l.rank; ++d) {
      const int64_t m = result.size(d), n = full[i].size(d);
      TAPER_CHECK_AS(
          ShapeError, m == n || m == 1 || n == 1,
          "einsum: operands do not broadcast with remapped shapes [original->remapped]: ",
          operands[0].sizes(), "->", full[0].sizes(), " ", operands[i].sizes(), "->",
          full[i].sizes());
    }
    // A dimension is summed once no later operand has it.
    std::vector<bool> summed(static_cast<size_t>(l.rank), false);
    for (int64_t d = l.result_rank; d < l.rank; ++d) {
      summed[d] = std::none_of(full.begin() + static_cast<int64_t>(i) + 1, full.end(),
                               [d](const Tensor& t) { return t.size(d) != 1; });
    }
    result = sum_of_products(result, full[i], summed);
  }
  // What the products summed is still there with size 1.
  if (full.size() > 1) return result.reshape(result.sizes().slice(0, l.result_rank));
  DimVector rest;
  for (int64_t d = l.result_rank; d < l.rank; ++d) rest.push_back(d);
  return rest.empty() ? result : result.sum(rest);
}

DimVector other_dims(const Tensor& t, IntArrayRef dims) {
  DimVector others;
  for (int64_t d = 0; d < t.dim(); ++d) {
    if (std::find(dims.begin(), dims.end(), d) == dims.end()) others.push_back(d);
  }
  return others;
}

Tensor tensordot_fresh(const Tensor& self, const Tensor& other, IntArrayRef dims_self,
                       IntArrayRef dims_other) {
  TAPER_CHECK_AS(ShapeError, dims_self.size() == dims_other.size(),
                 "tensordot: both dimension lists should have same length, got ", dims_self,
                 " and ", dims_other);
  DimVector from, to;
  Tensor a = self, b = other;
  for (size_t i = 0; i < dims_self.size(); ++i) {
    const int64_t d = wrap_dim(dims_self[i], self.dim()), e = wrap_dim(dims_other[i], other.dim());
    TAPER_CHECK_AS(ShapeError,
                   std::find(from.begin(), from.end(), d) == from.end() &&
                       std::find(to.begin(), to.end(), e) == to.end(),
                   "tensordot: dim appears multiple times in the list of dims, got ", dims_self,
                   " and ", dims_other);
    const int64_t m = self.size(d), n = other.size(e);
    // A dimension of size 1 broadcasts: the other's is summed first.
    if (m != n && n == 1) a = a.sum(d, true);
    if (m != n && m == 1) b = b.sum(e, true);
    TAPER_CHECK_AS(ShapeError, m == n || m == 1 || n == 1,
                   "tensordot: contracted dimensions need to match, but first has size ", m,
                   " in dim ", d, " and second has size ", n, " in dim ", e);
    from.push_back(d);
    to.push_back(e);
  }
  const DimVector left = other_dims(self, from), right = other_dims(other, to);
  DimVector a_order(left), b_order(to), sizes;
  for (const int64_t d : from) a_order.push_back(d);
  for (const int64_t d : right) b_order.push_back(d);
  int64_t rows = 1, columns = 1, k = 1;
  for (const int64_t d : left) {
    sizes.push_back(a.size(d));
    rows *= a.size(d);
  }
  for (const int64_t d : right) {
    sizes.push_back(b.size(d));
    columns *= b.size(d);
  }
  for (const int64_t d : from) k *= a.size(d);
  return a.permute(a_order)
      .reshape({rows, k})
      .mm(b.permute(b_order).reshape({k, columns}))
      .reshape(sizes);
}

/// Where to cut a chain of matrices for the fewest multiplications, by the known table.
Tensor product_of_chain(TensorList m, const std::vector<std::vector<size_t>>& cut, size_t first,
                        size_t last) {
  if (first == last) return m[first];
  return product_of_chain(m, cut, first, cut[first][last])
      .mm(product_of_chain(m, cut, cut[first][last] + 1, last));
}

}  // namespace

Tensor einsum(std::string_view equation, TensorList operands) {
  TAPER_CHECK(!operands.empty(), "einsum: must provide at least one operand");
  const Equation e = parse(equation, operands.size());
  const Arrangement l = arrangement_of(e, operands);
  std::vector<Tensor> full;
  for (size_t i = 0; i < operands.size(); ++i) {
    full.push_back(laid_out(operands[i], e.operands[i], l, i));
  }
  return contract(operands, full, l);
}

Tensor chain_matmul(TensorList matrices) {
  TAPER_CHECK(!matrices.empty(), "chain_matmul: expected one or more matrices, got none");
  const size_t n = matrices.size();
  for (size_t i = 0; i < n; ++i) {
    TAPER_CHECK_AS(ShapeError, matrices[i].dim() == 2, "chain_matmul: Tensor dimension is ",
                   matrices[i].dim(), ", expected 2 instead (matrix ", i, ")");
    TAPER_CHECK_AS(ShapeError, i == 0 || matrices[i - 1].size(1) == matrices[i].size(0),
                   "chain_matmul: mat1 and mat2 shapes cannot be multiplied (",
                   i == 0 ? 0 : matrices[i - 1].size(0), "x", i == 0 ? 0 : matrices[i - 1].size(1),
                   " and ", matrices[i].size(0), "x", matrices[i].size(1), ")");
  }
  std::vector<std::vector<double>> cost(n, std::vector<double>(n, 0));
  std::vector<std::vector<size_t>> cut(n, std::vector<size_t>(n, 0));
  for (size_t length = 1; length < n; ++length) {
    for (size_t i = 0; i + length < n; ++i) {
      const size_t j = i + length;
      for (size_t k = i; k < j; ++k) {
        const double here = cost[i][k] + cost[k + 1][j] +
                            static_cast<double>(matrices[i].size(0)) *
                                static_cast<double>(matrices[k].size(1)) *
                                static_cast<double>(matrices[j].size(1));
        if (k == i || here < cost[i][j]) {
          cost[i][j] = here;
          cut[i][j] = k;
        }
      }
    }
  }
  return product_of_chain(matrices, cut, 0, n - 1);
}

Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const std::optional<Tensor>& bias) {
  TAPER_CHECK_AS(ShapeError, input1.dim() == input2.dim() && input1.dim() > 0,
                 "bilinear: input dimensions do not match: got ", input1.dim(), " and ",
                 input2.dim());
  TAPER_CHECK_AS(ShapeError, weight.dim() == 3,
                 "bilinear: expected a weight of three dimensions, "
                 "got sizes ",
                 weight.sizes());
  const int64_t rank = input1.dim();
  for (int64_t d = 0; d + 1 < rank; ++d) {
    TAPER_CHECK_AS(ShapeError, input1.size(d) == input2.size(d),
                   "bilinear: input batch dimensions do not match at dim ", d, ": got ",
                   input1.size(d), " and ", input2.size(d));
  }
  TAPER_CHECK_AS(ShapeError, input1.size(-1) == weight.size(1),
                 "bilinear: input1 size does not match weight size: got ", input1.size(-1),
                 " but expected ", weight.size(1));
  TAPER_CHECK_AS(ShapeError, input2.size(-1) == weight.size(2),
                 "bilinear: input2 size does not match weight size: got ", input2.size(-1),
                 " but expected ", weight.size(2));
  const Tensor operands[] = {input1, weight, input2};
  const Tensor out = einsum("...i,oij,...j->...o", operands);
  return bias && bias->defined() ? out.add(*bias) : out;
}

namespace body {

Tensor tensordot(Out out, const Tensor& self, const Tensor& other, IntArrayRef dims_self,
                 IntArrayRef dims_other) {
  return out.give("tensordot", tensordot_fresh(self, other, dims_self, dims_other), {self, other});
}

Tensor inner(Out out, const Tensor& self, const Tensor& other) {
  if (self.dim() == 0 || other.dim() == 0) return mul(out, self, other);
  TAPER_CHECK_AS(
      ShapeError, self.size(-1) == other.size(-1),
      "inner: inner() the last dimension must match on both input tensors but got shapes ",
      self.sizes(), " and ", other.sizes());
  return out.give("inner", tensordot_fresh(self, other, -1, -1), {self, other});
}

Tensor vdot(Out out, const Tensor& self, const Tensor& other) {
  return dot(out, self.conj(), other);
}

Tensor addr(Out out, const Tensor& self, const Tensor& vec1, const Tensor& vec2, const Scalar& beta,
            const Scalar& alpha) {
  TAPER_CHECK_AS(ShapeError, vec1.dim() == 1 && vec2.dim() == 1,
                 "addr: expected 1-D vec1 and vec2, but got ", vec1.dim(), "-D and ", vec2.dim(),
                 "-D");
  self.detach().expand({vec1.numel(), vec2.numel()});  // throws where it does not
  const ScalarType type = promoteTypes(result_type(self, vec1), vec2.scalar_type());
  for (const auto& [name, number] : {std::pair{"beta", &beta}, std::pair{"alpha", &alpha}}) {
    TAPER_CHECK(!isIntegralType(type, true) || !number->isFloatingPoint(),
                "addr: For integral input tensors, argument ", name,
                " must not be a floating point number.");
  }
  // Of truth values: or, and.
  const bool logical = type == kBool;
  const auto factor = [&](const Scalar& s) { return logical ? Scalar(s.toBool()) : s; };
  return composite(out, "addr", self, {self, vec1, vec2}, [&](const Tensor& x) {
    const Tensor product = taper::mul(taper::outer(vec1, vec2), factor(alpha));
    // beta = 0 ignores what self holds, NaN too.
    if (beta.equal(0)) return product.clone();
    return taper::add(taper::mul(x, factor(beta)), product);
  });
}

Tensor addbmm(Out out, const Tensor& self, const Tensor& batch1, const Tensor& batch2,
              const Scalar& beta, const Scalar& alpha) {
  if (autocasting() && out.is_fresh()) [[unlikely]] {
    return autocast_lower(&taper::addbmm, self, batch1, batch2, beta, alpha);
  }
  TAPER_CHECK_AS(ShapeError, batch1.dim() == 3 && batch2.dim() == 3,
                 "addbmm: batch1 and batch2 must be 3D tensors, got ", batch1.sizes(), " and ",
                 batch2.sizes());
  const int64_t count = batch1.size(0), rows = batch1.size(1), inner = batch1.size(2);
  TAPER_CHECK_AS(ShapeError, batch2.size(0) == count && batch2.size(1) == inner,
                 "addbmm: Expected size for first two dimensions of batch2 tensor to be: [", count,
                 ", ", inner, "] but got: [", batch2.size(0), ", ", batch2.size(1), "].");
  // The sum of the products is one product along both dimensions.
  const Tensor left = batch1.permute({1, 0, 2}).reshape({rows, count * inner});
  return addmm(out, self, left, batch2.reshape({count * inner, batch2.size(2)}), beta, alpha);
}

Tensor cross(Out out, const Tensor& self, const Tensor& other, std::optional<int64_t> dim) {
  int64_t d = -1;
  if (dim) {
    d = wrap_dim(*dim, self.dim());
  } else {
    for (int64_t i = self.dim() - 1; i >= 0; --i) {
      if (self.size(i) == 3) d = i;
    }
    TAPER_CHECK_AS(ShapeError, d >= 0, "cross: no dimension of size 3 in input, got ",
                   self.sizes());
  }
  TAPER_CHECK_AS(
      ShapeError,
      self.dim() == other.dim() && self.dim() > 0 && self.size(d) == 3 && other.size(d) == 3,
      "cross: inputs dimension ", dim.value_or(d), " must have length 3. Got ", self.sizes(),
      " and ", other.sizes());
  const Tensor a = roll(self, 1, d), b = roll(self, -1, d);
  const Tensor x = roll(other, 1, d), y = roll(other, -1, d);
  return out.give("cross", taper::sub(taper::mul(b, x), taper::mul(a, y)), {self, other});
}

}  // namespace body
}  // namespace taper
