"""Near-detector samples of other beams in joint fits."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

import toy
from configurations import planned
from nd2fd.config.reading import ConfigError
from nd2fd.cross_sections.closure import closure_truth
from nd2fd.detector.smearing import Resolution
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.joint import BeamDesign
from nd2fd.learning.near_data import drawn_histogram, expected_contents
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.beams import beam_design, with_beams
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import FarDetector
from nd2fd.statistics.joint_analysis import JointAnalysis
from nd2fd.statistics.joint_design import joint_design
from workflow_jobs import jobs_of
from workflow_runs import copy_project

FLUX, OSCILLATION = toy.inputs()
GRID = DensityGrid(toy.SETUP, 60, 20, 20, 2)
NODES = NodeGrid.for_setup(toy.SETUP, 20, 20)
IDEAL = Resolution.ideal()
NEAR_EVENTS, BEAM_EVENTS = 3_000_000, 2_000_000


def other_flux(errors=0.0):
    """A beam of higher energies, with one mode: a tilt of so much over the whole spectrum."""
    energy = FLUX.energy
    near = np.exp(-0.5 * ((energy - 4.5) / 1.5) ** 2) + 0.02
    tilt = errors * (energy / energy[-1] - 0.5)
    return Flux(energy=energy, near=near, near_modes=tilt[None] if errors else None)


@pytest.fixture(scope="module")
def truth():
    return closure_truth(toy.structure_functions, FLUX, OSCILLATION, GRID, NODES)


@pytest.fixture(scope="module")
def far():
    survival = toy.EXPERIMENT.survival_scan(GRID.energy)
    ranges = ((0.36, 0.64), (2.1e-3, 2.8e-3))
    return FarAnalysis(FarDetector.exact(GRID), survival, *ranges, "lower")


@pytest.fixture(scope="module")
def design(far):
    return joint_design(NODES, FLUX, far, GRID, (0.47, 2.44e-3), 6, lambda *_: None)


def posterior(design, far, near, beams):
    """From near counts, and fluxes of other beams with what is expected in them."""
    designs = [beam_design(design, flux, IDEAL, GRID) for flux, _ in beams]
    events = [events for _, events in beams]
    joint, flux, samples = with_beams(design, FLUX, designs, events)
    analysis = JointAnalysis.of(joint, flux, far, 6.0, near.shape)
    analysis = replace(analysis, off_axis=tuple(maps for maps, _ in samples))
    return analysis.learn(near, None, [counts for _, counts in samples])


def sample(truth, flux):
    """Events of nature."""
    rng = np.random.default_rng(4)
    return drawn_histogram(truth, flux, IDEAL, GRID, BEAM_EVENTS, rng)


def test_another_beam_tells_the_errors_of_the_first_flux(design, far, truth):
    """Nature's first flux is off by one standard deviation of its second mode."""
    shifted = replace(FLUX, near=FLUX.near * (1 + FLUX.near_modes[1]))
    near = NEAR_EVENTS * expected_contents(truth, shifted, IDEAL, GRID)
    alone = posterior(design, far, near, [])
    exact = posterior(design, far, near, [(other_flux(), sample(truth, other_flux()))])
    varied = posterior(design, far, near, [(other_flux(0.2), sample(truth, other_flux(0.2)))])
    errors = [one.mode_errors[1] for one in (exact, varied, alone)]
    assert errors[0] < 0.9 * errors[2]
    assert errors[0] <= errors[1] <= errors[2] * (1 + 1e-9)
    for one in (exact, varied):
        assert abs(one.modes[1] - 1.0) < 3 * one.mode_errors[1]
    # The other beam's own mode stands last; nature's is nominal.
    assert (exact.modes.size, varied.modes.size) == (3, 4)
    assert abs(varied.modes[3]) < 3 * varied.mode_errors[3]


def test_modes_of_each_beam_are_its_own(design):
    """Two other beams, of one and two modes, behind the three of the first."""
    cells, n = np.arange(4), design.near.shape[1]
    rng = np.random.default_rng(1)
    made = [
        BeamDesign(cells=cells, near=rng.random((4, n)), near_modes=rng.random((k, 4, n)))
        for k in (1, 2)
    ]
    truth = closure_truth(toy.structure_functions, FLUX, OSCILLATION, GRID, NODES)
    events = [sample(truth, other_flux())] * 2
    joint, flux, samples = with_beams(design, FLUX, made, events)
    for modes, first in (
        (joint.near_modes, design.near_modes),
        (joint.far_modes, design.far_modes),
        (flux.near_modes, FLUX.near_modes),
        (flux.far_modes, FLUX.far_modes),
    ):
        assert len(modes) == 6
        np.testing.assert_array_equal(modes[:3], first)
        assert not modes[3:].any()
    for (maps, counts), own, slots in zip(samples, made, ([3], [4, 5]), strict=True):
        assert isinstance(maps, SplineDesign)
        np.testing.assert_array_equal(maps.modes[slots], own.near_modes)
        assert not np.delete(maps.modes, slots, axis=0).any()
        assert 0.9 * BEAM_EVENTS < counts.sum() <= BEAM_EVENTS
    same = with_beams(design, FLUX, [], [])
    assert same[0] is design
    assert same[1] is FLUX


def test_weighted_events_are_refused(design, truth):
    made = beam_design(design, other_flux(), IDEAL, GRID)
    events = sample(truth, other_flux())
    weighted = replace(events, squares=2.0 * events.contents)
    with pytest.raises(ValueError, match=r"joint\.beams: .*no weights"):
        with_beams(design, FLUX, [made], [weighted])


BOOSTER = {"flux": "bnb", "uncertainty": "smooth", "n_events": 1_000_000}
FIT = {"beams": ["booster"], "experiments": None}


def joint(fit=None, **beam):
    """A configuration with another beam in the fit `joint`."""
    fits = {"joint": FIT | (fit or {})}
    return {"joint": {"beams": {"booster": BOOSTER | beam}, "fits": fits}}


def test_files_of_another_beam(tmp_path):
    plan = planned(joint())
    assert plan.joint_beams("joint") == {
        "beams": ["results/joint/beams/exact/booster.h5"],
        "beam_events": ["results/near/beams/exact/booster.h5"],
    }
    assert plan.joint_beams("joint_smeared") == {}
    assert plan.joint_legend("joint") == "joint fit, with booster"
    assert plan.beam_files("booster") == {}
    assert plan.beams_of_files == []
    with pytest.raises(ValueError, match=r"no beam 'boster' in joint\.beams; there are booster"):
        plan.beam("boster")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (joint({"beams": ["boster"]}), "joint.fits.joint.beams: there is no beam boster"),
        (joint({"experiments": 5}), "joint.fits.joint.experiments is 5.*use null"),
        (joint({"off_axis": [5.0]}), r"joint.fits.joint.off_axis is \[5.0\].*use \[\]"),
        (
            joint({"pulls": ["flux", "muon_energy_scale"]}),
            r"joint.fits.joint.pulls is .*use \[flux\]",
        ),
        (joint(flux="/no/file"), "joint.beams.booster.flux: .*no/file"),
        (joint(uncertainty="/no/file"), "joint.beams.booster.uncertainty: .*no/file"),
        (joint(uncertainty="dune_fhc"), "joint.beams.booster.uncertainty"),
        (joint(data=__file__), "joint.beams.booster.data: .*those of a file.*are drawn"),
    ],
)
def test_what_cannot_be_fitted_is_refused(override, said):
    with pytest.raises(ConfigError, match=said):
        planned(override)


@pytest.mark.slow
def test_rules_of_another_beam(tmp_path):
    directory = copy_project(tmp_path / "project")
    (directory / "beam.yaml").write_text(yaml.safe_dump(joint()))
    jobs = {job["rule"]: job for job in jobs_of(directory, "config/ci.yaml", "beam.yaml")}
    assert jobs["beam_flux"]["params"]["beam"]["flux"] == "bnb"
    assert jobs["beam_events"]["params"]["n_events"] == 1_000_000
    assert jobs["joint_beam"]["input"]["flux"] == "results/inputs/beams/booster.h5"
    assert jobs["joint_beam"]["input"]["design"] == "results/joint/designs/exact.h5"
    assert "read_beam_events" not in jobs
