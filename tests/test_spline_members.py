"""Ensembles of splines: what their members learn with the flux that each assumes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import toy
from nd2fd.cross_sections.closure import closure_truth
from nd2fd.cross_sections.models import cross_section_models, fitted_flux
from nd2fd.detector.smearing import Resolution
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.splines import SplineBasis
from nd2fd.learning.near_data import expected_contents
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_members import spline_members
from nd2fd.learning.spline_posterior import learn_counts
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import FarDetector
from nd2fd.statistics.joint_design import joint_design

GRID = DensityGrid(toy.SETUP, 60, 24, 24, 2)
N_EVENTS = 1_000_000
NATURE = np.array([0.0, -1.2, 0.8])
"""Flux modes of nature."""


def nothing(*_):
    pass


def in_cells(flux):
    return np.interp(GRID.energy, flux.energy, flux.near)


@pytest.fixture(scope="module")
def made():
    flux, oscillation = toy.inputs()
    nodes = NodeGrid.for_setup(toy.SETUP, 24, 24)
    truth = closure_truth(toy.structure_functions, flux, oscillation, GRID, nodes)
    survival = toy.EXPERIMENT.survival_scan(GRID.energy)
    far = FarAnalysis(FarDetector.exact(GRID), survival, (0.36, 0.64), (2.1e-3, 2.8e-3), "lower")
    varied = replace(flux, near=flux.near * (1 + NATURE @ flux.near_modes))
    return SimpleNamespace(
        design=joint_design(NodeGrid.of(truth), flux, far, GRID, (0.45, 2.44e-3), 6, nothing),
        varied=joint_design(NodeGrid.of(truth), varied, far, GRID, (0.45, 2.44e-3), 6, nothing),
        contents=expected_contents(truth, varied, Resolution.ideal(), GRID),
        unit=in_cells(varied).sum() / in_cells(flux).sum(),
    )


def near_data(made, assumed):
    n = 1 if assumed is None else len(assumed)
    contents = np.tile(made.contents, (n, 1, 1))
    acceptance = contents.sum(axis=(1, 2))
    return SimpleNamespace(
        member=np.arange(n),
        density=contents / (acceptance[:, None, None] * GRID.cell_area),
        n_events=np.array(N_EVENTS),
        acceptance=acceptance,
        flux_parameters=assumed,
        squares=None,
    )


def test_members_learn_with_the_flux_that_they_assume(made):
    """As with linear maps that were made for it, modes about it being those of the nominal flux."""
    near = near_data(made, np.stack([NATURE, np.zeros(3)]))
    found = spline_members(near, made.design, 6.0, nothing)
    design = made.design
    basis = SplineBasis(NodeGrid.of(design), design.splines, design.bends)
    own = SplineDesign(made.varied.near_cells, made.varied.near, design.near_modes / made.unit)
    expected = learn_counts(own, basis, N_EVENTS * made.contents, 6.0)
    of_nature = found.structure_functions[0]
    wanted = basis.on_nodes(expected.coefficients)
    scale = (of_nature * wanted).sum() / (wanted**2).sum()
    np.testing.assert_allclose(of_nature, scale * wanted, atol=2e-3 * abs(of_nature).max())
    assert found.chi2[0] == pytest.approx(expected.chi2, rel=0.02)
    # Nature's flux for one, a wrong one for the other: its modes are learned as far as data tell.
    np.testing.assert_allclose(found.fitted_flux_parameters[0], NATURE, atol=0.3)
    prior = learn_counts(
        SplineDesign(design.near_cells, design.near, design.near_modes),
        basis,
        N_EVENTS * made.contents,
        6.0,
    )
    np.testing.assert_allclose(found.fitted_flux_parameters[1], prior.modes)
    assert abs(found.fitted_flux_parameters[1] - NATURE).max() > 0.1


def test_without_an_error_the_flux_is_taken_as_it_is(made):
    found = spline_members(near_data(made, None), made.design, 6.0, nothing)
    assert found.fitted_flux_parameters is None
    assert fitted_flux(found) is None
    free = spline_members(
        near_data(made, np.stack([np.zeros(3), NATURE])), made.design, 6.0, nothing
    )
    np.testing.assert_array_equal(fitted_flux(free), free.fitted_flux_parameters)

    def far_from_nature(learned):
        """Of the density with nature's flux, in units of its errors."""
        basis = SplineBasis(NodeGrid.of(made.design), made.design.splines, made.design.bends)
        coefficients = np.linalg.lstsq(basis.matrix, learned.reshape(3, -1).T, rcond=None)[0]
        density = made.varied.near @ coefficients.T.ravel()
        expected = made.contents.ravel()[made.varied.near_cells]
        shape = density / density.sum() - expected / expected.sum()
        return (shape**2 / np.maximum(expected, 1e-6)).sum()

    wrong, with_modes, right = map(
        far_from_nature, [found.structure_functions[0], *free.structure_functions]
    )
    # The wrong flux has to be bent into the structure functions where it is not free.
    assert wrong > 2 * with_modes > 2 * right


def test_they_are_cross_sections_like_others(made):
    found = spline_members(near_data(made, np.zeros((2, 3))), made.design, 6.0, nothing)
    models = cross_section_models(found, 2)
    assert len(models) == 2
    np.testing.assert_array_equal(models[1].values, found.structure_functions[1])
