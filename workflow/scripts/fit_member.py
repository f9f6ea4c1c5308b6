"""Fit the oscillation parameters to the far-detector events, with one cross section."""

from functools import partial
from typing import Any

import numpy as np

from nd2fd.forward.event_kernel import event_cross_sections, total_cross_sections
from nd2fd.forward.nodes import NodeGrid
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.experiment import Experiment
from nd2fd.physics.flux import FluxTable, interpolate_flux
from nd2fd.schemas import FAR_EVENTS, FIT, FLUX, MEMBER, TRUTH
from nd2fd.stage import Stage
from nd2fd.statistics.bootstrap import bootstrap_counts, fit_replicas
from nd2fd.statistics.streams import random_stream

# Nodes in sin²θ23 per octant and in Δm²32 where the fits start: closer than one standard deviation.
GRID_POINTS = (21, 31)

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    flux = stage.read("flux", FLUX)
    events = stage.read("events", FAR_EVENTS)
    known = params.cross_section == "known"
    model = stage.read("cross_section", TRUTH if known else MEMBER)
    nodes = NodeGrid(model["xi"].size, model["tau"].size)
    structure_functions = partial(nodes.interpolate, model["structure_functions"])
    grid = DensityGrid(**params.grid)

    far_flux = interpolate_flux(FluxTable(flux["energy"], flux["far"]), grid.energy)
    kernel = far_flux * event_cross_sections(
        structure_functions, grid.energy, events["v1"], events["v2"], grid.energy_max
    )
    totals = far_flux * total_cross_sections(structure_functions, grid)
    stage.log.info(
        "%d of %d events have zero density in this model",
        (kernel.sum(axis=1) == 0).sum(),
        len(kernel),
    )
    fit = partial(
        fit_replicas,
        kernel=kernel,
        totals=totals,
        survival=Experiment.from_config(params.oscillation).survival_scan(grid.energy),
        sin2_theta23_range=params.sin2_theta23,
        dm2_32_range=params.dm2_32,
        grid_points=GRID_POINTS,
    )
    # The same replicas for every member: their differences are those of the cross sections alone.
    rng = random_stream(params.seed, "bootstrap")
    fits = fit(bootstrap_counts(len(kernel), params.replicas, rng))
    best = fit(np.ones((1, len(kernel))))
    stage.log.info(
        "best fit sin2_2theta23 %.4f, dm2_32 %.4e eV2",
        best.sin2_2theta23[0],
        best.octant_dm2_32[0, 0],
    )
    if fits.at_boundary.any():
        stage.log.warning(
            "%d of %d replicas end at the edge of the ranges fits.sin2_theta23, fits.dm2_32",
            fits.at_boundary.sum(),
            params.replicas,
        )
    stage.write(
        FIT,
        {
            "sin2_2theta23": fits.sin2_2theta23,
            "dm2_32": fits.octant_dm2_32[:, 0],
            "octant_sin2_theta23": fits.octant_sin2_theta23,
            "octant_dm2_32": fits.octant_dm2_32,
            "octant_log_likelihood": fits.octant_log_likelihood,
            "at_boundary": fits.at_boundary,
            "best_sin2_2theta23": best.sin2_2theta23[0],
            "best_dm2_32": best.octant_dm2_32[0, 0],
            "best_octant_sin2_theta23": best.octant_sin2_theta23[0],
            "best_octant_dm2_32": best.octant_dm2_32[0],
            "best_octant_log_likelihood": best.octant_log_likelihood[0],
        },
    )
