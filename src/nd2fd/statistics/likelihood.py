r"""Unbinned likelihood of far-detector events.

An event k is seen only through its muon, v_k = (v1, v2)_k. Its density is a sum over the unseen
neutrino energy (arXiv:2412.16303, Eq. 6),

    p(v_k | θ) = Σ_j K_kj P_j(θ) / Σ_j T_j P_j(θ),
    K_kj = Φ(E_j) dE_j σ(E_j, v_k),   T_j = Φ(E_j) dE_j σ_tot(E_j),

with the survival probability P_j(θ). The sums are linear in P, so the densities of all events for
many θ are one matrix product.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DENSITY_FLOOR = 1e-6
"""Added to the density of every event, in units of the events' mean density without oscillation.

A learned cross section is clamped at zero, so it can hold an event for impossible, and without a
floor that one event would make the likelihood zero for every θ. With the floor it contributes the
same constant for every θ. Densities that decide a fit lie orders of magnitude above the floor.
"""


def log_density(kernel: Array, totals: Array, survival: Array, floor: float | None = None) -> Array:
    """Logarithm of the normalised density of each event, with its floor, for each θ.

    Parameters
    ----------
    kernel
        K, shape (n_events, n_energy); a common factor of K and T drops out of everything.
    totals
        T, shape (n_energy,).
    survival
        P(θ), shape (n_theta, n_energy).
    floor
        ε; None: that of these events.

    Returns
    -------
    ndarray, shape (n_theta, n_events)
        ln(p + ε).

    Raises
    ------
    ValueError
        The shapes do not fit; a value of K or T is negative or not finite; all of K or all of T is
        zero; P leaves no events for a θ, or an event a density that is not positive.
    """
    if kernel.ndim != 2 or not totals.shape == survival.shape[1:] == kernel.shape[1:]:
        raise ValueError(
            f"kernel has shape {kernel.shape}, totals {totals.shape} and survival {survival.shape};"
            " they must be (n_events, n_energy), (n_energy,) and (n_theta, n_energy)"
        )
    for name, values in (("kernel", kernel), ("totals", totals)):
        # One NaN or infinity among them leaves no finite sum.
        if not (np.isfinite(values.sum()) and values.min() >= 0 and values.max() > 0):
            raise ValueError(f"{name} must be finite, nowhere negative and not zero throughout")
    expected = survival @ totals
    if not expected.min() > 0:
        raise ValueError("survival must be finite and leave events for every θ")
    density = survival @ kernel.T
    density /= expected[:, np.newaxis]
    density += density_floor(kernel, totals) if floor is None else floor
    if not density.min() > 0:
        raise ValueError("survival makes the density of an event negative or not finite")
    return np.log(density, out=density)


def density_floor(kernel: Array, totals: Array, numbers: Array | None = None) -> float:
    """ε: `DENSITY_FLOOR` times the mean over the events of Σ_j K_kj / Σ_j T_j.

    `kernel` and `totals` as for `log_density`; `numbers`, shape (n_events,), says how many events
    are like each of the kernel's, None: one.
    """
    return float(DENSITY_FLOOR * np.average(kernel.sum(axis=1), weights=numbers) / totals.sum())
