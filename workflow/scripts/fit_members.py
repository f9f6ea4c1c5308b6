"""Fit the oscillation parameters to the far-detector events, with each cross section of a batch."""

from typing import Any

import numpy as np

from nd2fd.cross_sections.models import ARTIFACTS, cross_section_models
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.baseline import Experiment
from nd2fd.detector.smearing import Resolution
from nd2fd.io.schemas import EVENTS, FIT, FLUX, RESPONSE
from nd2fd.io.job import Stage
from nd2fd.statistics.bootstrap import bootstrap_counts, fit_replicas
from nd2fd.statistics.far_density import FarDetector, far_fluxes
from nd2fd.statistics.likelihood_table import choose_nodes, tabulate_likelihood
from nd2fd.streams import flux_parameters, random_stream

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    flux = stage.read("flux", FLUX)
    events = stage.read("events", EVENTS)
    models = cross_section_models(
        params.cross_section,
        stage.read("cross_section", ARTIFACTS[params.cross_section]),
        len(params.members),
    )
    grid = DensityGrid(**params.grid)
    z = flux_parameters(params.seed, params.flux_draws, len(flux["far_modes"]))
    fluxes = far_fluxes(flux, z, grid.energy)
    detector = FarDetector.exact(grid)
    if hasattr(snakemake.input, "response"):
        acceptance = stage.read("response", RESPONSE)["acceptance"].ravel()
        detector = FarDetector(grid, Resolution.from_config(params.smearing), acceptance)
    measured = detector.look_up(events["v1"], events["v2"])
    survival = Experiment.from_config(params.oscillation).survival_scan(grid.energy)
    # The same replicas for every member: their differences are those of the cross sections alone.
    n_events = events["v1"].size
    counts = bootstrap_counts(n_events, params.replicas, random_stream(params.seed, "bootstrap"))
    counts = counts.astype(np.float64)
    progress = stage.progress("fits", len(params.members))
    of_members = []
    for member, model, far_flux in zip(params.members, models, fluxes, strict=True):
        density = detector.density(model, far_flux)
        kernel, totals = density.kernel(measured), density.totals
        likelihood_nodes = choose_nodes(
            kernel,
            totals,
            survival,
            sin2_theta23_range=params.sin2_theta23,
            dm2_32_range=params.dm2_32,
        )
        table = tabulate_likelihood(kernel, totals, likelihood_nodes)
        replicas, best = fit_replicas(counts, table), fit_replicas(np.ones((1, n_events)), table)
        if replicas.at_boundary.any():
            stage.log.warning(
                "member %d: %d of %d replicas end at the edge of sin2_theta23 %s or dm2_32 %s",
                member,
                replicas.at_boundary.sum(),
                params.replicas,
                params.sin2_theta23,
                params.dm2_32,
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
    stage.write(FIT, {"member": np.array(params.members), "flux_parameters": z, **stacked})
