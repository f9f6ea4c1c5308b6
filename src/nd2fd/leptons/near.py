"""Structure functions of both leptons from all near-detector samples at once.

The samples of the detector share one normalisation, so that ν_e and ν_μ events tell the ratio of
their cross sections; the scale that they share is free. Coefficients are those of W1, …, W5 of
neutrinos, then of antineutrinos if they have their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.forward.nodes import reachable_nodes
from nd2fd.forward.operator import ForwardOperator
from nd2fd.forward.splines import SplineBasis
from nd2fd.learning.spline_design import SplineDesign, spline_map
from nd2fd.learning.spline_posterior import SplinePosterior, learn, with_modes
from nd2fd.leptons.model import LeptonModel
from nd2fd.leptons.samples import Sample
from nd2fd.physics.density import physical_points
from nd2fd.physics.structure_functions import FiveStructureFunctions

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SMALLEST_CONTENT = 1.0
"""Events: a cell with less does not count more."""


def stacked_map(
    model: LeptonModel, basis: SplineBasis, matrices: Sequence[dict[bool, sp.csr_array]]
) -> Array:
    """Events in the cells of all samples from coefficients, shape (n_samples n_cells, n).

    `matrices` are of each sample the maps of node values, by helicity.
    """
    width = model.n_functions * basis.n_splines
    rows = []
    for of_sample in matrices:
        (n_cells,) = {matrix.shape[0] for matrix in of_sample.values()}
        row = np.zeros((n_cells, model.n_sets * width))
        for antineutrino, matrix in of_sample.items():
            first = model.set_of(antineutrino) * width
            by_function = spline_map(matrix, basis).reshape(n_cells, -1, basis.n_splines)
            learned = np.einsum("cin,ij->cjn", by_function, model.relations)
            row[:, first : first + width] += learned.reshape(n_cells, width)
        rows.append(row)
    return np.concatenate(rows)


@dataclass(frozen=True)
class NearDetector:
    """What samples of the near detector make of coefficients.

    model
        Cross sections and fluxes.
    samples
        Their order along the cells.
    basis
        Splines, of every structure function.
    design
        Of the stacked cells that events can reach, with the modes of the fluxes.
    n_cells
        Of one sample.
    node_map
        Events in the cells of all samples from node values of 3 or 5 functions of each set, shape
        (n_samples n_cells, n_sets 3 or 5 n_nodes).
    """

    model: LeptonModel
    samples: Sequence[Sample]
    basis: SplineBasis
    design: SplineDesign
    n_cells: int
    node_map: sp.csr_array

    @classmethod
    def build(cls, model: LeptonModel, samples: Sequence[Sample], basis_of: int) -> "NearDetector":
        """With `basis_of` intervals of the splines along ξ and τ."""
        matrices: list[dict[bool, sp.csr_array]] = [{} for _ in samples]
        of_modes: dict[int, list[dict[bool, sp.csr_array]]] = {}
        for lepton, antineutrino in model.cross_sections:
            chosen = [k for k, sample in enumerate(samples) if sample.lepton == lepton]
            if not chosen:
                continue
            grid = model.near_grid(lepton, antineutrino)
            operator = ForwardOperator.build(grid, model.nodes, five=model.five)
            fluxes = [model.near_flux(samples[k], antineutrino, grid.n_energy) for k in chosen]
            for k, matrix in zip(chosen, operator.event_matrices(np.stack(fluxes)), strict=True):
                matrices[k][antineutrino] = matrix
            shifts = model.flux_errors.shifts(False, lepton, grid.energy)
            for mode, shift in enumerate(shifts):
                found = of_modes.setdefault(mode, [{} for _ in samples])
                changed = operator.event_matrices(np.stack(fluxes) * shift)
                for k, matrix in zip(chosen, changed, strict=True):
                    found[k][antineutrino] = matrix
        every = [matrix for of_sample in matrices for matrix in of_sample.values()]
        reached = reachable_nodes([*every, *_far_reach(model)], model.nodes)
        basis = SplineBasis.build(model.nodes, basis_of, reached)
        whole = stacked_map(model, basis, matrices)
        cells = np.flatnonzero(np.any(whole != 0.0, axis=1))
        modes = np.empty((len(of_modes), cells.size, whole.shape[1]))
        for mode, changed_matrices in of_modes.items():
            modes[mode] = stacked_map(model, basis, changed_matrices)[cells]
        design = SplineDesign(cells, whole[cells], modes)
        return cls(
            model, samples, basis, design, len(whole) // len(samples), _node_map(model, matrices)
        )

    @property
    def weights(self) -> Array:
        """Events by node value, shape (n_samples, n_sets, 3 or 5, n_nodes)."""
        n_samples, nodes = len(self.samples), self.model.nodes
        of_samples = sp.kron(sp.eye_array(n_samples), np.ones((1, self.n_cells))) @ self.node_map
        return np.asarray(of_samples.toarray()).reshape(
            n_samples, self.model.n_sets, -1, nodes.n_nodes
        )

    def expected(self, truths: Mapping[bool, FiveStructureFunctions]) -> Array:
        """Shares of the events in the cells of the design, of true structure functions.

        By direct quadrature: coefficients do not enter.
        """
        found = np.zeros((len(self.samples), self.n_cells))
        for lepton, antineutrino in self.model.cross_sections:
            chosen = [k for k, sample in enumerate(self.samples) if sample.lepton == lepton]
            if not chosen:
                continue
            grid = self.model.near_grid(lepton, antineutrino)
            fluxes = [
                self.model.near_flux(self.samples[k], antineutrino, grid.n_energy) for k in chosen
            ]
            five = truths[antineutrino]
            for points, *of_fluxes in zip(physical_points(grid, five=True), *fluxes, strict=True):
                weight = np.einsum("ip,ip->p", points.factors, five(points.bjorken_x, points.Q2))
                events = np.bincount(points.cell, weight, self.n_cells)
                for k, flux in zip(chosen, of_fluxes, strict=True):
                    found[k] += flux * events
        return (found / found.sum()).ravel()[self.design.cells]

    def variance(self, expected: Array, n_events: float) -> Array:
        """Of shares of `n_events` events, expected in the cells of the design."""
        return np.maximum(expected, _SMALLEST_CONTENT / n_events) / n_events

    def learn(
        self, shares: Array, expected: Array, n_events: float, price: float
    ) -> SplinePosterior:
        """Posterior from shares of `n_events` events, with the errors of the expected ones.

        The prior is that of known fluxes.
        """
        variance = self.variance(expected, n_events)
        known = replace(self.design, modes=self.design.modes[:0])
        posterior = learn(known, self.basis, shares, variance, price, one_strength=True)
        if not len(self.design.modes):
            return posterior
        return with_modes(self.design, self.basis, shares, variance, posterior)

    def changes(self, posterior: SplinePosterior) -> Array:
        """Of the shares by coefficients and modes, shape (n_cells, n_parameters)."""
        return np.concatenate([self.design.nominal, posterior.mode_changes], axis=1)

    def coefficients(self, posterior: SplinePosterior) -> Array:
        """Posterior mean, shape (n_sets, n_functions, n_splines)."""
        return posterior.coefficients.reshape(self.model.n_sets, self.model.n_functions, -1)


def _far_reach(model: LeptonModel) -> list[sp.csr_array]:
    """Where far events can be, also those of leptons that no near sample has."""
    matrices = []
    for lepton, antineutrino in model.cross_sections:
        grid = model.far_grid(lepton, antineutrino)
        operator = ForwardOperator.build(grid, model.nodes, five=model.five)
        matrices.append(operator.event_matrix(np.ones(grid.n_energy)))
    return matrices


def _node_map(model: LeptonModel, matrices: Sequence[dict[bool, sp.csr_array]]) -> sp.csr_array:
    """`NearDetector.node_map` from the maps of each sample, by helicity."""
    rows = []
    for of_sample in matrices:
        (shape,) = {matrix.shape for matrix in of_sample.values()}
        of_sets = [sp.csr_array(shape) for _ in range(model.n_sets)]
        for antineutrino, matrix in of_sample.items():
            of_sets[model.set_of(antineutrino)] = of_sets[model.set_of(antineutrino)] + matrix
        rows.append(sp.hstack(of_sets))
    return sp.csr_array(sp.vstack(rows))
