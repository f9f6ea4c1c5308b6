"""Exact sampling of events, continuous in (E_ν, v1, v2), from Φ(E_ν) d²σ/dv1 dv2.

Events are drawn in coordinates (E_ν, s, t) that fill a box (`nd2fd.events.coordinates`). All of it
is physical, so that no cell of a grid in it is cut by the kinematic boundary, where the density
jumps.

In every cell the density lies between two bounds, 0 ≤ lower ≤ density ≤ upper. A proposal that
falls, uniformly, under the upper bound of all cells falls under the lower bound with probability
Σ lower / Σ upper: it is an event, whatever the density is there (the squeeze of Marsaglia, 1977).
Only between the bounds is the density evaluated and compared. The result does not depend on the
bounds, provided that they hold. They come from the values at the cells' corners and a margin for
what happens in between, and every evaluated density is checked against them.

Cross sections with peaks that are narrow in ω = E_ν - E_l, such as the quasi-elastic one, pass
between the corners of such cells. Where a trial shows it, cells are narrow at small y, margins are
wide, and bounds are those of the cells around, too.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from nd2fd.events.bounds import BoundsError, cell_bounds, check_bounds
from nd2fd.events.coordinates import (
    Inelastic,
    cross_section_in_box,
    density_variables,
    inelastic,
)
from nd2fd.events.positivity import LARGEST_INTERPOLATED_SHARE, refuse_mostly_negative
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import StructureFunctions

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SPECTRUM_STEPS = 8192
"""At least so many steps resolve the spectrum: above 0.2 GeV, 12 or more per oscillation."""

_SHARP_CURVATURE_MARGIN = 8.0
_SHARP_POWER = 3
_SHARP_CELLS = (192, 64, 96)
_SHARP_FLOOR = 0.05
"""For narrow peaks: margin, power of t with which y grows, fewest cells, and what upper bounds are
raised by, in units of their mean at the energy: a trace of a peak may be all that is in a cell."""

_TRIAL_PROPOSALS = 20_000
_TRIAL_SEED = 20

_PROPOSALS_PER_BATCH = 500_000

_SMALLEST_YIELD = 1e-4
"""Share of proposals that must become events; two in three or more do."""

_AUDIT_STEP = 100
"""One in so many of the events under the lower bound is evaluated, to check the bound."""

_SMALL_SAMPLE_CELLS = (64, 24, 24)


class SampledEvents(NamedTuple):
    """Events, each array of shape (n,): E_ν [GeV] and density variables v1 and v2."""

    energy: Array
    v1: Array
    v2: Array


@dataclass(frozen=True)
class EventSampler:
    """Bounds of Φ(E_ν) and d²σ/ds dt in cells of (E_ν, s, t), and events drawn with them.

    spectrum : Φ(E_ν), E_ν in GeV
    structure_functions : (W1', W2', W3')(x, Q²)
    setup : target, lepton, and the end of the spectrum
    spectrum_lower, spectrum_upper : bounds of Φ, shape (n_energy,)
    lower, upper : bounds of max(0, d²σ/ds dt) [1e-38 cm² per nucleon], (n_energy, n_s, n_t)
    negative_share : of Σ|Φ d²σ| at the corners of the cells, what is negative and taken as 0
    power : y grows with this power of t, so that cells are narrow at small y if it is above 1
    """

    spectrum: Callable[[Array], Array]
    structure_functions: StructureFunctions
    setup: Setup
    spectrum_lower: Array
    spectrum_upper: Array
    lower: Array
    upper: Array
    negative_share: float
    power: int = 1

    @classmethod
    def build(
        cls,
        spectrum: Callable[[Array], Array],
        structure_functions: StructureFunctions,
        setup: Setup,
        n_cells: tuple[int, int, int] = (192, 64, 48),
        allowed_negative: float = LARGEST_INTERPOLATED_SHARE,
    ) -> "EventSampler":
        """Evaluate spectrum and cross section at the corners of cells.

        Parameters
        ----------
        spectrum
            Φ(E_ν) ≥ 0, E_ν in GeV, shape (n,) to (n,); at the far detector flux times survival
            probability. Steps are fine, peaks narrower than E_max / 8192 may be missed.
        structure_functions
            (W1', W2', W3')(x, Q²); where the cross section is negative, it is taken as 0.
        setup
            Target, lepton, and the end of the spectrum.
        n_cells
            Cells in E_ν, s and t, each at least 2; more for cross sections with narrow peaks.
            Their number decides about speed only: of memory, 40 bytes per cell, and one evaluation
            per cell here save evaluations later.
        allowed_negative
            Share of the events for which the cross section may be negative.

        Raises
        ------
        ValueError
            If there are fewer than 2 cells, if the spectrum is negative or not finite, if the
            cross section is not finite, or negative for more of the events than is allowed, or if
            either vanishes everywhere.
        """
        if min(n_cells) < 2:
            raise ValueError(f"n_cells is {n_cells}; there must be at least 2 along each axis")
        given = (spectrum, structure_functions, setup)
        sampler = cls._with_bounds(*given, n_cells, allowed_negative, sharp=False)
        try:
            sampler._try_bounds()
        except BoundsError:
            fewest = tuple(max(n) for n in zip(n_cells, _SHARP_CELLS, strict=True))
            return cls._with_bounds(*given, fewest, allowed_negative, sharp=True)
        return sampler

    @classmethod
    def _with_bounds(
        cls,
        spectrum: Callable[[Array], Array],
        structure_functions: StructureFunctions,
        setup: Setup,
        n_cells: tuple[int, ...],
        allowed_negative: float,
        *,
        sharp: bool,
    ) -> "EventSampler":
        """`build` with the bounds of smooth cross sections, or of those with narrow peaks."""
        n_energy, n_s, n_t = n_cells
        power = _SHARP_POWER if sharp else 1
        steps = -(-_SPECTRUM_STEPS // n_energy)
        fine = np.linspace(setup.energy_threshold, setup.energy_max, n_energy * steps + 1)
        flux = spectrum(fine)
        if not (np.isfinite(flux) & (flux >= 0.0)).all():
            i = int(np.argmin(np.isfinite(flux) & (flux >= 0.0)))
            raise ValueError(
                f"spectrum is {flux[i]} at {fine[i]:.6g} GeV; it must be finite and at least 0"
            )
        spectrum_lower, spectrum_upper = cell_bounds(flux)

        s, t = np.meshgrid(np.linspace(0, 1, n_s + 1), np.linspace(0, 1, n_t + 1), indexing="ij")
        corners = np.empty((n_energy + 1, n_s + 1, n_t + 1))
        for j, energy in enumerate(fine[::steps]):
            plane = np.full(s.size, energy)
            point = _inelastic(plane, s.ravel(), t.ravel(), setup, power)
            values = cross_section_in_box(structure_functions, plane, point, setup)
            if not np.isfinite(values).all():
                raise ValueError(f"cross section is not finite at E_ν = {energy:.6g} GeV")
            corners[j] = values.reshape(s.shape)
        if sharp:
            lower, upper = cell_bounds(corners, _SHARP_CURVATURE_MARGIN)
            lower, upper = minimum_filter(lower, 3), maximum_filter(upper, 3)
            upper += _SHARP_FLOOR * upper.mean(axis=(1, 2), keepdims=True)
        else:
            lower, upper = cell_bounds(corners)
        density = corners * flux[::steps, None, None]
        negative_share = refuse_mostly_negative(density, fine[::steps], setup, allowed_negative)
        # The spectrum may oscillate within a cell of the cross section.
        spectrum_lower = spectrum_lower.reshape(n_energy, steps).min(axis=1)
        spectrum_upper = spectrum_upper.reshape(n_energy, steps).max(axis=1)
        largest = corners.max(axis=(1, 2))
        if not (np.maximum(largest[:-1], largest[1:]) * spectrum_upper > 0.0).any():
            raise ValueError(
                "spectrum times cross section vanishes everywhere between "
                f"{setup.energy_threshold:.4g} and {setup.energy_max} GeV; there are no events to "
                "draw"
            )
        return cls(
            spectrum,
            structure_functions,
            setup,
            spectrum_lower,
            spectrum_upper,
            lower,
            upper,
            negative_share,
            power,
        )

    def _try_bounds(self) -> None:
        """Raise BoundsError if they do not hold at a few points; leaves no trace in any sample."""
        lower, upper = self._lower(), self._upper()
        rng = np.random.default_rng(_TRIAL_SEED)
        self._accept(_draw_cells(np.cumsum(upper), _TRIAL_PROPOSALS, rng), 0, lower, upper, rng)

    def _lower(self) -> Array:
        """Lower bounds of the density, flat."""
        return (self.spectrum_lower[:, None, None] * self.lower).ravel()

    def _upper(self) -> Array:
        """Upper bounds of the density, flat."""
        return (self.spectrum_upper[:, None, None] * self.upper).ravel()

    def batches(self, n_events: int, rng: np.random.Generator) -> Iterator[SampledEvents]:
        """Draw events in batches of up to half a million.

        Events of a batch are sorted, roughly, by energy: shuffle them where their order matters.
        Independent events come out of every batch; those in excess of `n_events` are dropped at
        random from the last one.

        Parameters
        ----------
        n_events
            Number of events in all batches together.
        rng
            Source of randomness; equal states give equal events.

        Raises
        ------
        ValueError
            If `n_events` is below 1.
        RuntimeError
            From the iterator, if a spectrum or cross section is outside of its bounds in a cell, or
            if next to no proposal becomes an event.
        """
        if n_events < 1:
            raise ValueError(f"n_events is {n_events}; it must be at least 1")
        return self._batches(n_events, rng)

    def _batches(self, n_events: int, rng: np.random.Generator) -> Iterator[SampledEvents]:
        lower, upper = self._lower(), self._upper()
        below, between = np.cumsum(lower), np.cumsum(upper - lower)
        share = below[-1] / (below[-1] + between[-1])
        n_left, n_tried = n_events, 0
        while n_left:
            if (n_events - n_left) < _SMALLEST_YIELD * n_tried - 1.0:
                raise RuntimeError(
                    f"{n_events - n_left} of {n_tried} proposals became events, of which "
                    f"{n_events} are wanted: the spectrum times the cross section is zero or "
                    f"negative next to everywhere up to {self.setup.energy_max} GeV"
                )
            # Enough for the rest if four in five are accepted; otherwise there is another round.
            n_proposals = min(_PROPOSALS_PER_BATCH, n_left + n_left // 4 + 100)
            n_below = int(rng.binomial(n_proposals, share))
            cell = np.concatenate(
                [_draw_cells(below, n_below, rng), _draw_cells(between, n_proposals - n_below, rng)]
            )
            events = self._accept(cell, n_below, lower, upper, rng)
            n_accepted = events.energy.size
            if n_accepted > n_left:
                kept = rng.permutation(n_accepted) < n_left
                events = SampledEvents(*(values[kept] for values in events))
            n_left -= events.energy.size
            n_tried += n_proposals
            yield events

    def _accept(
        self, cell: IntArray, n_below: int, lower: Array, upper: Array, rng: np.random.Generator
    ) -> SampledEvents:
        """Events of proposals in cells; the first `n_below` are below the lower bounds."""
        shape = self.lower.shape
        index = np.unravel_index(cell, shape)
        unit = [(i + rng.random(cell.size)) / n for i, n in zip(index, shape, strict=True)]
        threshold = self.setup.energy_threshold
        energy = threshold + (self.setup.energy_max - threshold) * unit[0]
        point = _inelastic(energy, unit[1], unit[2], self.setup, self.power)

        audited = np.arange(rng.integers(_AUDIT_STEP), n_below, _AUDIT_STEP)
        evaluated = np.concatenate([audited, np.arange(n_below, cell.size)])
        flux = self.spectrum(energy[evaluated])
        j = index[0][evaluated]
        check_bounds("spectrum", flux, self.spectrum_lower[j], self.spectrum_upper[j])
        sigma = np.maximum(
            cross_section_in_box(
                self.structure_functions,
                energy[evaluated],
                Inelastic(*(values[evaluated] for values in point)),
                self.setup,
            ),
            0.0,
        )
        c = cell[evaluated]
        check_bounds("cross section", sigma, self.lower.ravel()[c], self.upper.ravel()[c])

        accepted = np.ones(cell.size, dtype=np.bool_)
        density, c = (flux * sigma)[audited.size :], c[audited.size :]
        height = lower[c] + rng.random(c.size) * (upper[c] - lower[c])
        accepted[n_below:] = height < density
        energy = energy[accepted]
        v1, v2 = density_variables(
            energy, point.bjorken_x[accepted], point.inelasticity[accepted], self.setup
        )
        return SampledEvents(energy, v1, v2)


def _inelastic(energy: Array, s: Array, t: Array, setup: Setup, power: int) -> Inelastic:
    """`inelastic` in a t whose power is that of the coordinates."""
    if power == 1:
        return inelastic(energy, s, t, setup)
    x, y, jacobian = inelastic(energy, s, t**power, setup)
    return Inelastic(x, y, jacobian * power * t ** (power - 1))


def _draw_cells(cumulative: Array, n: int, rng: np.random.Generator) -> IntArray:
    """n cells in ascending order, with probabilities in proportion to steps of `cumulative`."""
    # Arrival times of a Poisson process over that of the last are sorted uniform numbers.
    arrival = np.cumsum(rng.standard_exponential(n + 1))
    position = arrival[:-1] * (cumulative[-1] / arrival[-1])
    last = np.nextafter(cumulative[-1], 0.0)
    return np.searchsorted(cumulative, np.minimum(position, last), side="right")


def sample_events(
    n_events: int,
    spectrum: Callable[[Array], Array],
    structure_functions: StructureFunctions,
    setup: Setup,
    rng: np.random.Generator,
) -> SampledEvents:
    """Draw a small sample of (E_ν, v1, v2) from Φ(E_ν) d²σ/dv1 dv2, in random order.

    Large samples are for `EventSampler.batches`; the method is the same.

    Parameters
    ----------
    n_events
        Number of events.
    spectrum
        Φ(E_ν) ≥ 0, E_ν in GeV; at the far detector flux times survival probability.
    structure_functions
        (W1', W2', W3')(x, Q²); where the cross section is negative, it is taken as 0.
    setup
        Target, lepton, and the end of the spectrum.
    rng
        Source of randomness; equal states give equal events.

    Raises
    ------
    ValueError, RuntimeError
        As `EventSampler.build` and `EventSampler.batches`.
    """
    sampler = EventSampler.build(spectrum, structure_functions, setup, _SMALL_SAMPLE_CELLS)
    batches = list(sampler.batches(n_events, rng))
    order = rng.permutation(n_events)
    return SampledEvents(*(np.concatenate(values)[order] for values in zip(*batches, strict=True)))


def histogram_events(
    batches: Iterable[tuple[Array, Array, Array]], n_v1: int, n_v2: int
) -> IntArray:
    """Count events in n_v1 × n_v2 equal cells of the unit square in (v1, v2).

    Parameters
    ----------
    batches
        (E_ν, v1, v2) of events, each array of shape (n,).
    n_v1, n_v2
        Number of cells.

    Returns
    -------
    array, shape (n_v1, n_v2)
        Counts.

    Raises
    ------
    ValueError
        If an event is outside of the unit square.
    """
    counts = np.zeros(n_v1 * n_v2, dtype=np.int64)
    for _, v1, v2 in batches:
        for name, values in (("v1", v1), ("v2", v2)):
            wrong = ~((values >= 0.0) & (values < 1.0))
            if wrong.any():
                raise ValueError(f"{name} of an event is {values[wrong][0]}; allowed is [0, 1)")
        cell = (v1 * n_v1).astype(np.int64) * n_v2 + (v2 * n_v2).astype(np.int64)
        counts += np.bincount(cell, minlength=counts.size)
    return counts.reshape(n_v1, n_v2)
