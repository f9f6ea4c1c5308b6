"""Coverage of an ensemble's regions over all pseudo-experiments."""

from typing import Any

import numpy as np

from nd2fd.io.schemas import COVERAGE, COVERAGE_BLOCK
from nd2fd.io.job import Stage
from nd2fd.statistics.coverage import REGIONS, ensemble_contains, redrawn_members
from nd2fd.streams import random_stream

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    blocks = stage.read_joined("blocks", COVERAGE_BLOCK, "experiment")
    contained = blocks["contained"]
    n_experiments = len(contained)
    coverage = ensemble_contains(contained).mean(axis=0)
    rng = random_stream(params.seed, "coverage_members", snakemake.wildcards.ensemble)
    redrawn = ensemble_contains(redrawn_members(contained, rng)).mean(axis=0)
    error = np.sqrt(coverage * (1.0 - coverage) / n_experiments)
    for n_sigma, values, errors in zip(blocks["n_sigma"], coverage, error, strict=True):
        for region, value, uncertainty in zip(REGIONS, values, errors, strict=True):
            stage.log.info("%g sigma, %s: %.4f +- %.4f", n_sigma, region, value, uncertainty)
    parameters = (
        "best_sin2_2theta23",
        "best_dm2_32",
        "sigma_sin2_2theta23",
        "sigma_dm2_32",
    )
    true_mixing, true_mass = params.true_point
    stage.write(
        COVERAGE,
        {
            "n_sigma": blocks["n_sigma"],
            "n_experiments": n_experiments,
            "coverage": coverage,
            "error": error,
            "redrawn": redrawn,
            "members": contained.mean(axis=(0, 1)),
            **{name: blocks[name].mean(axis=1) for name in parameters},
            "true_sin2_2theta23": true_mixing,
            "true_dm2_32": true_mass,
        },
    )
