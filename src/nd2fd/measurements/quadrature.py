"""Quadrature points in bins of the lepton and of the neutrino energy.

The integrand ends where Bjorken x reaches x_max, and grows like 1/ν before. Hence the lepton energy
is the innermost variable, its end is known in closed form, and the half next to it is integrated in
log ν; the other in p, since the cross section is proportional to p. With A = M x_max, a lepton of
energy E_l at the angle θ has x ≤ x_max where

    E_l (E_ν + A) - p cosθ E_ν ≤ A E_ν + m²/2.

In p_T and p_∥ = p cosθ the same is solved for E_l at fixed p_∥.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.measurements.bins import Bins
from nd2fd.physics.cell_quadrature import gauss_legendre
from nd2fd.physics.cross_section import kinematic_coefficients, lepton_prefactor
from nd2fd.physics.density import CROSS_SECTION_UNIT
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Precision:
    """Numbers of Gauss-Legendre points.

    energy
        In each part of an energy bin in which the flux is constant.
    energy_step
        Largest width [GeV] of such a part.
    outer, inner
        In cosθ or p_∥, and in each half of the range of the lepton energy.
    """

    energy: int = 4
    energy_step: float = 0.05
    outer: int = 12
    inner: int = 12


class BinPoints(NamedTuple):
    """Points in one bin, each array of shape (n,), `factors` (3, n).

    bjorken_x, Q2
        Where, Q² in GeV².
    factors
        Those of (W1', W2', W3') in ∫ dE_ν φ(E_ν) ∫ d²σ [1e-38 cm² per nucleon].
    """

    bjorken_x: Array
    Q2: Array
    factors: Array


def energy_panels(
    edges: Array, flux: Array, low: float, high: float, step: float, openings: Array
) -> Array:
    """Parts of [low, high] with a constant flux: lower and upper edge and flux, shape (3, n).

    `edges` (n + 1,) and `flux` (n,) are those of a histogram [GeV, per GeV]; parts end at the
    energies `openings`, too.
    """
    inside = np.concatenate([edges, openings])
    cuts = np.unique(np.concatenate([[low], inside[(inside > low) & (inside < high)], [high]]))
    parts = np.ceil(np.diff(cuts) / step * (1.0 - 1e-9)).astype(np.int64)
    fine = np.concatenate(
        [np.linspace(a, b, n + 1)[:-1] for a, b, n in zip(cuts[:-1], cuts[1:], parts, strict=True)]
        + [[high]]
    )
    centre = 0.5 * (fine[1:] + fine[:-1])
    index = np.searchsorted(edges, centre, side="right") - 1
    within = (index >= 0) & (index < flux.size)
    of_part = np.where(within, flux[np.clip(index, 0, flux.size - 1)], 0.0)
    return np.stack([fine[:-1], fine[1:], of_part])[:, of_part > 0.0]


def bin_points(
    bins: Bins, edges: Array, flux: Array, setup: Setup, precision: Precision
) -> Iterator[BinPoints]:
    """Points of each bin, in order; flux as in `energy_panels`."""
    for k in range(bins.n_bins):
        low, high, of_part = energy_panels(
            edges,
            flux,
            bins.energy[k, 0],
            bins.energy[k, 1],
            precision.energy_step,
            _openings(bins, k, setup),
        )
        node, weight = gauss_legendre(precision.energy)
        energy = (low[:, None] + (high - low)[:, None] * node).ravel()
        along = (((high - low) * of_part)[:, None] * weight).ravel()
        yield _points(bins, k, energy, along, setup, precision)


def _openings(bins: Bins, k: int, setup: Setup) -> Array:
    """Energies at which leptons begin to reach a corner of the bin: the integral has a kink."""
    m2 = setup.lepton_mass**2
    first, second = (v.ravel() for v in np.meshgrid(bins.first[k], bins.second[k]))
    if bins.variables == "transverse_longitudinal":
        e_lepton, longitudinal = np.sqrt(first**2 + second**2 + m2), second
    elif bins.variables == "energy_angle":
        e_lepton = first
        longitudinal = np.sqrt(np.maximum(first**2 - m2, 0.0)) * second
    else:
        e_lepton, longitudinal = np.hypot(first, setup.lepton_mass), first * second
    room = setup.a_max - e_lepton + longitudinal
    opening = (setup.a_max * e_lepton - 0.5 * m2) / np.where(room > 0.0, room, np.inf)
    return opening[opening > 0.0]


def _points(
    bins: Bins, k: int, energy: Array, along: Array, setup: Setup, precision: Precision
) -> BinPoints:
    node, weight = gauss_legendre(precision.outer)
    m = setup.lepton_mass
    first, second = bins.first[k], bins.second[k]
    width = second[1] - second[0]
    # The total grows like (1 - cosθ) log(1 - cosθ) before the beam direction.
    outer = second[1] - width * node**2
    of_outer = 2.0 * width * node * weight
    E = energy[:, None]
    longitudinal = bins.variables == "transverse_longitudinal"
    if longitudinal:
        low, high = (np.sqrt(m**2 + edge**2 + outer**2) for edge in first)
        smallest, largest = _limits_at_longitudinal(E, outer, setup)
    else:
        low, high = (
            np.full_like(outer, edge if bins.variables == "energy_angle" else np.hypot(edge, m))
            for edge in first
        )
        smallest, largest = _limits_at_angle(E, outer, setup)
    low, high = np.maximum(np.maximum(low, smallest), m), np.minimum(high, largest)
    high = np.maximum(high, low)
    e_lepton, of_inner = _lepton_energies(E, low, high, largest, m, precision.inner)
    momentum = np.sqrt(np.maximum(e_lepton**2 - m**2, 0.0))
    E, outer = E[..., None], outer[:, None]
    cos_theta = outer / momentum if longitudinal else outer
    area = along[:, None, None] * of_outer[:, None] * of_inner
    if longitudinal:
        area = area / momentum  # dp_T dp_∥ d²σ/dp_T dp_∥ = dE_l dp_∥ (d²σ/dE_l dcosθ) / p
    nu = E - e_lepton
    transverse2 = m**2 + momentum**2 * (1.0 - cos_theta**2)
    larger = e_lepton + momentum * np.abs(cos_theta)
    a = np.where(cos_theta >= 0.0, transverse2 / larger, larger)
    Q2 = 2.0 * E * a - m**2
    kept = np.broadcast_to(area, Q2.shape) > 0.0
    values = (Q2, nu, np.broadcast_to(E, Q2.shape), momentum, area)
    Q2, nu, E, momentum, area = (v[kept] for v in values)
    y = nu / E
    prefactor = lepton_prefactor(momentum, Q2, y) * CROSS_SECTION_UNIT * area
    x = np.minimum(Q2 / (2.0 * setup.nucleon_mass * nu), setup.x_max)
    return BinPoints(x, Q2, kinematic_coefficients(E, Q2, y, setup) * prefactor)


def _limits_at_angle(E: Array, cos_theta: Array, setup: Setup) -> tuple[Array, Array]:
    """Smallest and largest lepton energy of events, (n_energy, n_outer); none: largest is 0."""
    A, m2 = setup.a_max, setup.lepton_mass**2
    B = A * E + 0.5 * m2
    square = (E + A) ** 2 - (E * cos_theta) ** 2
    root = B**2 - m2 * square
    mean = B * (E + A) / square
    half = E * cos_theta * np.sqrt(np.maximum(root, 0.0)) / square
    at_rest = setup.lepton_mass * (E + A) <= B
    largest = np.where((root >= 0.0) & (at_rest | (cos_theta > 0.0)), mean + half, 0.0)
    return np.where(at_rest, 0.0, mean - half), largest


def _limits_at_longitudinal(E: Array, p: Array, setup: Setup) -> tuple[Array, Array]:
    A, m2 = setup.a_max, setup.lepton_mass**2
    return np.zeros((E.size, p.size)), (A * E + 0.5 * m2 + E * p) / (E + A)


def _lepton_energies(
    E: Array, low: Array, high: Array, largest: Array, m: float, n: int
) -> tuple[Array, Array]:
    """Energies and weights, (n_energy, n_outer, 2 n): in p below, in log ν above."""
    node, weight = gauss_legendre(n)
    p_low, p_top = (np.sqrt(np.maximum(v**2 - m**2, 0.0)) for v in (low, largest))
    p_high = np.sqrt(np.maximum(high**2 - m**2, 0.0))
    p_split = np.clip(0.5 * p_top, p_low, p_high)[..., None]
    p = p_low[..., None] + (p_split - p_low[..., None]) * node
    e_below = np.hypot(p, m)
    below = (p_split - p_low[..., None]) * weight * p / e_below
    nu_high = E - np.hypot(p_split[..., 0], m)
    ratio = np.log(np.maximum(E - high, 1e-300) / np.maximum(nu_high, 1e-300))[..., None]
    above = ratio < 0.0
    nu = nu_high[..., None] * np.exp(np.where(above, ratio, 0.0) * node)
    of_nu = np.where(above, -ratio * nu * weight, 0.0)
    energies = np.concatenate([e_below, E[..., None] - nu], axis=-1)
    return energies, np.concatenate([below, of_nu], axis=-1)
