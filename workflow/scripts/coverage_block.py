"""Which members' regions contain the truth, in a block of pseudo-experiments.

Every experiment has new far-detector events and new bootstrap replicas, the same for all members.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from nd2fd.forward.nodes import NodeGrid
from nd2fd.learning.models import ARTIFACTS, cross_section_models
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.experiment import Experiment, detector_spectra
from nd2fd.physics.flux import FluxTable, interpolate_flux
from nd2fd.physics.flux_uncertainty import vary_flux
from nd2fd.physics.sampling import EventSampler
from nd2fd.physics.smearing import Resolution, event_response, smear_events
from nd2fd.schemas import COVERAGE_BLOCK, FLUX, OSCILLATION, RESPONSE, TRUTH
from nd2fd.stage import Stage
from nd2fd.statistics.bootstrap import bootstrap_counts, fit_replicas
from nd2fd.statistics.coverage import contains_truth
from nd2fd.statistics.ensemble import N_SIGMAS
from nd2fd.statistics.likelihood_table import choose_nodes, tabulate_likelihood
from nd2fd.statistics.streams import flux_parameters, random_stream

# Size of the shapes of the survival probability that are left out, relative to the largest.
NEGLIGIBLE = 1e-10

# Experiments whose smeared events are looked up together: that has a cost of its own.
EXPERIMENTS_PER_LOOKUP = 10

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    flux, truth = stage.read("flux", FLUX), stage.read("truth", TRUTH)
    nodes = NodeGrid(truth["xi"].size, truth["tau"].size)
    grid = DensityGrid(**params.grid)
    true_cross_section = partial(nodes.interpolate, truth["structure_functions"])
    far_spectrum = detector_spectra(flux, stage.read("oscillation", OSCILLATION))[1]
    sampler = EventSampler.build(far_spectrum, true_cross_section, grid.energy_max)
    survival = Experiment.from_config(params.oscillation).survival_scan(grid.energy)

    z = flux_parameters(params.seed, params.flux_draws, len(flux["far_modes"]))
    modes = flux["near_modes"], flux["far_modes"]
    _, far_fluxes = vary_flux(flux["energy"], flux["near"], flux["far"], modes, z)
    kind = params.cross_section
    learned = truth if kind == "known" else stage.read_members("members", ARTIFACTS[kind])
    models = cross_section_models(kind, learned, len(z))
    smeared = hasattr(snakemake.input, "response")
    if smeared:
        acceptance = stage.read("response", RESPONSE)["acceptance"].ravel()
        resolution = Resolution.from_config(params.smearing)

    fluxes = [
        interpolate_flux(FluxTable(flux["energy"], values), grid.energy) for values in far_fluxes
    ]
    # One set of nodes in θ for all members and experiments, chosen with a cell as an event.
    progress = stage.progress("members", len(models))
    of_shapes: list[Any] = []
    totals: list[Any] = []
    for index, (model, far_flux) in enumerate(zip(models, fluxes, strict=True)):
        in_cells = far_flux[:, None] * model.in_cells(grid)
        if index == 0:
            theta_nodes = choose_nodes(
                in_cells.T[in_cells.any(axis=0)],
                in_cells.sum(axis=1),
                survival,
                sin2_theta23_range=params.sin2_theta23,
                dm2_32_range=params.dm2_32,
            )
            # For smeared events the sum over E_ν is done here, once for all experiments, with the
            # few independent shapes that the survival probability takes; from then on a column
            # stands for a θ, in place of an energy.
            _, sizes, shapes = np.linalg.svd(theta_nodes.survival, full_matrices=False)
            shapes = shapes[sizes > NEGLIGIBLE * sizes[0]]
            to_theta = shapes @ theta_nodes.survival.T
            of_theta = replace(theta_nodes, survival=np.eye(len(theta_nodes.survival)))
        if smeared:
            of_shapes.append(in_cells.T @ shapes.T)
            totals.append(acceptance @ of_shapes[-1] @ to_theta)
        else:
            totals.append(in_cells.sum(axis=1))
        progress(index + 1, "cross sections in cells")

    def pseudo_events(experiment: int) -> tuple[Any, Any]:
        """(v1, v2) of new far-detector events, as they are measured."""
        rng = random_stream(params.seed, "coverage_events", "", experiment)
        batches = list(sampler.batches(params.n_events, rng))
        v1, v2 = (np.concatenate([getattr(b, name) for b in batches]) for name in ("v1", "v2"))
        if smeared:
            v1, v2, accepted = smear_events(v1, v2, resolution, grid.energy_max, rng)
            v1, v2 = v1[accepted], v2[accepted]
        return v1, v2

    true_point = np.array(params.true_point)
    results = []
    progress = stage.progress("experiments", len(params.experiments))
    for done, experiment in enumerate(params.experiments):
        if done % EXPERIMENTS_PER_LOOKUP == 0:
            pending = [
                pseudo_events(number)
                for number in params.experiments[done : done + EXPERIMENTS_PER_LOOKUP]
            ]
            if smeared:
                all_v1, all_v2 = (np.concatenate(values) for values in zip(*pending, strict=True))
                response = event_response(all_v1, all_v2, grid, resolution)
                rows = np.cumsum([0, *(v1.size for v1, _ in pending)])
        number = done % EXPERIMENTS_PER_LOOKUP
        v1, v2 = pending[number]
        if smeared:
            of_events = response[rows[number] : rows[number + 1]]
        counts = bootstrap_counts(
            v1.size,
            params.replicas,
            random_stream(params.seed, "coverage_bootstrap", "", experiment),
        ).astype(np.float64)
        of_members = []
        for index, (model, far_flux) in enumerate(zip(models, fluxes, strict=True)):
            if smeared:
                # Rounding can take a vanishing density below zero.
                kernel = np.maximum(of_events @ of_shapes[index] @ to_theta, 0.0)
                table = tabulate_likelihood(kernel, totals[index], of_theta)
            else:
                kernel = far_flux * model.at_events(grid, v1, v2)
                table = tabulate_likelihood(kernel, totals[index], theta_nodes)
            fits = fit_replicas(counts, table)
            best = fit_replicas(np.ones((1, v1.size)), table)
            replicas = np.stack([fits.sin2_2theta23, fits.octant_dm2_32[:, 0]], axis=1)
            of_members.append(
                {
                    "contained": contains_truth(replicas, true_point),
                    "best_sin2_2theta23": best.sin2_2theta23[0],
                    "best_dm2_32": best.octant_dm2_32[0, 0],
                    "sigma_sin2_2theta23": replicas[:, 0].std(),
                    "sigma_dm2_32": replicas[:, 1].std(),
                }
            )
        results.append({k: np.stack([m[k] for m in of_members]) for k in of_members[0]})
        progress(done + 1, f"{v1.size} events")
    stage.write(
        COVERAGE_BLOCK,
        {
            "experiment": np.array(params.experiments),
            "n_sigma": np.array(N_SIGMAS),
            **{name: np.stack([r[name] for r in results]) for name in results[0]},
        },
    )
