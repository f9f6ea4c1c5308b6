"""Leading-order quark-parton structure functions of a target of isospin-symmetric nucleons."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nd2fd.cross_sections.pdf.continuation import parton_densities as densities_of_set
from nd2fd.cross_sections.truths import PdfMember
from nd2fd.physics.cross_section import effective_structure_functions
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import StructureFunctions

Array = NDArray[np.float64]

PartonDensities = Callable[[Sequence[int], Array, Array], Array]
"""(PDG ids, x, Q² [GeV²]) → x f(x, Q²) of shape (n_ids, *shape); see `nd2fd.cross_sections.pdf`."""

_DOWN, _UP, _STRANGE, _CHARM = 1, 2, 3, 4


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
    # What absorbs the W, as quark and as antiquark: W⁺ turns d into u and ū into d̄.
    if setup.antineutrino:
        ids = [_UP, _DOWN, _CHARM, -_UP, -_DOWN, -_STRANGE]
    else:
        ids = [_DOWN, _UP, _STRANGE, -_DOWN, -_UP, -_CHARM]
    of_proton, of_neutron, sea, anti_of_neutron, anti_of_proton, anti_sea = parton_densities(
        ids, x, Q2
    )
    proton = setup.target.proton_fraction
    quarks = proton * of_proton + (1.0 - proton) * of_neutron + sea
    antiquarks = proton * anti_of_proton + (1.0 - proton) * anti_of_neutron + anti_sea
    f2 = 2.0 * (quarks + antiquarks)
    xf3 = 2.0 * (quarks - antiquarks)
    return np.stack([f2, f2, xf3, np.zeros_like(f2), 0.5 * f2])


def toy_truth(parton_densities: PartonDensities, setup: Setup) -> StructureFunctions:
    """The known (W1', W2', W3')(x, Q²) that the network has to find."""

    def structure_functions(x: Array, Q2: Array) -> Array:
        model = quark_parton_model(parton_densities, x, Q2, setup)
        return effective_structure_functions(model, Q2, setup)

    return structure_functions


def truth_from_pdf(setup: Setup, pdf: PdfMember) -> StructureFunctions:
    """`toy_truth` with a PDF set; raises as `nd2fd.cross_sections.pdf.grid.open_grid`."""
    return toy_truth(densities_of_set(pdf.set_directory, pdf.member, pdf.reader), setup)
