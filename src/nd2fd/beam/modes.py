"""Uncertainty of the flux: modes shared by the near and the far detector.

    flux_z(E) = flux(E) (1 + Σ_k z_k s_k(E)),    z_k ~ N(0, 1),

with fractional one-standard-deviation shifts s_k of the near (ND) and the far (FD) flux, which
share z_k. The covariance of the fractional flux error is Σ_k s_k(E) s_k(E'), within a detector and
between the two. At the far detector the modes belong to the unoscillated flux; a survival
probability multiplies flux and varied flux alike. There may be no modes at all: then every array of
them has length 0.

Modes come from a file or are built in (`nd2fd.beam.builtin_modes`).
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nd2fd.beam.flux import FluxTable, interpolate_flux

Array = NDArray[np.float64]

DETECTORS = ("ND", "FD")

_NUMBER = r"((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_BIN_LABEL = re.compile(rf"{_NUMBER}\s*-\s*{_NUMBER}\s*([GM]eV)")

_LARGEST = 0.5
"""Largest standard deviation of a flux: more are per cent, or another mistake."""


@dataclass(frozen=True)
class FluxModes:
    """Fractional shifts of the ND and FD flux for z_k = 1, in bins of the neutrino energy.

    Parameters
    ----------
    edges
        Bin edges [GeV], increasing, shape (n_bins + 1,).
    near, far
        Shifts s_k, dimensionless, shape (n_modes, n_bins); row k of both is one mode.
    """

    edges: Array
    near: Array
    far: Array

    @property
    def centres(self) -> Array:
        """Bin centres [GeV], shape (n_bins,)."""
        return 0.5 * (self.edges[1:] + self.edges[:-1])


def read_flux_modes(path: Path | str, energy_max: float) -> FluxModes:
    """Read modes from a text file of comma-separated values.

    The first row, `det,k,0-0.5GeV,0.5-1GeV,...`, gives the bins, in GeV or MeV. Each further row
    holds a detector, `ND` or `FD`, the number of the mode, and its shift in every bin. `#` starts a
    comment.

    Parameters
    ----------
    path
        The file.
    energy_max
        End of the spectrum [GeV]: the bins must cover (0, energy_max).

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        Bins are not labelled `low-highGeV`, leave gaps, do not ascend or do not cover
        (0, energy_max); a row has the wrong number of columns, an unknown detector, or a shift that
        is not between -1 and 1; a mode is given twice or for one detector only; there are no modes;
        all shifts are zero, or their standard deviation in a bin is above 50 %.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"flux modes file {path} does not exist or is not a file")
    edges: Array | None = None
    shifts: dict[str, dict[int, list[float]]] = {detector: {} for detector in DETECTORS}
    line_of: dict[tuple[str, int], int] = {}
    # A byte that is not text becomes a character that is not a number, reported with its line.
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        data = line.partition("#")[0].strip()
        if not data:
            continue
        fields = [field.strip() for field in data.split(",")]
        try:
            if edges is None:
                edges = _parse_header(fields, energy_max)
                continue
            detector, k, row = _parse_row(fields, len(edges) - 1)
            if k in shifts[detector]:
                before = line_of[detector, k]
                raise ValueError(f"mode {k} of {detector} stands already in line {before}")
        except ValueError as error:
            raise ValueError(f"flux modes file {path}, line {number}: {error}") from None
        shifts[detector][k] = row
        line_of[detector, k] = number
    if edges is None or not line_of:
        raise ValueError(
            f"flux modes file {path}: no modes; rows ND,k,... and FD,k,... are needed below the "
            "header det,k,0-0.5GeV,..."
        )
    for (detector, k), number in line_of.items():
        for other in DETECTORS:
            if k not in shifts[other]:
                raise ValueError(
                    f"flux modes file {path}, line {number}: mode {k} is given for {detector} but "
                    f"not for {other}; every mode needs both"
                )
    near, far = (np.array([shifts[detector][k] for k in shifts["ND"]]) for detector in DETECTORS)
    _refuse_wrong_sizes(f"flux modes file {path}", edges, near, far)
    return FluxModes(edges, near, far)


def _refuse_wrong_sizes(file: str, edges: Array, near: Array, far: Array) -> None:
    if not near.any() and not far.any():
        raise ValueError(
            f"{file}: all shifts are 0, so that the flux has no errors; say that with null"
        )
    for detector, shifts in zip(DETECTORS, (near, far), strict=True):
        size = np.sqrt((shifts**2).sum(axis=0))
        i = int(size.argmax())
        if size[i] > _LARGEST:
            raise ValueError(
                f"{file}: one standard deviation of the {detector} flux from {edges[i]:g} to "
                f"{edges[i + 1]:g} GeV is {100 * size[i]:.0f} %, all modes together; it must not "
                f"be above {100 * _LARGEST:.0f} %. Shifts are fractions: are they in per cent?"
            )


def _parse_header(fields: list[str], energy_max: float) -> Array:
    """Bin edges of the header row; ValueError where they are not bins over (0, energy_max)."""
    if fields[:2] != ["det", "k"] or len(fields) < 3:
        hint = ", separated by commas" if len(fields) == 1 else ""
        raise ValueError(
            f"header '{','.join(fields[:3])}'; it must be det,k,0-0.5GeV,0.5-1GeV,...{hint}"
        )
    edges = [0.0]
    for label in fields[2:]:
        match = _BIN_LABEL.fullmatch(label)
        if match is None:
            raise ValueError(f"bin '{label}'; bins must be written like 0.5-1GeV or 500-1000MeV")
        # Divided: 500/1000 is the same number as 0.5, 500*1e-3 need not be.
        low, high = (
            float(value) / (1e3 if match[3] == "MeV" else 1) for value in match.groups()[:2]
        )
        if low != edges[-1]:
            raise ValueError(
                f"bin '{label}' must start at {edges[-1]:g} GeV: the bins start at 0 and leave "
                "neither gaps nor overlaps"
            )
        if high <= low or not np.isfinite(high):
            raise ValueError(f"bin '{label}' must end, at a finite energy, above its start")
        edges.append(high)
    if edges[-1] < energy_max:
        raise ValueError(
            f"the bins end at {edges[-1]:g} GeV; they must cover energies from 0 to energy_max = "
            f"{energy_max:g} GeV"
        )
    return np.array(edges)


def _parse_row(fields: list[str], n_bins: int) -> tuple[str, int, list[float]]:
    """Detector, number and shifts of one row; ValueError where they cannot be a mode."""
    if len(fields) != n_bins + 2:
        raise ValueError(
            f"{len(fields)} columns; there must be {n_bins + 2} (det, k and {n_bins} bins)"
        )
    detector, k = fields[:2]
    if detector not in DETECTORS:
        raise ValueError(f"detector '{detector}'; it must be one of {', '.join(DETECTORS)}")
    if not (k.isascii() and k.isdigit()):
        raise ValueError(f"mode '{k}'; the number of a mode must be an integer >= 0")
    row = []
    for field in fields[2:]:
        try:
            value = float(field)
        except ValueError:
            raise ValueError(f"'{field}' is not a number (comments start with #)") from None
        # Refuses nan and inf, and per cent where fractions are meant.
        if not abs(value) < 1:
            raise ValueError(f"'{field}' is not allowed; shifts are fractions between -1 and 1")
        row.append(value)
    return detector, int(k), row


def modes_at(modes: FluxModes, energy: ArrayLike) -> tuple[Array, Array]:
    """Shifts of the near and the far flux at `energy` [GeV], each (n_modes, *energy.shape).

    Linear between the bin centres, constant beyond the first and the last.
    """
    # Not constant in each bin: steps times a flux that is linear in between would put edges into
    # the varied flux, and so into the event densities, that no beam has.
    energy = np.asarray(energy, dtype=np.float64)

    def interpolate(shifts: Array) -> Array:
        values = np.empty((len(shifts), *energy.shape))
        for value, shift in zip(values, shifts, strict=True):
            value[...] = np.interp(energy, modes.centres, shift)
        return values

    return interpolate(modes.near), interpolate(modes.far)


def remove_normalisation(modes: FluxModes, near_flux: FluxTable, energy_max: float) -> FluxModes:
    """Modes that leave the integral of the near flux over (0, energy_max) as it is.

    From each mode, near and far, its flux-weighted mean at the near detector is subtracted: what
    the near event rate fixes. The difference between the far and the near shifts stays, so a mode
    still changes the far flux's normalisation relative to the near one's.

    Parameters
    ----------
    modes
        The modes.
    near_flux
        The ND flux; only its shape matters.
    energy_max
        End of the spectrum [GeV].

    Raises
    ------
    ValueError
        The flux vanishes everywhere in (0, energy_max).
    """
    low = max(near_flux.energy[0], 0.0)
    high = min(near_flux.energy[-1], energy_max)
    kinks = np.concatenate([near_flux.energy, modes.centres])
    knots = np.unique([low, high, *kinks[(kinks > low) & (kinks < high)]])
    # Flux times mode is a quadratic between two knots, where Simpson's rule is exact.
    steps = np.diff(knots)
    energy = np.concatenate([knots[:-1], knots[:-1] + steps / 2, knots[1:]])
    weights = np.concatenate([steps, 4 * steps, steps]) / 6 * interpolate_flux(near_flux, energy)
    total = weights.sum()
    if low >= high or total <= 0:
        raise ValueError(
            f"the near flux, given from {near_flux.energy[0]:g} to {near_flux.energy[-1]:g} GeV, "
            f"vanishes in (0, energy_max = {energy_max:g}) GeV; it must not"
        )
    mean = (modes_at(modes, energy)[0] @ weights / total)[:, None]
    return FluxModes(modes.edges, modes.near - mean, modes.far - mean)


def vary_flux(
    energy: Array,
    near: Array,
    far: Array | None,
    shifts: tuple[Array, Array | None],
    z: Array,
) -> tuple[Array, Array | None]:
    """Near and far flux varied by the modes, flux (1 + Σ_k z_k s_k).

    Parameters
    ----------
    energy
        Neutrino energies [GeV], shape (n_energy,).
    near, far
        Fluxes at `energy`, any unit, shape (n_energy,); no `far` without a far detector.
    shifts
        Near and far modes at `energy`, as from `modes_at`, each of shape (n_modes, n_energy); those
        of the far detector may be None where `far` is.
    z
        Size of each mode in standard deviations, the same for both detectors, shape
        (*draws, n_modes).

    Returns
    -------
    near, far
        Varied fluxes in the unit of the given ones, shape (*draws, n_energy); None for no `far`.

    Raises
    ------
    ValueError
        `z` does not have one number per mode, or a varied flux is negative: with errors of 10 %
        that takes ten standard deviations, so the modes are wrong; clipping would hide it.
    """
    near_shifts, far_shifts = shifts
    n_modes = len(near_shifts)
    if np.shape(z)[-1:] != (n_modes,):
        raise ValueError(f"z has shape {np.shape(z)}; its last length must be {n_modes}, the modes")

    def vary(detector: str, flux: Array, shift: Array) -> Array:
        # Not a matrix product: BLAS rounds differently for one draw and for several.
        factor = 1 + (np.asarray(z)[..., :, None] * shift).sum(axis=-2)
        varied = flux * factor
        if varied.size and varied.min() < 0:
            worst = np.unravel_index(varied.argmin(), varied.shape)
            raise ValueError(
                f"the varied {detector} flux is negative at {energy[worst[-1]]:g} GeV: there it is "
                f"the nominal one times {factor[worst]:.3g}; the modes must keep it >= 0"
            )
        return np.asarray(varied)

    varied_near = vary("near", near, near_shifts)
    if far is None or far_shifts is None:
        return varied_near, None
    return varied_near, vary("far", far, far_shifts)
