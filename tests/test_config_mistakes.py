"""Mistakes in the configuration: what is refused, and how it is said."""

import copy

import pytest

from configurations import raw as raw  # a fixture
from nd2fd.config.problems import validate_config
from nd2fd.config.reading import ConfigError


def broken(raw, path, value):
    raw = copy.deepcopy(raw)
    section = raw
    for part in path[:-1]:
        section = section[part]
    section[path[-1]] = value
    with pytest.raises(ConfigError) as info:
        validate_config(raw)
    message = str(info.value)
    assert message.count("\n") < 10
    return message


def sample(cross_section, flux="near"):
    """An entry of section events."""
    return {"cross_section": cross_section, "flux": flux, "number": 10}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("grid", "n_enrgy"), 96, ["grid.n_enrgy", "no such key", "n_energy"]),
        (("gird",), {}, ["gird", "no such key", "grid"]),
        (("grid", "n_v1"), "96", ["grid.n_v1", "'96'", "integer"]),
        (("grid", "n_v1"), 4, ["grid.n_v1", "4", "≥ 8", "≤ 512"]),
        (("training", "optimizer"), "sgd", ["training.optimizer", "'sgd'", "'adam'"]),
        (("oscillation", "sin2_theta23"), 1.4, ["oscillation.sin2_theta23", "1.4", "≤ 1"]),
        (("oscillation", "dm2_31"), 5e-5, ["dm2_31", "5e-05", "dm2_21"]),
        (("oscillation", "baseline"), float("nan"), ["oscillation.baseline", "nan", "finite"]),
        (("fits", "sin2_theta23"), [0.6, 0.4], ["fits.sin2_theta23", "[0.6, 0.4]", "below"]),
        (("fits", "sin2_theta23"), [0.3, 0.4], ["fits.sin2_theta23", "contain 0.5"]),
        (("pdf", "set"), "CT18NNLO", ["pdf.path is null", "CT18NNLO", "embedded"]),
        (("flux", "near"), "/no/such/file", ["flux.near", "/no/such/file", "nor a file"]),
        (("ensembles",), {}, ["ensembles", "at least 1"]),
        (
            ("ensembles", "seeds", "start"),
            "carbon/members/seeds/0.h5",
            ["ensembles.seeds", "start is 'carbon/members/seeds/0.h5'", "near_events"],
        ),
        (("ensembles", "truth", "start"), "carbon.h5", ["ensembles.truth", "start is 'carbon.h5'"]),
        (("ensembles", "flow", "start"), "carbon.h5", ["ensembles.flow", "start is 'carbon.h5'"]),
        (("ensembles", "seeds", "size"), 0, ["ensembles.seeds.size", "0", "≥ 1"]),
        (("ensembles", "seeds", "vary"), ["seed"], ["seeds.vary", "'seed'", "network_seed"]),
        (("ensembles", "nd30m", "near_events"), 0, ["ensembles.nd30m.near_events", "0", "≥ 1"]),
        (("ensembles", "nd30m", "near_events"), None, ["ensembles.nd30m", "needs near_events"]),
        (
            ("ensembles", "seeds", "near_sample"),
            "bootstrap",
            ["ensembles.seeds", "near_sample is bootstrap", "near_statistics"],
        ),
        (
            ("ensembles", "flux_truth", "vary"),
            ["flux", "near_statistics"],
            ["ensembles.flux_truth", "near_statistics makes no sense", "known"],
        ),
        (("ensembles", "flux_truth", "near_events"), 1000, ["ensembles.flux_truth", "1000"]),
        (("smearing", "energy_resolution"), -0.1, ["smearing.energy_resolution", "-0.1", "≥ 0"]),
        (("smearing", "angle_resolution"), -1.0, ["smearing.angle_resolution", "-1.0", "≥ 0"]),
        (("flux", "uncertainty"), "/no/modes.csv", ["flux.uncertainty", "/no/modes.csv"]),
        (("coverage", "experiments", "flx"), 3, ["coverage.experiments", "flx", "flux_truth"]),
        (("coverage", "experiments", "truth"), 0, ["coverage.experiments.truth", "0"]),
        (
            ("ensembles", "truth", "model"),
            "splines",
            ["ensembles.truth", "model: splines makes no sense", "known"],
        ),
        (
            ("ensembles", "systematics", "model"),
            "splines",
            ["ensembles.systematics", "network_seed is not possible with model: splines"],
        ),
        (
            ("ensembles", "nominal", "model"),
            "splines",
            ["ensembles.nominal", "near_events is null", "learned from events"],
        ),
        (("ensembles", "flow", "model"), "gan", ["ensembles.flow.model", "'gan'", "`flow`"]),
        (
            ("ensembles", "truth", "model"),
            "flow",
            ["ensembles.truth", "model: flow makes no sense", "known"],
        ),
        (
            ("ensembles", "flow", "vary"),
            ["network_seed", "flux"],
            ["ensembles.flow", "vary: flux is not possible with model: flow", "network_seed alone"],
        ),
        (
            ("ensembles", "flow", "smeared"),
            True,
            ["ensembles.flow", "smeared: true", "model: flow"],
        ),
        (
            ("ensembles", "flow", "near_events"),
            1000,
            ["ensembles.flow", "near_events is 1000", "model: flow"],
        ),
        (("ensembles", "flow", "fit_range_factor"), 0.5, ["flow.fit_range_factor", "0.5", "≥ 1"]),
        (("flow", "learning_rate"), 0.0, ["flow.learning_rate", "0.0", "> 0"]),
        (("flow", "energy_stride"), 289, ["flow.energy_stride", "289", "288 energies"]),
        (("ensembles", "seeds", "vary"), [], ["ensembles.seeds", "vary is empty", "size: 1"]),
        (
            ("ensembles", "Bad name"),
            {"cross_section": "known", "size": 1, "vary": [], "label": "bad"},
            ["Bad name", "pattern"],
        ),
        (("ensembles", "seeds", "reference"), "truht", ["seeds.reference", "truht", "flux_truth"]),
        (("ensembles", "seeds", "reference"), "nominal", ["seeds.reference", "nominal", "known"]),
        (("ensembles", "truth", "reference"), "truth", ["truth.reference", "with itself", "null"]),
        (
            ("ensembles", "seeds", "reference"),
            "truth_smeared",
            ["seeds.reference", "truth_smeared has smeared: true", "seeds has smeared: false"],
        ),
        (("ensembles", "seeds", "shown_in"), ["figure 3"], ["seeds.shown_in", "figure 3", "fig"]),
        (("ensembles", "seeds", "label"), "", ["ensembles.seeds.label", "at least 1"]),
        (
            ("ensembles", "seeds", "vary"),
            ["muon_energy_scale"],
            ["ensembles.seeds", "muon_energy_scale needs near_events"],
        ),
        (("systematics", "scale"), 0.1, ["systematics", "'scale'", "muon_energy_scale"]),
        (("systematics", "muon_energy_scale"), 0.0, ["systematics.muon_energy_scale", "0.0"]),
        (("results",), "", ["results", "''"]),
        (("results",), "run<1>", ["results", "run<1>"]),
        (("results",), "{ensemble}", ["results", "{ensemble}"]),
        (("results",), "~/run", ["results", "~/run"]),
        (("toy",), "yes", ["toy", "'yes'", "true or false"]),
        (("experiment",), "", ["experiment", "at least 1"]),
        (("truth", "model"), "nature", ["truth.model", "'nature'", "quark_parton"]),
        (("setup", "target"), "", ["setup.target", "not a nucleus", "2 H1 + O16"]),
        (("setup", "target"), {"Ar40": 1}, ["setup.target", "must be text"]),
        (("setup", "target"), "2 H1 - O16", ["setup.target", "not a nucleus"]),
        (("setup", "target"), "Ar39", ["setup.target", "'Ar39'", "Ar40", "Fe56"]),
        (("setup", "target"), "C12 + 0 H1", ["setup.target", "0", "H1", "positive"]),
        (("setup", "lepton"), "tau", ["setup.lepton", "'tau'", "`muon`", "`electron`"]),
        (("setup", "lepton"), "electron", ["setup.lepton is electron", "appearance", "null"]),
        (("setup", "helicity"), "left", ["setup.helicity", "'left'", "`antineutrino`"]),
        (("setup", "helicity"), "antineutrino", ["flux.near", "dune_fhc", "dune_rhc"]),
        (("setup", "energy_max"), 20.0, ["flux.near", "dune_fhc", "10.125 GeV", "energy_max"]),
        (("setup", "energy_max"), 0.4, ["setup.energy_max", "0.4", "≥ 0.5", "≤ 50"]),
        (("setup", "energy_max"), 51.0, ["setup.energy_max", "51.0", "≤ 50"]),
        (("setup", "x_max"), 0.9, ["setup.x_max", "0.9", "≥ 1", "≤ 3"]),
        (("flux", "near"), "embedded", ["flux.near", "embedded", "dune_fhc now"]),
        (("flux", "uncertainty"), "embedded", ["flux.uncertainty", "dune_fhc now"]),
        (("flux", "uncertainty"), None, ["ensembles.flux_truth.vary", "flux.uncertainty is null"]),
        (("flux", "near"), "t2k", ["flux.uncertainty", "dune_fhc", "smooth"]),
        (("grid", "energy_max"), 10.0, ["grid.energy_max", "it is setup.energy_max now"]),
        (("joint", "intervals"), 3, ["joint.intervals", "3", "≥ 4", "≤ 64"]),
        (("joint", "intervals"), 62, ["joint.intervals is 62", "nodes.n_xi = 64", "at most 61"]),
        (("joint", "price"), 0.0, ["joint.price", "0.0", "> 0"]),
        (("joint", "experiments_per_job"), 0, ["joint.experiments_per_job", "0", "≥ 1"]),
        (("joint", "fits"), ["joint"], ["joint.fits", "a mapping of names to entries", "smeared"]),
        (("joint", "fits", "joint", "near_events"), 0, ["joint.fits.joint.near_events", "≥ 1"]),
        (("joint", "fits", "joint", "near_events"), None, ["near_events = null", "an integer"]),
        (("joint", "fits", "joint", "experiments"), 0, ["joint.fits.joint.experiments", "≥ 1"]),
        (("joint", "fits", "joint", "toys"), 0, ["joint.fits.joint.toys", "≥ 1"]),
        (
            ("joint", "fits", "joint", "sized"),
            1,
            ["joint.fits.joint.sized", "no such key", "smear"],
        ),
        (("joint", "fits", "Bad name"), {"near_events": 9}, ["Bad name", "pattern"]),
        (
            ("joint", "fits", "joint", "off_axis"),
            [0.0],
            ["joint.fits.joint.off_axis[0] = 0.0", "than 0"],
        ),
        (
            ("joint", "fits", "joint", "off_axis"),
            [5.0, 5.0],
            ["joint.fits.joint.off_axis", "[5.0, 5.0] has an angle twice"],
        ),
        (("events", "mine"), sample("seed/1"), ["events.mine.cross_section", "no ensemble seed;"]),
        (("events", "mine"), sample("seeds/10"), ["seeds has members 0 to 9"]),
        (("events", "mine"), sample("seeds"), ["'seeds'", "must be truth, an ensemble and"]),
        (("events", "mine"), sample("flux_truth/1"), ["of flux_truth is the known one"]),
        (("events", "mine"), sample("flow/1"), ["model of flow is flow"]),
        (
            ("events", "mine"),
            sample("joint/mine"),
            ["no joint fit mine; there are joint, joint_sm"],
        ),
        (("events", "mine"), sample("truth", "no.txt"), ["events.mine.flux", "'no.txt'", "a file"]),
        (("events", "mine"), sample("truth", "dune_rhc"), ["events.mine.flux", "antineutrinos"]),
        (
            ("events", "mine"),
            sample("truth", "near") | {"flux_format": {"unit": "MeV"}},
            ["events.mine.flux_format", "near, not a file"],
        ),
        (("events", "mine"), sample("truth") | {"number": 0}, ["events.mine.number", "≥ 1"]),
        (
            ("joint", "fits", "joint_smeared", "compared_with"),
            "sytematics",
            ["joint.fits.joint_smeared.compared_with", "no ensemble sytematics", "flux_truth"],
        ),
        (
            ("joint", "fits", "joint", "compared_with"),
            "systematics",
            [
                "joint.fits.joint.compared_with",
                "systematics has smeared: true",
                "joint has smeared",
            ],
        ),
        # The fits' ranges: what is looked for must be inside.
        (
            ("fits", "dm2_32"),
            [2.5e-3, 2.8e-3],
            ["fits.dm2_32", "[0.0025, 0.0028]", "0.0024381", "oscillation.dm2_31"],
        ),
        (("fits", "dm2_32"), [-2.8e-3, -2.1e-3], ["fits.dm2_32", "0.0024381", "truth"]),
        (("fits", "dm2_32"), [2.2, 2.7], ["fits.dm2_32", "[2.2, 2.7]", "0.0024381", "truth"]),
        (("fits", "dm2_32"), [-2.9e-3, 2.9e-3], ["fits.dm2_32", "must not contain 0"]),
        (("fits", "sin2_theta23"), [0.48, 0.52], ["fits.sin2_theta23", "0.47", "truth"]),
    ],
)
def test_mistakes_name_key_value_and_what_is_allowed(raw, path, value, said):
    message = broken(raw, path, value)
    for part in said:
        assert part in message


def test_systematic_without_a_size_is_refused(raw):
    raw["systematics"] = {}
    validate_config(raw)
    raw["ensembles"]["systematics"]["vary"].append("muon_energy_scale")
    with pytest.raises(
        ConfigError, match=r"ensembles\.systematics\.vary.*systematics\.muon_energy"
    ):
        validate_config(raw)


def test_missing_key_is_named(raw):
    del raw["grid"]["n_v2"]
    with pytest.raises(ConfigError, match=r"grid\.n_v2: is missing"):
        validate_config(raw)


def test_unknown_pdf_set_is_named(raw, tmp_path):
    raw["pdf"] = {"set": "CT99", "path": str(tmp_path), "member": 0, "reader": "neopdf"}
    with pytest.raises(ConfigError, match=r"no PDF set directory .*CT99"):
        validate_config(raw)
