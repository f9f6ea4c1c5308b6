"""What the members of a batch train on: near-detector densities and the fluxes they assume.

The events always come from the nominal flux, which is the true one, and are measured with the true
resolution; only the analysis assumes something else. Histograms are drawn as wholes, from what is
expected in each cell. Where a member calibrates measured leptons, its events are drawn one by one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.flux import FluxTable, cell_averages, interpolate_flux
from nd2fd.beam.spectra import near_spectrum
from nd2fd.cross_sections.models import interpolated
from nd2fd.detector.measured_density import Density, cell_contents, measured_density
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.events.lepton_density import LeptonDensity
from nd2fd.events.sampling import EventSampler, SampledEvents, histogram_events
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.io.schemas.near import NearData, NearHistogram
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.density import DensityGrid
from nd2fd.systematics.members import Assumptions, calibrated
from nd2fd.systematics.pulls import Nature, analysed_leptons
from nd2fd.systematics.systematic import Assumption

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
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
    bootstraps: Sequence[np.random.Generator],
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
        Events of each histogram, lost ones included.
    streams
        What draws the events of each member; none: the Asimov density.
    bootstraps
        What draws as many of each member's events anew, with replacement; none: they stay.
    progress
        Called with (events so far, note).
    """
    if streams:
        histograms = _Histograms(truth, flux, resolution, grid, n_events)
        counts = []
        for member, assumption, rng in zip(members, assumptions.of_members, streams, strict=True):
            counts.append(histograms.draw(assumption, rng))
            if bootstraps:
                again = bootstraps[len(counts) - 1]
                counts[-1] = draw_histogram(counts[-1] / n_events, n_events, again)
            progress(len(counts) * n_events, f"sample of member {member}")
        contents = np.stack(counts) / n_events
    else:
        content = truth.near.ravel() * grid.cell_area
        if response is not None:
            content = response.matrix() @ content
        contents = np.tile(content.reshape(truth.near.shape), (len(members), 1, 1))
    return assembled(contents, flux, grid, assumptions, members, n_events if streams else 0)


def assembled(
    contents: Array,
    flux: Flux,
    grid: DensityGrid,
    assumptions: Assumptions,
    members: Sequence[int],
    n_events: int,
    squares: Array | None = None,
) -> NearData:
    """From the contents of the cells to what networks train on.

    Parameters
    ----------
    contents
        Fraction of each member's events in the cells, shape (n_members, n_v1, n_v2).
    flux, grid, assumptions, members
        As for `near_data`.
    n_events
        Events that the contents stand for; 0 for the Asimov density.
    squares
        Sums of the squares of the weights in the cells, for weighted events, any unit; as contents.
    """
    acceptance = contents.sum(axis=(1, 2))
    errors = None
    if assumptions.parameters["flux"].any():
        assert flux.near_modes is not None
        errors = _in_cells(flux.energy, list(flux.near * flux.near_modes), grid)
    near_fluxes = [assumption.flux.near for assumption in assumptions.of_members]
    return NearData(
        member=np.array(members),
        v1=grid.v1,
        v2=grid.v2,
        density=contents / (acceptance[:, None, None] * grid.cell_area),
        energy=grid.energy,
        flux=_in_cells(flux.energy, near_fluxes, grid),
        flux_errors=errors,
        n_events=np.array(n_events),
        acceptance=acceptance,
        squares=None
        if squares is None
        else squares / (squares.sum(axis=(1, 2), keepdims=True) * grid.cell_area),
        **assumptions.recorded(),
    )


def expected_contents(
    truth: Truth,
    flux: Flux,
    resolution: Resolution,
    grid: DensityGrid,
    nature: Nature | None = None,
) -> Array:
    """Probability of an event to be measured in each cell, shape (n_v1, n_v2).

    For the cross section and flux of `EventSampler`, to far below the errors of 30 million events
    (docs/studies/near-samples.md). One minus the sum is the probability to be lost.

    Parameters
    ----------
    truth, flux
        Nature.
    resolution
        Of the detector.
    grid
        Cells in (v1, v2); its energies are not used.
    nature
        A detector that is not the nominal one.
    """
    table = FluxTable(flux.energy, flux.near)
    density = LeptonDensity.build(table, interpolated(truth), grid.setup)
    true = cell_contents(measured_density(density, Resolution.ideal(), grid), grid)
    measured = true
    if nature is not None:
        found = measured_density(density, nature.resolution(resolution), grid)
        measured = cell_contents(_moved(found, nature, grid.setup.lepton_mass), grid)
    elif not resolution.is_ideal:
        measured = cell_contents(measured_density(density, resolution, grid), grid)
    # Where next to nothing is lost, the error of either sum may exceed it.
    return measured / max(true.sum(), measured.sum())


def _moved(density: Density, nature: Nature, lepton_mass: float) -> Density:
    """Density per dE' dθ' of what such a detector measures, from that of a calibrated one."""
    if not nature.is_calibrated:
        return density

    def of_measured(e_lepton: Array, theta: Array) -> Array:
        energy, angle, ratio = analysed_leptons(e_lepton, theta, nature)
        possible = energy > lepton_mass
        return np.where(possible, ratio * density(np.maximum(energy, lepton_mass), angle), 0.0)

    return of_measured


def drawn_histogram(
    truth: Truth,
    flux: Flux,
    resolution: Resolution,
    grid: DensityGrid,
    n_events: int,
    rng: np.random.Generator,
) -> NearHistogram:
    """`n_events` events of nature, lost ones included, as if they had been read from a file."""
    contents = draw_histogram(expected_contents(truth, flux, resolution, grid), n_events, rng)
    return NearHistogram(
        v1=grid.v1,
        v2=grid.v2,
        contents=contents.astype(np.float64),
        squares=contents.astype(np.float64),
        total=np.array(float(n_events)),
        total_squares=np.array(float(n_events)),
        n_read=np.array(n_events),
        n_events=np.array(n_events),
        n_lost=np.array(n_events - contents.sum()),
    )


def draw_histogram(probability: Array, n_events: int, rng: np.random.Generator) -> IntArray:
    """Counts of `n_events` independent events in cells, those that are lost left out.

    Parameters
    ----------
    probability
        Of an event to be in each cell, any shape; the rest of them is lost.
    n_events
        Number of events, lost ones included.
    rng
        Source of randomness.
    """
    counts = np.zeros(probability.shape, dtype=np.int64)
    filled = probability > 0.0
    lost = max(0.0, 1.0 - probability.sum())
    counts[filled] = rng.multinomial(n_events, np.append(lost, probability[filled]))[1:]
    return counts


@dataclass
class _Histograms:
    """Histograms of `n_events` measured events; what is expected is computed when first needed."""

    truth: Truth
    flux: Flux
    resolution: Resolution
    grid: DensityGrid
    n_events: int

    @cached_property
    def _expected(self) -> Array:
        return expected_contents(self.truth, self.flux, self.resolution, self.grid)

    @cached_property
    def _sampler(self) -> EventSampler:
        spectrum = near_spectrum(self.flux)
        return EventSampler.build(spectrum, interpolated(self.truth), self.grid.setup)

    def draw(self, assumption: Assumption, rng: np.random.Generator) -> IntArray:
        """The histogram of a member; lost events are left out."""
        if assumption.calibrations:
            events = self._measured_and_calibrated(assumption, rng)
            return histogram_events(events, self.grid.n_v1, self.grid.n_v2)
        return draw_histogram(self._expected, self.n_events, rng)

    def _measured_and_calibrated(
        self, assumption: Assumption, rng: np.random.Generator
    ) -> Iterator[SampledEvents]:
        setup = self.grid.setup
        for events in self._sampler.batches(self.n_events, rng):
            v1, v2, kept = smear_events(events.v1, events.v2, self.resolution, setup, rng)
            v1, v2, inside = calibrated(v1[kept], v2[kept], assumption, setup)
            yield SampledEvents(events.energy[kept][inside], v1[inside], v2[inside])


def _in_cells(energy: Array, fluxes: Sequence[Array], grid: DensityGrid) -> Array:
    """Average of each flux, given at `energy`, over the cells of E_ν; (n_fluxes, n_energy)."""
    tables = [FluxTable(energy, values) for values in fluxes]
    return np.stack(
        [
            cell_averages(partial(interpolate_flux, table), grid.n_energy, grid.setup.energy_max)
            for table in tables
        ]
    )
