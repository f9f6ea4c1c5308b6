"""Near-detector samples of other beams, for joint fits.

Another beam has another flux, whose errors have nothing to do with those of the first: its modes
are nuisance parameters of their own, which stand behind those of the first and move neither its
density nor that at the far detector. What all samples share are the structure functions.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nd2fd.detector.smearing import Resolution
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.splines import SplineBasis
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.joint import BeamDesign, JointDesign, OffAxisDesign
from nd2fd.io.schemas.near import NearHistogram
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.joint_design import near_design
from nd2fd.statistics.joint_fits import NearSide
from nd2fd.statistics.off_axis import near_samples

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
Sample = tuple[SplineDesign, Array | IntArray]


def beam_design(
    joint: JointDesign, flux: Flux, resolution: Resolution, grid: DensityGrid
) -> BeamDesign:
    """Density in another flux as a linear map of the spline coefficients of a joint design.

    `grid` has the cells and energies of the near detector.
    """
    basis = SplineBasis(NodeGrid.of(joint), joint.splines, joint.bends)
    made = near_design(flux, resolution, grid, basis.nodes, basis)
    return BeamDesign(cells=made.cells, near=made.nominal, near_modes=made.modes)


def samples_of_fit(
    joint: JointDesign,
    nature: tuple[Truth | None, Flux],
    angles: Sequence[OffAxisDesign],
    beams: tuple[Sequence[BeamDesign], Sequence[NearHistogram]],
    read: NearHistogram | None,
    detector: tuple[Resolution, DensityGrid],
    n_events: int,
    seed: int,
) -> NearSide:
    """All near-detector samples of a joint fit (`near_samples`, `with_beams`)."""
    near, samples = near_samples(read, angles, *nature, *detector, n_events, seed)
    design, flux, others = with_beams(joint, nature[1], *beams)
    return NearSide(design, flux, near, [*samples, *others])


def with_beams(
    joint: JointDesign,
    flux: Flux,
    designs: Sequence[BeamDesign],
    events: Sequence[NearHistogram],
) -> tuple[JointDesign, Flux, list[Sample]]:
    """A joint design and its flux with the modes of other beams, and these beams' samples.

    Parameters
    ----------
    joint, flux
        Of the first beam.
    designs, events
        Of the other beams; without any, `joint` and `flux` are returned as they are.

    Returns
    -------
    joint, flux
        Each mode of another beam is one more that moves nothing here.
    samples
        Maps and counts (n_v1, n_v2) of the others, with the modes of all beams.

    Raises
    ------
    ValueError
        If events of another beam have weights.
    """
    first, sizes = len(joint.near_modes), [len(design.near_modes) for design in designs]
    n_modes = first + sum(sizes)
    samples: list[Sample] = []
    for number, (design, made) in enumerate(zip(designs, events, strict=True)):
        if not np.array_equal(made.contents, made.squares):
            raise ValueError(
                "joint.beams: events of other beams must have no weights; unweight them first"
            )
        modes = np.zeros((n_modes, *design.near.shape))
        start = first + sum(sizes[:number])
        modes[start : start + sizes[number]] = design.near_modes
        samples.append((SplineDesign(design.cells, design.near, modes), made.contents))
    if n_modes == first:
        return joint, flux, samples
    assert flux.near_modes is not None
    assert flux.far_modes is not None
    joint = replace(
        joint,
        near_modes=_with_idle(joint.near_modes, n_modes),
        far_modes=_with_idle(joint.far_modes, n_modes),
    )
    flux = replace(
        flux,
        near_modes=_with_idle(flux.near_modes, n_modes),
        far_modes=_with_idle(flux.far_modes, n_modes),
    )
    return joint, flux, samples


def _with_idle(modes: Array, n_modes: int) -> Array:
    """Modes along the first axis, and more that are zero."""
    return np.concatenate([modes, np.zeros((n_modes - len(modes), *modes.shape[1:]))])
