"""Bins in energy and angle that a detector moves."""

import numpy as np

import toy
from nd2fd.detector.lattice import fine_lattice, overlaps
from nd2fd.detector.smearing import Resolution
from nd2fd.physics.density import DensityGrid

GRID = DensityGrid(toy.SETUP, 10, 24, 24, 2)
LATTICE = fine_lattice(GRID, Resolution(energy=0.05, angle=0.02))


def scaled(factor):
    """Share of each bin in all cells, shape (n_energy, n_angle), energies being so much higher."""
    shares, _ = overlaps(GRID, LATTICE, lambda energy, cosine: (factor * energy, cosine))
    return shares.sum(axis=1).reshape(LATTICE.n_energy, LATTICE.n_angle)


def test_leptons_that_are_moved_below_their_mass_are_lost():
    """Not gathered at rest, where few leptons are: one cell would have most of them."""
    factor, mass = 0.9, toy.SETUP.lepton_mass
    edges = np.exp(LATTICE.log_low + LATTICE.step_energy * np.arange(LATTICE.n_energy + 1))
    moved = factor * edges
    kept = np.diff(np.maximum(moved, mass)) / np.diff(moved)
    assert kept[0] == 0.0
    assert 0 < np.sum((kept > 0.0) & (kept < 1.0)) <= 1
    # Elsewhere all of a bin is in cells; where they are slow enough for all angles.
    low = edges[:-1] < 0.2
    found = scaled(factor)[low]
    np.testing.assert_allclose(found, np.repeat(kept[low, None], LATTICE.n_angle, 1), atol=0.02)


def test_leptons_that_are_moved_up_stay():
    np.testing.assert_allclose(scaled(1.1)[:10], 1.0, atol=1e-6)
