"""Print tables of docs/studies/leptons.md.

    python tools/lepton_study.py assume quark_parton|impulse PDF FLUX
    python tools/lepton_study.py ratio quark_parton PDF FLUX
    python tools/lepton_study.py coverage quark_parton PDF FLUX
    python tools/lepton_study.py phases quark_parton PDF FLUX
    python tools/lepton_study.py fluxes quark_parton PDF FLUX

PDF is the folder of a PDF set, such as results/pdf/ct18nnlo_embedded of any run, FLUX the file of
DUNE's far detector, forward horn current, of the release of arXiv:2103.04797. The other settings
are those of config/leptons.yaml, with the nodes of config/experiments/dune_impulse.yaml for its
truth. FLUX may be dune: as at the near detector. One to eight minutes on one core.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from nd2fd.config.leptons import LeptonSection
from nd2fd.cross_sections.truths import PdfMember, table_of_truth
from nd2fd.forward.operator import ForwardOperator
from nd2fd.io.schemas.leptons import LeptonExperiments
from nd2fd.leptons.analysis import LeptonAnalysis
from nd2fd.leptons.beams import DUNE
from nd2fd.leptons.experiments import TESTED, pseudo_experiments
from nd2fd.leptons.fisher import errors
from nd2fd.leptons.near import stacked_map
from nd2fd.leptons.parameters import NAMES
from nd2fd.leptons.profiles import best, expected_data
from nd2fd.leptons.reading import Truths, lepton_analysis, true_structure_functions
from nd2fd.leptons.results import electron_ratio
from nd2fd.leptons.samples import LEPTONS
from nd2fd.physics.setup import Setup
from nd2fd.statistics.profile_regions import CONTENTS, FOR_ONE, FOR_TWO

Array = NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[1]
NEAR = {"muons": ["muon"], "muons, electrons": ["muon", "electron"]}
ENERGIES = (0.75, 1.5, 2.5, 4.0, 7.0)
N_EXPERIMENTS = 300
CASES = ((62_000.0, 0.0), (6200.0, 0.0), (62_000.0, None))
"""Far muons, and standard deviation of what is known of sin²θ23: 0 all, None nothing."""

PHASES = (0.0, 0.5, 1.5)
"""True δ_CP/π."""

N_OF_PHASES = 200
MODES = (
    (None, "beam"),
    ("dune_fhc", "beam"),
    ("dune_fhc", "flavour"),
    ("smooth", "beam"),
    ("smooth", "flavour"),
)
"""Modes of the fluxes, and what has them in common."""

FINE = {"intervals": 20, "near_cells": 64, "price": 20.0}
"""For peaks of nuclear truths, as far as the memory and minutes of a study go."""


def configuration(truth: str) -> dict[str, Any]:
    """Sections with the truth's nodes."""
    raw: dict[str, Any] = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    if truth == "impulse":
        other = yaml.safe_load((ROOT / "config/experiments/dune_impulse.yaml").read_text())
        for section in ("setup", "nodes"):
            raw[section] |= other[section]
    return raw


def scaled(truths: Truths, of_w4: float, of_w5: float) -> Truths:
    """W4 is more by a share of W2, and W5 has a factor."""

    def changed(x: Array, Q2: Array) -> Array:
        w1, w2, w3, w4, w5 = truths[False](x, Q2)
        return np.stack([w1, w2, w3, w4 + of_w4 * w2, of_w5 * w5])

    return {False: changed}


def natures(truth: str, truths: Truths) -> Iterator[tuple[str, Truths]]:
    """A truth, and such as break Albright and Jarlskog's relations."""
    yield truth, truths
    if truth == "quark_parton":
        yield "W5 × 1.2", scaled(truths, 0.0, 1.2)
        yield "W5 × 0.5", scaled(truths, 0.0, 0.5)
        yield "W4 = −W2/4", scaled(truths, -0.25, 1.0)


def settings_of(truth: str, flux: str) -> dict[str, Any]:
    """An entry of the section `leptons`."""
    layout = {"column": "dune", "unit": "GeV", "energies": "points", "content": "per_gev"}
    finer = FINE if truth == "impulse" else {}
    far = {} if flux == DUNE else {"far": flux, "far_format": layout}
    section = LeptonSection(label="x", forward=far, **finer)
    return section.model_dump(mode="json")


class Study(NamedTuple):
    """Sections of the configuration, an entry of the section `leptons`, and a truth."""

    sections: dict[str, Any]
    settings: dict[str, Any]
    truths: Truths

    @classmethod
    def of(cls, truth: str, folder: str, flux: str) -> "Study":
        """From the arguments of the command."""
        sections, pdf = configuration(truth), PdfMember(Path(folder), 0, "neopdf")
        setup, settings = Setup.from_config(sections["setup"]), settings_of(truth, flux)
        table = table_of_truth(truth, setup, pdf) if truth == "impulse" else None
        truths = true_structure_functions(settings, setup, truth, pdf, table)
        return cls(sections, settings, truths)

    def analysis(self, **changed: Any) -> LeptonAnalysis:
        """With other settings."""
        setup = Setup.from_config(self.sections["setup"])
        oscillation, nodes = self.sections["oscillation"], self.sections["nodes"]
        return lepton_analysis(self.settings | changed, setup, self.truths, oscillation, nodes)


def assume(truth: str, folder: str, flux: str) -> None:
    """Five structure functions against three and Albright and Jarlskog's relations."""
    print("truth | near | learned | chi2 | errors | shifts in errors | ratio % | its bias %")
    study = Study.of(truth, folder, flux)
    for nature, truths in natures(truth, study.truths):
        for near, leptons in NEAR.items():
            for functions in ("five", "albright_jarlskog"):
                of_nature = study._replace(truths=truths)
                found = of_nature.analysis(near=leptons, structure_functions=functions)
                theta, size = found.parameters.theta, errors(found.changes, found.parameters)
                shift = (best(expected_data(found, 1), theta).theta - theta) / size
                error, bias = 100.0 * electron_ratio(found)
                print(
                    f"{nature} | {near} | {functions} | {found.posterior.chi2:.1f} | "
                    f"{_shown(size)} | {np.round(shift[:3], 2)} | {error:.2f} | {bias:.2f}",
                    flush=True,
                )


def _shown(size: Array) -> Array:
    """Errors of sin²θ23, of Δm²32 in 1e-5 eV², and of δ_CP."""
    return np.round(size[:3] * np.array([1.0, 1e5, 1.0]), 4)


def ratio(truth: str, folder: str, flux: str) -> None:
    """σ(ν_e)/σ(ν_μ) as learned, with all directions of the posterior."""
    study = Study.of(truth, folder, flux)
    print("near | learned | E_ν [GeV]: error; bias (%)")
    for near, leptons in NEAR.items():
        for functions in ("five", "albright_jarlskog"):
            found = study.analysis(near=leptons, structure_functions=functions)
            model, splines = found.near.model, found.near.basis
            true = [kernel[0].sum(axis=0) for kernel in found.detectors[0].kernels.values()]
            shown = []
            for energy in ENERGIES:
                rows = []
                for lepton in LEPTONS:
                    grid = model.far_grid(lepton, False)
                    k = int(energy / model.setup.energy_max * grid.n_energy)
                    operator = ForwardOperator.build(grid, model.nodes, five=True)
                    matrix = operator.event_matrix(np.eye(grid.n_energy)[k])
                    rows.append(stacked_map(model, splines, [{False: matrix}]).sum(axis=0))
                muons, electrons = (row @ found.posterior.mean for row in rows)
                change = rows[1] / electrons - rows[0] / muons
                error = np.linalg.norm(found.posterior.whitened(change[None]))
                bias = np.log(electrons / muons * true[0][k] / true[1][k])
                shown.append(f"{energy:g}: {100 * error:.2f}; {100 * bias:.2f}")
            print(f"{near} | {functions} | {' | '.join(shown)}", flush=True)


def _drawn(found: LeptonAnalysis, n_experiments: int) -> LeptonExperiments:
    rng = np.random.default_rng(23)
    return pseudo_experiments(found, n_experiments, rng, lambda *_: None)


def coverage(truth: str, folder: str, flux: str) -> None:
    """Intervals of δ_CP with the known cross section: more far events, sin²θ23 known."""
    study = Study.of(truth, folder, flux)
    delta = NAMES.index("delta_cp")
    print("far muons | error of sin²θ23 | held (%) at 1σ, 2σ | cos δ has the other sign (%)")
    for muons, error in CASES:
        known = study.settings["parameters"] | {"sin2_theta23": error}
        found = study.analysis(far_muons=muons, parameters=known)
        drawn = _drawn(replace(found, detectors=found.detectors[:1]), N_EXPERIMENTS)
        above = drawn.above[0, :, TESTED.index(("delta_cp",))]
        other = np.cos(drawn.theta[0, :, delta]) * np.cos(drawn.true_theta[delta]) < 0.0
        held = [100.0 * np.mean(above < n**2) for n in (1.0, 2.0)]
        print(
            f"{muons:g} | {error} | {held[0]:.1f}, {held[1]:.1f} | {100 * other.mean():.1f}",
            flush=True,
        )


def phases(truth: str, folder: str, flux: str) -> None:
    """Thresholds and coverage at other true δ_CP, known and learned cross section."""
    study = Study.of(truth, folder, flux)
    print("δ_CP/π | of | thresholds of the known | held (%) of known | of learned | with these")
    for phase in PHASES:
        sections = study.sections.copy()
        sections["oscillation"] = sections["oscillation"] | {"delta_cp": phase * np.pi}
        drawn = _drawn(study._replace(sections=sections).analysis(), N_OF_PHASES)
        for k, names in enumerate(TESTED):
            known, learned = drawn.above[:, :, k]
            own = np.quantile(known, CONTENTS)
            wilks = FOR_ONE if len(names) == 1 else FOR_TWO
            held = [
                [round(100.0 * float(np.mean(above < level)), 1) for level in levels]
                for above, levels in ((known, wilks), (learned, wilks), (learned, own))
            ]
            print(f"{phase} | {', '.join(names)} | {np.round(own, 2)} | {held}", flush=True)


def fluxes(truth: str, folder: str, flux: str) -> None:
    """Errors of θ in linear theory with errors of the fluxes."""
    study = Study.of(truth, folder, flux)
    print("near | modes | of | errors of sin²θ23, Δm²32 [1e-5 eV²], δ_CP | of ν_e/ν_μ (%)")
    for near, leptons in NEAR.items():
        for modes, sharing in MODES:
            found = study.analysis(near=leptons, flux_modes=modes, flux_modes_of=sharing)
            size = _shown(errors(found.changes, found.parameters))
            error, _ = 100.0 * electron_ratio(found)
            print(f"{near} | {modes} | {sharing} | {size} | {error:.2f}", flush=True)


if __name__ == "__main__":
    studies = {
        "assume": assume,
        "coverage": coverage,
        "fluxes": fluxes,
        "phases": phases,
        "ratio": ratio,
    }
    studies[sys.argv[1]](*sys.argv[2:])
