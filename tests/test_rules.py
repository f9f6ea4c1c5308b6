"""What each job of the workflow is given: files, members, streams, draws and sections.

Expected values come from the configuration as it is written, not from `nd2fd.plan`. No job runs.
"""

from pathlib import Path

import pytest
import yaml

from configurations import merged
from workflow_jobs import jobs_of
from workflow_runs import ROOT, copy_project

START = "config/ci.yaml"
"""Stands for a file of another run; no job looks into it here."""

OWN = {
    "seed": 11,
    "smearing": {"energy_resolution": 0.07, "angle_resolution": 2.5},
    "near_detector": {"n_events": 1234},
    "fits": {"sin2_theta23": [0.35, 0.65], "dm2_32": [2.2e-3, 2.7e-3]},
    "coverage": {"experiments": {"smeared": 3, "flow": 1}, "draw_flux": True},
    "joint": {
        "price": 2.5,
        "fits": {
            "joint": {"near_events": 4321, "experiments": 3},
            "joint_smeared": {"experiments": 4},
        },
    },
    "ensembles": {
        "smeared": {"size": 5, "fit_range_factor": 2.0, "start": START},
        "systematics": {
            "size": 5,
            "vary": ["network_seed", "near_statistics", "flux", "muon_energy_scale"],
        },
    },
}
"""More than the shipped toy configuration has: wider ranges, three batches, an energy scale."""

WITH_OCTANTS = {"fig9", "fig20", "joint_design", "joint_coverage_block", "joint_coverage"}
"""Rules whose points have sin²θ23, and not sin²2θ23."""

FOLDERS = {"structure_functions": "members", "flow": "flows"}


@pytest.fixture(scope="module")
def config():
    raw = {}
    for name in ("config/config.yaml", "config/ci.yaml"):
        raw = merged(raw, yaml.safe_load((ROOT / name).read_text(encoding="utf-8")))
    return merged(raw, OWN)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    directory = copy_project(tmp_path_factory.mktemp("rules"))
    (directory / "own.yaml").write_text(yaml.safe_dump(OWN))
    return jobs_of(directory, "config/ci.yaml", "own.yaml")


@pytest.fixture(scope="module")
def of_rule(jobs):
    """Jobs of rules that have an ensemble, with that and their batch or block."""

    def chosen(*rules):
        found = [
            (job["wildcards"]["ensemble"], int(job["wildcards"].get("batch", -1)), job)
            for job in jobs
            if job["rule"] in rules
        ]
        assert found, rules
        return found

    return chosen


def members_of(config, name, batch):
    """Numbers of members: two in a job."""
    return list(range(config["ensembles"][name]["size"]))[2 * batch : 2 * batch + 2]


def model_of(config, name):
    ensemble = config["ensembles"][name]
    if ensemble["cross_section"] == "known":
        return "known"
    return ensemble.get("model", "structure_functions")


def files_of(config, folder, name):
    n_batches = (config["ensembles"][name]["size"] + 1) // 2
    return [f"results/{folder}/{name}/{batch}.h5" for batch in range(n_batches)]


def test_every_batch_is_made(config, of_rule):
    for rule in ("fit_members", "predict_members"):
        made = {(name, batch) for name, batch, _ in of_rule(rule)}
        seen = {name for name, _ in made}
        expected = {
            (name, batch) for name in seen for batch in range(len(files_of(config, "fits", name)))
        }
        assert made == expected
    assert ("systematics", 2) in made
    assert members_of(config, "systematics", 2) == [4]


def test_jobs_have_the_members_of_their_batch(config, of_rule):
    rules = ("near_members", "predict_members", "marginals_members", "slice_members")
    for name, batch, job in of_rule(*rules, "fit_members"):
        assert job["params"]["members"] == members_of(config, name, batch)
        assert job["output"][0].endswith(f"/{name}/{batch}.h5")


@pytest.mark.parametrize("rule", ["near_members", "train_members", "fit_members", "coverage_block"])
def test_smeared_ensembles_and_no_others_see_the_response(config, of_rule, rule):
    seen = set()
    for name, _, job in of_rule(rule):
        smeared = config["ensembles"][name].get("smeared", False)
        seen.add(smeared)
        response = "results/inputs/response.h5" if smeared else None
        assert job["input"].get("response") == response, name
        if rule != "train_members":
            assert job["params"]["smearing"] == (OWN["smearing"] if smeared else {})
        if rule == "fit_members":
            events = "results/far/smeared.h5" if smeared else "results/far/events.h5"
            assert job["input"]["events"] == events
    assert seen == {True, False}


def test_networks_of_one_ensemble_have_its_start(of_rule):
    starts = {name: job["input"].get("start") for name, _, job in of_rule("train_members")}
    assert starts == {name: START if name == "smeared" else None for name in starts}
    assert len(starts) > 2


def test_cross_sections_are_those_of_the_ensemble_and_batch(config, of_rule):
    kinds = set()
    rules = ("predict_members", "marginals_members", "slice_members", "fit_members")
    for name, batch, job in of_rule(*rules):
        kind = model_of(config, name)
        kinds.add(kind)
        expected = "results/truth/densities.h5"
        if kind != "known":
            expected = f"results/{FOLDERS[kind]}/{name}/{batch}.h5"
        assert job["input"]["cross_section"] == expected
        assert job["params"]["cross_section"] == kind
    assert kinds == {"known", *FOLDERS}
    for name, batch, job in of_rule("train_members", "train_flows"):
        assert job["input"]["near"] == f"results/near/{name}/{batch}.h5"
        assert (job["rule"] == "train_flows") == (model_of(config, name) == "flow")


def streams(config, name, batch, systematic):
    vary = systematic in config["ensembles"][name]["vary"]
    return [[name, member] if vary else ["", 0] for member in members_of(config, name, batch)]


def test_random_streams_have_the_names_of_what_varies(config, of_rule):
    for name, batch, job in of_rule("train_members", "train_flows"):
        assert job["params"]["streams"] == streams(config, name, batch, "network_seed")
    for name, batch, job in of_rule("near_members"):
        n_events = config["ensembles"][name].get("near_events")
        assert job["params"]["n_events"] == (n_events or 0)
        expected = [] if n_events is None else streams(config, name, batch, "near_statistics")
        assert job["params"]["streams"] == expected
        assert job["params"]["bootstraps"] == []


def draws(config, name, members):
    vary = config["ensembles"][name]["vary"]
    return {
        systematic: [member if systematic in vary else -1 for member in members]
        for systematic in ("flux", "muon_energy_scale")
    }


def test_draws_are_numbered_like_the_members(config, of_rule):
    for name, batch, job in of_rule("near_members", "fit_members"):
        expected = draws(config, name, members_of(config, name, batch))
        assert job["params"]["nuisance_draws"] == expected
    for name, _, job in of_rule("coverage_block"):
        everybody = range(config["ensembles"][name]["size"])
        assert job["params"]["nuisance_draws"] == draws(config, name, everybody)


def test_training_of_an_ensemble(config, of_rule):
    for name, _, job in of_rule("train_members"):
        ensemble, found = config["ensembles"][name], job["params"]["training"]
        with_errors = "flux" in ensemble["vary"] and ensemble.get("near_events") is not None
        assert found["flux_errors"] == with_errors, name
        key = "smoothness_with_flux_errors" if with_errors else "smoothness"
        assert found["smoothness"] == config["training"][key]
        assert found["evaluations"] == 30


def test_ranges_of_fits_are_the_ensemble_s_own(of_rule):
    """Twice as far from maximal mixing and from the true Δm²32 of 2.4381e-3 eV²."""
    wide = {"sin2_theta23": [0.2, 0.8], "dm2_32": [1.9619e-3, 2.9619e-3]}
    rules = ("fit_members", "coverage_block", "ensemble_intervals")
    seen = set()
    for name, _, job in of_rule(*rules):
        if name == "flow":  # two and a half times: that is cut in sin²θ23
            continue
        expected = wide if name == "smeared" else OWN["fits"]
        for parameter in ("sin2_theta23", "dm2_32"):
            found = job["params"][parameter]
            assert found == pytest.approx(expected[parameter], rel=1e-5), (job["rule"], name)
        assert job["params"].get("octant", "lower") == "lower"
        seen.add((job["rule"], name == "smeared"))
    assert seen == {(rule, smeared) for rule in rules for smeared in (False, True)}


def test_energies_of_the_sums(config, of_rule):
    for rule, n_energy in (
        ("near_members", 32),
        ("train_members", 32),
        ("train_flows", 32),
        ("predict_members", 32),
        ("marginals_members", 48),
        ("slice_members", 5),
        ("fit_members", 100),
        ("coverage_block", 50),
    ):
        for _, _, job in of_rule(rule):
            assert job["params"]["grid"]["n_energy"] == n_energy, rule


def test_ensembles_are_joined_from_all_their_batches(config, of_rule):
    for name, _, job in of_rule("ensemble_intervals"):
        assert job["input"]["fits"] == files_of(config, "fits", name)
    experiments = config["coverage"]["experiments"]
    for name, _, job in of_rule("coverage_block"):
        kind, block = model_of(config, name), int(job["wildcards"]["block"])
        expected = [] if kind == "known" else files_of(config, FOLDERS[kind], name)
        assert job["input"]["members"] == expected
        assert job["params"]["cross_section"] == kind
        numbers = list(range(experiments[name]))[2 * block : 2 * block + 2]
        assert job["params"]["experiments"] == numbers
        assert job["params"]["draw_flux"] == ("flux" in config["ensembles"][name]["vary"])
    for name, _, job in of_rule("coverage"):
        n_blocks = (experiments[name] + 1) // 2
        blocks = [f"results/coverage/{name}/{block}.h5" for block in range(n_blocks)]
        assert job["input"]["blocks"] == blocks


def test_joint_fits_have_the_data_and_maps_of_their_detectors(config, jobs):
    fits, made = config["joint"]["fits"], set()
    for job in jobs:
        rule, params = job["rule"], job["params"]
        if rule not in ("joint_design", "joint_fit", "joint_toys", "joint_coverage_block"):
            continue
        name = job["wildcards"].get("fit")
        smeared = name == "joint_smeared" or job["wildcards"].get("detector") == "smeared"
        response = "results/inputs/response.h5" if smeared else None
        assert job["input"].get("response") == response
        assert params["smearing"] == (OWN["smearing"] if smeared else {})
        simulated = rule in ("joint_toys", "joint_coverage_block")
        assert params["grid"]["n_energy"] == (50 if simulated else 100)
        if rule != "joint_toys":
            assert params["near_grid"]["n_energy"] == 32
        for parameter, limits in OWN["fits"].items():
            assert params[parameter] == limits
        if rule == "joint_design":
            assert params["intervals"] == 6
            assert params["true_point"] == pytest.approx([0.470, 2.4381e-3])
        else:
            design = "smeared" if smeared else "exact"
            assert job["input"]["design"] == f"results/joint/designs/{design}.h5"
            assert params["price"] == 2.5
        if rule in ("joint_fit", "joint_coverage_block"):
            assert params["near_events"] == fits[name]["near_events"]
        if rule == "joint_toys":
            assert job["input"]["fit"] == f"results/joint/fits/{name}.h5"
            assert params["n_toys"] == fits[name]["toys"]
        if rule == "joint_fit":
            events = "results/far/smeared.h5" if smeared else "results/far/events.h5"
            assert job["input"]["events"] == events
        made.add((rule, job["output"][0].removeprefix("results/joint/")))
    assert made == {
        *(("joint_design", f"designs/{detector}.h5") for detector in ("exact", "smeared")),
        *(("joint_fit", f"fits/{name}.h5") for name in fits),
        *(("joint_toys", f"toys/{name}.h5") for name in fits if fits[name].get("toys")),
        *(
            ("joint_coverage_block", f"coverage/{name}/{block}.h5")
            for name in fits
            for block in (0, 1)
        ),
    }


def test_pseudo_experiments_of_joint_fits_are_numbered(config, jobs):
    for job in jobs:
        name = job["wildcards"].get("fit")
        if job["rule"] == "joint_coverage_block":
            block = int(job["wildcards"]["block"])
            numbers = list(range(config["joint"]["fits"][name]["experiments"]))
            assert job["params"]["experiments"] == numbers[2 * block : 2 * block + 2]
            assert job["params"]["n_events"] == 1500
        elif job["rule"] == "joint_coverage":
            blocks = [f"results/joint/coverage/{name}/{block}.h5" for block in (0, 1)]
            assert job["input"]["blocks"] == blocks


def test_the_truth_is_that_of_the_configuration(jobs):
    """NuFIT 6.0: sin²2θ23 = 4 · 0.470 · 0.530, Δm²32 = 2.513e-3 - 7.49e-5 eV²."""
    seen = set()
    for job in jobs:
        if (point := job["params"].get("true_point")) is not None:
            mixing = 0.470 if job["rule"] in WITH_OCTANTS else 0.9964
            assert point == pytest.approx([mixing, 2.4381e-3], rel=1e-12)
            seen.add(job["rule"])
    assert {"coverage_block", "coverage", "numbers_table", "fig8", *WITH_OCTANTS} <= seen


def test_sections_and_seed_are_those_of_the_configuration(config, jobs):
    sections = ("setup", "oscillation", "systematics", "truth", "nodes", "flow", "flux")
    seen = set()
    for job in jobs:
        params = job["params"]
        for section in sections:
            if section in params:
                for key, value in config[section].items():
                    assert params[section][key] == value, (job["rule"], section)
                seen.add(section)
        assert params.get("seed", 11) == 11
    assert seen == set(sections)
    of_rule = {job["rule"]: job for job in jobs}
    assert of_rule["far_smeared"]["params"]["smearing"] == OWN["smearing"]
    assert of_rule["detector_response"]["params"]["smearing"] == OWN["smearing"]
    assert of_rule["far_events"]["params"]["n_events"] == 1500
    assert of_rule["coverage_block"]["params"]["n_events"] == 1500
    assert of_rule["fit_members"]["params"]["replicas"] == 100


def test_inputs_with_an_ensemble_s_name_are_of_that_ensemble(config, jobs):
    """Of figures and tables: all members, in the order of their batches."""
    folders = {
        "fits": "fits",
        "predictions": "predictions",
        "marginals": "marginals",
        "networks": "members",
    }
    single = {"intervals": "intervals/{}.h5", "coverage": "coverage/{}.h5"}
    first = {"near": "near", "prediction": "predictions", "slices": "slices"}
    kinds = set()
    for job in jobs:
        for key, files in job["input"].items():
            name, _, kind = key.rpartition("_")
            if name not in config["ensembles"]:
                continue
            if kind in single:
                assert files == f"results/{single[kind].format(name)}"
            elif kind in first:
                assert files == f"results/{first[kind]}/{name}/0.h5"
            else:
                folder = folders.get(kind) or FOLDERS[model_of(config, name)]
                assert files == files_of(config, folder, name), (job["rule"], key)
            kinds.add(kind)
    assert kinds >= {"models", *folders, *single, *first} - {"networks"}


def test_inputs_of_nature(jobs):
    spectra = {"flux": "results/inputs/flux.h5", "oscillation": "results/inputs/oscillation.h5"}
    of_rule = {job["rule"]: job["input"] for job in jobs}
    for rule in ("truth_densities", "node_weights", "far_events", "predict_members"):
        assert spectra.items() <= of_rule[rule].items()
    for rule in ("marginals_members", "coverage_block", "joint_coverage_block"):
        assert spectra.items() <= of_rule[rule].items()
    for rule in ("truth_densities", "far_events"):
        assert Path(of_rule[rule]["pdf"]).name == "ct18nnlo_embedded.info"
    assert of_rule["far_smeared"] == {"events": "results/far/events.h5"}
    for rule in ("near_members", "train_members", "node_weights", "coverage_block"):
        assert of_rule[rule]["truth"] == "results/truth/densities.h5"
