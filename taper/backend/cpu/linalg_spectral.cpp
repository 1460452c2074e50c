#include <vector>

#include "taper/backend/cpu/lapack.h"
#include "taper/kernel/linalg.h"

// Eigenvalues and singular values.
namespace taper::cpu {

#if TAPER_WITH_OPENBLAS
void syevd(View a, View values, View info, bool vectors, bool upper) {
  const Batch m(a);
  const char *const job = vectors ? "V" : "N", *const triangle = upper ? "U" : "L";
  with_type(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    using R = typename Lapack<T>::Real;
    for_matrices(m, [&](int64_t i) {
      T* const matrix = at<T>(a, i, m.stride);
      R* const w = at<R>(values, i, m.rows);
      int32_t* const code = at<int32_t>(info, i, 1);
      std::vector<int> iwork(1);
      std::vector<R> rwork(1);
      int liwork = -1, lrwork = -1;
      with_workspace<T>([&](T* work, int lwork) {
        if (lwork != -1) {
          liwork = std::max(iwork[0], 1);
          lrwork = workspace_size(rwork[0]);
          iwork.resize(static_cast<size_t>(liwork));
          rwork.resize(static_cast<size_t>(lrwork));
        }
        if constexpr (is_complex_v<T>) {
          Lapack<T>::syevd(job, triangle, &m.rows, matrix, &m.leading, w, work, &lwork,
                           rwork.data(), &lrwork, iwork.data(), &liwork, code, 1, 1);
        } else {
          Lapack<T>::syevd(job, triangle, &m.rows, matrix, &m.leading, w, work, &lwork,
                           iwork.data(), &liwork, code, 1, 1);
        }
      });
    });
  });
}

namespace {

/// The real workspace of gesdd for complex matrices.
size_t svd_workspace(const Batch& m, bool vectors) {
  const auto least = static_cast<size_t>(std::min(m.rows, m.columns));
  const auto most = static_cast<size_t>(std::max(m.rows, m.columns));
  if (!vectors) return 7 * least + 1;
  return std::max(5 * least * least + 5 * least, 2 * most * least + 2 * least * least + least) + 1;
}

}  // namespace

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
    using R = typename Lapack<T>::Real;
    for_matrices(m, [&](int64_t i) {
      std::vector<int> iwork(static_cast<size_t>(8 * std::max(k, 1)));
      const Scratch<R> rwork(is_complex_v<T> ? svd_workspace(m, vectors) : 0);
      T* const matrix = at<T>(a, i, m.stride);
      T* const to_u = vectors ? at<T>(u, i, int64_t{m.rows} * columns) : nullptr;
      T* const to_vh = vectors ? at<T>(vh, i, int64_t{rows} * m.columns) : nullptr;
      R* const to_s = at<R>(s, i, k);
      int32_t* const code = at<int32_t>(info, i, 1);
      with_workspace<T>([&](T* work, int lwork) {
        if constexpr (is_complex_v<T>) {
          Lapack<T>::gesdd(job, &m.rows, &m.columns, matrix, &m.leading, to_s, to_u, &ldu, to_vh,
                           &ldvh, work, &lwork, rwork.data(), iwork.data(), code, 1);
        } else {
          Lapack<T>::gesdd(job, &m.rows, &m.columns, matrix, &m.leading, to_s, to_u, &ldu, to_vh,
                           &ldvh, work, &lwork, iwork.data(), code, 1);
        }
      });
    });
  });
}

namespace {

/// The eigenvectors of a real matrix: column j and j + 1 of found are the real and the imaginary
/// parts of one that belongs to value j, and whose conjugate belongs to value j + 1.
template <class T>
void join_vectors(const T* found, const Complex<T>* values, int64_t n, Complex<T>* vectors) {
  for (int64_t j = 0; j < n; ++j) {
    const bool pair = values[j].im != 0 && j + 1 < n;
    for (int64_t i = 0; i < n; ++i) {
      const T re = found[j * n + i], im = pair ? found[(j + 1) * n + i] : 0;
      vectors[j * n + i] = {re, im};
      if (pair) vectors[(j + 1) * n + i] = {re, -im};
    }
    if (pair) ++j;
  }
}

}  // namespace

void geev(View a, View values, View vectors, View info) {
  const Batch m(a);
  const bool wanted = vectors.defined();
  const char* const job = wanted ? "V" : "N";
  const int one = 1;
  const auto n = static_cast<size_t>(m.rows);
  with_type(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    using R = typename Lapack<T>::Real;
    for_matrices(m, [&](int64_t i) {
      T* const matrix = at<T>(a, i, m.stride);
      Complex<R>* const w = at<Complex<R>>(values, i, m.rows);
      Complex<R>* const v = wanted ? at<Complex<R>>(vectors, i, m.stride) : nullptr;
      int32_t* const code = at<int32_t>(info, i, 1);
      const Scratch<R> parts(2 * n);
      if constexpr (is_complex_v<T>) {
        with_workspace<T>([&](T* work, int lwork) {
          Lapack<T>::geev("N", job, &m.rows, matrix, &m.leading, w, nullptr, &one, v, &m.leading,
                          work, &lwork, parts.data(), code, 1, 1);
        });
      } else {
        const Scratch<T> found(wanted ? n * n : 0);
        with_workspace<T>([&](T* work, int lwork) {
          Lapack<T>::geev("N", job, &m.rows, matrix, &m.leading, parts.data(), parts.data() + n,
                          nullptr, &one, found.data(), &m.leading, work, &lwork, code, 1, 1);
        });
        for (size_t j = 0; j < n; ++j) w[j] = {parts[j], parts[n + j]};
        if (wanted) join_vectors(found.data(), w, m.rows, v);
      }
    });
  });
}

#else

void syevd(View, View, View, bool, bool) { without_lapack(); }
void gesdd(View, View, View, View, View) { without_lapack(); }
void geev(View, View, View, View) { without_lapack(); }

#endif

}  // namespace taper::cpu
