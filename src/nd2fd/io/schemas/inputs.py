"""What comes in: fluxes, oscillation, detector response."""

from typing import TYPE_CHECKING

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import PLANE, V1_CELLS, V2_CELLS, Array, IntArray

if TYPE_CHECKING:  # of which few need the matrix
    import scipy.sparse as sp


class Flux(Artifact, name="flux", version=3):
    """Fluxes, and the modes of their uncertainty if they have one (``inputs/flux.h5``)."""

    energy: Array = dataset("GeV", ("energy",), "neutrino energy; the flux is linear in between")
    near: Array = dataset("1/(area GeV POT)", ("energy",), "flux at the ND")
    far: Array | None = dataset(
        "1/(area GeV POT)", ("energy",), "unoscillated flux at the FD", default=None
    )
    near_modes: Array | None = dataset(
        "1", ("mode", "energy"), "fractional shift of the ND flux, 1 sigma", default=None
    )
    far_modes: Array | None = dataset(
        "1", ("mode", "energy"), "fractional shift of the FD flux, 1 sigma", default=None
    )


class Oscillation(Artifact, name="oscillation", version=2):
    """Survival probability of muon (anti)neutrinos at the truth (``inputs/oscillation.h5``)."""

    energy: Array = dataset("GeV", ("energy",), "neutrino energy")
    survival_probability: Array = dataset("1", ("energy",), "P(numu to numu) at the truth")


class Response(Artifact, name="response", version=2):
    """Probabilities to measure an event of one cell in another (``inputs/response.h5``)."""

    v1: Array = dataset("1", ("v1",), V1_CELLS)
    v2: Array = dataset("1", ("v2",), V2_CELLS)
    indptr: IntArray = dataset(
        "1", ("row",), "CSR: first entry of each measured cell", dtype="int64"
    )
    indices: IntArray = dataset("1", ("entry",), "CSR: true cell of each entry", dtype="int64")
    data: Array = dataset("1", ("entry",), "CSR: P(measured in this cell, given the true cell)")
    acceptance: Array = dataset("1", PLANE, "P(measured in any cell), by true cell")

    def matrix(self) -> "sp.csr_array":
        """S (n_cells, n_cells): S[c', c] is the probability that true cell c is measured in c'."""
        from scipy.sparse import csr_array

        n_cells = self.acceptance.size
        return csr_array((self.data, self.indices, self.indptr), (n_cells, n_cells))
