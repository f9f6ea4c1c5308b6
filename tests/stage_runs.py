"""Scripts of the workflow, run one by one at tiny size, without Snakemake.

A script finds an object `snakemake` in front of it, whose parts are made here as the rules make
them: from a configuration and its plan.
"""

import runpy
from pathlib import Path
from types import SimpleNamespace

from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards

import configurations
from nd2fd.config.problems import validate_config
from nd2fd.plan import Plan
from workflow_runs import ROOT

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
            "joint_smeared": {"near_events": 50_000, "experiments": 1, "toys": 50},
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


class Run:
    """Runs single scripts in a results folder of their own."""

    def __init__(self, folder, **overrides):
        default = configurations.merged(configurations.load("config.yaml"), TINY)
        raw = configurations.merged(default, overrides | {"results": str(folder)})
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


def load(run, kind, name):
    return kind.load(run.plan.path(name))
