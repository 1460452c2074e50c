#pragma once

#include <optional>
#include <string_view>
#include <tuple>

#include "taper/tensor/tensor.h"

// Least squares, systems of tensors, and products of Householder's reflections; float32, float64
// and complex. Matrices stand in the last two dimensions.
namespace taper TAPER_API {

/// The x of least norm among those with least |A x - B|, for A [*, m, n] and B [*, m, k] or [*, m];
/// leading sizes broadcast. Returns x [*, n, k]; the sums of squares of A x - B [*, k] where m > n
/// and A has full rank; the ranks [*]; the singular values. Singular values up to rcond times the
/// largest count as 0; rcond is max(m, n) times the type's precision unless given. As in PyTorch
/// the driver says what is returned, and else nothing: "gelsy" (default) the ranks, "gelsd" and
/// "gelss" all, "gels" the residuals; it throws where A has not full rank.
/// https://pytorch.org/docs/stable/generated/torch.linalg.lstsq.html
std::tuple<Tensor, Tensor, Tensor, Tensor> linalg_lstsq(
    const Tensor& A, const Tensor& B, std::optional<double> rcond = std::nullopt,
    std::optional<std::string_view> driver = std::nullopt);

/// The tensor X for which tensordot(X, A, ind) is the identity: the product of A's first ind sizes
/// is that of the others.
Tensor linalg_tensorinv(const Tensor& A, int64_t ind = 2);
/// The X for which tensordot(A, X, X.dim()) is B. dims are moved to A's end first.
Tensor linalg_tensorsolve(const Tensor& A, const Tensor& B,
                          OptionalIntArrayRef dims = std::nullopt);

/// The first n columns of H(1) ... H(k) for A [*, m, n] and tau [*, k]: H(i) = I - tau(i) v v^T,
/// where v is column i of A below the diagonal, 1 on it, 0 above; v^H if complex. k <= n <= m.
Tensor linalg_householder_product(const Tensor& A, const Tensor& tau);
/// Same as linalg_householder_product().
/// variants: method
Tensor orgqr(const Tensor& self, const Tensor& input2);
/// Q other, or with left false other Q; Q is the m x m product of the reflections of self [*, m, k]
/// and tau [*, k], or its transpose (of complex numbers its adjoint).
/// variants: method
Tensor ormqr(const Tensor& self, const Tensor& input2, const Tensor& input3, bool left = true,
             bool transpose = false);

}  // namespace taper
