"""Polynomials of the oscillation parameters (sin²θ23, Δm²32), as sums of Chebyshev polynomials."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.chebyshev import chebpts2, chebvander
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Polynomials:
    """Polynomials f_r(sin²θ23, Δm²32) over a rectangle.

    Parameters
    ----------
    bounds
        Lower bounds of both parameters, then their upper bounds, shape (2, 2); Δm²32 in eV².
    coefficients
        Chebyshev coefficients over the bounds, shape (n, n_s, n_m).
    """

    bounds: Array
    coefficients: Array

    @classmethod
    def through(cls, bounds: Array, shape: tuple[int, int], values: Array) -> "Polynomials":
        """From values (n, n_s n_m) at `chebyshev_nodes`, sin²θ23 first; `shape` is (n_s, n_m)."""
        to_s, to_m = (np.linalg.inv(chebvander(chebpts2(size), size - 1)) for size in shape)
        return cls(bounds, to_s @ values.reshape(-1, *shape) @ to_m.T)

    def basis(self, parameter: int, values: Array, order: int = 2) -> Array:
        """Chebyshev polynomials of one parameter, with their derivatives up to `order`.

        `values` (n,) are of sin²θ23 (`parameter` 0) or Δm²32 [eV²] (1); returns shape
        (n_degrees, order + 1, n).
        """
        low, high = self.bounds[:, parameter]
        slope = 2 / (high - low)
        x = slope * (values - low) - 1
        result = np.zeros((self.coefficients.shape[1 + parameter], order + 1, len(x)))
        result[0, 0] = 1
        result[1, :2] = np.stack([x, np.full(len(x), slope)])[: order + 1]
        steps = 2 * slope * np.arange(1, order + 1)[:, np.newaxis]
        for k in range(2, len(result)):
            # T_k = 2 x T_(k-1) - T_(k-2), differentiated.
            result[k] = 2 * x * result[k - 1] - result[k - 2]
            result[k, 1:] += steps * result[k - 1, :-1]
        return result

    def taylor(self, theta: Array, order: int, unit: Array) -> Array:
        """Coefficients of the Taylor series of all polynomials about points θ.

        Parameters
        ----------
        theta
            Where, shape (n, 2).
        order
            Highest power of both parameters together.
        unit
            Of the parameters in the series, shape (2,).

        Returns
        -------
        ndarray, shape (n, n_terms, n_polynomials)
            Terms in the order of `taylor_powers`.
        """
        powers = np.arange(order + 1)
        factors = unit[:, None] ** powers / [math.factorial(k) for k in powers]
        in_s, in_m = (self.basis(i, theta[:, i], order) * factors[i][:, None] for i in (0, 1))
        half = np.tensordot(self.coefficients, in_m, axes=1)
        every = np.einsum("sin,qsjn->nijq", in_s, half, optimize=True)
        return np.stack([every[:, i, j] for i, j in taylor_powers(order)], axis=1)


def taylor_powers(order: int) -> list[tuple[int, int]]:
    """Powers of sin²θ23 and Δm²32 in the terms of a Taylor series."""
    return [(i, j) for i in range(order + 1) for j in range(order + 1 - i)]


def chebyshev_nodes(bounds: Array, shape: tuple[int, int]) -> tuple[Array, Array]:
    """sin²θ23 and Δm²32 of the nodes, sin²θ23 first; each of shape (n_s n_m,)."""
    low, high = bounds
    axes = [low[i] + (high[i] - low[i]) * (1 + chebpts2(size)) / 2 for i, size in enumerate(shape)]
    sin2_theta23, dm2_32 = np.meshgrid(*axes, indexing="ij")
    return sin2_theta23.ravel(), dm2_32.ravel()
