"""Predictions in bins of published cross sections."""

import numpy as np
import pytest
from scipy.stats import qmc

from nd2fd.forward.event_kernel import total_cross_section_map as midpoint_total
from nd2fd.measurements.bins import VARIABLES, Bins
from nd2fd.measurements.forward import cross_section_map, total_cross_section_map
from nd2fd.physics.constants import G_FERMI, M_W, MUON_MASS
from nd2fd.physics.density import DensityGrid
from toy_measurements import EDGES, FLUX, NODES, SETUP, on_nodes, quadratic


def double_differential(energy, momentum, cos_theta):
    """d²σ/dp dcosθ [1e-38 cm²/GeV], written out from hep-ph/0107261, of `quadratic`."""
    m, M = MUON_MASS, SETUP.nucleon_mass
    e_lepton = np.sqrt(momentum**2 + m**2)
    nu = energy - e_lepton
    Q2 = 2 * energy * (e_lepton - momentum * cos_theta) - m**2
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = Q2 / (2 * M * nu), nu / energy
        possible = (nu > 0) & (Q2 > 0) & (x <= 2.0)
        w1, w2, w3 = quadratic(np.where(possible, x, 1.0), np.where(possible, Q2, 1.0))
        k = m**2 / Q2
        brace = (
            y**2 / 2 * (1 + k) * w1
            + (1 - y - m**2 / (4 * energy**2) - M * x * y / (2 * energy)) * w2
            + (y * (1 - y / 2) - k * y**2 / 2) * w3
        )
        value = G_FERMI**2 * energy * momentum / (np.pi * nu * (1 + Q2 / M_W**2) ** 2) * brace
    return np.where(possible, value * momentum / e_lepton, 0.0) * 3.893793721e-28 / 1e-38


BINS = {
    "momentum_angle": (
        [[0.0, 0.3], [0.3, 0.8], [0.5, 0.9]],
        [[-1.0, 0.2], [0.5, 0.8], [0.94, 1.0]],
    ),
    "energy_angle": (
        [[0.1057, 0.3], [0.3, 0.8], [0.5, 0.9]],
        [[-0.5, 0.2], [0.5, 0.8], [0.9, 1.0]],
    ),
    "transverse_longitudinal": (
        [[0.0, 0.2], [0.2, 0.5], [0.1, 0.4]],
        [[-0.2, 0.3], [0.3, 1.0], [1.0, 2.0]],
    ),
}


@pytest.mark.parametrize("variables", VARIABLES)
@pytest.mark.parametrize(("low", "high"), [(0.2, 1.0), (0.9, 4.0)])
def test_bins_agree_with_quasi_random_points(variables, low, high):
    """Against 2^18 points of a Sobol' sequence in E_ν, p, cosθ and the formula written out."""
    first, second = (np.array(edges) for edges in BINS[variables])
    bins = Bins(variables, first, second, np.tile([low, high], (3, 1)))
    predicted = cross_section_map(bins, EDGES, FLUX, NODES, SETUP).reshape(3, -1) @ on_nodes(
        quadratic
    )
    u, v, w = qmc.Sobol(3, seed=2).random(2**18).T
    energy = low + (high - low) * u
    flux = FLUX[np.searchsorted(EDGES, energy, side="right") - 1]
    for k in range(3):
        a = first[k, 0] + (first[k, 1] - first[k, 0]) * v
        b = second[k, 0] + (second[k, 1] - second[k, 0]) * w
        if variables == "momentum_angle":
            sigma = double_differential(energy, a, b)
        elif variables == "energy_angle":
            p = np.sqrt(np.maximum(a**2 - MUON_MASS**2, 0.0))
            sigma = double_differential(energy, p, b) * a / np.maximum(p, 1e-9)
        else:
            p = np.hypot(a, b)
            sigma = double_differential(energy, p, b / p) * a / p**2
        expected = (flux * sigma).sum() / flux.sum()
        assert predicted[k] == pytest.approx(expected, rel=3e-3)


def test_total_cross_section_agrees_with_cells_of_v1_and_v2():
    truth = on_nodes(quadratic)
    grid = DensityGrid(SETUP, 16, 96, 96, 4)
    cells = midpoint_total(NODES, grid).reshape(16, -1) @ truth
    ours = total_cross_section_map(grid.energy, NODES, SETUP) @ truth
    above = grid.energy > 0.5
    assert ours[above] == pytest.approx(cells[above], rel=3e-3)


def test_a_lepton_that_cannot_be_made_has_no_cross_section():
    first, second = np.array([[2.0, 2.5], [0.5, 0.6]]), np.array([[0.9, 1.0], [-1.0, -0.9]])
    bins = Bins("momentum_angle", first, second, np.tile([0.2, 0.5], (2, 1)))
    assert np.all(cross_section_map(bins, EDGES, FLUX, NODES, SETUP) == 0.0)


def test_edges_of_bins_are_checked():
    good = np.array([[0.0, 1.0]])
    for bad, words in (
        ([[1.0, 0.5]], r"bin 0: momentum from 1 to 0\.5"),
        ([[-0.1, 0.5]], r"bin 0: momentum from -0\.1"),
    ):
        with pytest.raises(ValueError, match=words):
            Bins("momentum_angle", np.array(bad), good, good)
    with pytest.raises(ValueError, match=r"bin 0: cos_theta from 0 to 1\.2"):
        Bins("momentum_angle", good, np.array([[0.0, 1.2]]), good)
    with pytest.raises(ValueError, match="no variables 'x_Q2'"):
        Bins("x_Q2", good, good, good)
