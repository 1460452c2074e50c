#pragma once

#include "taper/tensor/tensor.h"

// Complex numbers and their parts. Conjugates are computed at once: no tensor is a conjugate that
// waits for its reader. Gradients follow PyTorch: that of a real loss L is dL/dRe + i dL/dIm.
namespace taper TAPER_API {

/// real + i imag, of two Float or two Double tensors, which broadcast.
Tensor complex(const Tensor& real, const Tensor& imag);
/// abs e^(i angle), of two Float or two Double tensors, which broadcast.
Tensor polar(const Tensor& abs, const Tensor& angle);
/// A real view [..., 2] of a complex tensor: real and imaginary parts. With gradients on, a write
/// in place to the view throws where it would have to reach the graph of the other tensor.
Tensor view_as_real(const Tensor& self);
/// A complex view of a Float or Double tensor [..., 2]; the inverse of view_as_real().
Tensor view_as_complex(const Tensor& self);
/// The real parts, a view; a real tensor is its own.
/// variants: method
Tensor real(const Tensor& self);
/// The imaginary parts, a view. Throws on real tensors.
/// variants: method
Tensor imag(const Tensor& self);
/// The angle of each number in (-pi, pi]; of a real one 0, or pi when it is negative.
/// variants: method, out
Tensor angle(const Tensor& self);
/// The complex conjugate; a real tensor is its own.
/// variants: method
Tensor conj(const Tensor& self);
/// The complex conjugate.
/// variants: method, inplace, out
Tensor conj_physical(const Tensor& self);
/// The conjugates of the transposed matrices: mT() and conj().
/// variants: method
Tensor adjoint(const Tensor& self);
/// Same as adjoint().
/// variants: method
Tensor mH(const Tensor& self);
/// adjoint() of a matrix or a number.
/// variants: method
Tensor matrix_H(const Tensor& self);
/// self: conjugates are computed at once.
/// variants: method
Tensor resolve_conj(const Tensor& self);
/// self: negatives are computed at once.
/// variants: method
Tensor resolve_neg(const Tensor& self);
/// Whether the numbers are complex.
bool is_complex(const Tensor& self);
/// False: conjugates are computed at once.
/// variants: method
bool is_conj(const Tensor& self);
/// False: negatives are computed at once.
/// variants: method
bool is_neg(const Tensor& self);

}  // namespace taper
