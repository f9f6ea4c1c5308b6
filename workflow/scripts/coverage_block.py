"""Which members' regions contain the truth, in a block of pseudo-experiments.

Every experiment has new far-detector events and new bootstrap replicas, the same for all members.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from nd2fd.forward.nodes import NodeGrid
from nd2fd.cross_sections.models import ARTIFACTS, cross_section_models
from nd2fd.physics.density import DensityGrid
from nd2fd.beam.spectra import detector_spectra
from nd2fd.physics.baseline import Experiment
from nd2fd.events.sampling import EventSampler
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.io.schemas import COVERAGE_BLOCK, FLUX, OSCILLATION, RESPONSE, TRUTH
from nd2fd.io.job import Stage
from nd2fd.statistics.bootstrap import bootstrap_counts, fit_replicas
from nd2fd.statistics.coverage import contains_truth
from nd2fd.statistics.ensemble import N_SIGMAS
from nd2fd.statistics.far_density import (
    FarDetector,
    SmearedDensity,
    SurvivalShapes,
    cell_rates,
    far_fluxes,
)
from nd2fd.statistics.likelihood_table import choose_nodes, tabulate_likelihood
from nd2fd.streams import flux_parameters, random_stream

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
    fluxes = far_fluxes(flux, z, grid.energy)
    kind = params.cross_section
    learned = truth if kind == "known" else stage.read_members("members", ARTIFACTS[kind])
    models = cross_section_models(kind, learned, len(z))
    detector = FarDetector.exact(grid)
    if hasattr(snakemake.input, "response"):
        acceptance = stage.read("response", RESPONSE)["acceptance"].ravel()
        detector = FarDetector(grid, Resolution.from_config(params.smearing), acceptance)

    # One set of nodes in θ for all members and experiments, chosen with a cell of the truth as an
    # event: a learned cross section may do anything in cells that have no events.
    (true_model,) = cross_section_models("known", truth, 1)
    in_cells = cell_rates(true_model, far_fluxes(flux, 0 * z[:1], grid.energy)[0], grid)
    theta_nodes = choose_nodes(
        in_cells[in_cells.any(axis=1)],
        in_cells.sum(axis=0),
        survival,
        sin2_theta23_range=params.sin2_theta23,
        dm2_32_range=params.dm2_32,
    )
    # For smeared events the sum over E_ν is done here, once for all experiments.
    shapes = SurvivalShapes.of(theta_nodes.survival)
    densities = []
    progress = stage.progress("members", len(models))
    for model, far_flux in zip(models, fluxes, strict=True):
        density = detector.density(model, far_flux)
        if isinstance(density, SmearedDensity):
            density = density.at_theta(shapes)
        densities.append(density)
        progress(len(densities), "cross sections in cells")
    if not detector.resolution.is_ideal:
        # Columns stand for the nodes in θ themselves.
        theta_nodes = replace(theta_nodes, survival=np.eye(len(theta_nodes.survival)))

    def pseudo_events(experiment: int) -> tuple[Any, Any]:
        """(v1, v2) of new far-detector events, as they are measured."""
        rng = random_stream(params.seed, "coverage_events", "", experiment)
        batches = list(sampler.batches(params.n_events, rng))
        v1, v2 = (np.concatenate([getattr(b, name) for b in batches]) for name in ("v1", "v2"))
        v1, v2, accepted = smear_events(v1, v2, detector.resolution, grid.energy_max, rng)
        return v1[accepted], v2[accepted]

    true_point = np.array(params.true_point)
    results = []
    progress = stage.progress("experiments", len(params.experiments))
    for done, experiment in enumerate(params.experiments):
        if done % EXPERIMENTS_PER_LOOKUP == 0:
            pending = [
                pseudo_events(number)
                for number in params.experiments[done : done + EXPERIMENTS_PER_LOOKUP]
            ]
            together = detector.look_up(
                *(np.concatenate(values) for values in zip(*pending, strict=True))
            )
            ends = np.cumsum([0, *(v1.size for v1, _ in pending)])
        number = done % EXPERIMENTS_PER_LOOKUP
        events = together[ends[number] : ends[number + 1]]
        n_events = events.v1.size
        counts = bootstrap_counts(
            n_events,
            params.replicas,
            random_stream(params.seed, "coverage_bootstrap", "", experiment),
        ).astype(np.float64)
        of_members = []
        for density in densities:
            table = tabulate_likelihood(density.kernel(events), density.totals, theta_nodes)
            fits = fit_replicas(counts, table)
            best = fit_replicas(np.ones((1, n_events)), table)
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
        progress(done + 1, f"{n_events} events")
    stage.write(
        COVERAGE_BLOCK,
        {
            "experiment": np.array(params.experiments),
            "n_sigma": np.array(N_SIGMAS),
            **{name: np.stack([r[name] for r in results]) for name in results[0]},
        },
    )
