"""Events in cells of all far-detector samples, as functions of θ and of pulls.

Structure functions are ŵ + Σ_k u_k w_k along directions of the near detector's posterior. Contents
of cells are linear in them and in the spectra, so that all derivatives are exact but those of P(θ).
The samples share one normalisation, as those of the near detector do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nd2fd.forward.event_kernel import cell_cross_sections, cell_cross_sections_on_nodes
from nd2fd.leptons.model import LeptonModel
from nd2fd.leptons.samples import Channel, Horn, Lepton, Sample
from nd2fd.leptons.spectra import FarSpectra
from nd2fd.physics.cross_section import measurable_combinations
from nd2fd.physics.structure_functions import FiveStructureFunctions

Array = NDArray[np.float64]
Kernels = Mapping[tuple[Lepton, bool], Array]
"""Cross sections in cells, (1 + n_pulls, n_cells, n_energy), by lepton and helicity."""


def channels_of(
    samples: Sequence[Sample], helicities: Sequence[bool]
) -> list[tuple[Horn, Channel]]:
    """All that feed some sample, with their horn currents."""
    return [(s.horn, channel) for s in samples for channel in s.channels(helicities)]


def true_kernels(model: LeptonModel, truths: Mapping[bool, FiveStructureFunctions]) -> Kernels:
    """Of known structure functions by helicity, by direct quadrature."""
    kernels = {}
    for lepton, anti in model.cross_sections:
        grid = model.far_grid(lepton, anti)
        of_lepton = measurable_combinations(truths[anti], grid.setup)
        in_cells = cell_cross_sections(of_lepton, grid)[:, model.reached(lepton)]
        kernels[lepton, anti] = np.ascontiguousarray(in_cells.T)[None]
    return kernels


def learned_kernels(model: LeptonModel, on_nodes: Array) -> Kernels:
    """Of node values of the mean and its changes, (1 + n_pulls, n_sets, n_functions, ξ, τ)."""
    kernels = {}
    for lepton, anti in model.cross_sections:
        grid = model.far_grid(lepton, anti)
        values = model.related(on_nodes[:, model.set_of(anti)])
        slices = cell_cross_sections_on_nodes(model.nodes, values, grid, clamp=False)
        reached = model.reached(lepton)
        stacked = np.stack([cells[:, reached] for cells in slices], axis=-1)
        # `stack` keeps the order of the slices in memory, which sums over pulls would copy.
        kernels[lepton, anti] = np.ascontiguousarray(stacked)
    return kernels


@dataclass(frozen=True)
class FarDetector:
    """Expected events in the cells of all samples.

    samples
        Their order along the cells.
    spectra
        Of their channels.
    kernels
        Cross sections of structure functions and pulls, in the cells that events can reach.
    fluxes
        What the fluxes of the channels are multiplied with, without pulls, and the changes of that
        by each pull, shape (n_channels, 1 + n_pulls, n_energy); None: they are known.
    """

    samples: Sequence[Sample]
    spectra: FarSpectra
    kernels: Kernels
    fluxes: Array | None = None

    @property
    def n_pulls(self) -> int:
        """Number of pulls."""
        return len(next(iter(self.kernels.values()))) - 1

    def events(self, spectra: Array, pulls: Array) -> Array:
        """Of spectra (n_channels, n_energy), in any unit: shape (n_samples n_cells,)."""
        return self._sum(spectra[None], np.concatenate([[1.0], pulls]))[0]

    def by_channel_sums(self, spectra: Array) -> Array:
        """Events of every channel without pulls, in all cells, shape (n_channels,)."""
        no_pulls = np.append(1.0, np.zeros(self.n_pulls))
        moved = self.moved(spectra[None], no_pulls)[0]
        return np.array(
            [
                self._kernel(channel)[0].sum(axis=0) @ spectrum
                for (_, channel), spectrum in zip(self.spectra.channels, moved, strict=True)
            ]
        )

    def with_slopes(self, theta: Array, pulls: Array) -> tuple[Array, Array, Array]:
        """Events, their derivatives by θ (in `UNITS`) and by pulls; (4, n) and (n_pulls, n)."""
        spectra, weights = self.spectra.with_slopes(theta), np.concatenate([[1.0], pulls])
        events, *by_theta = self._sum(spectra, weights)
        moved = self.moved(spectra[:1], weights)[0]
        by_pulls = np.concatenate(
            [
                sum(self._kernel(c)[1:] @ moved[k] for k, c in of_sample)
                for of_sample in self._by_sample()
            ],
            axis=1,
        )
        if self.fluxes is not None:
            by_pulls += self._of_channels(spectra[0, :, None] * self.fluxes[:, 1:], weights)
        return events, np.stack(by_theta), by_pulls

    def _sum(self, spectra: Array, weights: Array) -> Array:
        """Of several spectra (m, n_channels, n_energy), of weighted pulls."""
        moved = self.moved(spectra, weights)
        return self._of_channels(np.moveaxis(moved, 0, 1), weights)

    def moved(self, spectra: Array, weights: Array) -> Array:
        """Spectra (m, n_channels, n_energy) with the fluxes of weighted pulls."""
        return spectra if self.fluxes is None else spectra * (weights @ self.fluxes)

    def _of_channels(self, spectra: Array, weights: Array) -> Array:
        """Of spectra (n_channels, m, n_energy), with structure functions weighted: (m, n_cells)."""
        folded = {key: np.tensordot(weights, kernel, 1) for key, kernel in self.kernels.items()}
        return np.concatenate(
            [
                sum(spectra[k] @ folded[c.final, c.antineutrino].T for k, c in of_sample)
                for of_sample in self._by_sample()
            ],
            axis=1,
        )

    def _kernel(self, channel: Channel) -> Array:
        return self.kernels[channel.final, channel.antineutrino]

    def _by_sample(self) -> list[list[tuple[int, Channel]]]:
        """Number and channel of all that feed each sample."""
        return [
            [
                (k, channel)
                for k, (horn, channel) in enumerate(self.spectra.channels)
                if horn == sample.horn and channel.final == sample.lepton
            ]
            for sample in self.samples
        ]
