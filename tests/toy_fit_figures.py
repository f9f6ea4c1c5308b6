"""Fits, regions and coverage for figures, small and known."""

from types import SimpleNamespace

import numpy as np

from nd2fd.figures import calibration, joint_calibration, joint_contours, octants
from nd2fd.figures.contours import Contours, curves_of

TRUE_POINT = (0.99, 2.44e-3)


SIGMA = np.array([0.003, 2e-5])


MIXING = np.linspace(0.96, 1.0, 41)


MASS = np.linspace(2.3e-3, 2.6e-3, 31)


def toy_intervals(shift):
    """Ellipses of one and two sigma around the true point, and their shadows."""
    centre = TRUE_POINT + shift * SIGMA
    distance = np.hypot(
        (MIXING[:, None] - centre[0]) / SIGMA[0], (MASS[None, :] - centre[1]) / SIGMA[1]
    )
    n_sigma = np.array([1.0, 2.0])
    edges = centre[:, None, None] + SIGMA[:, None, None] * n_sigma[:, None] * np.array([-1, 1])
    return SimpleNamespace(
        n_sigma=n_sigma,
        sin2_2theta23=MIXING,
        dm2_32=MASS,
        margin=1.0 - distance / (1.5 * n_sigma[:, None, None]),
        interval_sin2_2theta23=np.minimum(edges[0], 1.0),
        interval_dm2_32=edges[1],
    )


def toy_fit(n_members, shift):
    rng = np.random.default_rng(n_members)
    best = TRUE_POINT + SIGMA * (shift + 0.1 * rng.standard_normal((n_members, 2)))
    replicas = best[:, None] + SIGMA * rng.standard_normal((n_members, 50, 2))
    return SimpleNamespace(
        member=np.arange(n_members),
        sin2_2theta23=replicas[..., 0].clip(max=1.0),
        dm2_32=replicas[..., 1],
        best_sin2_2theta23=best[:, 0],
        best_dm2_32=best[:, 1],
        flux_parameters=rng.standard_normal((n_members, 2)),
    )


SIZES = {"truth": 1, "smeared_truth": 1, "one": 1, "few": 3, "drawn": 4, "many": 5}


ROLES = {"truth": "reference", "smeared_truth": "known", "drawn": "varied"}


INTERVALS = {name: toy_intervals(0.2 * size) for name, size in SIZES.items()}


FITS = {name: toy_fit(size, 0.2 * size) for name, size in SIZES.items()}


def contours_of(*names, intervals=INTERVALS, fits=FITS):
    shown = {
        name: {"role": ROLES.get(name, "learned"), "label": name, "size": SIZES[name]}
        for name in names
    }
    return Contours(curves_of(shown), intervals, fits)


def toy_coverage(n_experiments, best_mixing):
    rng = np.random.default_rng(n_experiments)
    return SimpleNamespace(
        n_sigma=np.array([1.0, 2.0]),
        n_experiments=np.array(n_experiments),
        coverage=np.array([[0.6, 0.7, 0.8], [0.9, 0.95, 1.0]]),
        best_sin2_2theta23=best_mixing,
        best_dm2_32=TRUE_POINT[1] + SIGMA[1] * rng.standard_normal(n_experiments),
        sigma_sin2_2theta23=np.full(n_experiments, SIGMA[0]),
        sigma_dm2_32=np.full(n_experiments, SIGMA[1]),
        true_sin2_2theta23=np.array(TRUE_POINT[0]),
        true_dm2_32=np.array(TRUE_POINT[1]),
    )


COVERAGE = {
    "truth": toy_coverage(20, np.repeat([0.99, 1.0], [15, 5])),
    "many": toy_coverage(10, np.full(10, 0.987)),
}


def draw_calibration():
    return calibration.draw(COVERAGE, contours_of(*COVERAGE).curves)


OCTANT_ANGLE = np.linspace(0.4, 0.6, 41)


def draw_octants():
    """Data nine times as likely in the upper octant, one replica in five at maximal mixing."""
    intervals, fits = {}, {}
    for name in ("truth", "one"):
        theta = np.tile([0.45, 0.55], (1, 50, 1)) + np.linspace(-0.02, 0.02, 50)[:, None]
        theta[0, :10, 1] = 0.5
        region = 1.0 - np.hypot(
            (OCTANT_ANGLE[:, None] - 0.55) / 0.02, (MASS[None, :] - 2.45e-3) / 3e-5
        )
        intervals[name] = SimpleNamespace(
            sin2_theta23=OCTANT_ANGLE, dm2_32=MASS, octant_margin=np.stack([region, region])
        )
        fits[name] = SimpleNamespace(
            octant_sin2_theta23=theta,
            octant_dm2_32=2.45e-3 + 1e-3 * (theta - 0.5),
            best_octant_log_likelihood=np.log([[0.1, 0.9]]),
            best_octant_sin2_theta23=np.array([[0.45, 0.55]]),
            best_octant_dm2_32=np.array([[2.44e-3, 2.46e-3]]),
        )
    contours = contours_of("truth", "one", intervals=intervals, fits=fits)
    return octants.draw(contours, (0.45, 2.44e-3))


JOINT_ANGLE = np.linspace(0.38, 0.62, 49)


JOINT_WIDTHS = np.array([3e-5, 2e-5])
"""Half-widths of Δm²32 with the learned and with the known cross section [eV²]."""


def toy_joint_fit():
    """Two solutions in sin²θ23, a parabola in Δm²32: 1.5 times as wide with the learned one."""
    angle = ((np.abs(JOINT_ANGLE - 0.5) - 0.04) / 0.015) ** 2
    mass = ((MASS - 2.45e-3) / JOINT_WIDTHS[:, None]) ** 2
    return SimpleNamespace(
        sin2_theta23=JOINT_ANGLE,
        dm2_32=MASS,
        delta=np.stack([angle, angle])[:, :, None] + mass[:, None, :],
        profile_sin2_theta23=np.stack([angle, angle]),
        profile_dm2_32=mass,
        best_sin2_theta23=np.array([0.46, 0.54]),
        best_dm2_32=np.array([2.45e-3, 2.45e-3]),
    )


def beside_joint_fit():
    """An ensemble with an interval in either octant, 2.40 to 2.50 and 2.35 to 2.55."""
    angle = np.array([[[0.43, 0.47], [0.53, 0.57]], [[0.41, 0.59], [np.nan, np.nan]]])
    region = 1.0 - np.hypot((JOINT_ANGLE[:, None] - 0.55) / 0.02, (MASS[None, :] - 2.45e-3) / 3e-5)
    intervals = SimpleNamespace(
        sin2_theta23=JOINT_ANGLE,
        dm2_32=MASS,
        octant_margin=np.stack([region, region + 1]),
        interval_sin2_theta23=angle,
        interval_dm2_32=np.array([[2.40e-3, 2.50e-3], [2.35e-3, 2.55e-3]]),
    )
    fits = SimpleNamespace(
        best_octant_sin2_theta23=np.array([[0.45, 0.55]]),
        best_octant_dm2_32=np.array([[2.44e-3, 2.46e-3]]),
    )
    return joint_contours.Ensemble("an ensemble", intervals, fits)


def toy_toys():
    """Thresholds of 1.8 and 5, 0.8 and 3, 0.9 and 3.5 at sin²θ23 = 0.38, half as much at 0.62."""
    at_low = np.array([[[1.8, 0.8, 0.9]] * 2, [[5.0, 3.0, 3.5]] * 2])
    of_toys = np.concatenate([np.repeat(at_low[:1], 690, 0), np.repeat(at_low[1:], 310, 0)])
    return SimpleNamespace(
        sin2_theta23=np.array([0.38, 0.62]), tests=np.stack([of_toys, of_toys / 2])
    )


def draw_joint_contours():
    fits = {
        "exact": joint_contours.Shown(toy_joint_fit(), None, None),
        "smeared": joint_contours.Shown(toy_joint_fit(), toy_toys(), beside_joint_fit()),
    }
    return joint_contours.draw(fits, (0.45, 2.44e-3))


def toy_joint_coverage(n_experiments=30):
    rng = np.random.default_rng(5)
    pulls = rng.standard_normal((n_experiments, 2))
    widths = np.tile(JOINT_WIDTHS, (n_experiments, 1))
    return SimpleNamespace(
        n_sigma=np.array([1.0, 2.0]),
        n_experiments=np.array(n_experiments),
        coverage=np.array([COVERAGE["many"].coverage, COVERAGE["many"].coverage - 0.1]),
        calibrated=np.array([COVERAGE["many"].coverage - 0.05, COVERAGE["many"].coverage]),
        best_dm2_32=TRUE_POINT[1] + pulls * widths,
        half_width_dm2_32=widths,
        true_dm2_32=np.array(TRUE_POINT[1]),
    )


def draw_joint_calibration():
    fit = joint_calibration.TestedFit("joint", "known", toy_joint_coverage())
    ensembles = [
        joint_calibration.TestedEnsemble(name, known, COVERAGE[name], INTERVALS[name], unit)
        for name, known, unit in (("truth", True, None), ("many", False, fit.coverage))
    ]
    return joint_calibration.draw(ensembles, [fit])
