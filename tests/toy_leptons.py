"""Analyses of leptons at toy size."""

from functools import cache

import toy
from nd2fd.cross_sections.quark_parton import transverse_quark_parton_model
from nd2fd.forward.nodes import NodeGrid
from nd2fd.leptons.analysis import LeptonAnalysis
from nd2fd.leptons.beams import read_beams
from nd2fd.leptons.flux_errors import FluxErrors
from nd2fd.leptons.model import LeptonModel
from nd2fd.leptons.parameters import Parameters
from nd2fd.leptons.samples import LEPTONS
from nd2fd.leptons.spectra import Line
from nd2fd.physics.oscillation_parameters import NUFIT_6_0

LINE = Line(1300.0, 2.848 * 0.5)
DUNE = {"near": "dune", "far": None, "near_format": {}, "far_format": {}}
PARAMETERS = Parameters.of(NUFIT_6_0, {"sin2_theta13": 0.00057})


def five_of(antineutrino):
    setup = toy.setup(antineutrino=antineutrino)
    return lambda x, Q2: transverse_quark_parton_model(toy.parton_densities, x, Q2, setup)


def model(horns=("forward",), helicities=(False,), functions="five", **changes):
    small = {"near_cells": (40, 16), "far_cells": (50, 12), "subsamples": 2, "shared": False}
    known = FluxErrors.of(None, "beam", toy.SETUP.energy_max)
    return LeptonModel(
        setup=toy.SETUP,
        leptons=LEPTONS,
        helicities=helicities,
        functions=functions,
        nodes=NodeGrid.for_setup(toy.SETUP, 24, 24),
        beams=read_beams(dict.fromkeys(horns, DUNE), helicities),
        **small | {"flux_errors": known} | changes,
    )


def analysis(the_model, near=LEPTONS, horns=("forward",), **changes):
    settings = {"near_events": 3e6, "far_muons": 6200.0, "intervals": 6, "price": 6.0}
    truths = {anti: five_of(anti) for anti in the_model.helicities}
    return LeptonAnalysis.prepare(
        the_model,
        truths,
        PARAMETERS,
        LINE,
        near=near,
        far=LEPTONS,
        horns=horns,
        **settings | changes,
    )


@cache
def toy_analysis(modes=None, sharing="beam"):
    """Near and far, muons and electrons, forward horn current; modes of the fluxes."""
    return analysis(model(flux_errors=FluxErrors.of(modes, sharing, toy.SETUP.energy_max)))
