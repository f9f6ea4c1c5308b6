"""An analysis of leptons from its section of the configuration."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nd2fd.cross_sections.truths import PdfMember, five_structure_functions
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.job import Job
from nd2fd.io.schemas.truth import StructureFunctionTable
from nd2fd.leptons.analysis import LeptonAnalysis
from nd2fd.leptons.beams import read_beams
from nd2fd.leptons.flux_errors import FluxErrors
from nd2fd.leptons.model import LeptonModel
from nd2fd.leptons.parameters import Parameters
from nd2fd.leptons.samples import LEPTONS, Lepton
from nd2fd.leptons.spectra import Line
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import FiveStructureFunctions

_SUBSAMPLES = 2

Truths = Mapping[bool, FiveStructureFunctions]
"""True structure functions of neutrinos (False) and antineutrinos (True)."""


def of_job(job: Job) -> tuple[LeptonAnalysis, Truths]:
    """What a job of the workflow analyses, and its truth; raises what they raise."""
    p, setup = job.params, Setup.from_config(job.params.setup)
    pdf = PdfMember.of_job(job.input_path("pdf"), p.member, p.reader)
    table = job.load_optional("table", StructureFunctionTable)
    truths = true_structure_functions(p.settings, setup, p.truth["model"], pdf, table)
    return lepton_analysis(p.settings, setup, truths, p.oscillation, p.nodes), truths


def true_structure_functions(
    settings: Mapping[str, Any],
    setup: Setup,
    truth: str,
    pdf: PdfMember | None,
    table: StructureFunctionTable | None = None,
) -> Truths:
    """Those of a truth, checked for all leptons of an entry of the section `leptons`.

    `table` is that of a tabulated truth. Raises what `five_structure_functions` does.
    """
    truths = {}
    for antineutrino in _helicities(settings):
        for lepton in _leptons(settings):
            of_lepton = replace(setup, lepton=lepton, antineutrino=antineutrino)
            truths[antineutrino] = five_structure_functions(truth, of_lepton, pdf, table)
    return truths


def lepton_analysis(
    settings: Mapping[str, Any],
    setup: Setup,
    truths: Truths,
    oscillation: Mapping[str, float],
    nodes: Mapping[str, Any],
) -> LeptonAnalysis:
    """Learn from the near samples of an entry of the section `leptons`.

    `oscillation` and `nodes` are sections. Raises what `read_beams` does.
    """
    horns, helicities = settings["horn_currents"], _helicities(settings)
    model = LeptonModel(
        setup=setup,
        leptons=_leptons(settings),
        helicities=helicities,
        functions=settings["structure_functions"],
        shared=settings["antineutrinos"] == "shared",
        nodes=NodeGrid.for_setup(setup, **nodes),
        beams=read_beams({horn: settings[horn] for horn in horns}, helicities),
        flux_errors=FluxErrors.of(
            settings["flux_modes"], settings["flux_modes_of"], setup.energy_max
        ),
        near_cells=(settings["near_energies"], settings["near_cells"]),
        far_cells=(settings["far_energies"], settings["far_cells"]),
        subsamples=_SUBSAMPLES,
    )
    experiment = Experiment.from_config(oscillation, antineutrino=False)
    return LeptonAnalysis.prepare(
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


def _helicities(settings: Mapping[str, Any]) -> tuple[bool, ...]:
    return (False,) if settings["antineutrinos"] == "none" else (False, True)


def _leptons(settings: Mapping[str, Any]) -> list[Lepton]:
    return [lepton for lepton in LEPTONS if lepton in (*settings["near"], *settings["far"])]
