"""Spectra of the neutrinos that reach the far detector, by channel, and how they move with θ."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.flux import interpolate_flux
from nd2fd.leptons.beams import Beams, Flavour
from nd2fd.leptons.parameters import UNITS, Parameters
from nd2fd.leptons.samples import Channel, Horn
from nd2fd.physics.density import midpoints
from nd2fd.physics.oscillation import probabilities

Array = NDArray[np.float64]

_FLAVOURS = {"electron": 0, "muon": 1}

_OF_MATTER = (1, 3)
"""Δm²32 and sin²θ13, on which mixing in matter depends (but for θ23 and δ_CP)."""

_STEP = 1e-3
"""Of central differences, in `UNITS`."""


@dataclass(frozen=True)
class Line:
    """Where the neutrinos go: baseline [km] and density times Y_e [g/cm³]."""

    baseline: float
    rho_ye: float


@dataclass(frozen=True)
class FarSpectra:
    """Φ P of channels, averaged over cells of E_ν.

    channels
        Pairs of a horn current and a channel.
    fluxes
        Φ of each at the fine energies, shape (n_channels, n_energy n_points).
    energy
        Fine energies [GeV].
    n_energy
        Number of cells.
    parameters
        What P depends on besides θ.
    line
        Where they go.
    """

    channels: Sequence[tuple[Horn, Channel]]
    fluxes: Array
    energy: Array
    n_energy: int
    parameters: Parameters
    line: Line

    @classmethod
    def build(
        cls,
        channels: Sequence[tuple[Horn, Channel]],
        beams: Beams,
        parameters: Parameters,
        line: Line,
        cells: tuple[int, int, float],
    ) -> "FarSpectra":
        """`cells` are number of energy cells, points in each, and the end of the spectrum [GeV]."""
        n_energy, n_points, energy_max = cells
        energy = midpoints(n_energy * n_points, energy_max)
        flux = {f: partial(interpolate_flux, table) for f, table in beams.items()}
        fluxes = [
            flux[Flavour(horn, True, channel.initial, channel.antineutrino)](energy)
            for horn, channel in channels
        ]
        return cls(channels, np.stack(fluxes), energy, n_energy, parameters, line)

    @property
    def cell_energy(self) -> Array:
        """Middles of the cells [GeV], shape (n_energy,)."""
        return self.energy.reshape(self.n_energy, -1).mean(axis=1)

    def at(self, theta: Array) -> Array:
        """Φ P at θ of shape (n, 4): shape (n, n_channels, n_energy)."""
        result = np.empty((len(theta), len(self.channels), self.n_energy))
        of_theta = self.parameters.at(theta[:, None, :])
        if np.all(theta[:, _OF_MATTER] == theta[0, _OF_MATTER]):
            # Mixing in matter depends on these alone, and is found once.
            first = self.parameters.at(theta[:1, None, :])
            of_theta = replace(of_theta, sin2_theta13=first.sin2_theta13, dm2_31=first.dm2_31)
        for antineutrino in {channel.antineutrino for _, channel in self.channels}:
            P = probabilities(
                of_theta,
                self.energy,
                self.line.baseline,
                self.line.rho_ye,
                antineutrino=antineutrino,
            )
            for k, (_, channel) in enumerate(self.channels):
                if channel.antineutrino == antineutrino:
                    seen = P[..., _FLAVOURS[channel.initial], _FLAVOURS[channel.final]]
                    fine = (self.fluxes[k] * seen).reshape(len(theta), self.n_energy, -1)
                    result[:, k] = fine.mean(axis=2)
        return result

    def with_slopes(self, theta: Array) -> Array:
        """Φ P at θ (4,), then its derivatives in `UNITS`: shape (5, n_channels, n_energy)."""
        steps = _STEP * np.concatenate([np.zeros((1, 4)), np.eye(4), -np.eye(4)])
        moved = np.any(steps[:, _OF_MATTER] != 0.0, axis=1)
        at = np.empty((len(steps), len(self.channels), self.n_energy))
        for alike in (~moved, moved):
            at[alike] = self.at(theta + steps[alike] * UNITS)
        return np.concatenate([at[:1], (at[1:5] - at[5:]) / (2.0 * _STEP)])
