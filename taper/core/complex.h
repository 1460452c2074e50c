#pragma once

#include "taper/base/macros.h"

namespace taper TAPER_API {

/// A complex number, laid out as two numbers of type T: real, then imaginary part.
template <class T>
struct Complex {
  using value_type = T;

  T re = 0, im = 0;

  Complex() = default;
  constexpr Complex(T real, T imag = 0) : re(real), im(imag) {}
  template <class U>
  constexpr explicit Complex(const Complex<U>& z)
      : re(static_cast<T>(z.re)), im(static_cast<T>(z.im)) {}

  constexpr T real() const { return re; }
  constexpr T imag() const { return im; }

  constexpr Complex operator-() const { return {-re, -im}; }
  constexpr Complex& operator+=(const Complex& z) { return *this = *this + z; }
  constexpr Complex& operator-=(const Complex& z) { return *this = *this - z; }
  constexpr Complex& operator*=(const Complex& z) { return *this = *this * z; }
  constexpr Complex& operator/=(const Complex& z) { return *this = *this / z; }

  friend constexpr Complex operator+(const Complex& a, const Complex& b) {
    return {a.re + b.re, a.im + b.im};
  }
  friend constexpr Complex operator-(const Complex& a, const Complex& b) {
    return {a.re - b.re, a.im - b.im};
  }
  friend constexpr Complex operator*(const Complex& a, const Complex& b) {
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
  }
  /// By Smith's rule: the larger part of b divides first, so that nothing overflows on the way.
  friend constexpr Complex operator/(const Complex& a, const Complex& b) {
    if ((b.re < 0 ? -b.re : b.re) >= (b.im < 0 ? -b.im : b.im)) {
      if (b.re == 0 && b.im == 0) return {a.re / b.re, a.im / b.re};
      const T ratio = b.im / b.re, scale = T(1) / (b.re + b.im * ratio);
      return {(a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale};
    }
    const T ratio = b.re / b.im, scale = T(1) / (b.re * ratio + b.im);
    return {(a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale};
  }
  friend constexpr bool operator==(const Complex& a, const Complex& b) {
    return a.re == b.re && a.im == b.im;
  }
};

template <class T>
inline constexpr bool is_complex_v = false;
template <class T>
inline constexpr bool is_complex_v<Complex<T>> = true;

}  // namespace taper
