"""What the members of a batch train on: near-detector densities and the fluxes they assume.

The events always come from the nominal flux, which is the true one; only the analysis assumes
another.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid
from nd2fd.physics.density import DensityGrid
from nd2fd.beam.flux import FluxTable, cell_averages, interpolate_flux
from nd2fd.beam.modes import vary_flux
from nd2fd.events.sampling import Events, EventSampler, histogram_events
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.io.schemas import FLUX, NEAR, TRUTH
from nd2fd.io.job import Stage
from nd2fd.streams import flux_parameters, random_stream

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    truth, flux = stage.read("truth", TRUTH), stage.read("flux", FLUX)
    response = stage.read_response()
    grid = DensityGrid(**params.grid)
    z = flux_parameters(params.seed, params.flux_draws, len(flux["near_modes"]))
    modes = flux["near_modes"], flux["far_modes"]
    near_fluxes, _ = vary_flux(flux["energy"], flux["near"], flux["far"], modes, z)

    def in_cells(fluxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Average of each flux over the cells of E_nu."""
        tables = [FluxTable(flux["energy"], values) for values in fluxes]
        return np.stack(
            [
                cell_averages(partial(interpolate_flux, table), grid.n_energy, grid.energy_max)
                for table in tables
            ]
        )

    def measured(events: Events, rng: np.random.Generator) -> Events:
        """The events as the detector sees them."""
        if response is None:
            return events
        v1, v2, accepted = smear_events(
            events.v1,
            events.v2,
            Resolution.from_config(params.smearing),
            grid.energy_max,
            rng,
        )
        return Events(events.energy[accepted], v1[accepted], v2[accepted])

    if params.streams:
        nodes = NodeGrid(truth["xi"].size, truth["tau"].size)
        sampler = EventSampler.build(
            partial(interpolate_flux, FluxTable(flux["energy"], flux["near"])),
            partial(nodes.interpolate, truth["structure_functions"]),
            grid.energy_max,
        )
        progress = stage.progress("events", params.n_events * len(params.streams))
        counts = []
        for index, stream in enumerate(params.streams):
            rng = random_stream(params.seed, "near_events", *stream)
            batches = (measured(events, rng) for events in sampler.batches(params.n_events, rng))
            counts.append(histogram_events(batches, grid.n_v1, grid.n_v2))
            progress((index + 1) * params.n_events, f"member {params.members[index]}")
        contents = np.stack(counts) / params.n_events
    else:
        content = truth["near"].ravel() * grid.cell_area
        if response is not None:
            content = response @ content
        contents = np.tile(content.reshape(truth["near"].shape), (len(params.members), 1, 1))
    acceptance = contents.sum(axis=(1, 2))
    stage.log.info("measured: %.5f of the events", acceptance.mean())
    stage.write(
        NEAR,
        {
            "member": np.array(params.members),
            "v1": truth["v1"],
            "v2": truth["v2"],
            "density": contents / (acceptance[:, None, None] * grid.cell_area),
            "energy": truth["energy"],
            "flux": in_cells(near_fluxes),
            "flux_parameters": z,
            "n_events": params.n_events,
            "acceptance": acceptance,
            **({"flux_errors": in_cells(flux["near"] * flux["near_modes"])} if z.any() else {}),
        },
    )
