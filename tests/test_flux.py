"""Flux tables: straight lines, integrals."""

import numpy as np
import pytest
from scipy.integrate import quad

from nd2fd.beam.flux import FluxTable, integral_below, interpolate_flux


def test_interpolation_is_linear_inside_and_zero_outside():
    table = FluxTable(np.array([1.0, 2.0, 4.0]), np.array([2.0, 6.0, 4.0]))
    energy = np.array([[0.0, 0.999, 1.0, 1.25], [2.0, 3.0, 4.0, 4.001]])
    np.testing.assert_allclose(
        interpolate_flux(table, energy), [[0.0, 0.0, 2.0, 3.0], [6.0, 5.0, 4.0, 0.0]]
    )


def test_integrals_are_those_of_straight_lines():
    table = FluxTable(np.array([1.0, 2.0, 4.0, 4.5]), np.array([2.0, 6.0, 4.0, 1.0]))
    # 4, and 10 from 2 to 4, and 5/4 from 4 to 4.5, by hand; nothing below 1 and above 4.5.
    energy = np.array([0.0, 1.0, 2.0, 4.0, 4.5, 9.0, np.inf])
    np.testing.assert_allclose(
        integral_below(table, energy), [0, 0, 4, 14, 15.25, 15.25, 15.25], rtol=1e-12
    )
    for end in (1.3, 2.2, 3.9, 4.1):
        expected = quad(lambda e: interpolate_flux(table, e), 1, end, points=[2.0, 4.0])[0]
        assert integral_below(table, np.array([end]))[0] == pytest.approx(expected, rel=1e-9)
