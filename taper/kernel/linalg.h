#pragma once

#include <cstdint>

#include "taper/core/tensor_view.h"
#include "taper/kernel/kernel.h"

// Matrix factorisations, float32, float64 and the complex types. Every matrix argument is a batch
// [..., m, n] in column order: strides (1, max(m, 1)) in the last two dimensions, batches packed
// one after another. Vectors [..., k] and info [...] (int32, one number a matrix: 0, or LAPACK's
// reason) are contiguous. What is written is overwritten in place. A build without LAPACK throws
// from each.
namespace taper {

namespace cpu {
void geqrf(View a, View tau);
void orgqr(View q, ConstView tau);
void potrf(View a, View info, bool upper);
void getrf(View a, View pivots, View info);
void getrs(View b, ConstView lu, ConstView pivots);
void trsm(View b, ConstView a, bool upper, bool unitriangular);
void sytrf(View a, View pivots, View info, bool hermitian);
void sytrs(View b, ConstView ld, ConstView pivots, bool hermitian);
void syevd(View a, View values, View info, bool vectors, bool upper);
void gesdd(View a, View u, View s, View vh, View info);
void geev(View a, View values, View vectors, View info);
}  // namespace cpu

/// a = QR: R on and above a's diagonal, the reflectors that make Q below it and in tau [..., k].
inline constinit Kernel<void(View, View)> geqrf_kernel{"geqrf", &cpu::geqrf, Numbers::kAny};
/// The columns of Q from the reflectors in q's first columns.
inline constinit Kernel<void(View, ConstView)> orgqr_kernel{"orgqr", &cpu::orgqr, Numbers::kAny};
/// The Cholesky factor in the lower (upper) triangle of a; the other one is not touched. info i:
/// the leading minor of order i is not positive.
inline constinit Kernel<void(View, View, bool)> potrf_kernel{"potrf", &cpu::potrf, Numbers::kAny};
/// a = P L U; pivots [..., k] int32, from 1. info i: U's i-th diagonal element is 0.
inline constinit Kernel<void(View, View, View)> getrf_kernel{"getrf", &cpu::getrf, Numbers::kAny};
/// b := a^-1 b from a's factors.
inline constinit Kernel<void(View, ConstView, ConstView)> getrs_kernel{"getrs", &cpu::getrs,
                                                                       Numbers::kAny};
/// b := a^-1 b for a triangular a.
inline constinit Kernel<void(View, ConstView, bool, bool)> trsm_kernel{"trsm", &cpu::trsm,
                                                                       Numbers::kAny};
/// a = L D L^T, or with hermitian L D L^H, from a's lower triangle: L's below the diagonal, D's
/// blocks of one or two rows on it; pivots [..., n] int32 as LAPACK's sytrf. info i: D's i-th
/// diagonal element is 0.
inline constinit Kernel<void(View, View, View, bool)> sytrf_kernel{"sytrf", &cpu::sytrf,
                                                                   Numbers::kAny};
/// b := a^-1 b from such factors. The pivots must be what sytrf could have given.
inline constinit Kernel<void(View, ConstView, ConstView, bool)> sytrs_kernel{"sytrs", &cpu::sytrs,
                                                                             Numbers::kAny};
/// Eigenvalues (real), ascending, and with vectors the eigenvectors in a's columns, of symmetric
/// (Hermitian) matrices whose lower (upper) triangle is read.
inline constinit Kernel<void(View, View, View, bool, bool)> syevd_kernel{"syevd", &cpu::syevd,
                                                                         Numbers::kAny};
/// a = u diag(s) vh, s real and descending; u and vh hold all or the first k columns (rows), or are
/// undefined. a is destroyed.
inline constinit Kernel<void(View, View, View, View, View)> gesdd_kernel{"gesdd", &cpu::gesdd,
                                                                         Numbers::kAny};
/// The eigenvalues, complex, and unless undefined the eigenvectors, complex columns of length 1, of
/// any square matrix. a is destroyed.
inline constinit Kernel<void(View, View, View, View)> geev_kernel{"geev", &cpu::geev,
                                                                  Numbers::kAny};

}  // namespace taper
