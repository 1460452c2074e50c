#include "tests/support/op_case.h"

#include <cmath>
#include <random>

#include "taper/core/convert.h"

namespace taper::testing {

double Dense::at(const std::vector<int64_t>& index) const {
  int64_t offset = 0;
  for (size_t d = 0; d < sizes.size(); ++d) {
    const int64_t i = index[index.size() - sizes.size() + d];
    offset = offset * sizes[d] + (sizes[d] == 1 ? 0 : i);
  }
  return values[offset];
}

void for_each_index(const std::vector<int64_t>& sizes,
                    const std::function<void(const std::vector<int64_t>&)>& visit) {
  for (int64_t s : sizes) {
    if (s == 0) return;
  }
  std::vector<int64_t> index(sizes.size(), 0);
  while (true) {
    visit(index);
    size_t d = sizes.size();
    while (d > 0 && ++index[d - 1] == sizes[d - 1]) index[--d] = 0;
    if (d == 0) return;
  }
}

Dense to_dense(const Tensor& tensor) {
  Dense dense{tensor.sizes().vec(), {}};
  visit_dtype(tensor.scalar_type(), [&](auto zero) {
    const auto* data = static_cast<const decltype(zero)*>(tensor.const_data_ptr());
    for_each_index(dense.sizes, [&](const std::vector<int64_t>& index) {
      int64_t offset = 0;
      for (size_t d = 0; d < index.size(); ++d) offset += index[d] * tensor.strides()[d];
      dense.values.push_back(convert<double>(data[offset]));
    });
  });
  return dense;
}

Tensor to_tensor(const Dense& dense, ScalarType dtype) {
  Tensor t(TensorImpl::empty("to_tensor", dense.sizes, dtype));
  visit_dtype(dtype, [&](auto zero) {
    auto* data = static_cast<decltype(zero)*>(t.data_ptr());
    for (size_t i = 0; i < dense.values.size(); ++i) {
      data[i] = convert<decltype(zero)>(dense.values[i]);
    }
  });
  return t;
}

Reference elementwise(std::function<double(const std::vector<double>&)> f) {
  return [f](const std::vector<Dense>& args) {
    std::vector<int64_t> sizes;
    for (const Dense& a : args) {
      const DimVector both = broadcast_sizes(sizes, a.sizes);
      sizes.assign(both.begin(), both.end());
    }
    Dense out{sizes, {}};
    for_each_index(sizes, [&](const std::vector<int64_t>& index) {
      std::vector<double> x;
      for (const Dense& a : args) x.push_back(a.at(index));
      out.values.push_back(f(x));
    });
    return std::vector<Dense>{out};
  };
}

OpCase unary_case(std::string name, Tensor (*op)(const Tensor&), double (*reference)(double),
                  double low, double high) {
  OpCase c;
  c.name = std::move(name);
  const auto call = [op](const Tensors& x) { return Tensors{op(x[0])}; };
  const Reference ref =
      elementwise([reference](const std::vector<double>& x) { return reference(x[0]); });
  c.samples = {{"matrix", {{{3, 5}, low, high}}, call, ref},
               {"long", {{{2, 3, 67}, low, high}}, call, ref},
               {"scalar", {{{}, low, high}}, call, ref},
               {"empty", {{{0, 4}, low, high}}, call, ref}};
  return c;
}

OpCase binary_case(std::string name, std::function<Tensor(const Tensor&, const Tensor&)> op,
                   double (*reference)(double, double), double low, double high) {
  OpCase c;
  c.name = std::move(name);
  const auto call = [op](const Tensors& x) { return Tensors{op(x[0], x[1])}; };
  const Reference ref =
      elementwise([reference](const std::vector<double>& x) { return reference(x[0], x[1]); });
  auto arg = [&](std::vector<int64_t> sizes) { return Arg{std::move(sizes), low, high}; };
  c.samples = {{"same", {arg({3, 7}), arg({3, 7})}, call, ref},
               {"row", {arg({4, 1, 5}), arg({3, 5})}, call, ref},
               {"scalar", {arg({2, 33}), arg({})}, call, ref},
               {"empty", {arg({0, 3}), arg({1, 3})}, call, ref}};
  c.errors = {{"sizes",
               [op] {
                 op(to_tensor({{2}, {1, 1}}, kFloat), to_tensor({{3}, {1, 1, 1}}, kFloat));
               },
               "The size of tensor a (2) must match the size of tensor b (3) at non-singleton "
               "dimension 0",
               ErrorInput::Kind::shape}};
  return c;
}

}  // namespace taper::testing
