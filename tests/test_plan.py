"""What depends on what, without Snakemake."""

import subprocess
import sys
from pathlib import Path

import pytest

from configurations import ROOT, planned
from configurations import plan as plan  # a fixture
from nd2fd.plan import PlanError
from nd2fd.streams import NO_DRAW

FIGURES = [f"fig{number}" for number in range(1, 22)]


def test_paths_are_in_the_results_folder(plan):
    assert plan.path("truth/densities.h5") == "results/truth/densities.h5"
    assert planned({"results": "./runs//one/"}).path("far/events.h5") == "runs/one/far/events.h5"
    assert planned({"results": "/data/run"}).path("far/events.h5") == "/data/run/far/events.h5"


def test_batches_and_members(plan):
    """Twelve members, five in a job."""
    many = planned({"ensembles": {"seeds": {"size": 12}}, "training": {"members_per_job": 5}})
    assert many.batches("fits", "seeds") == [f"results/fits/seeds/{batch}.h5" for batch in range(3)]
    assert [many.members("seeds", batch) for batch in range(3)] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8, 9],
        [10, 11],
    ]
    assert plan.members("truth", 0) == [0]
    assert plan.fit_group("truth") == "fit_truth"
    assert plan.fit_group("seeds") is None


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda p: p.ensemble("nominall"),
            "no ensemble 'nominall'.*there are truth, truth_smeared",
        ),
        (lambda p: p.batches("fits", "nominall"), "no ensemble 'nominall'"),
        (
            lambda p: p.members("seeds", 2),
            "ensemble 'seeds' has no batch 2: its 10 members.*numbered 0 to 1",
        ),
        (lambda p: p.cross_section("seeds", 2), "has no batch 2"),
        (
            lambda p: p.near_data("truth", 0, "structure_functions"),
            r"'truth' has nothing to train: ensembles\.truth\.cross_section is known",
        ),
        (
            lambda p: p.near_data("seeds", 0, "flow"),
            "no results/flows/seeds: .*model is structure_functions, .*in results/members/seeds",
        ),
        (lambda p: p.coverage_blocks("flux"), "no number for 'flux'; it has numbers for truth, sy"),
        (lambda p: p.coverage_blocks("flx"), "no ensemble 'flx'"),
        (
            lambda p: p.pseudo_experiments("systematics", 2),
            "coverage of 'systematics' has no block 2: its 1000 experiments.*numbered 0 to 1",
        ),
        (lambda p: p.joint_design("jiont"), "no joint fit 'jiont'.*there are joint, joint_smeared"),
        (
            lambda p: p.joint_experiments("joint", 2),
            "coverage of 'joint' has no block 2: its 1000 experiments.*numbered 0 to 0",
        ),
        (
            lambda p: p.refuse_unknown_figures(FIGURES[:20]),
            r"ensembles\.truth\.shown_in: there is no figure fig21; there are fig1, fig2",
        ),
    ],
)
def test_what_does_not_exist_is_named(plan, ask, said):
    with pytest.raises(PlanError, match=said):
        ask(plan)


def test_figures_of_the_catalogue_are_known(plan):
    plan.refuse_unknown_figures(FIGURES)


def test_streams_have_the_names_of_what_varies(plan):
    own = [["seeds", member] for member in range(5, 10)]
    assert plan.network_streams("seeds", 1) == own
    # One for all where it does not vary: their differences are those of what does.
    assert plan.network_streams("flux", 1) == [["", 0]] * 5
    assert plan.near_streams("flux", 0) == [["flux", member] for member in range(5)]
    assert planned("ci.yaml").near_streams("flux", 0) == [["", 0]] * 2
    assert plan.near_streams("seeds", 1) == []
    assert (plan.near_events("seeds"), plan.near_events("nd3m")) == (0, 3_000_000)


def test_draws_have_the_same_numbers_in_every_ensemble():
    scaled = planned(
        {
            "training": {"members_per_job": 5},
            "ensembles": {
                "scaled": {
                    "cross_section": "known",
                    "size": 7,
                    "vary": ["muon_energy_scale"],
                    "label": "another energy scale",
                }
            },
        }
    )
    nominal = [NO_DRAW] * 2
    assert scaled.draws("scaled", 1) == {"flux": nominal, "muon_energy_scale": [5, 6]}
    assert scaled.draws("flux", 1)["flux"] == scaled.draws("flux_truth", 1)["flux"]
    assert scaled.draws("flux_truth")["flux"] == list(range(20))
    # Those with a random stream of their own are not among them.
    assert scaled.draws("seeds", 0).keys() == {"flux", "muon_energy_scale"}


def test_kinds_and_where_the_cross_sections_are(plan):
    assert [plan.kind(name) for name in ("truth", "seeds", "flow")] == [
        "known",
        "structure_functions",
        "flow",
    ]
    assert plan.cross_section("flux_truth", 3) == "results/truth/densities.h5"
    assert plan.cross_section("seeds", 1) == "results/members/seeds/1.h5"
    assert plan.cross_section("flow", 0) == "results/flows/flow/0.h5"
    assert plan.models("truth") == []
    assert plan.models("flow") == ["results/flows/flow/0.h5"]
    assert plan.asimov == ["nominal", "seeds", "flow"]
    assert plan.near_data("flow", 0, "flow") == "results/near/flow/0.h5"


def test_smeared_ensembles_need_the_response(plan):
    assert plan.response("smeared") == {"response": "results/inputs/response.h5"}
    assert plan.response("seeds") == {}
    assert plan.far_data("systematics") == "results/far/smeared.h5"
    assert plan.far_data("seeds") == "results/far/events.h5"
    # What is not smeared does not depend on the resolution.
    assert plan.smearing("smeared") == {"energy_resolution": 0.04, "angle_resolution": 1.0}
    assert plan.smearing("seeds") == {}


def test_training_of_an_ensemble_depends_on_what_concerns_it():
    plain, other = planned(), planned({"training": {"smoothness_with_flux_errors": 0.5}})
    changed = {name for name in plain.learned if plain.training(name) != other.training(name)}
    assert changed == {"flux", "systematics"}
    assert other.training("flux")["smoothness"] == 0.5
    assert other.training("smeared")["smoothness"] == 0.03
    assert not plain.training("smeared")["flux_errors"]
    assert "members_per_job" not in plain.training("seeds")


def test_true_point(plan):
    """sin²2θ = 4 sin²θ (1 − sin²θ); Δm²32 = Δm²31 − Δm²21."""
    assert plan.true_octant_point == [0.470, pytest.approx(2.4381e-3, rel=1e-12)]
    assert plan.true_point[0] == pytest.approx(0.9964, rel=1e-12)


def test_coverage_is_in_blocks(plan):
    assert plan.with_coverage == ["truth", "systematics"]
    blocks = plan.coverage_blocks("systematics")
    assert blocks == [f"results/coverage/systematics/{block}.h5" for block in (0, 1)]
    assert plan.pseudo_experiments("systematics", 1) == list(range(500, 1000))


def test_only_ensembles_with_a_start_need_its_file():
    plan = planned({"ensembles": {"nd30m": {"start": "carbon/members/nd30m/0.h5"}}})
    assert plan.start("nd30m") == {"start": "carbon/members/nd30m/0.h5"}
    assert [name for name in plan.ensembles if plan.start(name)] == ["nd30m"]


def test_what_is_compared_with_what(plan):
    assert plan.systematics == {
        "seeds": "truth",
        "nd30m": "truth",
        "nd3m": "truth",
        "smeared": "truth_smeared",
        "flux_truth": "truth",
        "flux": "truth",
        "systematics": "truth_smeared",
    }
    assert plan.references == plan.systematics | {"nominal": "truth"}


def test_figures_show_the_ensembles_that_they_name(plan):
    assert plan.shown_in("fig13") == ["truth", "truth_smeared", "smeared"]
    assert plan.shown_in("fig19") == ["truth", "systematics"]
    assert plan.shown_in("fig18") == []


def test_a_new_ensemble_is_one_entry():
    entry = {
        "cross_section": "learned",
        "size": 2,
        "near_events": 1000,
        "vary": ["near_statistics"],
        "reference": "truth",
        "shown_in": ["fig12"],
        "label": "few events",
    }
    more = planned({"ensembles": {"few": entry}})
    assert more.ensembles[-1] == "few"
    assert "few" in more.learned
    assert more.systematics["few"] == "truth"
    assert more.shown_in("fig12") == ["truth", "nd30m", "nd3m", "few"]
    assert more.near_streams("few", 0) == [["few", 0], ["few", 1]]
    assert more.near_bootstraps("few", 0) == []
    # Of the sample of ensembles that share one.
    of_one = planned({"ensembles": {"few": entry | {"near_sample": "bootstrap"}}})
    assert of_one.near_streams("few", 0) == [["", 0]] * 2
    assert of_one.near_bootstraps("few", 0) == [["few", 0], ["few", 1]]


def test_a_removed_ensemble_is_gone_everywhere():
    fewer = planned({"ensembles": {"systematics": None, "flow": None}})
    assert fewer.shown_in("fig19") == ["truth"]
    assert fewer.with_coverage == ["truth"]
    assert fewer.shown_in("fig10") == ["seeds"]
    assert not {"systematics", "flow"} & {*fewer.learned, *fewer.systematics, *fewer.references}


def test_pdf_set_of_the_user(tmp_path, plan):
    folder = tmp_path / "MYSET"
    folder.mkdir()
    (folder / "MYSET.info").write_text("Format: lhagrid1\nNumMembers: 4\nParticle: 2212\n")
    (folder / "MYSET_0003.dat").touch()
    own = planned(
        {"pdf": {"set": "MYSET", "path": str(tmp_path), "member": 3}, "results": "elsewhere"}
    )
    assert own.pdf_files == {
        "pdf": f"{folder}/MYSET.info",
        "pdf_grid": f"{folder}/MYSET_0003.dat",
    }
    embedded = "results/pdf/ct18nnlo_embedded/ct18nnlo_embedded"
    assert plan.pdf_files == {"pdf": f"{embedded}.info", "pdf_grid": f"{embedded}_0000.dat"}


def test_flux_files_are_those_of_the_user(tmp_path, plan):
    assert plan.flux_files == {}
    flux = tmp_path / "flux.txt"
    flux.write_text("1.0 1.0\n3.0 2.0\n5.0 0.0\n")
    assert planned({"flux": {"near": str(flux), "uncertainty": "smooth"}}).flux_files == {
        "near": str(flux)
    }
    assert planned("experiments/t2k.yaml").flux_files == {}
    far = {"flux": {"near": str(flux), "far": "no/file.txt", "uncertainty": "smooth"}}
    assert planned("experiments/sbnd.yaml", far).flux_files == {"near": str(flux)}


def test_without_a_far_detector_there_are_no_fits(plan):
    near_only = planned("experiments/sbnd.yaml")
    assert not near_only.has_far
    assert near_only.spectra_files == {"flux": "results/inputs/flux.h5"}
    assert near_only.tables == ["results/tables/numbers.json", "results/tables/learning.csv"]
    assert plan.spectra_files["oscillation"] == "results/inputs/oscillation.h5"
    assert [Path(table).name for table in plan.tables] == [
        "numbers.json",
        "learning.csv",
        "oscillation.csv",
        "systematics.csv",
    ]


def test_sections_are_plain_values(plan):
    assert plan.section("setup") == {
        "target": "Ar40",
        "lepton": "muon",
        "helicity": "neutrino",
        "energy_max": 10.0,
        "x_max": 1.0,
    }
    assert "energy_max" not in plan.section("grid")


def test_the_start_of_the_workflow_is_light():
    """Snakemake reads the workflow anew for every job."""
    code = "import sys, nd2fd.figures.catalogue, nd2fd.config.results_folder; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "matplotlib", "scipy"} & set(done.stdout.split())


def test_events_are_made_from_their_cross_section_and_flux():
    samples = {
        "known": {"cross_section": "truth", "flux": "near"},
        "learned": {"cross_section": "seeds/7", "flux": "far"},
        "spline": {"cross_section": "joint/joint", "flux": "bnb"},
        "mine": {
            "cross_section": "truth",
            "flux": str(ROOT / "src/nd2fd/data/dune_nd_numu_fhc.csv"),
        },
    }
    events = {"events": {name: entry | {"number": 5} for name, entry in samples.items()}}
    plan = planned({"training": {"members_per_job": 5}}, events)
    flux = {"flux": "results/inputs/flux.h5"}
    truth = {"cross_section": "results/truth/densities.h5"}
    assert plan.event_inputs("known") == flux | truth
    assert plan.event_inputs("mine") == flux | truth | {"flux_file": samples["mine"]["flux"]}
    assert plan.event_inputs("spline") == flux | {"cross_section": "results/joint/fits/joint.h5"}
    assert plan.event_inputs("learned") == flux | {
        "cross_section": "results/members/seeds/1.h5",
        "oscillation": "results/inputs/oscillation.h5",
    }
    assert plan.event_source("learned") == {"kind": "member", "member": 7}
    assert plan.event_source("known") == {"kind": "truth", "member": None}
    with pytest.raises(
        PlanError, match=r"no events 'other'.*there are known, learned, spline, mine"
    ):
        plan.event_inputs("other")


def test_missing_files_of_a_measurement_are_named_with_their_source(tmp_path):
    where = {"measurements": {"microboone": {"path": str(tmp_path)}}}
    plan = planned("experiments/microboone.yaml", where)
    with pytest.raises(
        PlanError,
        match=r"measurements\.microboone: .*data_release\.root is missing; .*2307\.06413.*\.path",
    ):
        plan.measurement_files("microboone")
    for name in (
        "MicroBooNE_CCInc3D_data_release.root",
        "real_bins.txt",
        "MicroBooNE_FHC_numu_flux.root",
    ):
        (tmp_path / name).touch()
    assert len(plan.measurement_files("microboone")) == 3
    with pytest.raises(PlanError, match=r"no measurement 'minerva'.*there are microboone"):
        plan.measurement_setup("minerva")
    assert plan.measurement_settings("microboone")["strength"] is None
    assert plan.measurement_reading("microboone")["target"] == "Ar40"


def test_a_measurement_is_read_with_a_known_reader_for_a_known_target():
    for changes, words in (
        ({"reader": "minerva"}, "there is no such reader; there are microboone_ccinc_3d, t2k"),
        ({"target": "Xx1"}, "no nucleus 'Xx1'"),
        ({"x_max": 4.0}, "x_max"),
    ):
        with pytest.raises(ValueError, match=words):
            planned("experiments/microboone.yaml", {"measurements": {"microboone": changes}})


def test_what_a_truth_is_computed_from():
    table = {"table": "results/truth/table.h5"}
    pdf = planned().pdf_files
    assert planned().truth_files == pdf
    impulse = planned("experiments/dune_impulse.yaml")
    assert (impulse.truth_files, impulse.table_files) == (table, pdf)
    own = planned({"truth": {"model": "table", "table": "own.h5"}})
    assert (own.truth_files, own.table_files) == (table, {"table": "own.h5"})
