"""Events of files and no known cross section (truth.model: null): what is left, what is refused.

Whatever is learned and fitted must be the same, to the last bit, whether a truth is known or not.
"""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from configurations import merged, planned
from nd2fd.config.problems import validate_config
from nd2fd.config.reading import ConfigError
from nd2fd.figures.catalogue import CATALOGUE, present
from nd2fd.io.schemas.fits import Fits
from nd2fd.io.schemas.joint import JointFit
from nd2fd.io.schemas.learned import Networks, Predictions, Splines
from nd2fd.plan import PlanError
from nd2fd.report import inputs
from nd2fd.report.captions import fill
from nd2fd.report.collect import all_numbers
from stage_runs import Run
from toy_job import ToyJob
from workflow_jobs import jobs_of
from workflow_runs import ROOT, copy_project, snakemake

DATA_ALONE = yaml.safe_load((ROOT / "config/data_alone.yaml").read_text(encoding="utf-8"))
OF_TRUTH = "results/truth/densities.h5"

OF_CROSS_SECTIONS = {
    *("best_sin2_theta23", "best_dm2_32", "delta"),
    *("profile_sin2_theta23", "profile_dm2_32"),
}
"""Of a joint fit, with one entry for each cross section: learned, known."""


@pytest.fixture
def files(tmp_path):
    """Of a configuration without a truth; nothing reads them."""
    for name in ("near", "far"):
        (tmp_path / name).write_text("x")
    return merged(
        DATA_ALONE,
        {
            "truth": {"model": None},
            "near_detector": {"data": str(tmp_path / "near"), "n_events": 1234},
            "far_detector": {"data": str(tmp_path / "far"), "n_events": 567},
        },
    )


def files_of(inputs):
    return [
        path
        for v in inputs.values()
        for path in ([v] if isinstance(v, str) else v)
        if v is not None
    ]


def test_what_is_left_needs_no_truth(files):
    plan = planned(files)
    assert plan.ensembles == ["seeds", "nd30m", "smeared", "flux", "systematics"]
    assert {plan.near_events(name) for name in plan.ensembles} == {1234}
    shown = present(plan)
    assert list(shown) == ["fig1", "fig5", "fig6", "fig7", "fig14", "fig17", "fig20"]
    made = [figure.inputs(plan) for figure in shown.values()]
    made += [inputs.numbers_inputs(plan), inputs.learning_inputs(plan)]
    assert OF_TRUTH not in {path for one in made for path in files_of(one)}
    assert plan.tables == [
        f"results/tables/{n}" for n in ("numbers.json", "learning.csv", "oscillation.csv")
    ]
    # The point of the configuration is where to look, not what is true.
    for name in ("fig17", "fig20"):
        assert shown[name].params(plan)["true_point"] is None
        assert CATALOGUE[name].params(planned())["true_point"] is not None
    assert inputs.numbers_params(plan)["true_point"] is None
    with pytest.raises(PlanError, match=r"truth\.model is null"):
        plan.files_of_truth()


def test_near_detector_alone(files):
    plan = planned(files, {"far_detector": None})
    assert list(present(plan)) == ["fig5", "fig6", "fig7", "fig14"]
    assert plan.tables == ["results/tables/numbers.json", "results/tables/learning.csv"]


class WithoutKnown(ToyJob):
    def load(self, name, kind):
        """Joint fits have the learned cross section alone."""
        loaded = super().load(name, kind)
        for key in OF_CROSS_SECTIONS & vars(loaded).keys() if kind is JointFit else ():
            setattr(loaded, key, getattr(loaded, key)[:1])
        return loaded


def test_captions_and_numbers_speak_of_no_truth(files, tmp_path):
    plan = planned(files)
    numbers = all_numbers(WithoutKnown(plan, tmp_path))
    assert not [n for n in numbers if n.startswith(("true/", "share/", "setting/sigma"))]
    summary = inputs.summary(plan)["figures"]
    for name, figure in summary.items():
        caption = fill(figure["caption"], numbers)
        for word in ("truth", "true", "known cross section", "σ_stat", "n/a"):
            assert word not in caption, (name, caption)
    assert "known cross section" in inputs.summary(planned())["figures"]["fig17"]["caption"]


KNOWN = {"cross_section": "known", "size": 1, "vary": []}
LEARNED = {"cross_section": "learned", "size": 1, "vary": []}
EVENTS = {"flux": "near", "number": 10}


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ({"near_detector": {"data": None}}, "near_detector.data is null"),
        ({"far_detector": {"data": None}}, "far_detector.data is null.*far_detector: null"),
        ({"ensembles": {"mine": KNOWN}}, "ensembles.mine.cross_section is known"),
        ({"ensembles": {"mine": LEARNED}}, "ensembles.mine.near_events is null"),
        ({"ensembles": {"mine": LEARNED | {"model": "flow"}}}, "ensembles.mine.model is flow"),
        ({"coverage": {"experiments": {"flux": 5}}}, "coverage.experiments.flux = 5"),
        ({"joint": {"fits": {"joint": {"experiments": 7}}}}, "joint.fits.joint.experiments = 7"),
        ({"events": {"mine": EVENTS | {"cross_section": "truth"}}}, "events.mine.cross_section"),
    ],
)
def test_what_needs_a_truth_is_refused(files, override, said):
    """By name, and alone: with a truth, or without that one entry, all is well."""
    with pytest.raises(ConfigError, match=rf"truth\.model is null.*:\n    {said}[^\n]*$"):
        planned(files, override)
    planned(files, override, {"truth": {"model": "quark_parton"}})
    planned(files)


def test_all_needs_are_said_at_once(files):
    default = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match=r"config/data_alone\.yaml") as info:
        validate_config(merged(default, {"truth": {"model": None}}))
    for name in ("near_detector", "far_detector", "ensembles.truth.", "ensembles.flow."):
        assert f"\n    {name}" in str(info.value)


class OfFiles(Run):
    """The stages of events from files."""

    def near(self, name, batch=0):
        """Of the rule that reads a file."""
        common = {p: self.section(p) for p in ("setup", "grid")}
        reading = self.plan.reading("near_detector")
        n_events = self.config.near_detector.n_events
        file = {"events": self.plan.near_file}
        output = "near/histogram.h5"
        read = {"reading": reading, "n_events": n_events, "section": "near_detector"}
        self.script("read_near_events", output, file, **read, **common)
        return self.script(
            "near_members_of_file",
            f"near/{name}/{batch}.h5",
            self.plan.near_events_of_file(name) | {"flux": self.plan.path("inputs/flux.h5")},
            members=self.plan.members(name, batch),
            seed=self.config.seed,
            streams=self.plan.near_bootstraps(name, batch),
            nuisance_draws=self.plan.draws(name, batch),
            systematics=self.section("systematics"),
            reading=reading,
            **common,
        )

    def far_events(self):
        self.script(
            "read_far_events",
            "far/events.h5",
            {"events": self.plan.far_file},
            setup=self.section("setup"),
            reading=self.plan.reading("far_detector"),
            n_events=self.config.far_detector.n_events,
        )

    def joint_fit(self, name):
        """Maps and fit."""
        plan, flux = self.plan, {"flux": self.plan.path("inputs/flux.h5")}
        analysis = self.joint_analysis({})
        self.script(
            "joint_design",
            "joint/designs/exact.h5",
            flux,
            nodes=self.section("nodes"),
            true_point=plan.true_octant_point,
            intervals=self.config.joint.intervals,
            pulls=plan.design_pulls("exact"),
            sizes=plan.design_sizes("exact"),
            **analysis,
        )
        self.script(
            "joint_fit",
            f"joint/fits/{name}.h5",
            flux
            | plan.known_files
            | plan.joint_near_data(name)
            | {"design": plan.joint_design(name), "events": plan.joint_far_data(name)},
            seed=self.config.seed,
            near_events=plan.joint_near_events(name),
            price=self.config.joint.price,
            pulls=plan.chosen_pulls(name),
            points=self.config.regions.points,
            **analysis,
        )
        self.script(
            "joint_toys",
            f"joint/toys/{name}.h5",
            flux | {"design": plan.joint_design(name), "fit": plan.path(f"joint/fits/{name}.h5")},
            wildcards={"fit": name},
            seed=self.config.seed,
            n_toys=plan.n_toys(name),
            toy_mixing=plan.toy_mixing,
            price=self.config.joint.price,
            pulls=plan.chosen_pulls(name),
            **analysis,
        )

    def all_of_it(self):
        """From files to fits."""
        self.inputs()
        if self.plan.has_truth:
            self.truth()
        self.weights()
        self.far_events()
        self.near("systematics")
        self.train("systematics")
        self.predict("systematics")
        self.fit("systematics")
        self.intervals("systematics")
        self.near("splines")
        self.joint_fit("joint")
        self.script(
            "learn_splines",
            "splines/splines/0.h5",
            {
                "near": self.plan.path("near/splines/0.h5"),
                "design": self.plan.path("joint/designs/exact.h5"),
            },
            price=self.config.joint.price,
        )
        return self


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, pdf_set):
    """Events of the toy's own, in the files of both detectors."""
    pdf = {"set": pdf_set.name, "path": str(pdf_set.parent)}
    run = Run(tmp_path_factory.mktemp("drawn"), pdf=pdf, near_detector={"n_events": 20_000})
    run.inputs()
    run.truth()
    run.far_events()
    run.near_event_file()
    return run


@pytest.fixture(scope="module")
def both(tmp_path_factory, pdf_set, drawn):
    """The same files without and with a truth."""
    splines = {"cross_section": "learned", "model": "splines", "size": 2}
    splines |= {"vary": ["near_statistics"], "near_events": 1}
    taken_out = dict.fromkeys(("seeds", "nd30m", "smeared", "flux"))
    common = {
        "pdf": {"set": pdf_set.name, "path": str(pdf_set.parent)},
        "near_detector": {"data": drawn.plan.path("near/events.h5"), "n_events": 20_000},
        "far_detector": {"data": drawn.plan.path("far/events.h5")},
        "ensembles": taken_out
        | {
            "splines": splines,
            "systematics": {
                "smeared": False,
                "size": 2,
                "vary": ["network_seed", "near_statistics", "flux"],
                "shown_in": ["fig5", "fig6", "fig7", "fig14", "fig17"],
            },
        },
        "joint": {
            "fits": {
                "joint": {"off_axis": [], "compared_with": "systematics", "toys": 100},
                "joint_smeared": None,
            }
        },
    }
    overrides = merged(DATA_ALONE, common)
    return [
        OfFiles(tmp_path_factory.mktemp(name), **overrides, truth={"model": model}).all_of_it()
        for name, model in (("without", None), ("with", "quark_parton"))
    ]


OF_CLOSURE = {"test_step", "test_loss"}
"""What only a truth gives."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Networks, "members/systematics/0.h5"),
        (Splines, "splines/splines/0.h5"),
        (Predictions, "predictions/systematics/0.h5"),
        (Fits, "fits/systematics/0.h5"),
    ],
)
def test_what_is_learned_and_fitted_knows_no_truth(both, kind, name):
    without, known = (kind.load(run.plan.path(name)) for run in both)
    for field in fields(kind):
        values = [getattr(one, field.name) for one in (without, known)]
        if field.name in OF_CLOSURE:
            assert values[0] is None
            assert values[1] is not None
        else:
            np.testing.assert_array_equal(*values, err_msg=field.name)


@pytest.mark.slow
def test_joint_fit_knows_no_truth(both):
    """All of it is the same but for the second cross section, which is missing."""
    without, known = (JointFit.load(run.plan.path("joint/fits/joint.h5")) for run in both)
    for field in fields(JointFit):
        found, expected = (getattr(one, field.name) for one in (without, known))
        if expected is None:
            assert found is None
            continue
        if field.name in OF_CROSS_SECTIONS:
            assert len(found) == 1
            expected = expected[:1]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=field.name)


@pytest.mark.slow
def test_tables_and_figures_are_made(both):
    """Of the run without a truth: the numbers are those of its own files."""
    run, plan = both[0], both[0].plan
    known = {"models": {name: plan.kind(name) for name in plan.learned}}
    run.script("learning_table", "tables/learning.csv", inputs.learning_inputs(plan), **known)
    learning = pd.read_csv(plan.path("tables/learning.csv"))
    assert list(learning) == ["ensemble", "member", "loss", "best_step"]
    assert set(present(plan)) == {"fig1", "fig5", "fig6", "fig7", "fig14", "fig17", "fig20"}
    style = {"style": str(ROOT / "workflow/figures.mplstyle")}
    for name, figure in present(plan).items():
        endings = ("pdf", "png", "csv") if figure.data(plan) else ("pdf", "png")
        outputs = {ending: plan.path(f"figs/{name}.{ending}") for ending in endings}
        params = figure.params(plan) | {"module": figure.module, "note": ""}
        run.script("figure", outputs, figure.inputs(plan) | style, **params)
        assert Path(outputs["png"]).stat().st_size > 5000


@pytest.mark.slow
def test_rules_make_no_truth(tmp_path, files):
    directory = copy_project(tmp_path / "project")
    (directory / "mine.yaml").write_text(yaml.safe_dump(files))
    jobs = jobs_of(directory, "config/ci.yaml", "mine.yaml")
    rules = {job["rule"] for job in jobs}
    assert {"train_members", "near_members_of_file", "joint_fit", "fit_members", "fig17"} <= rules
    assert not rules & {"truth_densities", "near_members", "far_events", "coverage_block"}
    assert not [job for job in jobs if OF_TRUTH in files_of(job["input"])]
    code, said = snakemake(directory, "-n", OF_TRUTH, "--configfile", "mine.yaml")
    assert code != 0
    assert "truth.model is null" in said
