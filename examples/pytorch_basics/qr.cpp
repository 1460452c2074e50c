// QR: an orthonormal basis of a matrix's columns, and least squares with it.
#include <iostream>

#include "taper/taper.h"

using namespace taper;

int main() {
  const Tensor A = tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}}, kDouble);
  const auto [Q, R] = linalg::qr(A);
  std::cout << "A " << A.sizes() << " = Q " << Q.sizes() << " times R " << R.sizes() << '\n'
            << "Q =\n"
            << repr(Q) << '\n'
            << "R =\n"
            << repr(R) << '\n'
            << "Q R is A: " << (allclose(Q.matmul(R), A) ? "yes" : "no") << '\n'
            << "Q's columns are orthonormal: "
            << (allclose(Q.t().matmul(Q), eye(2, kDouble)) ? "yes" : "no") << '\n'
            << "R is exactly 0 below its diagonal: " << (R[1][0].item<double>() == 0 ? "yes" : "no")
            << '\n';
  const auto [full_Q, full_R] = linalg::qr(A, "complete");
  std::cout << "complete: Q " << full_Q.sizes() << ", R " << full_R.sizes() << '\n';

  // The x that makes A x closest to b solves R x = Q^T b.
  const Tensor b = tensor({1.0, 2.0, 4.0}, kDouble);
  const Tensor x = linalg::solve_triangular(R, Q.t().matmul(b).unsqueeze(1), true).squeeze(1);
  std::cout << "least squares: x = " << repr(x) << '\n';
  try {
    linalg::qr(A, "full");
  } catch (const Error& error) {
    std::cout << error.what_without_backtrace() << '\n';
  }
}
