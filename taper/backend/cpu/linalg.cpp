#include "taper/kernel/linalg.h"

#include "taper/backend/cpu/lapack.h"

// QR, Cholesky, LU and LDL factors, and what is solved with them.
namespace taper::cpu {

#if TAPER_WITH_OPENBLAS
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

void sytrf(View a, View pivots, View info, bool hermitian) {
  const Batch m(a);
  with_type(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto factor = hermitian ? Lapack<T>::hetrf : Lapack<T>::sytrf;
    for_matrices(m, [&](int64_t i) {
      with_workspace<T>([&](T* work, int lwork) {
        factor("L", &m.rows, at<T>(a, i, m.stride), &m.leading, at<int32_t>(pivots, i, m.rows),
               work, &lwork, at<int32_t>(info, i, 1), 1);
      });
    });
  });
}

void sytrs(View b, ConstView ld, ConstView pivots, bool hermitian) {
  const Batch m(ld), r(b);
  with_type(b.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto solve = hermitian ? Lapack<T>::hetrs : Lapack<T>::sytrs;
    for_matrices(r, [&](int64_t i) {
      int info = 0;
      solve("L", &m.rows, &r.columns, at<T>(ld, i, m.stride), &m.leading,
            at<int32_t>(pivots, i, m.rows), at<T>(b, i, r.stride), &r.leading, &info, 1);
    });
  });
}

#else

void geqrf(View, View) { without_lapack(); }
void orgqr(View, ConstView) { without_lapack(); }
void potrf(View, View, bool) { without_lapack(); }
void getrf(View, View, View) { without_lapack(); }
void getrs(View, ConstView, ConstView) { without_lapack(); }
void trsm(View, ConstView, bool, bool) { without_lapack(); }
void sytrf(View, View, View, bool) { without_lapack(); }
void sytrs(View, ConstView, ConstView, bool) { without_lapack(); }

#endif

}  // namespace taper::cpu
