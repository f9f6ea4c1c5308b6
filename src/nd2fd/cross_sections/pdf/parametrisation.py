"""The CT18NNLO initial condition, as a short table of coefficients.

CT18 (arXiv:1912.10053) starts its evolution at Q0 = 1.295 GeV, just below the charm threshold,
from g, u and d valence, ubar, dbar and s = sbar; charm and bottom vanish there. Each of these is
a power law at both ends times a Bernstein polynomial (their Appendix C),

    x f(x, Q0) = x^a (1 - x)^b  Σ_k c_k C(n,k) y^k (1 - y)^(n-k),   y = 1 - (1 - √x)^p,

with p = 1 for gluon and valence and p = 4 for the sea. The coefficients in
``data/ct18nnlo_q0.json`` were fitted by ``tools/fit_ct18_initial_condition.py``.
"""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

TABLE_NAME = "ct18nnlo_q0.json"


@cache
def initial_condition() -> dict[str, Any]:
    """Return the table: scale ``q0`` [GeV], ``distributions``, and where they come from."""
    table: dict[str, Any] = json.loads(
        files("nd2fd.data").joinpath(TABLE_NAME).read_text(encoding="utf-8")
    )
    return table


def bernstein_form(
    x: ArrayLike, a: float, b: float, p: float, c: Sequence[float]
) -> NDArray[np.float64]:
    """Evaluate one distribution of the CT18 form (arXiv:1912.10053, Appendix C).

    Parameters
    ----------
    x : array_like
        Momentum fraction, 0 < x <= 1.
    a, b : float
        Powers of x and of 1 - x.
    p : float
        Power in y = 1 - (1 - √x)^p.
    c : sequence of float
        The n + 1 coefficients of the Bernstein polynomial in y.

    Returns
    -------
    array, shape of x
        x f(x).
    """
    x = np.asarray(x, dtype=float)
    y = 1 - (1 - np.sqrt(x)) ** p
    n = len(c) - 1
    polynomial = sum(c_k * comb(n, k) * y**k * (1 - y) ** (n - k) for k, c_k in enumerate(c))
    return np.asarray(x**a * (1 - x) ** b * polynomial)


def initial_xf(pids: Sequence[int], x: ArrayLike) -> NDArray[np.float64]:
    """Momentum densities x f(x, Q0) of the proton at the initial scale.

    Parameters
    ----------
    pids : sequence of int
        PDG identifiers: 21 (gluon) and ±1, ±2, ±3.
    x : array_like
        Momentum fraction, 0 < x <= 1; the fit covers 1e-6 < x < 0.96.

    Returns
    -------
    array, shape (len(pids), *x.shape)
        x f(x, Q0), dimensionless.

    Raises
    ------
    ValueError
        For any other identifier: heavier quarks vanish below their threshold.
    """
    parts = {
        name: bernstein_form(x, **coefficients)
        for name, coefficients in initial_condition()["distributions"].items()
    }
    densities = {
        21: parts["g"],
        1: parts["d_valence"] + parts["dbar"],
        2: parts["u_valence"] + parts["ubar"],
        3: parts["s"],
        -1: parts["dbar"],
        -2: parts["ubar"],
        -3: parts["s"],
    }
    unknown = set(pids) - densities.keys()
    if unknown:
        raise ValueError(
            f"no density for PDG identifier {sorted(unknown)} at the initial scale; "
            f"allowed are {sorted(densities)}"
        )
    return np.stack([densities[pid] for pid in pids])
