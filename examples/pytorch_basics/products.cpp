// Products: dot, mm, mv, bmm and matmul, which one is which, and what does not fit.
#include <iostream>

#include "taper/taper.h"

using namespace taper;

namespace {

template <class F>
void show_error(const char* what, F f) {
  try {
    f();
  } catch (const Error& error) {
    std::cout << what << ": " << error.what_without_backtrace() << '\n';
  }
}

}  // namespace

int main() {
  const Tensor v = tensor({1.0, 2.0, 3.0}), w = tensor({4.0, 5.0, 6.0});
  const Tensor a = tensor({{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}});
  std::cout << "dot(v, w) = " << dot(v, w).item<float>() << '\n'
            << "mv(a, v) = " << repr(mv(a, v)) << '\n'
            << "mm(a, a.t()) =\n"
            << repr(mm(a, a.t())) << '\n'
            << "outer(v, w) =\n"
            << repr(outer(v, w)) << '\n';

  // matmul chooses by the number of dimensions and broadcasts what comes before the last two.
  const auto sizes = [](IntArrayRef left, IntArrayRef right) {
    std::cout << left << " @ " << right << " -> " << matmul(ones(left), ones(right)).sizes()
              << '\n';
  };
  sizes(3, 3);
  sizes({2, 3}, 3);
  sizes(2, {2, 3});
  sizes({5, 2, 3}, 3);
  sizes({5, 2, 3}, {5, 3, 4});
  sizes({10, 1, 2, 3}, {5, 3, 4});

  show_error("mm(a, a)", [&] { mm(a, a); });
  show_error("dot(a, v)", [&] { dot(a, v); });
  show_error("matmul(number, v)", [&] { matmul(tensor(2.0), v); });
  show_error("bmm(a, a)", [&] { bmm(a, a); });

  // einsum names the dimensions; a letter that the result does not name is summed over.
  std::cout << "einsum(\"ij,kj->ik\", a, a) =\n" << repr(einsum("ij,kj->ik", {a, a})) << '\n';
}
