"""The joint fit of near and far detector, and its pseudo-experiments."""

from typing import Final

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import (
    NODES,
    PLANE,
    Q2_MAX,
    Q2_SCALE,
    TAU_NODES,
    V1_CELLS,
    V2_CELLS,
    X_MAX,
    XI_NODES,
    Array,
    BoolArray,
    IntArray,
)

_COEFFICIENTS: Final = ("cell", "coefficient")
_THETA: Final = ("sin2_theta23", "dm2_32")


class JointDesign(Artifact, name="joint_design", version=1, compressed=False):
    """Densities as linear maps of spline coefficients (``joint/designs/{detector}.h5``)."""

    xi: Array = dataset("1", ("xi",), XI_NODES)
    tau: Array = dataset("1", ("tau",), TAU_NODES)
    x_max: Array = dataset("1", (), X_MAX)
    Q2_max: Array = dataset("GeV2", (), Q2_MAX)
    Q2_scale: Array | None = dataset("GeV2", (), Q2_SCALE, default=None)
    splines: Array = dataset("1", ("node", "spline"), "values of the splines on the nodes")
    bends: Array = dataset(
        "1", ("spline", "other_spline"), "integral of products of second derivatives"
    )
    near_cells: IntArray = dataset("1", ("near_cell",), "flat cells", dtype="int64")
    near: Array = dataset("1", ("near_cell", "coefficient"), "ND events per coefficient")
    near_modes: Array = dataset(
        "1", ("mode", "near_cell", "coefficient"), "their change by each flux mode"
    )
    far_cells: IntArray = dataset("1", ("far_cell",), "flat cells", dtype="int64")
    far: Array = dataset("1", ("far_cell", "coefficient"), "FD events at the reference point")
    far_modes: Array = dataset(
        "1", ("mode", "far_cell", "coefficient"), "their change by each flux mode"
    )
    far_slopes: Array = dataset(
        "1", ("slope", "far_cell", "coefficient"), "their derivatives by the fitted parameters"
    )
    near_pulls: Array | None = dataset(
        "1",
        ("pull", "near_cell", "coefficient"),
        "change of ND events by the nuisance parameters of other systematics",
        default=None,
    )
    near_bends: Array | None = dataset(
        "1",
        ("pull", "near_cell", "coefficient"),
        "half of the second derivatives of ND events by them",
        default=None,
    )
    far_pulls: Array | None = dataset(
        "1", ("pull", "far_cell", "coefficient"), "change of FD events by them", default=None
    )
    far_acceptances: Array | None = dataset(
        "1",
        ("pull", "true_cell"),
        "change of the probability of FD events to be measured by them",
        default=None,
    )


class OffAxisDesign(Artifact, name="off_axis_design", version=1, compressed=False):
    """The same of the near detector at an angle (``joint/off_axis/{detector}/{angle}.h5``)."""

    angle: Array = dataset("mrad", (), "angle to the axis of the beam")
    cells: IntArray = dataset("1", ("cell",), "flat cells", dtype="int64")
    near: Array = dataset("1", ("cell", "coefficient"), "events per coefficient")
    near_modes: Array = dataset(
        "1", ("mode", "cell", "coefficient"), "their change by each flux mode"
    )


class BeamDesign(Artifact, name="beam_design", version=1, compressed=False):
    """The same in the flux of another beam (``joint/beams/{detector}/{beam}.h5``)."""

    cells: IntArray = dataset("1", ("cell",), "flat cells", dtype="int64")
    near: Array = dataset("1", ("cell", "coefficient"), "events per coefficient")
    near_modes: Array = dataset(
        "1", ("mode", "cell", "coefficient"), "their change by each mode of its own flux"
    )


class JointFit(Artifact, name="joint_fit", version=3):
    """One joint fit (``joint/fits/{fit}.h5``); `known`: with the truth, where there is one."""

    v1: Array = dataset("1", ("v1",), V1_CELLS)
    v2: Array = dataset("1", ("v2",), V2_CELLS)
    near_density: Array = dataset("1", PLANE, "ND histogram, per dv1 dv2, unit integral")
    near_events: IntArray = dataset("1", (), "events that it stands for", dtype="int64")
    far_events: IntArray = dataset("1", (), "measured FD events", dtype="int64")
    xi: Array = dataset("1", ("xi",), XI_NODES)
    tau: Array = dataset("1", ("tau",), TAU_NODES)
    x_max: Array = dataset("1", (), X_MAX)
    Q2_max: Array = dataset("GeV2", (), Q2_MAX)
    Q2_scale: Array | None = dataset("GeV2", (), Q2_SCALE, default=None)
    structure_functions: Array = dataset("1", NODES, "posterior mean of W1', W2', W3'")
    structure_function_errors: Array = dataset("1", NODES, "its standard deviation")
    energy: Array = dataset("GeV", ("energy",), "neutrino energy")
    sigma_total: Array = dataset("1", ("energy",), "cross section, ND flux average 1")
    sigma_total_error: Array = dataset("1", ("energy",), "its standard deviation")
    mode_mean: Array = dataset(
        "1", ("mode",), "ND posterior mean of the flux modes, then of the other pulls"
    )
    mode_error: Array = dataset("1", ("mode",), "its standard deviation")
    mode_best: Array = dataset("1", ("mode",), "the same parameters at the best fit of both")
    beyond_limits: BoolArray = dataset(
        "1",
        ("mode",),
        "whether that is more than 4 standard deviations of the prior: not to be believed",
        dtype="bool",
    )
    strength: Array = dataset("1", (), "prior strength of the largest marginal likelihood")
    chi2: Array = dataset("1", (), "of the ND histogram")
    paid: Array = dataset("1", (), "units of chi2 that the structure functions pay to the prior")
    effective_parameters: Array = dataset("1", (), "that the ND histogram determines")
    error_ratio: Array = dataset(
        "1",
        ("directions", "parameter"),
        "linear error of sin2_theta23, dm2_32 with few directions "
        "of the posterior (first) and all (second), in units of that of a known cross section",
    )
    pulls: Array = dataset("1", ("pull",), "at the best fit")
    pull_functions: Array = dataset(
        "1", ("pull", *NODES), "change of W1', W2', W3' by one standard deviation of each pull"
    )
    pull_modes: Array = dataset("1", ("mode", "pull"), "the same of the parameters of mode_mean")
    best_sin2_theta23: Array = dataset("1", ("cross_section",), "best fit; learned, known")
    best_dm2_32: Array = dataset("eV2", ("cross_section",), "best fit; learned, known")
    sin2_theta23: Array = dataset("1", ("sin2_theta23",), "axis, both octants")
    dm2_32: Array = dataset("eV2", ("dm2_32",), "axis")
    delta: Array = dataset(
        "1", ("cross_section", *_THETA), "-2 ln L above its minimum; learned, known"
    )
    profile_sin2_theta23: Array = dataset(
        "1", ("cross_section", "sin2_theta23"), "the same, least over dm2_32"
    )
    profile_dm2_32: Array = dataset(
        "1", ("cross_section", "dm2_32"), "the same, least over sin2_theta23"
    )


class JointToys(Artifact, name="joint_toys", version=1):
    """Toys at values of sin2_theta23 (``joint/toys/{fit}.h5``)."""

    sin2_theta23: Array = dataset("1", ("point",), "of nature")
    dm2_32: Array = dataset("eV2", ("point",), "of nature")
    tests: Array = dataset(
        "1",
        ("point", "toy", "cross_section", "region"),
        "-2 ln L at nature above its minimum; learned, known; both, sin2_theta23, dm2_32",
    )


class JointCoverageBlock(Artifact, name="joint_coverage_block", version=1):
    """Joint fits to pseudo-experiments of one job (``joint/coverage/{fit}/{block}.h5``)."""

    experiment: IntArray = dataset(
        "1", ("experiment",), "number of the pseudo-experiment", dtype="int64"
    )
    tests: Array = dataset(
        "1",
        ("experiment", "cross_section", "region"),
        "-2 ln L at the truth above its minimum; learned, known; both, sin2_theta23, dm2_32",
    )
    best_sin2_theta23: Array = dataset("1", ("experiment", "cross_section"), "learned, known")
    best_dm2_32: Array = dataset("eV2", ("experiment", "cross_section"), "learned, known")
    half_width_dm2_32: Array = dataset(
        "eV2", ("experiment", "cross_section"), "half of the 1 sigma interval; learned, known"
    )
    mode_mean: Array = dataset("1", ("experiment", "mode"), "ND posterior mean of the pulls")
    mode_error: Array = dataset("1", ("experiment", "mode"), "its standard deviation")
    true_mode: Array = dataset("1", ("experiment", "mode"), "those of nature, flux modes first")


class JointCoverage(Artifact, name="joint_coverage", version=1):
    """How often joint regions hold the truth (``joint/coverage/{fit}.h5``)."""

    n_sigma: Array = dataset("1", ("n_sigma",), "confidence levels")
    n_experiments: IntArray = dataset("1", (), "number of pseudo-experiments", dtype="int64")
    coverage: Array = dataset(
        "1", ("cross_section", "n_sigma", "region"), "fraction of regions that hold the truth"
    )
    error: Array = dataset("1", ("cross_section", "n_sigma", "region"), "binomial standard error")
    calibrated: Array | None = dataset(
        "1",
        ("cross_section", "n_sigma", "region"),
        "the same with thresholds of Feldman and Cousins",
        default=None,
    )
    best_sin2_2theta23: Array = dataset("1", ("experiment", "cross_section"), "learned, known")
    best_dm2_32: Array = dataset("eV2", ("experiment", "cross_section"), "learned, known")
    half_width_dm2_32: Array = dataset("eV2", ("experiment", "cross_section"), "learned, known")
    mode_pull: Array = dataset(
        "1", ("experiment", "mode"), "(posterior mean - nature) / error of the pulls"
    )
    true_sin2_2theta23: Array = dataset("1", (), "truth")
    true_dm2_32: Array = dataset("eV2", (), "truth")
