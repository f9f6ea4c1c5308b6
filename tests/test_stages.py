"""The scripts of the workflow, one after the other at tiny size: what they leave."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from nd2fd.io.artifacts import read_artifact
from nd2fd.io.schemas.coverage import Coverage, CoverageBlock
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.fits import Fits, Intervals
from nd2fd.io.schemas.inputs import Flux, Oscillation, Response
from nd2fd.io.schemas.joint import JointCoverage, JointCoverageBlock, JointFit
from nd2fd.io.schemas.learned import Flows, Marginals, Networks, Predictions, Slices
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import NodeWeights, Truth
from nd2fd.plan import MODELS
from nd2fd.streams import NO_DRAW
from stage_runs import Run, load


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
