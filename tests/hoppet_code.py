"""HOPPET's own structure functions, of the embedded densities as they are evolved."""

from collections.abc import Iterator
from contextlib import contextmanager

from nd2fd.cross_sections.pdf.evolution import (
    ALPHA_S_MZ,
    M_BOTTOM,
    M_CHARM,
    M_TOP,
    MZ,
    N_LOOPS,
    Q_MAX,
    _initial_densities,
)
from nd2fd.cross_sections.pdf.parametrisation import initial_condition
from nd2fd.physics.constants import M_W


@contextmanager
def structure_functions(order: int) -> Iterator[float]:
    """`hoppet.StrFct` works within: at leading order (1) or next to it (2); the lowest Q [GeV]."""
    import hoppet

    q0 = initial_condition()["q0"]
    hoppet.StartExtended(14.0, 0.1, q0, Q_MAX, 0.025, N_LOOPS, -6, hoppet.factscheme_MSbar)
    hoppet.SetPoleMassVFN(M_CHARM, M_BOTTOM, M_TOP)
    hoppet.StartStrFctExtended(order, -6, 1, q0, False, M_W, MZ)
    hoppet.Evolve(ALPHA_S_MZ, MZ, N_LOOPS, 1.0, _initial_densities, q0)
    hoppet.InitStrFct(order, False, 1.0, 1.0)
    yield q0
    hoppet.DeleteAll()
