"""Coverage of joint fits when nature is not the default truth, for docs/studies/joint-fit.md.

    python tools/joint_study.py run NATURE FIRST LAST
    python tools/joint_study.py table

NATURE is a value of sin²θ23; `transverse`, the truth quark_parton_transverse; `bump`, all structure
functions 20 % higher about one point of (ξ, τ); or `seed`, the default with another root seed.
FIRST and LAST number the pseudo-experiments, with smeared muons; each takes a core-second. Needs

    snakemake --notemp results/joint/designs/smeared.h5 results/joint/toys/joint_smeared.h5

of the default configuration, and writes results/studies/joint/NATURE/FIRST.h5.
"""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import yaml

from nd2fd.beam.spectra import tabulated_oscillation
from nd2fd.config.problems import validate_config
from nd2fd.cross_sections.closure import closure_truth
from nd2fd.cross_sections.truths import PdfMember, true_structure_functions
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.declarations import Provenance
from nd2fd.io.schemas.inputs import Flux, Oscillation, Response
from nd2fd.io.schemas.joint import JointCoverageBlock, JointDesign, JointToys
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.density import DensityGrid
from nd2fd.plan import Plan
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.joint_analysis import JointAnalysis
from nd2fd.statistics.joint_experiments import JointData, joint_coverage_of, joint_experiments

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
STUDY = RESULTS / "studies/joint"
FIT = "joint_smeared"
BUMP = {"xi": 0.45, "tau": 0.4, "width": 0.06, "height": 0.2}
OTHER_SEED = 4


def default_plan() -> Plan:
    """Of the default configuration."""
    return Plan(validate_config(yaml.safe_load((ROOT / "config/config.yaml").read_text())))


def nature(name: str, plan: Plan) -> tuple[JointData, list[float]]:
    """What makes the data, and the true (sin²θ23, Δm²32)."""
    truth = Truth.load(RESULTS / "truth/densities.h5")
    flux = Flux.load(RESULTS / "inputs/flux.h5")
    oscillation = Oscillation.load(RESULTS / "inputs/oscillation.h5")
    point, seed = list(plan.true_octant_point), plan.config.seed
    grid = DensityGrid.from_config(plan.section("setup"), plan.section("grid"))
    if name == "transverse":
        pdf = PdfMember.of_job(
            str(RESULTS / "pdf/ct18nnlo_embedded/ct18nnlo_embedded.info"), 0, "neopdf"
        )
        functions = true_structure_functions("quark_parton_transverse", grid.setup, pdf)
        nodes = NodeGrid.for_setup(grid.setup, truth.xi.size, truth.tau.size)
        truth = closure_truth(functions, flux, oscillation, grid, nodes)
    elif name == "bump":
        distance = np.hypot(truth.xi[:, None] - BUMP["xi"], truth.tau - BUMP["tau"])
        higher = 1.0 + BUMP["height"] * np.exp(-0.5 * (distance / BUMP["width"]) ** 2)
        truth = replace(truth, structure_functions=truth.structure_functions * higher)
    elif name == "seed":
        seed = OTHER_SEED
    else:
        point[0] = float(name)
        section = plan.section("oscillation") | {"sin2_theta23": point[0]}
        experiment = Experiment.from_config(section, antineutrino=grid.setup.antineutrino)
        oscillation = tabulated_oscillation(experiment, grid.setup.energy_max)
    n_far = plan.config.far_detector.n_events
    near = plan.joint_near_events(FIT)
    return JointData(truth, flux, oscillation, near, n_far, seed), point


def run(name: str, first: int, last: int) -> None:
    """Pseudo-experiments, all analysed as those of the default truth are."""
    plan = default_plan()
    params = SimpleNamespace(
        setup=plan.section("setup"),
        grid=plan.section("grid") | {"n_energy": plan.config.coverage.n_energy},
        smearing=plan.joint_smearing(FIT),
        oscillation=plan.section("oscillation"),
        sin2_theta23=plan.joint_range("sin2_theta23"),
        dm2_32=plan.joint_range("dm2_32"),
        octant=plan.true_octant,
    )
    far = FarAnalysis.from_params(params, Response.load(RESULTS / "inputs/response.h5"))
    grid = DensityGrid.from_config(plan.section("setup"), plan.section("grid"))
    data, point = nature(name, plan)
    design = JointDesign.load(RESULTS / "joint/designs/smeared.h5")
    shape = (grid.n_v1, grid.n_v2)
    analysis = JointAnalysis.of(design, data.flux, far, plan.config.joint.price, shape)
    block = joint_experiments(
        analysis, grid, data, range(first, last), point, lambda n, note: print(n, note, flush=True)
    )
    block.save(STUDY / name / f"{first}.h5", Provenance("joint_study", "0" * 64, data.seed, {}))


def table() -> None:
    """A row for each nature, with Wilks' thresholds and those of toys."""
    plan = default_plan()
    toys = JointToys.load(RESULTS / f"joint/toys/{FIT}.h5")
    for folder in sorted(STUDY.iterdir()):
        blocks = [JointCoverageBlock.load(file) for file in sorted(folder.glob("*.h5"))]
        joined = {
            field: np.concatenate([getattr(block, field) for block in blocks])
            for field in vars(blocks[0])
        }
        _, point = nature(folder.name, plan)
        found = joint_coverage_of(JointCoverageBlock(**joined), toys, point)
        widths = found.half_width_dm2_32
        pulls = (found.best_dm2_32 - found.true_dm2_32) / widths
        print(
            f"{folder.name}: {found.n_experiments} experiments, half-width "
            f"{widths[:, 0].mean() / widths[:, 1].mean():.2f}"
        )
        for which, cross_section in enumerate(("learned", "known")):
            pull = pulls[:, which]
            wilks, calibrated = found.coverage[which], found.calibrated[which]
            print(
                f"  {cross_section}: pull {pull.mean():.2f} ± {pull.std() / pull.size**0.5:.2f}, "
                f"Wilks {(100 * wilks).round(1).tolist()}, "
                f"Feldman-Cousins {(100 * calibrated).round(1).tolist()}"
            )


if __name__ == "__main__":
    if sys.argv[1:] == ["table"]:
        table()
    elif len(sys.argv) == 5 and sys.argv[1] == "run":
        run(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(__doc__)
