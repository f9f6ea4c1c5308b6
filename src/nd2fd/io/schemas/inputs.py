"""What comes in: fluxes, oscillation, detector response."""

from dataclasses import dataclass

import scipy.sparse as sp

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import PLANE, Array, IntArray


@dataclass(frozen=True)
class Flux(Artifact, name="flux", version=3):
    """Fluxes, and the modes of their uncertainty (``inputs/flux.h5``); no `far` without a far detector."""

    energy: Array = dataset("GeV", ("energy",), "neutrino energy; the flux is linear in between")
    near: Array = dataset("1/(area GeV POT)", ("energy",), "muon-neutrino flux at the ND")
    far: Array | None = dataset(
        "1/(area GeV POT)", ("energy",), "unoscillated flux at the FD", optional=True
    )
    near_modes: Array = dataset("1", ("mode", "energy"), "fractional shift of the ND flux, 1 sigma")
    far_modes: Array | None = dataset(
        "1", ("mode", "energy"), "fractional shift of the FD flux, 1 sigma", optional=True
    )


@dataclass(frozen=True)
class Oscillation(Artifact, name="oscillation", version=2):
    """Survival probability at the true parameters (``inputs/oscillation.h5``)."""

    energy: Array = dataset("GeV", ("energy",), "neutrino energy")
    survival_probability: Array = dataset("1", ("energy",), "P(numu to numu) at the truth")


@dataclass(frozen=True)
class Response(Artifact, name="response", version=2):
    """Probabilities to measure an event of one cell in another (``inputs/response.h5``)."""

    v1: Array = dataset("1", ("v1",), "v1, cell centres")
    v2: Array = dataset("1", ("v2",), "v2, cell centres")
    indptr: IntArray = dataset(
        "1", ("row",), "CSR: first entry of each measured cell", dtype="int64"
    )
    indices: IntArray = dataset("1", ("entry",), "CSR: true cell of each entry", dtype="int64")
    data: Array = dataset("1", ("entry",), "CSR: P(measured in this cell, given the true cell)")
    acceptance: Array = dataset("1", PLANE, "P(measured in any cell), by true cell")

    def matrix(self) -> sp.csr_array:
        """S (n_cells, n_cells): S[c', c] is the probability that true cell c is measured in c'."""
        n_cells = self.acceptance.size
        return sp.csr_array((self.data, self.indices, self.indptr), (n_cells, n_cells))
