r"""Unbinned likelihood of far-detector events.

An event :math:`k` is seen only through its muon, :math:`v_k = (v_1, v_2)_k`. Its density is a sum
over the unseen neutrino energy (arXiv:2412.16303, Eq. 6),

.. math::

    p(v_k | \theta) = \frac{\sum_j K_{kj} P_j(\theta)}{\sum_j T_j P_j(\theta)}, \qquad
    K_{kj} = \Phi(E_j)\, \mathrm{d}E_j\, \sigma(E_j, v_k), \quad
    T_j = \Phi(E_j)\, \mathrm{d}E_j\, \sigma_\mathrm{tot}(E_j),

with the survival probability :math:`P_j(\theta)`. Being linear in :math:`P`, the densities of all events
for many :math:`\theta` are one matrix product, and the likelihoods of all bootstrap replicas another.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

DENSITY_FLOOR = 1e-6
"""Density added to that of every event, relative to the events' mean density without oscillation.

A learned cross section is clamped at zero, so it can deny that an event exists, and the logarithm of
that one density would decide the fit. With the floor such an event adds the same constant for every
theta. Where the density is healthy, the floor is far below anything that can be measured.
"""


def floored_kernel(kernel: FloatArray, totals: FloatArray) -> FloatArray:
    r"""Add the density floor to a kernel: :math:`K_{kj} + \epsilon T_j`, so that :math:`p \to p + \epsilon`.

    Parameters
    ----------
    kernel : (n_events, n_energy)
        K: flux times bin width times the cross section at each event's phase-space point.
    totals : (n_energy,)
        T: flux times bin width times the total cross section. A common factor of ``kernel`` and
        ``totals`` drops out.

    Returns
    -------
    (n_events, n_energy)
        The kernel with `DENSITY_FLOOR` times the mean density of the events without oscillation.

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is negative or not finite, or all of ``kernel`` or all of
        ``totals`` is zero.
    """
    if kernel.ndim != 2 or totals.shape != kernel.shape[1:]:
        raise ValueError(
            f"kernel {kernel.shape} and totals {totals.shape} are not (n_events, n_energy) "
            "and (n_energy,)"
        )
    for name, values in (("kernel", kernel), ("totals", totals)):
        # A NaN makes the sum NaN, an infinity makes it infinite.
        if not (np.isfinite(values.sum()) and values.min() >= 0 and values.max() > 0):
            raise ValueError(f"{name} must be finite, nowhere negative and somewhere positive")
    mean_density = kernel.sum() / (len(kernel) * totals.sum())
    return kernel + DENSITY_FLOOR * mean_density * totals


def log_density(kernel: FloatArray, totals: FloatArray, survival: FloatArray) -> FloatArray:
    """Logarithm of the normalised density of each event for each set of oscillation parameters.

    Parameters
    ----------
    kernel : (n_events, n_energy)
        K, as in `floored_kernel`, which is applied here.
    totals : (n_energy,)
        T, as in `floored_kernel`.
    survival : (n_theta, n_energy)
        Survival probabilities, not all zero for any theta.

    Returns
    -------
    (n_theta, n_events)

    Raises
    ------
    ValueError
        As `floored_kernel`.
    """
    expected = survival @ floored_kernel(kernel, totals).T
    np.log(expected, out=expected)
    expected -= np.log(survival @ totals)[:, np.newaxis]
    return expected


def log_likelihood(counts: npt.NDArray[np.number], log_density: FloatArray) -> FloatArray:
    """Log-likelihood of each replica for each set of oscillation parameters.

    Parameters
    ----------
    counts : (n_replicas, n_events)
        How often each replica holds each event; ones for the original sample.
    log_density : (n_theta, n_events)
        As `log_density` returns it.

    Returns
    -------
    (n_replicas, n_theta)
    """
    # An integer matrix product bypasses BLAS and is far slower.
    return np.asarray(counts, dtype=np.float64) @ log_density.T
