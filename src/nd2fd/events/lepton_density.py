"""Density of events in (v1, v2), continuous: Φ(E_ν) d²σ/dv1 dv2 integrated over all E_ν.

At a given (v1, v2) events have ν = E_ν - E_l from that of x = x_max up to E_max - E_l. The density
varies with ln ν, the flux with E_ν: panels are equal in ln ν, and the flux is the weight function
of the rule in each (`nd2fd.beam.weighted_rule`). Its square root is tabulated in coordinates
that fill the box (0, 1)², from forward leptons (cosθ = 1) to those of x = x_max at E_max, and taken
from quintic splines in between. Of the root the error is alike everywhere in units of that of
counts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from nd2fd.beam.flux import FluxTable
from nd2fd.beam.weighted_rule import weighted_rule
from nd2fd.events.positivity import LARGEST_INTERPOLATED_SHARE
from nd2fd.physics.density import cross_section_factors
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import StructureFunctions

Array = NDArray[np.float64]

_FORWARD = 1.0 + 1e-12

_POINTS_PER_BLOCK = 2048
"""Points (v1, v2) whose energies are evaluated at once."""


@dataclass(frozen=True)
class LeptonDensity:
    """Events per dv1 dv2, in units of the flux times 1e-38 cm², zero where none can be.

    setup : defines v1 and v2
    root : spline of the density's square root in the coordinates of `_box`
    """

    setup: Setup
    root: RectBivariateSpline

    @classmethod
    def build(
        cls,
        table: FluxTable,
        structure_functions: StructureFunctions,
        setup: Setup,
        n_points: int = 128,
        n_panels: int = 16,
    ) -> "LeptonDensity":
        """Tabulate the density.

        Parameters
        ----------
        table
            Φ(E_ν).
        structure_functions
            (W1', W2', W3')(x, Q²); where the cross section is negative, it is taken as 0, as by
            `nd2fd.events.sampling.EventSampler`.
        setup
            Target, lepton, and the end of the spectrum.
        n_points
            Points along either coordinate.
        n_panels
            Panels in ln ν, of two energies each. The errors of both numbers together are a χ² of
            0.05 in the cells of 30 million events (docs/studies/near-samples.md).

        Raises
        ------
        ValueError
            If the cross section is not finite, vanishes wherever there is flux, or is negative for
            more of the events than interpolation between nodes explains.
        """
        first, last = _end_points(setup)
        scale = np.sqrt(first)
        alpha = np.linspace(np.arcsinh(first / scale), np.arcsinh(last / scale), n_points)
        beta = np.linspace(0.0, 1.0, n_points)
        v1 = np.clip(scale * np.sinh(alpha), first, last)[:, None]
        low, high = _v2_limits(v1, setup)
        # A little above: rounding must not take a forward lepton out of the physical region.
        low = np.minimum(_FORWARD * low, high)
        bottom, top = np.arcsinh(low / scale), np.arcsinh(high / scale)
        v2 = scale * np.sinh(bottom + (top - bottom) * (1.0 - (1.0 - beta) ** 2))
        v1, v2 = np.broadcast_arrays(v1, v2)
        density, negative = (
            part.reshape(v1.shape)
            for part in integrated_over_energy(
                table, structure_functions, v1.ravel(), v2.ravel(), setup, n_panels
            )
        )
        if not np.isfinite(density).all():
            i = np.unravel_index(int(np.argmin(np.isfinite(density))), v1.shape)
            raise ValueError(
                f"the cross section is not finite at v1 = {v1[i]:.4g}, v2 = {v2[i]:.4g}"
            )
        area = np.hypot(v1, scale) * np.hypot(v2, scale) * (top - bottom) * (1.0 - beta)
        events = (density * area).sum()
        if not events > 0.0:
            raise ValueError(
                "spectrum times cross section vanishes everywhere between "
                f"{setup.energy_threshold:.4g} and {setup.energy_max} GeV; there are no events"
            )
        share = (negative * area).sum() / ((negative + density) * area).sum()
        if share > LARGEST_INTERPOLATED_SHARE:
            raise ValueError(
                f"the cross section is negative for {share:.2g} of the events (allowed is "
                f"{LARGEST_INTERPOLATED_SHARE:g})"
            )
        root = np.sqrt(density)
        return cls(setup, RectBivariateSpline(alpha, beta, root, kx=5, ky=5))

    def __call__(self, v1: Array, v2: Array) -> Array:
        """The density at (v1, v2), each of shape (n,)."""
        first, last = _end_points(self.setup)
        density = np.zeros(v1.size)
        low, high = _v2_limits(np.clip(v1, first, last), self.setup)
        inside = np.flatnonzero((v1 > first) & (v1 < last) & (v2 < high))
        scale = np.sqrt(first)
        alpha, at, bottom, top = (
            np.arcsinh(values[inside] / scale) for values in (v1, v2, low, high)
        )
        # Rounding may take a forward lepton below the limit.
        beta = 1.0 - np.sqrt(np.minimum((top - at) / (top - bottom), 1.0))
        density[inside] = self.root.ev(alpha, beta) ** 2
        return density


def integrated_over_energy(
    table: FluxTable,
    structure_functions: StructureFunctions,
    v1: Array,
    v2: Array,
    setup: Setup,
    n_panels: int,
) -> tuple[Array, Array]:
    """∫ dE_ν Φ max(0, d²σ/dv1 dv2) at reachable (v1, v2), and the same of -d²σ.

    Parameters as for `LeptonDensity.build`; `v1`, `v2` and the results have shape (n,).
    """
    parts = np.zeros((2, v1.size))
    step = np.linspace(0.0, 1.0, n_panels + 1)
    for start in range(0, v1.size, _POINTS_PER_BLOCK):
        block = slice(start, start + _POINTS_PER_BLOCK)
        a, b = setup.a_max * v1[block] ** 2, setup.b_max * v2[block] ** 2
        e_lepton = 0.5 * (a + b)
        # Q² = 2 M x_max ν. At the limits of the region rounding may take it beyond E_max.
        lowest = (setup.a_max * (a + b) - setup.lepton_mass**2) / (2.0 * (setup.a_max - a))
        above = setup.energy_max - e_lepton
        nu = np.minimum(lowest - e_lepton, above)[:, None] ** (1.0 - step) * above[:, None] ** step
        energy, weight = weighted_rule(table, e_lepton[:, None] + nu)
        x, Q2, factors, physical = cross_section_factors(
            energy, v1[block, None], v2[block, None], setup
        )
        sigma = np.zeros(energy.shape)
        found = structure_functions(x[physical], Q2[physical])
        sigma[physical] = (factors[:, physical] * found).sum(axis=0)
        for part, sign in zip(parts, (1.0, -1.0), strict=True):
            part[block] = (np.maximum(sign * sigma, 0.0) * weight).sum(axis=(0, 2))
    return parts[0], parts[1]


def _end_points(setup: Setup) -> tuple[float, float]:
    """Smallest and largest v1 of an event: where x = x_max at E_max meets cosθ = 1."""
    m2, a_max = setup.lepton_mass**2, setup.a_max
    slope = 2.0 * setup.energy_max / a_max + 1.0
    start = 2.0 * setup.energy_max + m2 / a_max
    largest = (start + np.sqrt(start**2 - 4.0 * slope * m2)) / (2.0 * slope)
    return float(np.sqrt(m2 / (slope * largest) / a_max)), float(np.sqrt(largest / a_max))


def _v2_limits(v1: Array, setup: Setup) -> tuple[Array, Array]:
    """Smallest v2 (cosθ = 1) and largest (x = x_max at E_max) at v1 between the end points."""
    a = setup.a_max * v1**2
    slope = 2.0 * setup.energy_max / setup.a_max + 1.0
    b = 2.0 * setup.energy_max + setup.lepton_mass**2 / setup.a_max - slope * a
    low = setup.smallest_product / v1
    return low, np.maximum(np.sqrt(np.maximum(b, 0.0) / setup.b_max), low)
