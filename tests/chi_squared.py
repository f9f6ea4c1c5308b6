"""χ² tests of histograms of events."""

import numpy as np
from scipy.stats import chi2

SMALLEST = 1e-3
"""Probability below which agreement is called bad, and above one minus which it is too good."""


def p_value(observed, expected, n_fitted=0):
    """Of counts against expected counts, cells with few of them merged into one.

    Zero if there are events where none are expected.
    """
    observed, expected = np.ravel(observed), np.ravel(expected)
    few = expected < 10
    observed = np.append(observed[~few], observed[few].sum())
    expected = np.append(expected[~few], expected[few].sum())
    merged = expected > 0
    if observed[~merged].any():
        return 0.0
    statistic = ((observed[merged] - expected[merged]) ** 2 / expected[merged]).sum()
    return chi2.sf(statistic, np.count_nonzero(merged) - n_fitted)


def shape_p_value(observed, density):
    """Of counts against a density of any normalisation."""
    return p_value(observed, np.ravel(density) * (observed.sum() / np.sum(density)), n_fitted=1)


def follows(observed, density):
    """Neither worse nor better than independent events would agree."""
    return SMALLEST < shape_p_value(observed, density) < 1 - SMALLEST


def reduced_difference(first, second):
    """χ² per cell of two equally large samples of (v1, v2) in 8² cells: 1 if they agree."""
    counts = [np.histogram2d(*v, bins=8, range=[[0, 1], [0, 1]])[0] for v in (first, second)]
    total = np.maximum(sum(counts), 1)
    return ((counts[0] - counts[1]) ** 2 / total).sum() / (sum(counts) > 5).sum()
