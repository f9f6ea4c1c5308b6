"""Leading-order quark-parton structure functions of a target of isospin-symmetric nucleons."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nd2fd.cross_sections.pdf.continuation import continued_xf
from nd2fd.cross_sections.pdf.grid import open_grid
from nd2fd.cross_sections.pdf.proton import refuse_other_than_protons, refuse_short_grids
from nd2fd.cross_sections.truths import PdfMember
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import FiveStructureFunctions

Array = NDArray[np.float64]

PartonDensities = Callable[[Sequence[int], Array, Array], Array]
"""(PDG ids, x, Q² [GeV²]) → x f(x, Q²) of shape (n_ids, *shape); see `nd2fd.cross_sections.pdf`."""

_DOWN, _UP, _STRANGE, _CHARM = 1, 2, 3, 4


def _absorbing(setup: Setup) -> list[int]:
    """What absorbs the W, as quark and as antiquark: W⁺ turns d into u and ū into d̄."""
    if setup.antineutrino:
        return [_UP, _DOWN, _CHARM, -_UP, -_DOWN, -_STRANGE]
    return [_DOWN, _UP, _STRANGE, -_DOWN, -_UP, -_CHARM]


def quark_parton_model(
    parton_densities: PartonDensities, x: Array, Q2: Array, setup: Setup
) -> Array:
    """(W1, …, W5) = (2xF1, F2, xF3, xF4, xF5) of ν or ν̄ scattering per nucleon of the target.

    F2(νp) = 2x (d + s + ū + c̄),   F3(νp) = 2 (d + s - ū - c̄),
    F2(ν̄p) = 2x (u + c + d̄ + s̄),   F3(ν̄p) = 2 (u + c - d̄ - s̄),
    neutrons by u ↔ d, F_A = (Z F_p + N F_n) / A; Callan-Gross 2xF1 = F2; Albright-Jarlskog F4 = 0,
    2xF5 = F2 (Kretzer & Reno, hep-ph/0208187, at leading order with massless quarks).

    `x` and `Q2` [GeV²] broadcast to a shape; returns (5, *shape).
    """
    of_proton, of_neutron, sea, anti_of_neutron, anti_of_proton, anti_sea = parton_densities(
        _absorbing(setup), x, Q2
    )
    proton = setup.target.proton_fraction
    quarks = proton * of_proton + (1.0 - proton) * of_neutron + sea
    antiquarks = proton * anti_of_proton + (1.0 - proton) * anti_of_neutron + anti_sea
    f2 = 2.0 * (quarks + antiquarks)
    xf3 = 2.0 * (quarks - antiquarks)
    return np.stack([f2, f2, xf3, np.zeros_like(f2), 0.5 * f2])


def transverse_quark_parton_model(
    parton_densities: PartonDensities, x: Array, Q2: Array, setup: Setup
) -> Array:
    """`quark_parton_model` with R = σ_L/σ_T = 0 in place of Callan-Gross.

    2xF1 = (1 + 4M²x²/Q²) F2. With 2xF1 = F2 the cross section of antineutrinos on valence quarks,
    (1 - y)² - M x y/(2E) in units of F2, is negative at large y; here the last term is positive.
    """
    _, w2, w3, w4, w5 = quark_parton_model(parton_densities, x, Q2, setup)
    return np.stack([(1.0 + (2.0 * setup.nucleon_mass * x) ** 2 / Q2) * w2, w2, w3, w4, w5])


def checked_densities(setup: Setup, pdf: PdfMember) -> PartonDensities:
    """Parton densities of a PDF set of a free proton, as far as the setup reaches.

    Below the smallest x of the set, where electrons alone get, they are those at its edge.

    Raises
    ------
    FileNotFoundError, ImportError
        As `nd2fd.cross_sections.pdf.grid.open_grid`.
    ValueError
        As that, or where the set is no free proton's or does not reach as far as the setup.
    """
    grid = open_grid(*pdf)
    try:
        refuse_short_grids(grid, _absorbing(setup), setup)
        refuse_other_than_protons(grid)
    except ValueError as error:
        raise ValueError(f"PDF set {pdf.set_directory}, member {pdf.member}: {error}") from None

    def parton_densities(pids: Sequence[int], x: Array, Q2: Array) -> Array:
        return continued_xf(grid, pids, np.maximum(x, grid.x_min), Q2)

    return parton_densities


def truth_from_pdf(
    setup: Setup, pdf: PdfMember, *, transverse: bool = False
) -> FiveStructureFunctions:
    """The known (W1, …, W5)(x, Q²) that has to be found, with `checked_densities`."""
    parton_densities = checked_densities(setup, pdf)
    model = transverse_quark_parton_model if transverse else quark_parton_model
    return lambda x, Q2: model(parton_densities, x, Q2, setup)


def transverse_truth_from_pdf(setup: Setup, pdf: PdfMember) -> FiveStructureFunctions:
    """The same with R = 0."""
    return truth_from_pdf(setup, pdf, transverse=True)
