"""Samples of events for others: a known or learned cross section, and any flux."""

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from nd2fd.beam.flux import cell_averages, interpolate_flux
from nd2fd.beam.fluxes import read_flux_of
from nd2fd.beam.spectra import Spectrum, far_spectrum, near_spectrum
from nd2fd.cross_sections.models import StructureFunctionModel
from nd2fd.events.generation import generate
from nd2fd.events.lepton_events import LeptonEvents
from nd2fd.events.positivity import LARGEST_INTERPOLATED_SHARE, LARGEST_LEARNED_SHARE
from nd2fd.events.sampling import EventSampler
from nd2fd.events.writers import WRITERS
from nd2fd.events.writers.sample import Sample
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.atomic import replacing
from nd2fd.io.declarations import Provenance
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.io.schemas.joint import JointFit
from nd2fd.io.schemas.learned import Networks
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.setup import Setup
from nd2fd.streams import random_stream

_LOG = logging.getLogger(__name__)

Progress = Callable[[int, str], None]

SOURCES: Final[Mapping[str, type[Truth | Networks | JointFit]]] = {
    "truth": Truth,
    "member": Networks,
    "joint": JointFit,
}
"""What holds structure functions: the truth, a batch of members, a joint fit (its mean)."""


def structure_function_model(
    artifact: Truth | Networks | JointFit, member: int | None
) -> StructureFunctionModel:
    """The cross section of an artifact; of a batch, that of the member of this number."""
    values = artifact.structure_functions
    if isinstance(artifact, Networks):
        (values,) = values[artifact.member == member]
    return StructureFunctionModel(NodeGrid.of(artifact), values)


def spectrum_of(
    name: str, section: Mapping[str, Any], flux: Flux, oscillation: Oscillation | None, setup: Setup
) -> Spectrum:
    """The flux of a sample: `near`, `far` (with oscillation), a built-in beam or a file."""
    given = section["flux"]
    if given == "near":
        return near_spectrum(flux)
    if oscillation is not None:
        return far_spectrum(flux, oscillation)
    table = read_flux_of(f"events.{name}.flux", given, section["flux_format"], setup)
    return partial(interpolate_flux, table)


def event_sample(
    name: str,
    section: Mapping[str, Any],
    model: StructureFunctionModel,
    spectrum: Spectrum,
    nominal: Flux,
    grid: DensityGrid,
    provenance: Provenance,
) -> tuple[Sample, EventSampler]:
    """What the file of a sample says about its events, and what draws them.

    Parameters
    ----------
    name, section
        Of the sample in the configuration section `events`.
    model
        The cross section; where it is negative it is taken as 0.
    spectrum
        Flux of the sample.
    nominal
        With the near flux, whose average of a learned cross section is its unit.
    grid
        Energies and cells of the total cross section.
    provenance
        Of the file.

    Raises
    ------
    ValueError
        As `EventSampler.build`; above all where the cross section is negative for more of the
        events than interpolation (truth) or scatter where there are no data (learned) explain.
    """
    energy_max = grid.setup.energy_max
    structure_functions = partial(model.nodes.interpolate, model.values)
    absolute = section["cross_section"] == "truth"
    allowed = LARGEST_INTERPOLATED_SHARE if absolute else LARGEST_LEARNED_SHARE
    sampler = EventSampler.build(
        spectrum, structure_functions, grid.setup, allowed_negative=allowed
    )
    averages = cell_averages(spectrum, grid.n_energy, energy_max)
    sigma = model.in_cells(grid).sum(axis=1)
    if not absolute:
        near = cell_averages(near_spectrum(nominal), grid.n_energy, energy_max)
        sigma /= np.average(sigma, weights=near)
    sample = Sample(
        name=name,
        cross_section=section["cross_section"],
        flux=section["flux"],
        setup=grid.setup,
        n_events=section["number"],
        energy_edges=np.linspace(0.0, energy_max, grid.n_energy + 1),
        spectrum=averages / averages.max(),
        sigma_total=sigma,
        average=float(np.average(sigma, weights=averages)),
        absolute=absolute,
        negative_share=sampler.negative_share,
        provenance=provenance,
    )
    return sample, sampler


def write_event_file(
    path: Path,
    section: Mapping[str, Any],
    model: StructureFunctionModel,
    fluxes: tuple[Flux, Oscillation | None],
    grid: DensityGrid,
    provenance: Provenance,
    progress: Progress,
) -> None:
    """Draw a sample and write it, batch by batch, in the format that the file's name ends with.

    The sample has the name of the file; all formats have the same events. Parameters and errors are
    those of `event_sample`; OSError as the disk has it.
    """
    name = path.stem
    spectrum = spectrum_of(name, section, *fluxes, grid.setup)
    sample, sampler = event_sample(name, section, model, spectrum, fluxes[0], grid, provenance)
    _LOG.info(
        "average cross section %.6g (%s); %.2g of |d²σ| is negative and taken as 0",
        sample.average,
        sample.unit,
        sample.negative_share,
    )
    rng = random_stream(provenance.seed, "event_file", name)
    events = generate(sampler, sample.n_events, rng)
    with replacing(path) as temporary:
        WRITERS[path.suffix.removeprefix(".")](temporary, sample, _followed(events, progress))


def _followed(events: Iterator[LeptonEvents], progress: Progress) -> Iterator[LeptonEvents]:
    done = 0
    for batch in events:
        yield batch
        done += batch.n_events
        progress(done, "events")
