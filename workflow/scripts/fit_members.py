"""Fit the oscillation parameters to the far-detector events, with each cross section of a batch."""

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
    model = stage.read("cross_section", TRUTH if params.cross_section == "known" else MEMBER)
    nodes = NodeGrid(model["xi"].size, model["tau"].size)
    grid = DensityGrid(**params.grid)
    far_flux = interpolate_flux(FluxTable(flux["energy"], flux["far"]), grid.energy)
    # The same replicas for every member: their differences are those of the cross sections alone.
    n_events = events["v1"].size
    counts = bootstrap_counts(n_events, params.replicas, random_stream(params.seed, "bootstrap"))
    progress = stage.progress("fits", len(params.members))
    of_members = []
    for member, values in zip(
        params.members,
        model["structure_functions"].reshape(-1, 3, nodes.n_xi, nodes.n_tau),
        strict=True,
    ):
        structure_functions = partial(nodes.interpolate, values)
        fit = partial(
            fit_replicas,
            kernel=far_flux
            * event_cross_sections(
                structure_functions, grid.energy, events["v1"], events["v2"], grid.energy_max
            ),
            totals=far_flux * total_cross_sections(structure_functions, grid),
            survival=Experiment.from_config(params.oscillation).survival_scan(grid.energy),
            sin2_theta23_range=params.sin2_theta23,
            dm2_32_range=params.dm2_32,
            grid_points=GRID_POINTS,
        )
        replicas, best = fit(counts), fit(np.ones((1, n_events)))
        if replicas.at_boundary.any():
            stage.log.warning(
                "member %d: %d of %d replicas end at the edge of fits.sin2_theta23 or fits.dm2_32",
                member,
                replicas.at_boundary.sum(),
                params.replicas,
            )
        of_members.append(
            {
                "sin2_2theta23": replicas.sin2_2theta23,
                "dm2_32": replicas.octant_dm2_32[:, 0],
                "octant_sin2_theta23": replicas.octant_sin2_theta23,
                "octant_dm2_32": replicas.octant_dm2_32,
                "octant_log_likelihood": replicas.octant_log_likelihood,
                "at_boundary": replicas.at_boundary,
                "best_sin2_2theta23": best.sin2_2theta23[0],
                "best_dm2_32": best.octant_dm2_32[0, 0],
                "best_octant_sin2_theta23": best.octant_sin2_theta23[0],
                "best_octant_dm2_32": best.octant_dm2_32[0],
                "best_octant_log_likelihood": best.octant_log_likelihood[0],
            }
        )
        progress(len(of_members), f"best fit dm2_32 {best.octant_dm2_32[0, 0]:.4e} eV2")
    stacked = {name: np.stack([m[name] for m in of_members]) for name in of_members[0]}
    stage.write(FIT, {"member": np.array(params.members), **stacked})
