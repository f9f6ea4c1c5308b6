"""Bins of a measured cross section, in variables of the lepton and optionally in E_ν."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

VARIABLES: Final = {
    "momentum_angle": ("momentum", "cos_theta"),
    "energy_angle": ("energy", "cos_theta"),
    "transverse_longitudinal": ("transverse_momentum", "longitudinal_momentum"),
}
"""Pairs of lepton variables by name, and what each is: p or E_l [GeV] and cosθ to the beam, or p_T
and p_∥ [GeV]."""


@dataclass(frozen=True)
class Bins:
    """Rectangles in two variables of the lepton, in a range of neutrino energies.

    variables
        A key of `VARIABLES`.
    first, second
        Lower and upper edges of the two variables, shape (n_bins, 2).
    energy
        Those of E_ν [GeV], shape (n_bins, 2); the whole flux for bins that are not energy-resolved.

    Raises ValueError for edges of another shape, out of order or out of range, naming the bin.
    """

    variables: str
    first: Array
    second: Array
    energy: Array

    def __post_init__(self) -> None:
        if self.variables not in VARIABLES:
            raise ValueError(f"no variables {self.variables!r}; there are {', '.join(VARIABLES)}")
        names = (*VARIABLES[self.variables], "E_nu")
        for name, edges in zip(names, (self.first, self.second, self.energy), strict=True):
            if edges.shape != (self.n_bins, 2):
                raise ValueError(
                    f"edges of {name} have shape {edges.shape}; that must be ({self.n_bins}, 2)"
                )
            lowest = {"cos_theta": -1.0, "longitudinal_momentum": -np.inf}.get(name, 0.0)
            highest = 1.0 if name == "cos_theta" else np.inf
            good = (edges[:, 0] < edges[:, 1]) & (edges[:, 0] >= lowest) & (edges[:, 1] <= highest)
            if not good.all():
                k = int(np.argmin(good))
                raise ValueError(
                    f"bin {k}: {name} from {edges[k, 0]:g} to {edges[k, 1]:g}; edges must ascend "
                    f"and lie in [{lowest:g}, {highest:g}]"
                )

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.first)

    @property
    def area(self) -> Array:
        """Product of the widths in the two lepton variables, shape (n_bins,)."""
        return np.asarray(np.prod([np.diff(e)[:, 0] for e in (self.first, self.second)], axis=0))

    @property
    def slices(self) -> tuple[Array, IntArray]:
        """Ranges of E_ν that occur, ascending, (n_slices, 2), and that of each bin, (n_bins,)."""
        ranges, index = np.unique(self.energy, axis=0, return_inverse=True)
        return ranges, index.reshape(-1)

    def take(self, chosen: IntArray) -> "Bins":
        """Some of the bins."""
        edges = (self.first[chosen], self.second[chosen], self.energy[chosen])
        return Bins(self.variables, *edges)
