"""Of joint fits: what depends on what."""

import numpy as np
import pytest

from configurations import plan as plan  # a fixture
from configurations import planned
from nd2fd.plan import PlanError


def test_joint_fits_have_a_design_for_each_detector(plan):
    assert plan.joint_fits == plan.with_joint_coverage == ["joint", "joint_smeared"]
    designs = [plan.joint_design(name) for name in plan.joint_fits]
    assert designs == ["results/joint/designs/exact.h5", "results/joint/designs/smeared.h5"]
    assert plan.joint_far_data("joint") == "results/far/events.h5"
    assert plan.joint_far_data("joint_smeared") == "results/far/smeared.h5"
    response = {"response": "results/inputs/response.h5"}
    assert plan.joint_response("joint_smeared") == plan.detector_response("smeared") == response
    assert plan.joint_response("joint") == plan.detector_response("exact") == {}
    assert plan.joint_smearing("joint_smeared") == plan.section("smearing")
    assert plan.detector_smearing("smeared") == plan.section("smearing")
    assert plan.joint_smearing("joint") == plan.detector_smearing("exact") == {}


def test_pseudo_experiments_of_joint_fits_are_in_blocks():
    plan = planned({"joint": {"experiments_per_job": 400, "fits": {"joint": {"experiments": 900}}}})
    blocks = plan.joint_coverage_blocks("joint")
    assert blocks == [f"results/joint/coverage/joint/{block}.h5" for block in range(3)]
    assert plan.joint_experiments("joint", 2) == list(range(800, 900))
    none = planned({"joint": {"fits": {"joint": {"experiments": None}}}})
    assert none.with_joint_coverage == ["joint_smeared"]
    with pytest.raises(PlanError, match=r"joint\.fits\.joint\.experiments is null"):
        none.joint_coverage_blocks("joint")


def test_splines_need_the_maps_of_their_detector():
    plan = planned(
        {"ensembles": {"flux": {"model": "splines"}}, "training": {"members_per_job": 10}}
    )
    assert plan.kind("flux") == "splines"
    assert plan.spline_design("flux") == "results/joint/designs/exact.h5"
    assert plan.models("flux") == [f"results/splines/flux/{batch}.h5" for batch in range(2)]
    assert plan.near_data("flux", 1, "splines") == "results/near/flux/1.h5"
    with pytest.raises(PlanError, match="model is splines, and what is learned in"):
        plan.near_data("flux", 1, "structure_functions")


def test_toys_span_the_range_of_the_fits():
    """On one side of the largest disappearance, sin²θ23 = 1/(2 · 0.97785); denser towards it."""
    plan = planned({"fits": {"sin2_theta23": [0.38, 0.62]}})
    mixing = plan.toy_mixing
    assert len(mixing) == 13
    assert mixing[0] == pytest.approx(0.511326, abs=1e-6)
    assert mixing[-1] == pytest.approx(0.38)
    steps = -np.diff(mixing)
    assert (steps > 0).all()
    assert (np.diff(steps) > 0).all()
    higher = planned({"fits": {"sin2_theta23": [0.45, 0.70]}})
    assert higher.toy_mixing[-1] == pytest.approx(2 * 0.511326 - 0.70, abs=2e-6)


def test_only_fits_with_toys_have_files_of_them():
    plan = planned({"joint": {"fits": {"joint": {"toys": None}}}})
    assert plan.with_toys == ["joint_smeared"]
    assert plan.joint_toys("joint_smeared") == {"toys": "results/joint/toys/joint_smeared.h5"}
    assert plan.n_toys("joint_smeared") == 10_000
    assert plan.joint_toys("joint") == {}
    with pytest.raises(PlanError, match=r"joint\.fits\.joint\.toys is null.*no toys of 'joint'"):
        plan.n_toys("joint")


def test_ranges_of_joint_fits_are_those_of_plain_ensembles(plan):
    for parameter in ("sin2_theta23", "dm2_32"):
        assert plan.joint_range(parameter) == plan.fit_range("truth", parameter)
        assert plan.joint_range(parameter) != plan.fit_range("flow", parameter)


def test_legends_of_joint_fits_tell_them_apart(plan):
    legends = [plan.joint_legend(name) for name in plan.joint_fits]
    assert legends == ["joint fit", "joint fit, smeared"]
    more = planned({"joint": {"fits": {"few": {"near_events": 3_000_000}}}})
    assert more.joint_legend("few") == "joint fit, 3 M ND events"
    assert more.joint_legend("joint_smeared") == "joint fit, 30 M ND events, smeared"


@pytest.mark.parametrize("override", [{"far_detector": None}, "closure.yaml"])
def test_there_may_be_no_joint_fits(override):
    none = planned(override)
    assert none.joint_fits == none.with_joint_coverage == []
    with pytest.raises(PlanError, match=r"there is no joint fit 'joint' .*; there are none"):
        none.joint_design("joint")


def test_there_are_no_joint_fits_without_an_uncertainty_of_the_flux():
    """Their files hold what the flux modes change, and no file holds an empty array."""
    assert planned().joint_fits == ["joint", "joint_smeared"]
    assert planned({"flux": {"uncertainty": None}, **NO_FLUX_ENSEMBLES}).joint_fits == []


NO_FLUX_ENSEMBLES = {
    "ensembles": {
        "flux_truth": None,
        "flux": None,
        "systematics": {"vary": ["network_seed", "near_statistics"]},
    }
}


def test_joint_fits_off_the_axis_have_maps_of_each_angle():
    fits = {"joint_smeared": {"off_axis": [10, 2.5], "toys": None}}
    plan = planned({"joint": {"fits": fits}})
    assert plan.joint_off_axis("joint_smeared") == {
        "off_axis": [
            "results/joint/off_axis/smeared/10.h5",
            "results/joint/off_axis/smeared/2.5.h5",
        ]
    }
    assert plan.joint_off_axis("joint") == {}
    assert plan.detector_design("smeared") == "results/joint/designs/smeared.h5"
    assert plan.joint_legend("joint_smeared") == "joint fit, 2 off-axis samples, smeared"
