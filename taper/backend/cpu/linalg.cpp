#include "taper/kernel/linalg.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "taper/backend/cpu/scratch.h"
#include "taper/base/error.h"
#include "taper/base/parallel.h"

#if TAPER_WITH_OPENBLAS
// LAPACK's Fortran symbols: arguments by address, string lengths at the end.
extern "C" {
#define TAPER_LAPACK(T, p)                                                                       \
  void p##geqrf_(const int* m, const int* n, T* a, const int* lda, T* tau, T* work,              \
                 const int* lwork, int* info);                                                   \
  void p##orgqr_(const int* m, const int* n, const int* k, T* a, const int* lda, const T* tau,   \
                 T* work, const int* lwork, int* info);                                          \
  void p##potrf_(const char* uplo, const int* n, T* a, const int* lda, int* info, size_t);       \
  void p##getrf_(const int* m, const int* n, T* a, const int* lda, int* ipiv, int* info);        \
  void p##getrs_(const char* trans, const int* n, const int* nrhs, const T* a, const int* lda,   \
                 const int* ipiv, T* b, const int* ldb, int* info, size_t);                      \
  void p##trsm_(const char* side, const char* uplo, const char* trans, const char* diag,         \
                const int* m, const int* n, const T* alpha, const T* a, const int* lda, T* b,    \
                const int* ldb, size_t, size_t, size_t, size_t);                                 \
  void p##syevd_(const char* jobz, const char* uplo, const int* n, T* a, const int* lda, T* w,   \
                 T* work, const int* lwork, int* iwork, const int* liwork, int* info, size_t,    \
                 size_t);                                                                        \
  void p##gesdd_(const char* jobz, const int* m, const int* n, T* a, const int* lda, T* s, T* u, \
                 const int* ldu, T* vt, const int* ldvt, T* work, const int* lwork, int* iwork,  \
                 int* info, size_t);
TAPER_LAPACK(float, s)
TAPER_LAPACK(double, d)
#undef TAPER_LAPACK
}
#endif

namespace taper::cpu {

#if TAPER_WITH_OPENBLAS
namespace {

template <class T>
struct Lapack;
#define TAPER_LAPACK(T, p)                   \
  template <>                                \
  struct Lapack<T> {                         \
    static constexpr auto geqrf = p##geqrf_; \
    static constexpr auto orgqr = p##orgqr_; \
    static constexpr auto potrf = p##potrf_; \
    static constexpr auto getrf = p##getrf_; \
    static constexpr auto getrs = p##getrs_; \
    static constexpr auto trsm = p##trsm_;   \
    static constexpr auto syevd = p##syevd_; \
    static constexpr auto gesdd = p##gesdd_; \
  };
TAPER_LAPACK(float, s)
TAPER_LAPACK(double, d)
#undef TAPER_LAPACK

int to_int(int64_t n) {
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
  } else {
    f(double());
  }
}

/// A routine that tells the size of its workspace when asked with -1: call(work, lwork).
template <class T, class Call>
void with_workspace(Call call) {
  T size = 0;
  call(&size, -1);
  const int lwork = std::max(1, static_cast<int>(size));
  Scratch<T> work(static_cast<size_t>(lwork));
  call(work.data(), lwork);
}

}  // namespace

void geqrf(View a, View tau) {
  const Batch m(a);
  const int64_t k = std::min(m.rows, m.columns);
  if (k == 0) return;
  with_type(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_matrices(m, [&](int64_t i) {
      int info = 0;
      with_workspace<T>([&](T* work, int lwork) {
        Lapack<T>::geqrf(&m.rows, &m.columns, at<T>(a, i, m.stride), &m.leading, at<T>(tau, i, k),
                         work, &lwork, &info);
      });
    });
  });
}

void orgqr(View q, ConstView tau) {
  const Batch m(q);
  if (m.rows == 0 || m.columns == 0) return;
  const int k = to_int(tau.size(tau.dim() - 1));
  with_type(q.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_matrices(m, [&](int64_t i) {
      int info = 0;
      with_workspace<T>([&](T* work, int lwork) {
        Lapack<T>::orgqr(&m.rows, &m.columns, &k, at<T>(q, i, m.stride), &m.leading,
                         at<T>(tau, i, k), work, &lwork, &info);
      });
    });
  });
}

void potrf(View a, View info, bool upper) {
  const Batch m(a);
  with_type(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_matrices(m, [&](int64_t i) {
      Lapack<T>::potrf(upper ? "U" : "L", &m.rows, at<T>(a, i, m.stride), &m.leading,
                       at<int32_t>(info, i, 1), 1);
    });
  });
}

void getrf(View a, View pivots, View info) {
  const Batch m(a);
  const int64_t k = std::min(m.rows, m.columns);
  with_type(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_matrices(m, [&](int64_t i) {
      Lapack<T>::getrf(&m.rows, &m.columns, at<T>(a, i, m.stride), &m.leading,
                       at<int32_t>(pivots, i, k), at<int32_t>(info, i, 1));
    });
  });
}

void getrs(View b, ConstView lu, ConstView pivots) {
  const Batch m(lu), r(b);
  with_type(b.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_matrices(r, [&](int64_t i) {
      int info = 0;
      Lapack<T>::getrs("N", &m.rows, &r.columns, at<T>(lu, i, m.stride), &m.leading,
                       at<int32_t>(pivots, i, m.rows), at<T>(b, i, r.stride), &r.leading, &info, 1);
    });
  });
}

void trsm(View b, ConstView a, bool upper, bool unitriangular) {
  const Batch m(a), r(b);
  if (r.rows == 0 || r.columns == 0) return;
  with_type(b.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T one = 1;
    for_matrices(r, [&](int64_t i) {
      Lapack<T>::trsm("L", upper ? "U" : "L", "N", unitriangular ? "U" : "N", &r.rows, &r.columns,
                      &one, at<T>(a, i, m.stride), &m.leading, at<T>(b, i, r.stride), &r.leading, 1,
                      1, 1, 1);
    });
  });
}

void syevd(View a, View values, View info, bool vectors, bool upper) {
  const Batch m(a);
  with_type(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_matrices(m, [&](int64_t i) {
      int liwork = -1, needed = 1;
      std::vector<int> iwork(1);
      with_workspace<T>([&](T* work, int lwork) {
        if (lwork != -1) {
          liwork = std::max(needed, 1);
          iwork.resize(static_cast<size_t>(liwork));
        }
        Lapack<T>::syevd(vectors ? "V" : "N", upper ? "U" : "L", &m.rows, at<T>(a, i, m.stride),
                         &m.leading, at<T>(values, i, m.rows), work, &lwork, iwork.data(), &liwork,
                         at<int32_t>(info, i, 1), 1, 1);
        if (lwork == -1) needed = iwork[0];
      });
    });
  });
}

void gesdd(View a, View u, View s, View vh, View info) {
  const Batch m(a);
  const int k = std::min(m.rows, m.columns);
  // Of the vectors: none, the first k, or all.
  const bool vectors = u.defined();
  const int columns = vectors ? Batch(u).columns : 0, rows = vectors ? Batch(vh).rows : 0;
  const char* const job = !vectors ? "N" : columns == m.rows && rows == m.columns ? "A" : "S";
  const int ldu = m.leading, ldvh = std::max(rows, 1);
  with_type(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_matrices(m, [&](int64_t i) {
      std::vector<int> iwork(static_cast<size_t>(8 * std::max(k, 1)));
      T* const to_u = vectors ? at<T>(u, i, int64_t{m.rows} * columns) : nullptr;
      T* const to_vh = vectors ? at<T>(vh, i, int64_t{rows} * m.columns) : nullptr;
      with_workspace<T>([&](T* work, int lwork) {
        Lapack<T>::gesdd(job, &m.rows, &m.columns, at<T>(a, i, m.stride), &m.leading,
                         at<T>(s, i, k), to_u, &ldu, to_vh, &ldvh, work, &lwork, iwork.data(),
                         at<int32_t>(info, i, 1), 1);
      });
    });
  });
}

#else

namespace {
[[noreturn]] void without_lapack() {
  throw Error("linalg: built without LAPACK; configure with TAPER_WITH_OPENBLAS=ON");
}
}  // namespace

void geqrf(View, View) { without_lapack(); }
void orgqr(View, ConstView) { without_lapack(); }
void potrf(View, View, bool) { without_lapack(); }
void getrf(View, View, View) { without_lapack(); }
void getrs(View, ConstView, ConstView) { without_lapack(); }
void trsm(View, ConstView, bool, bool) { without_lapack(); }
void syevd(View, View, View, bool, bool) { without_lapack(); }
void gesdd(View, View, View, View, View) { without_lapack(); }

#endif

}  // namespace taper::cpu
