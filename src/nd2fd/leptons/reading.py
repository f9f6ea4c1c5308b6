"""An analysis of leptons from its section of the configuration."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nd2fd.cross_sections.truths import PdfMember, five_structure_functions
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.truth import StructureFunctionTable
from nd2fd.leptons.analysis import LeptonAnalysis
from nd2fd.leptons.beams import read_beams
from nd2fd.leptons.model import LeptonModel
from nd2fd.leptons.parameters import Parameters
from nd2fd.leptons.samples import LEPTONS
from nd2fd.leptons.spectra import Line
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import FiveStructureFunctions

_SUBSAMPLES = 2

Truths = Mapping[bool, FiveStructureFunctions]


def lepton_analysis(
    settings: Mapping[str, Any],
    setup: Setup,
    truth: str,
    pdf: PdfMember | None,
    oscillation: Mapping[str, float],
    nodes: Mapping[str, Any],
    table: StructureFunctionTable | None = None,
) -> tuple[LeptonAnalysis, Truths]:
    """Learn from its near samples, and the true structure functions by helicity.

    `settings` are an entry of the section `leptons`, `oscillation` and `nodes` are sections, and
    `table` is that of a tabulated truth. Raises what `five_structure_functions` and `read_beams`
    do.
    """
    helicities = (False,) if settings["antineutrinos"] == "none" else (False, True)
    leptons = [lepton for lepton in LEPTONS if lepton in (*settings["near"], *settings["far"])]
    truths = {}
    for antineutrino in helicities:
        for lepton in leptons:
            of_lepton = replace(setup, lepton=lepton, antineutrino=antineutrino)
            truths[antineutrino] = five_structure_functions(truth, of_lepton, pdf, table)
    horns = settings["horn_currents"]
    model = LeptonModel(
        setup=setup,
        leptons=leptons,
        helicities=helicities,
        five=settings["structure_functions"] == "five",
        shared=settings["antineutrinos"] == "shared",
        nodes=NodeGrid.for_setup(setup, **nodes),
        beams=read_beams({horn: settings[horn] for horn in horns}, helicities),
        near_cells=(settings["near_energies"], settings["near_cells"]),
        far_cells=(settings["far_energies"], settings["far_cells"]),
        subsamples=_SUBSAMPLES,
    )
    experiment = Experiment.from_config(oscillation, antineutrino=False)
    analysis = LeptonAnalysis.prepare(
        model,
        truths,
        Parameters.of(experiment.truth, settings["parameters"]),
        Line(experiment.baseline, experiment.rho_ye),
        near=settings["near"],
        horns=horns,
        far=settings["far"],
        near_events=settings["near_events"],
        far_muons=settings["far_muons"],
        intervals=settings["intervals"],
        price=settings["price"],
    )
    return analysis, truths
