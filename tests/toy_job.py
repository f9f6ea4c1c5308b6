"""A job of the numbers table without files."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import scipy.sparse as sp

from nd2fd.io.schemas.coverage import Coverage
from nd2fd.io.schemas.fits import Fits, Intervals
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.joint import JointCoverage, JointFit, JointToys
from nd2fd.io.schemas.learned import Marginals, Predictions
from nd2fd.io.schemas.truth import NodeWeights
from nd2fd.report import inputs
from nd2fd.report.fit_tables import oscillation_table, systematics_table
from toy_numbers import toy_fits, toy_intervals

MASS_AXIS = np.linspace(2.3e-3, 2.6e-3, 61)


def toy_joint_fit():
    """Half-widths of 3e-5 and 2e-5, best fits of 2.45e-3 and 2.44e-3 eV²; the octants differ."""
    mass = np.stack(
        [((MASS_AXIS - best) / width) ** 2 for best, width in ((2.45e-3, 3e-5), (2.44e-3, 2e-5))]
    )
    angle = np.linspace(0.4, 0.6, 5)
    return SimpleNamespace(
        near_events=np.array(3_000_000),
        dm2_32=MASS_AXIS,
        profile_dm2_32=mass,
        best_dm2_32=np.array([2.45e-3, 2.44e-3]),
        sin2_theta23=angle,
        profile_sin2_theta23=np.array([[3.0, 0.25, 2.0, 0.0, 3.0]] * 2),
        best_sin2_theta23=np.array([0.55, 0.45]),
        error_ratio=np.array([[1.1, 1.4], [1.1, 1.45]]),
        mode_best=np.array([0.5, -4.5, 1.0]),
        strength=np.array(2e-3),
        chi2=np.array(6000.0),
        paid=np.array(5.0),
        effective_parameters=np.array(41.5),
    )


def toy_joint_coverage():
    """Four experiments; best fits of the joint fit are off by 1, 1, 1 and -1 half-widths."""
    widths = np.array([[3e-5, 2e-5]] * 4)
    pulls = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 2.0], [-1.0, -2.0]])
    return SimpleNamespace(
        n_experiments=np.array(4),
        n_sigma=np.array([1.0, 2.0]),
        coverage=np.array([[[0.75, 0.5, 0.25], [1.0, 1.0, 0.75]], [[0.5] * 3, [1.0] * 3]]),
        calibrated=np.array([[[0.5, 0.5, 0.0], [1.0, 0.75, 0.5]], [[0.25] * 3, [1.0] * 3]]),
        best_dm2_32=2.44e-3 + pulls * widths,
        half_width_dm2_32=widths,
        mode_pull=np.array([[1.0, -1.0]] * 4),
        true_dm2_32=np.array(2.44e-3),
    )


def toy_toys():
    """A threshold of 0.81 for Δm²32 at sin²θ23 = 0.5 and of 0.25 at 0.6; others are 2 and 3."""
    tests = np.array([[2.0, 3.0, 0.81], [2.0, 3.0, 0.25]])[:, None, None]
    return SimpleNamespace(
        sin2_theta23=np.array([0.5, 0.6]), tests=np.broadcast_to(tests, (2, 10, 2, 3))
    )


class ToyJob:
    """The job of the numbers with artifacts of which only the shapes are right."""

    def __init__(self, plan, directory):
        self.plan = plan
        self.input = SimpleNamespace(**inputs.numbers_inputs(plan))
        self.params = SimpleNamespace(**inputs.numbers_params(plan))
        regions = {name: self.load(f"{name}_intervals", Intervals) for name in plan.ensembles}
        fits = {name: self.load_joined(f"{name}_fits", Fits) for name in plan.ensembles}
        tables = {
            "oscillation": oscillation_table(regions, fits, inputs.references(plan)),
            "systematics": systematics_table(regions, fits, plan.systematics),
            "learning": pd.DataFrame(
                {
                    "ensemble": plan.learned,
                    "loss": 1.0,
                    "test_loss": [np.nan if plan.kind(n) == "flow" else 1.0 for n in plan.learned],
                    "near_total_variation": 0.1,
                    **({"far_total_variation": 0.2} if plan.has_far else {}),
                    "max_sigma_deviation": 0.1,
                }
            ),
        }
        for name, table in tables.items():
            if hasattr(self.input, name):
                table.to_csv(directory / f"{name}.csv", index=False)
                setattr(self.input, name, str(directory / f"{name}.csv"))

    def input_path(self, name):
        return getattr(self.input, name, None)

    def load(self, name, kind):
        far = self.plan.has_far
        if kind is Intervals:
            intervals = toy_intervals(1.0)
            intervals.interval_sin2_2theta23 = np.array([[0.94, 0.96], [0.93, 0.97]])
            return intervals
        if kind is Fits:
            size = self.plan.ensemble(name.removesuffix("_fits")).size
            fits = toy_fits(np.linspace(0.97, 0.98, size), np.linspace(2.4e-3, 2.5e-3, size), 1e-5)
            fits.octant_sin2_theta23 = np.full((size, 2, 2), 0.45)
            fits.best_octant_log_likelihood = fits.best_octant_sin2_theta23 = np.zeros((size, 2))
            return fits
        if kind is Coverage:
            ones = np.ones(4)
            return SimpleNamespace(
                n_experiments=np.array(4), n_sigma=np.array([1.0, 2.0]), coverage=np.ones((2, 3)),
                best_sin2_2theta23=ones, sigma_sin2_2theta23=ones, true_sin2_2theta23=np.array(1.0),
                best_dm2_32=ones, sigma_dm2_32=ones, true_dm2_32=np.array(1.0),
            )  # fmt: skip
        if kind is JointFit:
            return toy_joint_fit()
        if kind is JointCoverage:
            return toy_joint_coverage()
        if kind is JointToys:
            return toy_toys()
        if kind is Marginals:
            names = ("energy", "e_lepton", "cos_theta", "v1", "v2")
            of_far = np.ones((1, 3)) if far else None
            near = {f"near_{name}": np.ones((1, 3)) for name in names}
            return SimpleNamespace(**near, **{f"far_{name}": of_far for name in names})
        shape = {Flux: (4,), NodeWeights: (3, 2, 2), Predictions: (1, 2, 2)}.get(kind, (2, 2))
        # Whatever others have, truth, histograms, slices, fluxes and events.
        return SimpleNamespace(
            near=np.ones(shape),
            far=np.ones(shape) if far else None,
            near_modes=np.ones((1, 4)),
            far_modes=np.ones((1, 4)) if far else None,
            structure_functions=np.ones((3, 2, 2)),
            density=np.ones((1, 2, 2)),
            energy=np.arange(4.0),
            near_flux=np.ones(4),
            sigma_total=np.ones(4),
            n_events=np.array(1000),
            matrix=lambda: sp.eye_array(4, format="csr"),
            v1=np.ones(7),
        )

    def load_joined(self, name, kind, along="member"):
        return self.load(name, kind)

    def load_optional(self, name, kind):
        return self.load(name, kind) if hasattr(self.input, name) else None
