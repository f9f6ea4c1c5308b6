"""A smooth toy cross section and flux for tests that need no PDF, for any setup."""

from dataclasses import replace

import numpy as np

from nd2fd.beam.spectra import tabulated_oscillation
from nd2fd.cross_sections.quark_parton import quark_parton_model, transverse_quark_parton_model
from nd2fd.io.schemas.inputs import Flux
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.cross_section import effective_structure_functions, measurable_combinations
from nd2fd.physics.oscillation_parameters import NUFIT_6_0
from nd2fd.physics.setup import Setup, Target

SETUP = Setup(Target((("Ar40", 1),)), "muon", antineutrino=False, energy_max=10.0)
"""Of the default configuration."""

# x f = norm x^a (1 - x)^b at large Q², by PDG identifier.
_SHAPES = {
    1: (1.0, 0.6, 4),
    2: (2.0, 0.6, 3),
    3: (0.1, 0.1, 7),
    4: (0.03, 0.1, 7),
    -1: (0.15, 0.1, 7),
    -2: (0.12, 0.1, 7),
    -3: (0.1, 0.1, 7),
    -4: (0.03, 0.1, 7),
}


def setup(**changes):
    """The default setup with changes; a target may be given as nuclei by name."""
    if isinstance(changes.get("target"), dict):
        changes["target"] = Target(tuple(changes["target"].items()))
    return replace(SETUP, **changes)


def parton_densities(pids, x, q2):
    """Vanish above x = 1, where there are no partons in a nucleon at rest."""
    return np.stack(
        [
            norm
            * x**a
            * np.maximum(1 - x, 0.0) ** b
            * q2
            / (q2 + 0.8)
            * (1 - 0.1 * x * np.log1p(q2))
            for norm, a, b in (_SHAPES[pid] for pid in pids)
        ]
    )


def structure_functions_of(setup):
    """(W1', W2', W3')(x, Q²) of a setup, such that no cross section is negative.

    A hadron tensor is positive only if √(1 + 4M²x²/Q²) |xF3| ≤ 2xF1. At low Q² Callan and Gross'
    2xF1 = F2 breaks that, and antineutrinos, which see the difference of the two, notice; with
    2xF1 = (1 + 4M²x²/Q²) F2, no longitudinal W, all is well.
    """

    def structure_functions(x, Q2):
        w1, w2, w3, w4, w5 = quark_parton_model(parton_densities, x, Q2, setup)
        if setup.antineutrino:
            w1 = w2 * (1 + 4 * (setup.nucleon_mass * x) ** 2 / Q2)
        return effective_structure_functions(np.stack([w1, w2, w3, w4, w5]), Q2, setup)

    return structure_functions


structure_functions = structure_functions_of(SETUP)


def quark_parton_truth(parton_densities, setup, *, transverse=False):
    """(W1', W2', W3')(x, Q²) of a truth of the package with other parton densities."""
    model = transverse_quark_parton_model if transverse else quark_parton_model
    return measurable_combinations(lambda x, Q2: model(parton_densities, x, Q2, setup), setup)


def flux(energy):
    """A peak at 2.5 GeV with a tail."""
    return np.exp(-0.5 * (energy - 2.5) ** 2) + 0.03


def oscillated_flux(energy):
    """The flux with a two-flavour dip."""
    return flux(energy) * (1 - 0.95 * np.sin(1.267 * 2.5e-3 * 1300 / energy) ** 2)


EXPERIMENT = Experiment(1300.0, 1.424, NUFIT_6_0)


def inputs(setup=SETUP, far=True):
    """`Flux` with three modes, and `Oscillation`; without a far detector there is none."""
    energy = np.linspace(0.0, setup.energy_max, 161)
    relative = energy / setup.energy_max
    near_modes = np.stack(
        [np.full_like(energy, 0.06), 0.05 * np.cos(4 * relative), 0.1 * (relative - 0.3)]
    )
    artifact = Flux(
        energy=energy,
        near=flux(energy),
        far=0.7 * flux(energy) if far else None,
        near_modes=near_modes,
        far_modes=near_modes + 0.01 * np.sin(3 * relative) if far else None,
    )
    return artifact, tabulated_oscillation(EXPERIMENT, setup.energy_max) if far else None
