"""The workflow as a user runs it: from a copy of the project, with the shipped configurations."""

import hashlib
import json
import re
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from nd2fd.io.schemas.coverage import Coverage, CoverageBlock
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.fits import Fits, Intervals
from nd2fd.io.schemas.inputs import Flux, Oscillation, Response
from nd2fd.io.schemas.joint import JointCoverage, JointCoverageBlock, JointFit
from nd2fd.io.schemas.learned import Marginals, Networks, Predictions, Slices
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import NodeWeights, Truth
from nd2fd.report.profile import job_records, own_record
from workflow_runs import CI, copy_project, job_counts, snakemake

FIGURES = tuple(range(1, 22))


@pytest.fixture(scope="module")
def finished(toy_run):
    return toy_run


def hashes(directory):
    files = (p for p in (directory / "results").rglob("*.h5"))
    return {
        str(p.relative_to(directory)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }


def test_one_figure_needs_one_member(fresh):
    _, output = snakemake(fresh, "-n", "results/figs/fig2.pdf")
    jobs = job_counts(output)
    assert jobs["train_members"] == 1
    assert "fit_members" not in jobs


def test_run_makes_all_figures_and_tables(finished):
    for figure in FIGURES:
        assert (finished / f"results/figs/fig{figure}.pdf").read_bytes().startswith(b"%PDF")
        assert (finished / f"results/figs/fig{figure}.png").stat().st_size > 10_000
    learning = pd.read_csv(finished / "results/tables/learning.csv")
    exact = learning[learning["ensemble"].isin(["nominal", "seeds"])]
    assert len(exact) == 4
    assert exact["loss"].max() < 1e-5
    assert exact["near_total_variation"].max() < 2e-3
    oscillation = pd.read_csv(finished / "results/tables/oscillation.csv")
    ensembles = yaml.safe_load((finished / "config/config.yaml").read_text())["ensembles"]
    assert sorted(oscillation["ensemble"]) == sorted(ensembles)
    systematics = pd.read_csv(finished / "results/tables/systematics.csv")
    assert np.isfinite(systematics["dm2_32_scatter"]).all()
    assert r"\begin{tabular}" in (finished / "results/tables/systematics.tex").read_text()


def test_near_data_are_what_the_ensemble_says(finished):
    """Sampled histograms are Poisson counts about the (smeared) truth; others are exact."""
    results = finished / "results"
    truth = Truth.load(results / "truth/densities.h5").near
    response = Response.load(results / "inputs/response.h5")
    n_cells = truth.size
    measured = (response.matrix() @ truth.ravel()).reshape(truth.shape) / n_cells
    expected = {"nd30m": truth / n_cells, "smeared": measured / measured.sum()}
    for ensemble, contents in expected.items():
        near = NearData.load(results / f"near/{ensemble}/0.h5")
        n_events = int(near.n_events)
        assert n_events == 300_000
        counts = near.density / n_cells * n_events * near.acceptance[:, None, None]
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-6)
        mean = contents * counts.sum(axis=(1, 2), keepdims=True)
        for member in range(len(counts)):
            populated = mean[member] > 50
            deviation = (counts[member] - mean[member])[populated]
            # 430 cells: one standard deviation of chi squared is 7 %.
            chi_squared = (deviation**2 / mean[member][populated]).sum()
            assert chi_squared == pytest.approx(populated.sum(), rel=0.2)
        assert (counts[0] != counts[1]).any()
    flux = NearData.load(results / "near/flux/0.h5")
    # One sample for all: their differences are those of the assumed flux.
    np.testing.assert_array_equal(flux.density[0], flux.density[1])
    assert (flux.density[0] != truth).any()
    nominal = NearData.load(results / "near/nominal/0.h5").flux[0]
    assert (flux.flux != nominal).any(axis=1).all()


def test_ensembles_share_flux_draws(finished):
    """Member by member: the learned and the known cross section see the same flux."""
    known, nominal = (
        Fits.load(finished / f"results/fits/{name}/0.h5").flux_parameters
        for name in ("flux_truth", "nominal")
    )
    for name in ("flux", "systematics"):
        near = NearData.load(finished / f"results/near/{name}/0.h5")
        np.testing.assert_array_equal(near.flux_parameters, known)
    assert not nominal.any()


def test_smeared_far_events_are_the_events_smeared(finished):
    true, smeared = (
        Events.load(finished / f"results/far/{name}.h5") for name in ("events", "smeared")
    )
    assert len(smeared.v1) <= len(true.v1)
    if len(smeared.v1) == len(true.v1):
        ratio = smeared.e_lepton / true.e_lepton
        assert ratio.std() == pytest.approx(0.04, rel=0.1)


def test_learned_cross_section_fits_like_the_true_one(finished):
    """The point of the method: the shift is well below the statistical error."""
    table = pd.read_csv(finished / "results/tables/oscillation.csv").set_index("ensemble")
    assert abs(table.loc["nominal", "dm2_32_shift_in_sigma"]) < 0.5
    truth = table.loc["truth"]
    assert truth["dm2_32_best"] == pytest.approx(2.4381e-3, abs=4 * truth["dm2_32_sigma"])


def test_run_says_what_snakemake_itself_used(finished):
    run = own_record(finished / "results")
    assert run.jobs == len(job_records(finished / "results")) + 1  # and the rule all
    assert 1.0 < run.cpu < run.wall


def test_second_run_has_nothing_to_do(finished):
    code, output = snakemake(finished, *CI, "--cores", "1")
    assert code == 0
    assert "Nothing to be done" in output


def test_artifacts_follow_their_schemas_and_say_where_they_come_from(finished):
    of_folder = {
        "inputs/flux.h5": Flux,
        "inputs/oscillation.h5": Oscillation,
        "inputs/response.h5": Response,
        "truth/densities.h5": Truth,
        "near/seeds/1.h5": NearData,
        "members/seeds/1.h5": Networks,
        "predictions/seeds/1.h5": Predictions,
        "marginals/truth/0.h5": Marginals,
        "slices/flow/0.h5": Slices,
        "truth/weights.h5": NodeWeights,
        "far/events.h5": Events,
        "fits/truth/0.h5": Fits,
        "far/smeared.h5": Events,
        "intervals/seeds.h5": Intervals,
        "coverage/systematics/1.h5": CoverageBlock,
        "coverage/systematics.h5": Coverage,
        "joint/fits/joint_smeared.h5": JointFit,
        "joint/coverage/joint/1.h5": JointCoverageBlock,
        "joint/coverage/joint.h5": JointCoverage,
    }
    results = finished / "results"
    for name, artifact in of_folder.items():
        artifact.load(results / name)
        with h5py.File(results / name) as file:
            for role, sha256 in json.loads(file.attrs["inputs"]).items():
                assert len(sha256) == 64, role
    with h5py.File(results / "fits/seeds/1.h5") as file:
        recorded = json.loads(file.attrs["inputs"])["cross_section"]
    member = (results / "members/seeds/1.h5").read_bytes()
    assert recorded == hashlib.sha256(member).hexdigest()


def test_members_differ_by_their_seed_alone(finished):
    results = finished / "results"
    weights = Networks.load(results / "members/seeds/0.h5").weights
    assert not np.allclose(weights[0], weights[1])
    near = NearData.load(results / "near/seeds/0.h5").density
    np.testing.assert_array_equal(near[0], near[1])


def test_equal_inputs_give_equal_bytes(finished, tmp_path):
    """A second run elsewhere, with one core, up to a fit."""
    again = copy_project(tmp_path)
    targets = ["results/fits/seeds/1.h5", "results/fits/smeared/0.h5"]
    code, output = snakemake(again, *CI, "--cores", "1", *targets)
    assert code == 0, output[-3000:]
    before, after = hashes(finished), hashes(again)
    assert len(after) >= 7
    assert after == {name: before[name] for name in after}


def test_bad_configuration_is_one_clear_error(fresh):
    config = fresh / "config" / "config.yaml"
    config.write_text(config.read_text().replace("n_energy: 288", "n_enrgy: 288"))
    code, output = snakemake(fresh, "-n")
    assert code != 0
    assert "grid.n_enrgy = 288: no such key" in output
    assert "grid.n_energy: is missing" in output
    assert output.count("\n") < 25


def test_nested_configuration_of_the_command_line(fresh):
    """Read with its types, in the main process and in the jobs it starts."""
    density = "results/truth/densities.h5"
    options = ["--configfile", "config/ci.yaml", "--config", "grid={n_energy: 12}"]
    code, output = snakemake(fresh, density, *options, "--cores", "2")
    assert code == 0, output[-5000:]
    assert len(Truth.load(fresh / density).energy) == 12

    code, output = snakemake(fresh, "-n", "--config", "smearing={energy_resolution: -0.1}")
    assert code != 0
    assert "smearing.energy_resolution = -0.1" in output


def test_unknown_ensemble_is_a_clear_error(fresh):
    code, output = snakemake(fresh, "-n", "results/intervals/nominall.h5")
    assert code != 0
    assert "no ensemble 'nominall'" in output
    assert "there are truth, truth_smeared, nominal, seeds" in output


def test_batch_beyond_the_ensemble_is_a_clear_error(fresh):
    code, output = snakemake(fresh, "-n", "results/members/seeds/2.h5")
    assert code != 0
    assert "ensemble 'seeds' has no batch 2: its 10 members" in output
    assert "numbered 0 to 0" in output


def test_contents_of_a_pdf_set_are_checked_before_anything_runs(fresh, pdf_set):
    directory = fresh / "sets" / "ct18nnlo"
    shutil.copytree(pdf_set, directory)
    grid = directory / "ct18nnlo_0000.dat"
    grid.write_text(grid.read_text()[:-200])
    code, output = snakemake(fresh, "-n", "--config", "pdf={set: ct18nnlo, path: sets}")
    assert code != 0
    assert f"pdf: {grid} is no valid LHAPDF grid file: it is cut short in line" in output


def test_key_that_stands_twice_is_a_clear_error(fresh):
    config = fresh / "config" / "config.yaml"
    config.write_text(config.read_text() + "\nensembles:\n  flux: {}\n  flux: {}\n")
    code, output = snakemake(fresh, "-n")
    assert code != 0
    assert "config/config.yaml: the key ensembles stands twice" in output


def test_batches_hold_the_same_members(finished, tmp_path):
    """On a CPU the networks are the same to the last bit, however many members a job has."""
    directory = copy_project(tmp_path)
    (directory / "single.yaml").write_text("training: {members_per_job: 1}\n")
    targets = [f"results/fits/systematics/{member}.h5" for member in (0, 1)]
    code, output = snakemake(directory, *CI, "single.yaml", "--cores", "2", "--", *targets)
    assert code == 0, output[-3000:]
    for artifact, kind, name in (
        (NearData, "near", "density"),
        (Networks, "members", "structure_functions"),
        (Fits, "fits", "dm2_32"),
    ):
        together = artifact.load(finished / f"results/{kind}/systematics/0.h5")
        assert list(together.member) == [0, 1]
        for member in (0, 1):
            path = directory / f"results/{kind}/systematics/{member}.h5"
            alone = artifact.load(path)
            np.testing.assert_array_equal(getattr(together, name)[member], getattr(alone, name)[0])


@pytest.mark.parametrize("damage", ["truncated", "foreign"])
def test_damaged_artifact_is_named(finished, tmp_path, damage):
    directory = tmp_path / "copy"
    shutil.copytree(finished, directory)
    truth = directory / "results/truth/densities.h5"
    if damage == "truncated":
        truth.write_bytes(truth.read_bytes()[:5000])
    else:
        shutil.copy(directory / "results/far/events.h5", truth)
    code, output = snakemake(
        directory, *CI, "--cores", "1", "--rerun-triggers", "mtime", "-R", "fig2", "--",
        "results/figs/fig2.pdf",
    )  # fmt: skip
    assert code != 0
    assert "results/truth/densities.h5" in output
    log = (directory / "results/logs/near_members/nominal/0.log").read_text()
    assert "results/truth/densities.h5" in log
    assert "delete it and run again" in log


def test_style_change_redraws_figures_only(finished, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(finished, directory)
    style = directory / "workflow" / "figures.mplstyle"
    style.write_text(style.read_text() + "axes.grid: True\n")
    _, output = snakemake(directory, *CI, "-n")
    assert set(job_counts(output)) == {"all", *(f"fig{n}" for n in FIGURES)}


def test_flux_errors_concern_only_ensembles_that_vary_the_flux(finished, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(finished, directory)
    for key, value, trained in (
        ("smoothness_with_flux_errors", 0.5, {"flux", "systematics"}),
        ("flux_errors", False, {"flux", "systematics"}),
        ("smoothness", 0.5, {"nominal", "seeds", "nd30m", "nd3m", "smeared"}),
    ):
        (directory / "other.yaml").write_text(f"training: {{{key}: {str(value).lower()}}}\n")
        _, output = snakemake(directory, *CI, "other.yaml", "-n")
        assert set(re.findall(r"Training (\w+), batch", output)) == trained, key


def test_near_event_file(finished, tmp_path):
    """Made on request, from the density that the histograms have."""
    directory = tmp_path / "copy"
    shutil.copytree(finished, directory)
    code, output = snakemake(
        directory, "results/near/events.h5", *CI, "--cores", "1", "--rerun-triggers", "mtime"
    )
    assert code == 0, output[-3000:]
    events = Events.load(directory / "results/near/events.h5")
    truth = Truth.load(directory / "results/truth/densities.h5")
    assert len(events.v1) == 20_000
    for name, axis in (("v1", 1), ("v2", 0)):
        contents = truth.near.sum(axis=axis) / truth.near.sum()
        counts = np.histogram(getattr(events, name), len(contents), (0, 1))[0]
        populated = contents * 20_000 > 20
        pulls = (counts / 20_000 - contents)[populated] / np.sqrt(contents / 20_000)[populated]
        assert (pulls**2).mean() < 2.5


def test_coverage_joins_its_blocks(finished):
    """Two blocks of pseudo-experiments, in order, with all members in each."""
    block = CoverageBlock.load(finished / "results/coverage/systematics/0.h5")
    assert block.contained.shape == (2, 3, 2, 3)
    summary = Coverage.load(finished / "results/coverage/systematics.h5")
    assert summary.n_experiments == 3
    np.testing.assert_allclose(summary.best_dm2_32[:2], block.best_dm2_32.mean(axis=1), rtol=1e-12)


def test_another_setup_from_end_to_end(fresh):
    """Antineutrinos on water up to 3 GeV, at toy size, in another folder."""
    (fresh / "mine.yaml").write_text(
        "experiment: Mine\n"
        "setup: {target: 2 H1 + O16, helicity: antineutrino, energy_max: 3.0}\n"
        "truth: {model: quark_parton_transverse}\n"
        "flux: {near: dune_rhc, uncertainty: smooth}\n"
        "oscillation: {baseline: 500.0}\n"
        "results: mine\n"
    )
    code, output = snakemake(
        fresh, *CI, "config/closure.yaml", "mine.yaml", "--cores", "2", "--",
        "mine/figs/fig2.pdf", "mine/tables/oscillation.csv",
    )  # fmt: skip
    assert code == 0, output[-5000:]
    assert not (fresh / "results/truth").exists()
    table = pd.read_csv(fresh / "mine/tables/oscillation.csv").set_index("ensemble")
    assert list(table.index) == ["truth", "nominal"]
    assert abs(table.loc["nominal", "dm2_32_shift_in_sigma"]) < 0.5


def test_ensembles_come_and_go_with_their_figures(finished, tmp_path):
    """A new one is fitted and enters the tables; one that is taken out takes its figures along."""
    directory = tmp_path / "copy"
    shutil.copytree(finished, directory)
    (directory / "other.yaml").write_text(
        "ensembles:\n"
        "  systematics: null\n"
        "  mine: {cross_section: known, size: 2, vary: [flux], reference: truth,\n"
        "         shown_in: [fig15], label: mine}\n"
    )
    code, output = snakemake(
        directory, *CI, "other.yaml", "--cores", "2", "--rerun-triggers", "mtime", "input", "--",
        "results/tables/systematics.csv", "results/figs/fig15.pdf",
    )  # fmt: skip
    assert code == 0, output[-5000:]
    table = pd.read_csv(directory / "results/tables/systematics.csv").set_index("systematic")
    assert "mine" in table.index
    assert "systematics" not in table.index
    assert np.isfinite(table.loc["mine", "dm2_32_shift"])
    _, output = snakemake(directory, *CI, "other.yaml", "-n", "results/figs/fig17.pdf")
    assert "No rule to produce fig17" in output or "MissingRuleException" in output


def test_toy_and_full_run_never_share_a_folder(finished):
    code, output = snakemake(finished, "-n")
    assert code != 0
    assert "holds results of a toy run" in output
    assert "--config results=PATH" in output
    code, output = snakemake(finished, "-n", "--config", "results=elsewhere")
    assert code == 0, output[-2000:]
