"""Parton densities below the smallest Q² of a set, and above its last x."""

import numpy as np
import pytest

from nd2fd.cross_sections.pdf.continuation import continued_xf
from pdf_grids import grid as grid  # a fixture
from pdf_grids import official as official  # a fixture
from test_pdf import QUARKS, X


# Continuation
class PowerLaw:
    """xf = (1 - x) Q²^power for pid 1, 1e-6 of it for pid 2, from Q² = 2 GeV² on."""

    x_min = 1e-4
    x_max = 0.95
    q2_min = 2.0

    def __init__(self, power):
        self.power = power

    def xf(self, pids, x, q2):
        x, q2 = np.broadcast_arrays(x, q2)
        assert np.all(q2 >= self.q2_min)
        return np.stack([{1: 1.0, 2: 1e-6}[pid] * (1 - x) * q2**self.power for pid in pids])


@pytest.mark.parametrize("source", ["grid", "official"])
def test_check_values_at_low_q2(request, source):
    q2 = [0.1, 0.25, 0.5, 1.0, 1.5]
    u = continued_xf(request.getfixturevalue(source), [2], 0.1, q2)
    np.testing.assert_allclose(u, [[0.0447, 0.1251, 0.2696, 0.5124, 0.6276]], rtol=1e-3)


def test_continuation_formula():
    r, x = 0.3, 0.2
    gamma = (1.01**0.7 - 1) / 0.01
    expected = 0.8 * 2.0**0.7 * r ** (gamma * r + 1 - r)
    np.testing.assert_allclose(continued_xf(PowerLaw(0.7), [1], x, r * 2.0), [expected])


def test_continuation_bounds_the_slope():
    expected = 0.8 * 2.0**-4 * 0.3 ** (-2.5 * 0.3 + 0.7)
    np.testing.assert_allclose(continued_xf(PowerLaw(-4.0), [1], 0.2, 0.6), [expected])


def test_continuation_of_tiny_densities_is_linear():
    grid = PowerLaw(0.7)
    edge = grid.xf([2], 0.2, 2.0)
    np.testing.assert_allclose(continued_xf(grid, [2], 0.2, 0.6), 0.3 * edge)


def test_continuation_is_continuous_at_the_edge(grid):
    low, high = (
        continued_xf(grid, QUARKS, X[:, 0], grid.q2_min * (1 + step)) for step in (-1e-9, 1e-9)
    )
    np.testing.assert_allclose(low, high, rtol=1e-7, atol=1e-12)
    # and so is the slope, which γ makes the grid's own
    edge = grid.xf([1, 2], X[:, 0], grid.q2_min)
    below, above = (
        (continued_xf(grid, [1, 2], X[:, 0], grid.q2_min * (1 + step)) - edge) / (step * edge)
        for step in (-1e-3, 1e-3)
    )
    np.testing.assert_allclose(below, above, atol=0.03)


def test_densities_vanish_like_q2(grid):
    first, second, none = continued_xf(grid, [1, 2, -1, -2], 0.1, [2e-7, 1e-7, 0.0]).T
    np.testing.assert_allclose(first / second, 2, rtol=1e-5)
    assert np.all(first > 0)
    assert not none.any()


def test_continuation_shapes_and_large_x():
    x = np.array([[0.5], [1.0], [1.5]])
    xf = continued_xf(PowerLaw(0.7), [1, 2], x, np.array([0.0, 1.0, 2.0, 3.0]))
    assert xf.shape == (2, 3, 4)
    assert not xf[:, 1:].any()
    assert np.all(xf[0, 0, 1:] > 0)
    assert continued_xf(PowerLaw(0.7), [1], 0.5, 1.0) == xf[0, 0, 1]


@pytest.mark.parametrize("q2", [1.0, 3.0])
def test_nothing_is_above_the_last_knot(q2):
    """Some sets end before 1, PDF4LHC21 at 0.9926; LHAPDF does not go on from there."""
    last, beyond = continued_xf(PowerLaw(0.7), [1], [0.95, 0.9500001], q2)[0]
    assert last > 0.0
    assert beyond == 0.0


@pytest.mark.parametrize(("x", "q2"), [(np.nan, 3.0), (0.1, np.nan), (0.1, -1.0)])
def test_continuation_refuses(x, q2):
    with pytest.raises(ValueError, match="x must be a number"):
        continued_xf(PowerLaw(0.7), [1], x, q2)


@pytest.mark.parametrize("q2", [0.5, 4.0])
def test_continuation_does_not_extend_to_low_x(grid, q2):
    with pytest.raises(ValueError, match="x = 1e-09 is outside the grid"):
        continued_xf(grid, [2], 1e-9, q2)
