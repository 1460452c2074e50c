#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "taper/backend/cpu/scratch.h"
#include "taper/base/error.h"
#include "taper/base/parallel.h"
#include "taper/core/complex.h"
#include "taper/core/tensor_view.h"

// LAPACK for the bodies of the linear algebra kernels: its Fortran symbols by type, and loops over
// batches of matrices.

#if TAPER_WITH_OPENBLAS
// Arguments by address, string lengths at the end. R is T's real type; un and he are what unitary
// and Hermitian matrices have where real ones have orthogonal and symmetric.
extern "C" {
#define TAPER_LAPACK_ALL(T, p, un)                                                               \
  void p##geqrf_(const int* m, const int* n, T* a, const int* lda, T* tau, T* work,              \
                 const int* lwork, int* info);                                                   \
  void p##un##gqr_(const int* m, const int* n, const int* k, T* a, const int* lda, const T* tau, \
                   T* work, const int* lwork, int* info);                                        \
  void p##potrf_(const char* uplo, const int* n, T* a, const int* lda, int* info, size_t);       \
  void p##getrf_(const int* m, const int* n, T* a, const int* lda, int* ipiv, int* info);        \
  void p##getrs_(const char* trans, const int* n, const int* nrhs, const T* a, const int* lda,   \
                 const int* ipiv, T* b, const int* ldb, int* info, size_t);                      \
  void p##trsm_(const char* side, const char* uplo, const char* trans, const char* diag,         \
                const int* m, const int* n, const T* alpha, const T* a, const int* lda, T* b,    \
                const int* ldb, size_t, size_t, size_t, size_t);                                 \
  void p##sytrf_(const char* uplo, const int* n, T* a, const int* lda, int* ipiv, T* work,       \
                 const int* lwork, int* info, size_t);                                           \
  void p##sytrs_(const char* uplo, const int* n, const int* nrhs, const T* a, const int* lda,    \
                 const int* ipiv, T* b, const int* ldb, int* info, size_t);
#define TAPER_LAPACK_REAL(T, p)                                                                   \
  TAPER_LAPACK_ALL(T, p, or)                                                                      \
  void p##syevd_(const char* jobz, const char* uplo, const int* n, T* a, const int* lda, T* w,    \
                 T* work, const int* lwork, int* iwork, const int* liwork, int* info, size_t,     \
                 size_t);                                                                         \
  void p##gesdd_(const char* jobz, const int* m, const int* n, T* a, const int* lda, T* s, T* u,  \
                 const int* ldu, T* vt, const int* ldvt, T* work, const int* lwork, int* iwork,   \
                 int* info, size_t);                                                              \
  void p##geev_(const char* jobvl, const char* jobvr, const int* n, T* a, const int* lda, T* wr,  \
                T* wi, T* vl, const int* ldvl, T* vr, const int* ldvr, T* work, const int* lwork, \
                int* info, size_t, size_t);
#define TAPER_LAPACK_COMPLEX(T, R, p)                                                            \
  TAPER_LAPACK_ALL(T, p, un)                                                                     \
  void p##hetrf_(const char* uplo, const int* n, T* a, const int* lda, int* ipiv, T* work,       \
                 const int* lwork, int* info, size_t);                                           \
  void p##hetrs_(const char* uplo, const int* n, const int* nrhs, const T* a, const int* lda,    \
                 const int* ipiv, T* b, const int* ldb, int* info, size_t);                      \
  void p##heevd_(const char* jobz, const char* uplo, const int* n, T* a, const int* lda, R* w,   \
                 T* work, const int* lwork, R* rwork, const int* lrwork, int* iwork,             \
                 const int* liwork, int* info, size_t, size_t);                                  \
  void p##gesdd_(const char* jobz, const int* m, const int* n, T* a, const int* lda, R* s, T* u, \
                 const int* ldu, T* vt, const int* ldvt, T* work, const int* lwork, R* rwork,    \
                 int* iwork, int* info, size_t);                                                 \
  void p##geev_(const char* jobvl, const char* jobvr, const int* n, T* a, const int* lda, T* w,  \
                T* vl, const int* ldvl, T* vr, const int* ldvr, T* work, const int* lwork,       \
                R* rwork, int* info, size_t, size_t);
TAPER_LAPACK_REAL(float, s)
TAPER_LAPACK_REAL(double, d)
TAPER_LAPACK_COMPLEX(taper::Complex<float>, float, c)
TAPER_LAPACK_COMPLEX(taper::Complex<double>, double, z)
#undef TAPER_LAPACK_COMPLEX
#undef TAPER_LAPACK_REAL
#undef TAPER_LAPACK_ALL
}

namespace taper::cpu {

template <class T>
struct Lapack;
#define TAPER_LAPACK(T, R, p, un, sy, he)      \
  template <>                                  \
  struct Lapack<T> {                           \
    using Real = R;                            \
    static constexpr auto geqrf = p##geqrf_;   \
    static constexpr auto orgqr = p##un##gqr_; \
    static constexpr auto potrf = p##potrf_;   \
    static constexpr auto getrf = p##getrf_;   \
    static constexpr auto getrs = p##getrs_;   \
    static constexpr auto trsm = p##trsm_;     \
    static constexpr auto sytrf = p##sytrf_;   \
    static constexpr auto sytrs = p##sytrs_;   \
    static constexpr auto hetrf = p##he##trf_; \
    static constexpr auto hetrs = p##he##trs_; \
    static constexpr auto syevd = p##he##evd_; \
    static constexpr auto gesdd = p##gesdd_;   \
    static constexpr auto geev = p##geev_;     \
  };
TAPER_LAPACK(float, float, s, or, sy, sy)
TAPER_LAPACK(double, double, d, or, sy, sy)
TAPER_LAPACK(Complex<float>, float, c, un, sy, he)
TAPER_LAPACK(Complex<double>, double, z, un, sy, he)
#undef TAPER_LAPACK

inline int to_int(int64_t n) {
  TAPER_CHECK_AS(ShapeError, n <= std::numeric_limits<int>::max(),
                 "linalg: LAPACK takes at most 2^31 - 1 rows or columns, got ", n);
  return static_cast<int>(n);
}

/// A batch of matrices in column order, or of vectors (columns = 1).
struct Batch {
  int rows, columns, leading;
  int64_t count, stride;

  template <class AnyView>
  explicit Batch(const AnyView& m)
      : rows(to_int(m.size(m.dim() - 2))),
        columns(to_int(m.size(m.dim() - 1))),
        leading(std::max(rows, 1)),
        count(1),
        stride(int64_t{rows} * columns) {
    for (int64_t d = 0; d + 2 < m.dim(); ++d) count *= m.size(d);
  }
};

/// Calls body(i) for every matrix: several matrices share the threads, one has them to itself.
template <class Body>
void for_matrices(const Batch& batch, Body body) {
  const double cost = double(batch.rows) * batch.columns * std::min(batch.rows, batch.columns);
  if (batch.count == 1) {
    ScopedOmpThreads threads(cost < 1e5 ? 1 : get_num_threads());
    body(0);
    return;
  }
  const int64_t grain = std::max<int64_t>(1, static_cast<int64_t>(1e5 / std::max(cost, 1.0)));
  parallel_for(0, batch.count, grain, [&](int64_t first, int64_t last) {
    ScopedOmpThreads threads(1);
    for (int64_t i = first; i < last; ++i) body(i);
  });
}

template <class T>
T* at(View v, int64_t i, int64_t stride) {
  return v.data<T>() + i * stride;
}
template <class T>
const T* at(ConstView v, int64_t i, int64_t stride) {
  return v.data<T>() + i * stride;
}

/// Calls f(T()) for the matrices' type.
template <class F>
void with_type(ScalarType type, F f) {
  if (type == kFloat) {
    f(float());
  } else if (type == kDouble) {
    f(double());
  } else if (type == kComplexFloat) {
    f(Complex<float>());
  } else {
    f(Complex<double>());
  }
}

/// A number of workspace elements, which LAPACK tells in a floating type: it may have been rounded
/// down.
template <class R>
int workspace_size(R told) {
  const R size = std::nextafter(told, std::numeric_limits<R>::infinity());
  TAPER_CHECK_AS(ShapeError, size < static_cast<R>(std::numeric_limits<int>::max()),
                 "linalg: the matrix is too large for LAPACK's workspace");
  return std::max(1, static_cast<int>(size));
}

/// A routine that tells the size of its workspace when asked with -1: call(work, lwork).
template <class T, class Call>
void with_workspace(Call call) {
  T size = 0;
  call(&size, -1);
  int lwork = 0;
  if constexpr (is_complex_v<T>) {
    lwork = workspace_size(size.re);
  } else {
    lwork = workspace_size(size);
  }
  Scratch<T> work(static_cast<size_t>(lwork));
  call(work.data(), lwork);
}

}  // namespace taper::cpu
#else
namespace taper::cpu {

[[noreturn]] inline void without_lapack() {
  throw Error("linalg: built without LAPACK; configure with TAPER_WITH_OPENBLAS=ON");
}

}  // namespace taper::cpu
#endif
