"""Confidence regions and intervals of an ensemble."""

from typing import Any

import numpy as np

from nd2fd.io.schemas import FIT, INTERVALS
from nd2fd.io.job import Stage
from nd2fd.statistics.ensemble import (
    MAXIMAL_MIXING,
    N_SIGMAS,
    better_octant,
    ensemble_intervals,
    ensemble_region,
    hull,
)

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    fits = stage.read_members("fits", FIT)
    mixing, mass = fits["sin2_2theta23"], fits["dm2_32"]
    theta, octant_mass = (
        better_octant(fits[name], fits["octant_log_likelihood"])
        for name in ("octant_sin2_theta23", "octant_dm2_32")
    )
    theta_low, theta_high = params.sin2_theta23
    mixing_low = min(4 * s * (1 - s) for s in (theta_low, theta_high))
    theta_axis = np.linspace(theta_low, theta_high, params.points)
    mixing_axis = np.linspace(mixing_low, MAXIMAL_MIXING, params.points)
    mass_low, mass_high = params.dm2_32
    mass_axis = np.linspace(mass_low, mass_high, params.points)

    fraction, mask = ensemble_region(
        np.stack([mixing, mass], axis=2),
        [mixing_axis, mass_axis],
        MAXIMAL_MIXING,
    )
    octant_fraction, octant_mask = ensemble_region(
        np.stack([theta, octant_mass], axis=2),
        [theta_axis, mass_axis],
        None,
    )
    in_theta = list(ensemble_intervals(theta, theta_low, theta_high))
    in_mixing = list(ensemble_intervals(mixing, mixing_low, MAXIMAL_MIXING, MAXIMAL_MIXING))
    in_mass = list(ensemble_intervals(mass, mass_low, mass_high))
    stage.write(
        INTERVALS,
        {
            "n_sigma": np.array(N_SIGMAS),
            "sin2_2theta23": mixing_axis,
            "sin2_theta23": theta_axis,
            "dm2_32": mass_axis,
            "member_fraction": fraction,
            "mask": mask,
            "octant_member_fraction": octant_fraction,
            "octant_mask": octant_mask,
            "interval_sin2_2theta23": [hull(i, mixing_low, MAXIMAL_MIXING) for i in in_mixing],
            "interval_dm2_32": [hull(i, mass_low, mass_high) for i in in_mass],
            "interval_sin2_theta23": [
                [hull(i, theta_low, 0.5), hull(i, 0.5, theta_high)] for i in in_theta
            ],
        },
    )
