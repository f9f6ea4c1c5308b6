"""The catalogue of figures against the configuration: what is drawn and said, and from what."""

import importlib
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from configurations import planned
from nd2fd.figures import catalogue
from nd2fd.figures.catalogue import CATALOGUE, note, present
from nd2fd.figures.roles import roles_of

ENSEMBLE = {"cross_section": "learned", "near_events": 1000, "vary": ["near_statistics"], "size": 2}


MEASUREMENTS = ("experiments/microboone.yaml", "experiments/t2k_nd280.yaml")


@pytest.fixture(scope="module")
def plan():
    return planned({"training": {"members_per_job": 10}})


class Recorder:
    """Stands for a job: hands out nothing, and remembers what was asked for."""

    def __init__(self, figure, plan):
        self.input = SimpleNamespace(**figure.inputs(plan))
        self.params = SimpleNamespace(**figure.params(plan))
        self.loaded = {}

    def load(self, name, kind):
        path = getattr(self.input, name)
        assert isinstance(path, str)
        self.loaded[name] = kind
        return SimpleNamespace(flux_parameters=name)

    def load_joined(self, name, kind, along="member"):
        assert isinstance(getattr(self.input, name), list)
        self.loaded[name] = kind
        return SimpleNamespace(flux_parameters=name)

    def load_optional(self, name, kind):
        return self.load(name, kind) if hasattr(self.input, name) else None


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("overrides", [(), ("ci.yaml",), ({"far_detector": None},), MEASUREMENTS])
def test_a_figure_reads_all_its_inputs_and_no_others(monkeypatch, name, overrides):
    figure, plan = CATALOGUE[name], planned(*overrides)
    if figure.inputs(plan) is None:
        assert name not in present(plan)
        return
    module = importlib.import_module(f"nd2fd.figures.{figure.module}")
    monkeypatch.setattr(module, "draw", lambda *arguments: arguments)
    job = Recorder(figure, plan)
    module.from_job(job)
    assert set(job.loaded) == set(vars(job.input))
    for input_name, files in vars(job.input).items():
        folder = (files if isinstance(files, str) else files[0]).split("/")[1]
        if input_name.endswith(("_joint", "_joint_coverage", "_toys")):
            assert folder == "joint"
            folder = re.search("joint(_coverage)?$|toys$", input_name)[0]
        if folder == "measurements":
            of, _, kind = input_name.partition("_")
            path = {"measurement": f"{of}.h5", "fit": f"{of}/fit.h5"}.get(kind, f"{of}/{kind}.h5")
            assert files == f"results/measurements/{path}"
            kind = {"measurement": "Measurement", "fit": "MeasurementFit"}.get(
                kind, "MeasurementTransfer"
            )
            assert job.loaded[input_name].__name__ == kind
        kinds = {
            "fits": "Fits", "intervals": "Intervals", "coverage": "Coverage", "near": "NearData",
            "members": "Networks", "flows": "Flows", "predictions": "Predictions",
            "marginals": "Marginals", "slices": "Slices", "joint": "JointFit",
            "joint_coverage": "JointCoverage", "toys": "JointToys",
        }  # fmt: skip
        if folder in kinds:
            assert job.loaded[input_name].__name__ == kinds[folder]


def test_the_default_has_all_figures_but_that_of_measured_data(plan):
    assert list(present(plan)) == [f"fig{number}" for number in range(1, 22)]
    assert note(plan) == ""


def test_measurements_are_shown_with_what_they_predict_of_one_another():
    one, both = planned(MEASUREMENTS[0]), planned(*MEASUREMENTS)
    assert set(CATALOGUE["fig22"].inputs(one)) == {"microboone_measurement", "microboone_fit"}
    inputs = CATALOGUE["fig22"].inputs(both)
    assert inputs["t2k_from_microboone"] == "results/measurements/t2k/from_microboone.h5"
    assert len(inputs) == 6
    shown = CATALOGUE["fig22"].params(both)["measurements"]
    assert shown["t2k"]["transfers"] == {"microboone": "MicroBooNE"}
    assert shown["t2k"]["setup"]["target"] == "C12 + H1"
    antineutrino = {"measurements": {"t2k": {"helicity": "antineutrino"}}}
    assert planned(*MEASUREMENTS, antineutrino).transfers == {}


def test_inputs_are_those_of_the_ensembles_shown(plan):
    inputs = CATALOGUE["fig12"].inputs(plan)
    assert inputs["truth_intervals"] == "results/intervals/truth.h5"
    assert inputs["nd30m_fits"] == ["results/fits/nd30m/0.h5"]
    of_two_batches = CATALOGUE["fig15"].inputs(plan)["flux_fits"]
    assert of_two_batches == ["results/fits/flux/0.h5", "results/fits/flux/1.h5"]
    assert inputs["nd3m_near"] == "results/near/nd3m/0.h5"
    assert len(inputs) == 2 * 3 + 1 + 2 * 2
    assert CATALOGUE["fig12"].params(plan)["sampled"] == ["nd30m", "nd3m"]
    assert CATALOGUE["fig7"].inputs(plan)["members"] == ["results/members/seeds/0.h5"]
    assert CATALOGUE["fig14"].inputs(plan)["fits"] == plan.batches("fits", "flux_truth")
    assert set(CATALOGUE["fig19"].inputs(plan)) == {"truth_coverage", "systematics_coverage"}


@pytest.mark.parametrize(
    ("override", "gone"),
    [
        ({"ensembles": {"nominal": None}}, {2, 4, 8, 9}),
        ({"ensembles": {"flow": None}}, {10, 11}),
        ({"ensembles": {"nd30m": None}}, set()),
        ({"ensembles": {"nd30m": None, "nd3m": None}}, {12}),
        ({"ensembles": {"flux_truth": None}}, {14, 15}),
        ({"ensembles": {"seeds": None}}, {3, 5, 7, 10, 11, 16}),
        ({"coverage": {"experiments": {"truth": None, "systematics": None}}}, {19}),
        ({"joint": {"fits": {"joint": None, "joint_smeared": None}}}, {20, 21}),
        ({"joint": {"fits": {n: {"experiments": None} for n in ("joint", "joint_smeared")}}}, {21}),
        ({"far_detector": None}, {1, 8, 9, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21}),
        ("experiments/sbnd.yaml", {1, 8, 9, 11, 12, 13, 15, 16, 17, 19, 20, 21}),
    ],
)
def test_a_figure_without_its_ensembles_drops_out(plan, override, gone):
    missing = set(present(plan)) - set(present(planned(override)))
    assert missing == {f"fig{number}" for number in gone}


def test_joint_fits_are_shown_beside_their_ensembles(plan):
    figure = CATALOGUE["fig20"]
    assert figure.inputs(plan) == {
        "joint_joint": "results/joint/fits/joint.h5",
        "joint_smeared_joint": "results/joint/fits/joint_smeared.h5",
        "joint_toys": "results/joint/toys/joint.h5",
        "joint_smeared_toys": "results/joint/toys/joint_smeared.h5",
        "systematics_intervals": "results/intervals/systematics.h5",
        "systematics_fits": plan.batches("fits", "systematics"),
    }
    beside = {name: fit["compared_with"] for name, fit in figure.params(plan)["fits"].items()}
    assert beside == {"joint": None, "joint_smeared": "systematics"}
    alone = planned({"ensembles": {"systematics": None}})
    assert set(figure.inputs(alone)) == {
        "joint_joint", "joint_smeared_joint", "joint_toys", "joint_smeared_toys"
    }  # fmt: skip
    assert "{systematics" not in figure.caption(alone)
    # σ_stat is that of a known cross section that is smeared alike.
    tested = CATALOGUE["fig21"].params(plan)["ensembles"]
    units = {name: ensemble["sigma_stat"] for name, ensemble in tested.items()}
    assert units == {"truth": "joint", "systematics": "joint_smeared"}
    fewer = planned({"joint": {"fits": {"joint": None}}})
    assert CATALOGUE["fig21"].params(fewer)["ensembles"]["truth"]["sigma_stat"] is None


def test_without_a_far_detector_draws_of_the_flux_are_those_of_networks():
    shown = {"ensembles": {"flux": {"shown_in": ["fig14"]}}}
    figure = CATALOGUE["fig14"]
    near_only = planned({"far_detector": None}, shown)
    assert set(figure.inputs(near_only)) == {"flux", "near"}
    assert figure.inputs(near_only)["near"] == near_only.batches("near", "flux")
    # With one, the known cross section is there to say them.
    assert set(figure.inputs(planned(shown))) == {"flux", "oscillation", "fits"}


def test_a_new_ensemble_is_drawn_where_it_says():
    """With its label and a colour of its own, in a figure of contours and its caption."""
    plan = planned(
        {"ensembles": {"more": {**ENSEMBLE, "reference": "truth", "shown_in": ["fig12", "fig6"],
                                "label": "some more"}}}
    )  # fmt: skip
    figure = CATALOGUE["fig12"]
    assert {"more_intervals", "more_fits", "more_near", "more_prediction"} <= set(
        figure.inputs(plan)
    )
    assert figure.params(plan)["shown"]["more"] == {
        "role": "learned", "label": "some more", "size": 2
    }  # fmt: skip
    assert (
        "{nd30m/near_events}, {nd3m/near_events} and {more/near_events} million ND events"
        in figure.caption(plan)
    )
    assert CATALOGUE["fig6"].params(plan)["near_events"] == {
        "seeds": 0, "nd30m": 30_000_000, "more": 1000
    }  # fmt: skip


def test_roles_go_by_what_an_ensemble_is(plan):
    assert roles_of(plan, "fig13") == {
        "reference": ["truth_smeared"],
        "known": ["truth"],
        "varied": [],
        "learned": ["smeared"],
        "asimov": [],
        "sampled": ["smeared"],
        "splines": [],
        "flow": [],
    }
    assert roles_of(plan, "fig15")["varied"] == ["flux_truth"]
    assert roles_of(plan, "fig10")["flow"] == ["flow"]
    assert roles_of(plan, "fig6")["asimov"] == ["seeds"]


def test_known_cross_sections_are_drawn_first():
    """Files of overrides may give ensembles another order."""
    default = planned()
    turned = dict(reversed(default.config.ensembles.items()))
    plan = type(default)(default.config.model_copy(update={"ensembles": turned}))
    assert list(CATALOGUE["fig17"].params(plan)["shown"]) == [
        "truth_smeared", "truth", "systematics"
    ]  # fmt: skip


def test_renaming_an_ensemble_changes_names_alone(plan):
    """No figure knows an ensemble by its name."""
    renamed = planned()
    names = {name: f"e{number}" for number, name in enumerate(renamed.config.ensembles)}
    ensembles = {
        names[name]: section.model_copy(update={"reference": names.get(section.reference)})
        for name, section in renamed.config.ensembles.items()
    }
    experiments = {names[n]: number for n, number in plan.config.coverage.experiments.items()}
    coverage = plan.config.coverage.model_copy(update={"experiments": experiments})
    fits = {
        name: fit.model_copy(update={"compared_with": names.get(fit.compared_with)})
        for name, fit in plan.config.joint.fits.items()
    }
    joint = plan.config.joint.model_copy(update={"fits": fits})
    sections = {"ensembles": ensembles, "coverage": coverage, "joint": joint}
    renamed = type(plan)(plan.config.model_copy(update=sections))
    assert list(present(renamed)) == list(present(plan))

    originals = list(plan.config.ensembles)

    def original(text):
        return re.sub(r"(?<![a-z0-9])e([0-9]+)(?![a-z0-9])", lambda m: originals[int(m[1])], text)

    for name, figure in present(plan).items():
        assert figure.caption(plan) == original(figure.caption(renamed))
        assert str(figure.inputs(plan)) == original(str(figure.inputs(renamed)))
        assert str(figure.params(plan)) == original(str(figure.params(renamed))), name


def test_captions_of_roles_that_nobody_has_name_no_ensemble():
    without = planned({"ensembles": {"nd30m": None, "nd3m": None}})
    caption = CATALOGUE["fig15"].caption(without)
    assert "[ For comparison: {-/dm2_32/scatter:.2f} σ_stat between members.]" in caption
    assert "final" not in CATALOGUE["fig1"].caption(planned({"ensembles": {"systematics": None}}))


@pytest.mark.parametrize(
    ("figure", "override", "said", "instead"),
    [
        ("fig3", {"seeds": {"near_events": 1000, "vary": ["near_statistics"]}},
         "differ in network seed,", "differ in ND events,"),
        ("fig13", {"smeared": {"vary": [], "size": 1}, "truth": {"smeared": True}},
         "without smearing", "learned ones (smeared)"),
        ("fig15", {"flux": {"vary": ["muon_energy_scale"]}},
         "learned cross sections that differ in ND events and flux",
         "learned cross sections that differ in muon energy scale"),
        ("fig16", {"seeds": {"near_events": 1000, "vary": ["near_statistics", "flux"]}},
         "differ in network seed:", "differ in ND events and flux:"),
        ("fig17", {"systematics": {"smeared": False, "vary": ["flux"], "reference": "truth"}},
         "differ in network seed, ND events and flux (smeared)",
         "differ in flux, against the known cross section. Best"),
        ("fig1", {"systematics": {"vary": ["flux"]}}, "network seed, ND events and flux",
         "differ in flux"),
    ],
)  # fmt: skip
def test_captions_follow_the_configuration(plan, figure, override, said, instead):
    """What is said of the default is not said where a key has another value."""
    before = CATALOGUE[figure].caption(plan)
    references = {name: {"reference": None} for name in plan.references}
    alone = {"fits": {"joint_smeared": {"compared_with": None}}}
    after = CATALOGUE[figure].caption(
        planned({"ensembles": references, "joint": alone}, {"ensembles": override})
    )
    assert said in before
    assert said not in after
    assert instead in after


def test_losses_are_weighted_as_they_are_said_to_be(plan):
    assert "Poisson errors" in CATALOGUE["fig6"].caption(plan)
    uniform = planned({"training": {"weighting": "uniform"}})
    assert "Poisson errors" not in CATALOGUE["fig6"].caption(uniform)


def test_no_caption_concludes_anything(plan):
    """Numbers may be others."""
    conclusions = "good|most of|too small|lies on|the problem|never|do not tell|look"
    for figure in CATALOGUE.values():
        assert not re.search(rf"\b({conclusions})\b", figure.caption(plan)), figure.name


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ({}, ""),
        ({"toy": True}, "toy run"),
        ({"experiment": "T2K"}, "T2K"),
        ({"experiment": "T2K", "toy": True}, "T2K, toy run"),
    ],
)
def test_figures_say_what_the_default_need_not(override, expected):
    assert note(planned(override)) == expected


def test_entries_are_in_order_and_of_modules():
    numbers = [int(figure.number) for figure in CATALOGUE.values()]
    assert numbers == sorted(set(numbers))
    groups = [figure.group for figure in CATALOGUE.values()]
    assert groups == sorted(groups)
    for figure in CATALOGUE.values():
        importlib.import_module(f"{catalogue.__package__}.{figure.module}")


def test_the_start_of_the_workflow_loads_nothing_heavy():
    """It imports the catalogue each time."""
    code = "import sys, nd2fd.figures.catalogue, nd2fd.report.inputs; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "matplotlib", "scipy", "pandas", "PIL"} & set(done.stdout.split())
