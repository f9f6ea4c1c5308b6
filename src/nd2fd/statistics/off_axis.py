"""Near-detector samples at angles to the beam axis, for joint fits.

The same detector moves away from the axis and stays at each angle as long as on it: numbers of
events follow from the fluxes (`nd2fd.beam.off_axis`) and the cross section of nature.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.off_axis import off_axis_flux
from nd2fd.beam.spectra import near_spectrum
from nd2fd.detector.smearing import Resolution
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.splines import SplineBasis
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.joint import JointDesign, OffAxisDesign
from nd2fd.io.schemas.near import NearHistogram
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning.near_data import draw_histogram, expected_contents
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.joint_design import near_design
from nd2fd.statistics.joint_fits import NearCounts, near_counts
from nd2fd.streams import random_stream

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


def off_axis_design(
    joint: JointDesign, flux: Flux, resolution: Resolution, grid: DensityGrid, angle: float
) -> OffAxisDesign:
    """Density at an angle [mrad] as a linear map of the spline coefficients of a joint design.

    `flux` is that on the axis; `grid` has the cells and energies of the near detector.
    """
    nodes = NodeGrid.of(joint)
    basis = SplineBasis(nodes, joint.splines, joint.bends)
    moved = off_axis_flux(flux, angle, grid.setup.energy_max)
    design = near_design(moved, resolution, grid, nodes, basis)
    return OffAxisDesign(
        angle=np.array(angle), cells=design.cells, near=design.nominal, near_modes=design.modes
    )


@dataclass(frozen=True)
class OffAxisSample:
    """What nature gives at an angle.

    angle
        [mrad].
    design
        How it is analysed.
    flux
        At this angle, with the modes.
    n_events
        Number of events, lost ones included.
    """

    angle: float
    design: SplineDesign
    flux: Flux
    n_events: int


def off_axis_samples(
    designs: Sequence[OffAxisDesign], truth: Truth, flux: Flux, n_events: int, energy_max: float
) -> list[OffAxisSample]:
    """Samples with the exposure that gives `n_events` on the axis, where the flux is `flux`."""
    on_axis = _rate(truth, flux)
    samples = []
    for design in designs:
        angle = design.angle.item()
        moved = off_axis_flux(flux, angle, energy_max)
        maps = SplineDesign(design.cells, design.near, design.near_modes)
        number = max(round(n_events * _rate(truth, moved) / on_axis), 1)
        samples.append(OffAxisSample(angle, maps, moved, number))
    return samples


def near_samples(
    read: NearHistogram | None,
    designs: Sequence[OffAxisDesign],
    truth: Truth | None,
    flux: Flux,
    resolution: Resolution,
    grid: DensityGrid,
    n_events: int,
    seed: int,
) -> tuple[NearCounts, list[tuple[SplineDesign, IntArray]]]:
    """Counts on the axis (`near_counts`), and maps and counts (n_v1, n_v2) at each angle.

    There are `n_events` on the axis; an angle names its random stream.
    """
    near = near_counts(read, truth, flux, resolution, grid, n_events, seed)
    if not designs:
        return near, []
    assert truth is not None
    drawn = []
    for sample in off_axis_samples(designs, truth, flux, n_events, grid.setup.energy_max):
        rng = random_stream(seed, "off_axis_events", f"{sample.angle:g}")
        contents = expected_contents(truth, sample.flux, resolution, grid)
        drawn.append((sample.design, draw_histogram(contents, sample.n_events, rng)))
    return near, drawn


def _rate(truth: Truth, flux: Flux) -> float:
    return float(near_spectrum(flux)(truth.energy) @ truth.sigma_total)
