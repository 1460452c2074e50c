#!/usr/bin/env python3
"""Writes tests/ops/golden/special.txt: values of special functions at ordinary and at hard places.

    /usr/bin/python3 tools/golden/special_golden.py > tests/ops/golden/special.txt

Made with SciPy 1.10.1. Each line: a name of taper::special, its arguments, the value.
"""
import math

from scipy import special as s

WIDE = [-50, -12.5, -3, -1, -0.25, 0.0, 1e-8, 0.5, 1, 2.5, 7, 29.5, 30.5, 120, 700]
POSITIVE = [1e-10, 0.01, 0.5, 1, 2, 5, 12, 29.5, 30.5, 100, 600]
SHARES = [1e-300, 1e-20, 1e-5, 0.02, 0.3, 0.5, 0.7, 0.98, 1 - 1e-10]
UNARY = {
    "entr": (s.entr, WIDE), "erfcx": (s.erfcx, [-20, *WIDE[2:], 1e8]), "i0e": (s.i0e, WIDE),
    "i1e": (s.i1e, WIDE), "ndtr": (s.ndtr, [-37, -8, *WIDE[2:9]]),
    "log_ndtr": (s.log_ndtr, [-1e10, -300, *WIDE[:10]]), "ndtri": (s.ndtri, SHARES),
    "bessel_j0": (s.j0, WIDE), "bessel_j1": (s.j1, WIDE), "bessel_y0": (s.y0, POSITIVE),
    "bessel_y1": (s.y1, POSITIVE), "modified_bessel_k0": (s.k0, POSITIVE),
    "modified_bessel_k1": (s.k1, POSITIVE), "scaled_modified_bessel_k0": (s.k0e, POSITIVE),
    "scaled_modified_bessel_k1": (s.k1e, POSITIVE), "modified_bessel_i0": (s.i0, WIDE[:13]),
    "modified_bessel_i1": (s.i1, WIDE[:13]),
    "airy_ai": (lambda x: s.airy(x)[0], [-40, -7.5, -1, -0.1, 0, 0.2, 1, 4, 15, 60]),
    "spherical_bessel_j0": (lambda x: s.spherical_jn(0, x), [0, 1e-5, 0.5, 3, 40]),
}
GAMMA = [(a, x) for a in (1e-8, 0.01, 0.5, 1, 3.7, 20, 150, 4000, 99999)
         for x in (a * 0.3, a * 0.95, a, a * 1.05, a * 3)]
GAMMA += [(1e6, 1e6 - 2000), (1e6, 1e6), (1e6, 1e6 + 2500), (1e12, 1e12 + 1e6), (0.5, 1e-10),
          (2, 700), (0.3, 0.9), (30, 2)]
POINTS = [(x, n) for x in (-1.7, -1, -0.4, 0, 0.3, 0.99, 1, 2.5) for n in (0, 1, 2, 5, 9, 30)]
BINARY = {
    "gammainc": (s.gammainc, GAMMA), "gammaincc": (s.gammaincc, GAMMA),
    "zeta": (s.zeta, [(1.5, 1), (2, 0.5), (3, 7.25), (20, 1), (1.001, 3)]),
    "xlog1py": (s.xlog1py, [(0, -1), (0, 3), (2, 1e-12), (1.5, 4)]),
    "chebyshev_polynomial_t": (lambda x, n: s.eval_chebyt(n, x), POINTS),
    "chebyshev_polynomial_u": (lambda x, n: s.eval_chebyu(n, x), POINTS),
    "shifted_chebyshev_polynomial_t": (lambda x, n: s.eval_sh_chebyt(n, x), POINTS),
    "shifted_chebyshev_polynomial_u": (lambda x, n: s.eval_sh_chebyu(n, x), POINTS),
    "hermite_polynomial_h": (lambda x, n: s.eval_hermite(n, x), POINTS),
    "hermite_polynomial_he": (lambda x, n: s.eval_hermitenorm(n, x), POINTS),
    "laguerre_polynomial_l": (lambda x, n: s.eval_laguerre(n, x), POINTS),
    "legendre_polynomial_p": (lambda x, n: s.eval_legendre(n, x), POINTS),
}


def line(name, *numbers):
    if math.isfinite(numbers[-1]):
        print(name, *(repr(float(n)) for n in numbers))


def main():
    for name, (function, points) in UNARY.items():
        for x in points:
            line(name, x, function(x))
    for name, (function, points) in BINARY.items():
        for a, b in points:
            line(name, a, b, function(a, b))


if __name__ == "__main__":
    main()
