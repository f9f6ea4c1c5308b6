r"""Structure functions from a linear measurement, in closed form, with a price for bending.

Data y in units of their errors are Y c + noise of unit covariance. With λ Q the precision of the
prior, Q = 1 ⊗ bends, coefficients are c = N a + R b: N spans what does not bend, which has no
price, and b has the prior covariance 1/λ. Then

    y = H a + F b + noise,   H = Y N,   F = Y R,   S = 1 + F Fᵀ/λ,

and all that is needed follows from one singular value decomposition of F. The marginal likelihood
of y, flat in a (Wahba, Spline Models for Observational Data, 1990, section 4.8), chooses λ.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Array = NDArray[np.float64]

_WITHOUT_BENDS: Final = 3
"""Functions of (ξ, τ) without second derivatives: 1, ξ, τ."""

_DETERMINED: Final = 1e-8
"""Smallest singular value of H, its columns scaled to unit length, that is no rounding."""

_STRENGTHS: Final = (1e-10, 1e6)
"""Where λ is looked for."""


class ImproperPosteriorError(ValueError):
    """Data and prior together leave a direction of the structure functions undetermined."""


@dataclass(frozen=True)
class Posterior:
    """Mean and covariance of the coefficients c.

    mean
        Shape (n_coefficients,).
    root
        U with covariance U Uᵀ, shape (n_coefficients, m).
    strength
        λ.
    chi2, paid
        χ² of the data alone, and what c pays to the prior, at the mean.
    effective_parameters
        Trace of posterior covariance times information of the data.
    log_evidence
        Logarithm of the marginal likelihood, up to a constant that does not depend on λ.
    """

    mean: Array
    root: Array
    strength: float
    chi2: float
    paid: float
    effective_parameters: float
    log_evidence: float

    def of(self, maps: Array) -> tuple[Array, Array]:
        """Mean (n,) and root (n, m) of the covariance of linear maps (n, n_coefficients) of c."""
        return maps @ self.mean, maps @ self.root


@dataclass(frozen=True)
class LinearFit:
    """Data and model of a fit.

    design
        Y, shape (n_data, n_coefficients), flat (structure function, spline).
    data
        y, shape (n_data,).
    bends
        Shape (n_splines, n_splines), as `SplineBasis.bends`.
    """

    design: Array
    data: Array
    bends: Array

    @cached_property
    def _split(self) -> tuple[Array, Array]:
        """N, orthonormal, and R with Rᵀ Q R = 1."""
        values, vectors = np.linalg.eigh(self.bends)
        n = self.design.shape[1] // len(self.bends)
        flat, bent = vectors[:, :_WITHOUT_BENDS], vectors[:, _WITHOUT_BENDS:]
        every = np.eye(n)
        return np.kron(every, flat), np.kron(every, bent / np.sqrt(values[_WITHOUT_BENDS:]))

    @cached_property
    def _decomposed(self) -> tuple[Array, Array, Array, Array, Array]:
        """U, s, Vᵀ of F with all rows of U, and Uᵀ H, Uᵀ y.

        Raises ImproperPosteriorError if the data do not determine a.
        """
        flat, bent = self._split
        H = self.design @ flat
        scale = np.linalg.norm(H, axis=0)
        if not (
            scale.min() > 0.0
            and H.shape[0] >= H.shape[1]
            and np.linalg.svd(H / scale, compute_uv=False)[-1] > _DETERMINED
        ):
            raise ImproperPosteriorError(
                "the measurement does not determine how large the structure functions are and how "
                "they rise or fall, for which the prior asks no price; more bins help"
            )
        U, s, Vt = np.linalg.svd(self.design @ bent, full_matrices=False)
        if U.shape[1] < len(U):
            raise ValueError(
                f"{len(U)} data but {len(s)} splines that bend; use more intervals than that"
            )
        return U, s, Vt, U.T @ H, U.T @ self.data

    def _of_flat(self, strength: float) -> tuple[Array, Array, Array]:
        """Mean of a, root of its covariance, and the variances of Uᵀ y."""
        _, s, _, H, y = self._decomposed
        S = 1.0 + s**2 / strength
        noise = np.sqrt(S)
        Q, factor = np.linalg.qr(H / noise[:, None])
        root = sl.solve_triangular(factor, np.eye(len(factor)))
        return root @ (Q.T @ (y / noise)), root, S

    def log_evidence(self, strength: float) -> float:
        """Logarithm of the marginal likelihood of λ, up to a constant."""
        _, _, _, H, y = self._decomposed
        mean, root, S = self._of_flat(strength)
        residual = y - H @ mean
        logdet = np.log(S).sum() - 2.0 * np.log(np.abs(np.diag(root))).sum()
        return float(-0.5 * (residual @ (residual / S) + logdet))

    def best_strength(self) -> float:
        """λ of the largest marginal likelihood, within 1e-10 … 1e6."""
        low, high = np.log(_STRENGTHS)
        grid = np.linspace(low, high, 65)
        best = int(np.argmax([self.log_evidence(float(np.exp(t))) for t in grid]))
        bounds = (float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 64)]))
        found = minimize_scalar(
            lambda t: -self.log_evidence(float(np.exp(t))), bounds=bounds, method="bounded"
        )
        return float(np.exp(found.x))

    def posterior(self, strength: float) -> Posterior:
        """Posterior of c with a given λ."""
        flat, bent = self._split
        _, s, Vt, H, y = self._decomposed
        a, root_a, S = self._of_flat(strength)
        gain = s / (strength + s**2)
        residual = y - H @ a
        b = Vt.T @ (gain * residual)
        mean = flat @ a + bent @ b
        R = bent @ Vt.T
        beyond = bent - R @ Vt
        root = np.concatenate(
            [
                (flat - R @ (gain[:, None] * H)) @ root_a,
                R / np.sqrt(strength + s**2),
                beyond / np.sqrt(strength),
            ],
            axis=1,
        )
        fitted = self.design @ mean
        # 1 - (effective parameters) / n is what the smoothing leaves of independent data.
        leverage = (1.0 - 1.0 / S).sum() + ((H @ root_a / S[:, None]) ** 2).sum()
        return Posterior(
            mean,
            root,
            strength,
            float(((self.data - fitted) ** 2).sum()),
            float(strength * b @ b),
            float(leverage),
            self.log_evidence(strength),
        )
