"""The scripts of the workflow, one after the other at tiny size, without Snakemake.

A script finds an object `snakemake` in front of it, whose parts are made here as the rules make
them: from a configuration and its plan.
"""

import os
import runpy
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import yaml
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards

from nd2fd.config.problems import validate_config
from nd2fd.io.artifacts import read_artifact
from nd2fd.io.schemas.coverage import Coverage, CoverageBlock
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.fits import Fits, Intervals
from nd2fd.io.schemas.inputs import Flux, Oscillation, Response
from nd2fd.io.schemas.joint import JointCoverage, JointCoverageBlock, JointFit
from nd2fd.io.schemas.learned import Flows, Marginals, Networks, Predictions, Slices
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import NodeWeights, Truth
from nd2fd.plan import MODELS, Plan
from nd2fd.streams import NO_DRAW

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "workflow" / "scripts"

TINY = {
    "toy": True,
    "grid": {"n_energy": 24, "n_v1": 14, "n_v2": 15, "subsamples": 2},
    "nodes": {"n_xi": 14, "n_tau": 13},
    "training": {"hidden_layers": 1, "width": 12, "evaluations": 30, "members_per_job": 2},
    "flow": {"transforms": 1, "bins": 4, "hidden_layers": 1, "width": 8, "steps": 6, "cells": 16},
    "near_detector": {"n_events": 500},
    "far_detector": {"n_events": 300, "n_energy": 60},
    "fits": {"replicas": 50, "sin2_theta23": [0.3, 0.7], "dm2_32": [2.1e-3, 2.8e-3]},
    "regions": {"points": 20},
    "coverage": {
        "experiments": {"truth": 2, "systematics": 1},
        "experiments_per_job": 1,
        "n_energy": 50,
    },
    "joint": {
        "intervals": 4,
        "experiments_per_job": 1,
        "fits": {
            "joint": {"near_events": 50_000, "experiments": 2, "off_axis": [12.0], "toys": 50},
            "joint_smeared": {"near_events": 50_000, "experiments": 1},
        },
    },
    "figures": {"marginal_grid": 16},
    "ensembles": {
        "systematics": {
            "size": 3,
            "near_events": 5000,
            "vary": ["network_seed", "near_statistics", "flux", "muon_energy_scale"],
        },
        "flow": {"size": 1},
    },
}


def merged(base, override):
    both = dict(base)
    for key, value in override.items():
        nested = isinstance(value, Mapping) and isinstance(both.get(key), Mapping)
        both[key] = merged(both[key], value) if nested else value
    return both


class Run:
    """Runs single scripts in a results folder of their own."""

    def __init__(self, folder, **overrides):
        default = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
        raw = merged(merged(default, TINY), overrides | {"results": str(folder)})
        self.plan = Plan(validate_config(raw))
        self.config, self.section = self.plan.config, self.plan.section

    def script(self, rule, outputs, inputs=None, wildcards=None, **params):
        """Run a script; returns the path of its first output."""
        log = self.plan.path(f"logs/{rule}.log")
        named = outputs if isinstance(outputs, dict) else {}
        paths = [] if named else [self.plan.path(outputs)]
        snakemake = SimpleNamespace(
            rule=rule,
            input=InputFiles(fromdict=inputs or {}),
            output=OutputFiles(paths, fromdict=named) if paths else OutputFiles(fromdict=named),
            params=Params(fromdict={"code": "of a test", **params}),
            log=Log([log]),
            threads=1,
            wildcards=Wildcards(fromdict=wildcards or {}),
        )
        runpy.run_path(str(SCRIPTS / f"{rule}.py"), init_globals={"snakemake": snakemake})
        assert Path(log).is_file()
        return paths[0] if paths else None

    def inputs(self):
        """Fluxes, oscillation and response."""
        setup = self.section("setup")
        flux = {"flux": self.section("flux"), "has_far": self.plan.has_far}
        self.script("prepare_flux", "inputs/flux.h5", self.plan.flux_files, setup=setup, **flux)
        if self.plan.has_far:
            oscillation = self.section("oscillation")
            self.script(
                "tabulate_oscillation",
                "inputs/oscillation.h5",
                setup=setup,
                oscillation=oscillation,
            )
        self.script(
            "detector_response",
            "inputs/response.h5",
            setup=setup,
            grid=self.section("grid"),
            smearing=self.section("smearing"),
        )

    def truth(self):
        pdf = {"member": self.config.pdf.member, "reader": self.config.pdf.reader}
        grid = {"setup": self.section("setup"), "grid": self.section("grid")}
        self.script(
            "truth_densities",
            "truth/densities.h5",
            self.plan.pdf_files | self.plan.spectra_files,
            truth=self.section("truth"),
            nodes=self.section("nodes"),
            **grid,
            **pdf,
        )

    def weights(self):
        self.script(
            "node_weights",
            "truth/weights.h5",
            self.plan.spectra_files | self.plan.known_files,
            **{p: self.section(p) for p in ("setup", "grid", "nodes")},
        )

    def far_events(self):
        common = {"seed": self.config.seed, "setup": self.section("setup")}
        self.script(
            "far_events",
            "far/events.h5",
            self.plan.pdf_files | self.plan.spectra_files,
            n_events=self.config.far_detector.n_events,
            truth=self.section("truth"),
            member=self.config.pdf.member,
            reader=self.config.pdf.reader,
            **common,
        )
        events = {"events": self.plan.path("far/events.h5")}
        self.script(
            "far_smeared", "far/smeared.h5", events, smearing=self.section("smearing"), **common
        )

    def near(self, name, batch=0):
        plan = self.plan
        return self.script(
            "near_members",
            f"near/{name}/{batch}.h5",
            plan.response(name)
            | {
                "truth": plan.path("truth/densities.h5"),
                "flux": plan.path("inputs/flux.h5"),
            },
            members=plan.members(name, batch),
            seed=self.config.seed,
            n_events=plan.near_events(name),
            streams=plan.near_streams(name, batch),
            bootstraps=plan.near_bootstraps(name, batch),
            nuisance_draws=plan.draws(name, batch),
            systematics=self.section("systematics"),
            setup=self.section("setup"),
            grid=self.section("grid"),
            smearing=plan.smearing(name),
        )

    def near_event_file(self):
        return self.script(
            "near_events",
            "near/events.h5",
            {
                "truth": self.plan.path("truth/densities.h5"),
                "flux": self.plan.path("inputs/flux.h5"),
            },
            seed=self.config.seed,
            n_events=self.config.near_detector.n_events,
            setup=self.section("setup"),
        )

    def train(self, name, batch=0):
        plan, kind = self.plan, self.plan.kind(name)
        inputs = {"near": plan.path(f"near/{name}/{batch}.h5")}
        params = {
            "seed": self.config.seed,
            "streams": plan.network_streams(name, batch),
            "setup": self.section("setup"),
            "grid": self.section("grid"),
        }
        if kind == "flow":
            params["flow"] = self.section("flow")
            path = self.script("train_flows", f"flows/{name}/{batch}.h5", inputs, **params)
        else:
            flux = {"flux": plan.path("inputs/flux.h5")}
            inputs |= plan.known_files | flux | plan.response(name) | plan.start(name)
            params |= {"nodes": self.section("nodes"), "training": plan.training(name)}
            path = self.script("train_members", f"members/{name}/{batch}.h5", inputs, **params)
        left_over = [p for p in Path(path).parent.iterdir() if "checkpoint" in p.name]
        assert not left_over
        return path

    def predict(self, name, batch=0):
        plan = self.plan
        cross_section = {"cross_section": plan.cross_section(name, batch)}
        common = {
            "members": plan.members(name, batch),
            "cross_section": plan.kind(name),
            "setup": self.section("setup"),
        }
        n = self.config.figures.marginal_grid
        grids = {
            "predict_members": self.section("grid"),
            "marginals_members": {"n_energy": n, "n_v1": n, "n_v2": n, "subsamples": 1},
            "slice_members": self.section("grid") | {"n_energy": 5},
        }
        folders = ("predictions", "marginals", "slices")
        paths = []
        for (rule, grid), folder in zip(grids.items(), folders, strict=True):
            spectra = {} if rule == "slice_members" else plan.spectra_files
            inputs = spectra | cross_section
            output = f"{folder}/{name}/{batch}.h5"
            paths.append(self.script(rule, output, inputs, grid=grid, **common))
        return paths

    def analysis(self, name, n_energy):
        """Parameters that fits and pseudo-experiments share."""
        plan = self.plan
        return {
            "seed": self.config.seed,
            "systematics": self.section("systematics"),
            "setup": self.section("setup"),
            "grid": self.section("grid") | {"n_energy": n_energy},
            "smearing": plan.smearing(name),
            "cross_section": plan.kind(name),
            "oscillation": self.section("oscillation"),
            "replicas": self.config.fits.replicas,
            "octant": plan.true_octant,
            **{p: plan.fit_range(name, p) for p in ("sin2_theta23", "dm2_32")},
        }

    def fit(self, name, batch=0):
        plan = self.plan
        return self.script(
            "fit_members",
            f"fits/{name}/{batch}.h5",
            plan.response(name)
            | {
                "events": plan.far_data(name),
                "flux": plan.path("inputs/flux.h5"),
                "cross_section": plan.cross_section(name, batch),
            },
            members=plan.members(name, batch),
            nuisance_draws=plan.draws(name, batch),
            **self.analysis(name, self.config.far_detector.n_energy),
        )

    def intervals(self, name):
        plan = self.plan
        return self.script(
            "ensemble_intervals",
            f"intervals/{name}.h5",
            {"fits": plan.batches("fits", name)},
            points=self.config.regions.points,
            **{p: plan.fit_range(name, p) for p in ("sin2_theta23", "dm2_32")},
        )

    def coverage(self, name):
        plan = self.plan
        blocks = plan.coverage_blocks(name)
        for block in range(len(blocks)):
            inputs = {
                "truth": plan.path("truth/densities.h5"),
                "members": plan.models(name),
                **plan.spectra_files,
                **plan.response(name),
            }
            self.script(
                "coverage_block",
                f"coverage/{name}/{block}.h5",
                inputs,
                experiments=plan.pseudo_experiments(name, block),
                n_events=self.config.far_detector.n_events,
                draw_flux=plan.draws_flux_of_nature(name),
                nuisance_draws=plan.draws(name),
                true_point=plan.true_point,
                **self.analysis(name, self.config.coverage.n_energy),
            )
        return self.script(
            "coverage",
            f"coverage/{name}.h5",
            {"blocks": blocks},
            {"ensemble": name},
            seed=self.config.seed,
            true_point=plan.true_point,
        )

    def joint_analysis(self, smearing):
        """Parameters that all joint stages share."""
        grid = self.section("grid")
        return {
            "setup": self.section("setup"),
            "near_grid": grid,
            "grid": grid | {"n_energy": self.config.far_detector.n_energy},
            "smearing": smearing,
            "oscillation": self.section("oscillation"),
            "octant": self.plan.true_octant,
            **{p: self.plan.joint_range(p) for p in ("sin2_theta23", "dm2_32")},
        }

    def joint(self, name):
        """Maps, fit, and pseudo-experiments of a joint fit."""
        plan = self.plan
        flux = {"flux": plan.path("inputs/flux.h5")}
        analysis = self.joint_analysis(plan.joint_smearing(name))
        inputs = flux | plan.joint_response(name)
        detector = "smeared" if plan.joint_fit(name).smeared else "exact"
        self.script(
            "joint_design",
            f"joint/designs/{detector}.h5",
            inputs,
            nodes=self.section("nodes"),
            true_point=plan.true_octant_point,
            intervals=self.config.joint.intervals,
            pulls=plan.design_pulls(detector),
            sizes=plan.design_sizes(detector),
            **analysis,
        )
        inputs |= plan.known_files | {"design": plan.joint_design(name)}
        off_axis = plan.joint_off_axis(name)
        for file in off_axis.get("off_axis", []):
            self.script(
                "joint_off_axis",
                file.removeprefix(f"{plan.path('.')}/"),
                flux | {"design": inputs["design"]},
                wildcards={"angle": Path(file).stem},
                **{p: self.section(p) for p in ("setup", "grid")},
                smearing=plan.joint_smearing(name),
            )
        analysis |= {
            "seed": self.config.seed,
            "near_events": plan.joint_near_events(name),
            "price": self.config.joint.price,
            "pulls": plan.chosen_pulls(name),
        }
        events = {"events": plan.joint_far_data(name)}
        self.script(
            "joint_fit",
            f"joint/fits/{name}.h5",
            inputs | events | off_axis,
            points=self.config.regions.points,
            **analysis,
        )
        if name in plan.with_toys:
            self.script(
                "joint_toys",
                f"joint/toys/{name}.h5",
                inputs | {"fit": plan.path(f"joint/fits/{name}.h5")},
                wildcards={"fit": name},
                n_toys=plan.n_toys(name),
                toy_mixing=plan.toy_mixing,
                **analysis,
            )
        blocks = plan.joint_coverage_blocks(name)
        for block in range(len(blocks)):
            self.script(
                "joint_coverage_block",
                f"joint/coverage/{name}/{block}.h5",
                inputs | plan.spectra_files | off_axis,
                experiments=plan.joint_experiments(name, block),
                n_events=self.config.far_detector.n_events,
                true_point=plan.true_octant_point,
                **analysis,
            )
        return self.script(
            "joint_coverage",
            f"joint/coverage/{name}.h5",
            {"blocks": blocks} | plan.joint_toys(name),
            true_point=plan.true_octant_point,
        )


@pytest.fixture
def standard_output():
    """HOPPET's banner goes to a log: the script points the process's output there."""
    kept = os.dup(1)
    yield
    os.dup2(kept, 1)
    os.close(kept)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, pdf_set):
    """The whole chain, of the known cross section, of networks with all systematics, and a flow."""
    run = Run(
        tmp_path_factory.mktemp("results"), pdf={"set": pdf_set.name, "path": str(pdf_set.parent)}
    )
    run.inputs()
    run.truth()
    run.weights()
    run.far_events()
    run.near_event_file()
    for name in ("truth", "systematics", "flow"):
        for batch in range(len(run.plan.batches("fits", name))):
            if run.plan.kind(name) in MODELS:
                run.near(name, batch)
                run.train(name, batch)
            run.predict(name, batch)
            run.fit(name, batch)
        run.intervals(name)
    for name in ("truth", "systematics"):
        run.coverage(name)
    for name in run.plan.joint_fits:
        run.joint(name)
    return run


def test_pdf_set_is_evolved(tmp_path, standard_output, pdf_set):
    run = Run(tmp_path)
    files = run.plan.pdf_files
    run.script("evolve_pdf", {"info": files["pdf"], "grid": files["pdf_grid"]})
    grid = Path(files["pdf_grid"]).read_bytes()
    assert grid == (pdf_set / "ct18nnlo_0000.dat").read_bytes()


def test_every_artifact_is_there_and_says_where_it_comes_from(finished):
    made = {
        "inputs/flux.h5": (Flux, "prepare_flux", []),
        "inputs/oscillation.h5": (Oscillation, "tabulate_oscillation", []),
        "inputs/response.h5": (Response, "detector_response", []),
        "truth/densities.h5": (
            Truth,
            "truth_densities",
            ["flux", "oscillation", "pdf", "pdf_grid"],
        ),
        "truth/weights.h5": (NodeWeights, "node_weights", ["flux", "oscillation", "truth"]),
        "far/events.h5": (Events, "far_events", ["flux", "oscillation", "pdf", "pdf_grid"]),
        "far/smeared.h5": (Events, "far_smeared", ["events"]),
        "near/events.h5": (Events, "near_events", ["flux", "truth"]),
        "near/systematics/1.h5": (NearData, "near_members", ["flux", "response", "truth"]),
        "members/systematics/1.h5": (
            Networks,
            "train_members",
            ["flux", "near", "response", "truth"],
        ),
        "flows/flow/0.h5": (Flows, "train_flows", ["near"]),
        "predictions/flow/0.h5": (
            Predictions,
            "predict_members",
            ["cross_section", "flux", "oscillation"],
        ),
        "marginals/systematics/0.h5": (
            Marginals,
            "marginals_members",
            ["cross_section", "flux", "oscillation"],
        ),
        "slices/truth/0.h5": (Slices, "slice_members", ["cross_section"]),
        "fits/systematics/0.h5": (
            Fits,
            "fit_members",
            ["cross_section", "events", "flux", "response"],
        ),
        "intervals/systematics.h5": (Intervals, "ensemble_intervals", ["fits[0]", "fits[1]"]),
        "coverage/systematics/0.h5": (
            CoverageBlock,
            "coverage_block",
            ["flux", "members[0]", "members[1]", "oscillation", "response", "truth"],
        ),
        "coverage/truth.h5": (Coverage, "coverage", ["blocks[0]", "blocks[1]"]),
        "joint/fits/joint_smeared.h5": (
            JointFit,
            "joint_fit",
            ["design", "events", "flux", "response", "truth"],
        ),
        "joint/coverage/joint/1.h5": (
            JointCoverageBlock,
            "joint_coverage_block",
            ["design", "flux", "off_axis", "oscillation", "truth"],
        ),
        "joint/coverage/joint.h5": (
            JointCoverage,
            "joint_coverage",
            ["blocks[0]", "blocks[1]", "toys"],
        ),
    }
    for name, (kind, producer, inputs) in made.items():
        provenance = read_artifact(finished.plan.path(name), kind.schema).provenance
        assert provenance.producer == producer
        assert sorted(provenance.inputs) == inputs, name
        assert provenance.seed in (finished.config.seed, -1)
    with h5py.File(finished.plan.path("near/systematics/0.h5")) as file:
        assert file.attrs["seed"] == finished.config.seed


def load(run, kind, name):
    return kind.load(run.plan.path(name))


def test_members_assume_the_same_from_data_to_fits(finished):
    """Draw by draw, at both detectors and in pseudo-experiments; each member its own."""
    near = NearData.load_joined(finished.plan.batches("near", "systematics"))
    fits = Fits.load_joined(finished.plan.batches("fits", "systematics"))
    assert near.member.tolist() == fits.member.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(near.nuisance_parameters, fits.nuisance_parameters)
    assert near.nuisance_parameters.shape == (3, 1)
    assert np.unique(near.nuisance_parameters).size == 3
    assert near.flux_errors is not None
    assert near.n_events == 5000
    networks = Networks.load_joined(finished.plan.batches("members", "systematics"))
    assert np.unique(networks.weights[:, 0]).size == 3
    # What the near detector has made of the drawn flux.
    np.testing.assert_array_equal(networks.fitted_flux_parameters, fits.flux_parameters)
    assert (near.flux_parameters != fits.flux_parameters).all()
    truth = load(finished, Fits, "fits/truth/0.h5")
    assert truth.nuisance_parameters is None
    assert not truth.flux_parameters.any()
    assert finished.plan.draws("truth") == {"flux": [NO_DRAW], "muon_energy_scale": [NO_DRAW]}


def test_predictions_of_the_truth_are_the_truth(finished):
    truth = load(finished, Truth, "truth/densities.h5")
    found = load(finished, Predictions, "predictions/truth/0.h5")
    np.testing.assert_allclose(found.near[0], truth.near, atol=0.05 * truth.near.max())
    np.testing.assert_allclose(found.far[0], truth.far, atol=0.05 * truth.far.max())
    assert load(finished, Slices, "slices/truth/0.h5").energy.tolist() == [1.0, 3.0, 5.0, 7.0, 9.0]


def test_shapes_of_fits_and_coverage(finished):
    for name, size in (("truth", 1), ("systematics", 3)):
        fits = Fits.load_joined(finished.plan.batches("fits", name))
        assert fits.dm2_32.shape == (size, 50)
        n = finished.config.coverage.experiments[name]
        blocks = CoverageBlock.load_joined(finished.plan.coverage_blocks(name), "experiment")
        assert blocks.contained.shape == (n, size, 2, 3)
        assert blocks.experiment.tolist() == list(range(n))
        summary = load(finished, Coverage, f"coverage/{name}.h5")
        assert summary.n_experiments == n
        np.testing.assert_allclose(summary.best_dm2_32, blocks.best_dm2_32.mean(axis=1))
    # Those of a flow's fits are 2.5 times as far from the truth as those of all others.
    for name, factor in (("truth", 1.0), ("flow", 2.5)):
        axis = load(finished, Intervals, f"intervals/{name}.h5").dm2_32
        edges = (axis[[0, -1]] - 2.4381e-3) / (np.array([2.1e-3, 2.8e-3]) - 2.4381e-3)
        np.testing.assert_allclose(edges, factor, rtol=1e-5)


def test_joint_fits_are_of_their_data(finished):
    """As many ND events as are asked for; smeared ones are others, and some are lost."""
    fits = {
        name: load(finished, JointFit, f"joint/fits/{name}.h5")
        for name in ("joint", "joint_smeared")
    }
    for fit in fits.values():
        assert abs(int(fit.near_events) / 50_000 - 1) < 0.03
        assert fit.delta.shape == (2, 20, 20)
        assert fit.sin2_theta23[[0, -1]] == pytest.approx([0.3, 0.7])
        assert fit.dm2_32[[0, -1]] == pytest.approx([2.1e-3, 2.8e-3])
    assert (fits["joint"].near_density != fits["joint_smeared"].near_density).any()
    for name, n in (("joint", 2), ("joint_smeared", 1)):
        summary = load(finished, JointCoverage, f"joint/coverage/{name}.h5")
        assert summary.n_experiments == n
        blocks = JointCoverageBlock.load_joined(
            finished.plan.joint_coverage_blocks(name), "experiment"
        )
        assert blocks.experiment.tolist() == list(range(n))
        np.testing.assert_array_equal(summary.best_dm2_32, blocks.best_dm2_32)


def test_smeared_events_are_the_events_smeared(finished):
    true, smeared = (load(finished, Events, f"far/{n}.h5") for n in ("events", "smeared"))
    assert smeared.v1.size <= true.v1.size == 300
    kept = np.isin(true.energy, smeared.energy)
    ratio = smeared.e_lepton / true.e_lepton[kept]
    assert 0.03 < ratio.std() < 0.05


def test_equal_inputs_give_equal_bytes(finished):
    """Also of a training, whose checkpoint is gone."""
    for stage, path in (
        (finished.near, "near/systematics/1.h5"),
        (finished.train, "members/systematics/1.h5"),
        (finished.fit, "fits/systematics/1.h5"),
    ):
        before = Path(finished.plan.path(path)).read_bytes()
        stage("systematics", 1)
        assert Path(finished.plan.path(path)).read_bytes() == before


@pytest.mark.parametrize("uncertainty", ["smooth", None])
def test_without_a_far_detector(tmp_path, pdf_set, uncertainty):
    """A short baseline: everything up to predictions, and nothing of the far detector in it."""
    ensembles = {}
    if uncertainty is None:
        vary = ["network_seed", "near_statistics", "muon_energy_scale"]
        ensembles = {"systematics": {"vary": vary}, "flux": None, "flux_truth": None}
    run = Run(
        tmp_path / "results",
        pdf={"set": pdf_set.name, "path": str(pdf_set.parent)},
        setup={"energy_max": 3.0},
        flux={"near": "bnb", "uncertainty": uncertainty},
        far_detector=None,
        ensembles=ensembles,
    )
    run.inputs()
    run.truth()
    run.weights()
    run.near("systematics")
    run.train("systematics")
    run.predict("systematics")
    flux = load(run, Flux, "inputs/flux.h5")
    assert flux.far is None
    assert flux.far_modes is None
    assert (flux.near_modes is None) == (uncertainty is None)
    assert load(run, Truth, "truth/densities.h5").far is None
    assert load(run, NodeWeights, "truth/weights.h5").far is None
    assert load(run, Predictions, "predictions/systematics/0.h5").far is None
    assert load(run, Marginals, "marginals/systematics/0.h5").far_v1 is None
    near = load(run, NearData, "near/systematics/0.h5")
    assert (near.flux_parameters is None) == (uncertainty is None)
    assert (near.flux_errors is None) == (uncertainty is None)
    assert near.nuisance_parameters.shape == (2, 1)


def test_a_failing_script_says_so_in_its_log(tmp_path):
    run = Run(tmp_path)
    with pytest.raises(
        ValueError, match=r"far/events\.h5: no such file, expected a 'events' artifact"
    ):
        run.script(
            "far_smeared",
            "far/smeared.h5",
            {"events": run.plan.path("far/events.h5")},
            seed=1,
            setup=run.section("setup"),
            smearing=run.section("smearing"),
        )
    log = Path(run.plan.path("logs/far_smeared.log")).read_text(encoding="utf-8")
    assert "far/events.h5: no such file" in log
    assert "Traceback" in log
    assert not Path(run.plan.path("far/smeared.h5")).exists()
