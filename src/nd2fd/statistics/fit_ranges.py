"""Ranges of the oscillation parameters in which fits look for the best one.

A range must hold the truth and nearly all bootstrap replicas, and the likelihood is tabulated over
all of it: the wider, the dearer. Where the user gives none it follows from the truth and the
number of events.
"""

import math

MIXING_WIDTH = 0.09
"""What a range of sin²θ23 has on either side of the truth and of its mirror image about 0.5."""

MASS_WIDTH = 0.1
"""What a range of Δm²32 has on either side of the truth, relative to it."""

N_EVENTS = 6200
"""Number of far-detector events from which on ranges have these widths; below, errors are larger,
and widths grow with its inverse square root."""

LARGEST_GROWTH = 3.0
"""Widths grow to this many times their size: likelihoods over more are dear, and few events do not
determine the parameters."""

LARGEST_MASS_WIDTH = 0.6
"""A wider range would come near Δm²32 = 0, where there is nothing to fit."""

SMALLEST_MIXING = 0.02
"""Lower end of the widest range of sin²θ23, unless the truth is near it; the upper end is its
mirror image."""

Range = tuple[float, float]


def mixing_range(sin2_theta23: float, n_events: int) -> Range:
    """Range of sin²θ23 about its true value, symmetric about 0.5 so that both octants are in it.

    `sin2_theta23` lies in (0, 1); `n_events` is the number of far-detector events.
    """
    half_width = abs(sin2_theta23 - 0.5) + MIXING_WIDTH * _growth(n_events)
    return _about_maximal(round(half_width, 2), sin2_theta23)


def mass_range(dm2_32: float, n_events: int) -> Range:
    """Range of Δm²32 [eV²] about its true value, in round numbers and of its sign."""
    width = min(MASS_WIDTH * _growth(n_events), LARGEST_MASS_WIDTH)
    step = 0.05 * 10.0 ** math.floor(math.log10(abs(dm2_32)))
    ends = [round(abs(dm2_32) * (1 + w) / step) * step for w in (-width, width)]
    # Free of the rounding of the last product: 0.0022, not 0.0022000000000000001.
    low, high = (float(f"{end:.6g}") for end in ends)
    return (low, high) if dm2_32 > 0 else (-high, -low)


def widened_mixing(limits: Range, sin2_theta23: float, factor: float) -> Range:
    """A range of sin²θ23 `factor` times as wide, as far as there is room in (0, 1)."""
    if factor == 1:
        return limits
    half_width = factor * max(0.5 - limits[0], limits[1] - 0.5)
    return _about_maximal(round(half_width, 6), sin2_theta23)


def widened_mass(limits: Range, dm2_32: float, factor: float) -> Range:
    """A range of Δm²32 [eV²] `factor` times as wide about the truth, as far as its sign allows."""
    if factor == 1:
        return limits
    room = LARGEST_MASS_WIDTH * abs(dm2_32)
    low, high = limits
    ends = (
        # What the user allowed stays allowed.
        min(low, max(dm2_32 - factor * (dm2_32 - low), dm2_32 - room)),
        max(high, min(dm2_32 + factor * (high - dm2_32), dm2_32 + room)),
    )
    return float(f"{ends[0]:.6g}"), float(f"{ends[1]:.6g}")


def _growth(n_events: int) -> float:
    return min(max(1.0, math.sqrt(N_EVENTS / n_events)), LARGEST_GROWTH)


def _about_maximal(half_width: float, sin2_theta23: float) -> Range:
    """(0.5 − w, 0.5 + w), which ends within (0, 1) and beyond the truth."""
    smallest = min(SMALLEST_MIXING, min(sin2_theta23, 1 - sin2_theta23) / 2)
    half_width = min(half_width, 0.5 - smallest)
    return round(0.5 - half_width, 6), round(0.5 + half_width, 6)
