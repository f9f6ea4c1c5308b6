"""What the members of a batch train on: near-detector densities and the fluxes they assume.

The events always come from the nominal flux, which is the true one, and are measured with the true
response; only the analysis assumes something else.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.flux import FluxTable, cell_averages, interpolate_flux
from nd2fd.beam.spectra import near_spectrum
from nd2fd.cross_sections.models import interpolated
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.events.sampling import EventSampler, SampledEvents, histogram_events
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.density import DensityGrid
from nd2fd.systematics.members import Assumptions, calibrated
from nd2fd.systematics.systematic import Assumption

Array = NDArray[np.float64]
Progress = Callable[[int, str], None]


def near_data(
    truth: Truth,
    flux: Flux,
    response: Response | None,
    resolution: Resolution,
    grid: DensityGrid,
    assumptions: Assumptions,
    members: Sequence[int],
    n_events: int,
    streams: Sequence[np.random.Generator],
    progress: Progress,
) -> NearData:
    """Densities of the measured events, and what each member assumes.

    Parameters
    ----------
    truth, flux
        Nature: cross section, and fluxes.
    response, resolution
        Of the detector; `response` is None and `resolution` ideal where nothing is smeared.
    grid
        Of the densities.
    assumptions, members
        What the members assume, and their numbers in the ensemble.
    n_events
        Events of each histogram.
    streams
        What draws the events of each member; none: the Asimov density.
    progress
        Called with (events so far, note).
    """
    if streams:
        counts = []
        for sample in _samples(
            truth, flux, resolution, grid, assumptions.of_members, n_events, streams
        ):
            counts.append(histogram_events(sample, grid.n_v1, grid.n_v2))
            progress(len(counts) * n_events, f"sample of member {members[len(counts) - 1]}")
        contents = np.stack(counts) / n_events
    else:
        content = truth.near.ravel() * grid.cell_area
        if response is not None:
            content = response.matrix() @ content
        contents = np.tile(content.reshape(truth.near.shape), (len(members), 1, 1))
    acceptance = contents.sum(axis=(1, 2))
    errors = None
    if assumptions.parameters["flux"].any():
        assert flux.near_modes is not None
        errors = _in_cells(flux.energy, list(flux.near * flux.near_modes), grid)
    near_fluxes = [assumption.flux.near for assumption in assumptions.of_members]
    return NearData(
        member=np.array(members),
        v1=truth.v1,
        v2=truth.v2,
        density=contents / (acceptance[:, None, None] * grid.cell_area),
        energy=truth.energy,
        flux=_in_cells(flux.energy, near_fluxes, grid),
        flux_errors=errors,
        n_events=np.array(n_events if streams else 0),
        acceptance=acceptance,
        **assumptions.recorded(),
    )


def _samples(
    truth: Truth,
    flux: Flux,
    resolution: Resolution,
    grid: DensityGrid,
    assumptions: Sequence[Assumption],
    n_events: int,
    streams: Sequence[np.random.Generator],
) -> Iterator[Iterator[SampledEvents]]:
    """Events of each member in batches, as measured and calibrated; lost ones are left out."""
    sampler = EventSampler.build(near_spectrum(flux), interpolated(truth), grid.setup)

    def measured(
        events: SampledEvents, assumption: Assumption, rng: np.random.Generator
    ) -> SampledEvents:
        v1, v2, kept = smear_events(events.v1, events.v2, resolution, grid.setup, rng)
        v1, v2, inside = calibrated(v1[kept], v2[kept], assumption, grid.setup)
        return SampledEvents(events.energy[kept][inside], v1[inside], v2[inside])

    for assumption, rng in zip(assumptions, streams, strict=True):
        yield (measured(e, assumption, rng) for e in sampler.batches(n_events, rng))


def _in_cells(energy: Array, fluxes: Sequence[Array], grid: DensityGrid) -> Array:
    """Average of each flux, given at `energy`, over the cells of E_ν; (n_fluxes, n_energy)."""
    tables = [FluxTable(energy, values) for values in fluxes]
    return np.stack(
        [
            cell_averages(partial(interpolate_flux, table), grid.n_energy, grid.setup.energy_max)
            for table in tables
        ]
    )
