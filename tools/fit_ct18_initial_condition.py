"""Fit the coefficients of the embedded initial condition to the official CT18NNLO grid.

    python tools/fit_ct18_initial_condition.py /path/to/CT18NNLO

reads the row of the lowest Q of the central member, which is where CT18 starts its evolution, and
rewrites ``src/nd2fd/data/ct18nnlo_q0.json``. The powers a, b are found by least squares; the
polynomial is linear in its coefficients and solved for at each step.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from nd2fd.cross_sections.pdf.parametrisation import TABLE_NAME, bernstein_form

TABLE = Path(__file__).resolve().parents[1] / "src" / "nd2fd" / "data" / TABLE_NAME

# Per distribution: degree of the polynomial and power p in y = 1 - (1 - √x)^p, both as in CT18,
# and where the search for (a, b) starts.
FORMS = {
    "g": (3, 1, (0.5, 3.0)),
    "u_valence": (4, 1, (0.75, 3.0)),
    "d_valence": (4, 1, (0.75, 3.0)),
    "ubar": (5, 4, (0.0, 8.0)),
    "dbar": (5, 4, (0.0, 8.0)),
    "s": (5, 4, (0.0, 10.0)),
}
X_RANGE = (0.9e-6, 0.96)
# The grid's numerical noise [x f]; it keeps vanishing tails at large x from steering the fit.
NOISE = 2e-7
DIGITS = 7


def read_lowest_q(grid_directory: Path) -> tuple[float, NDArray[np.float64], dict[int, NDArray]]:
    """Return Q0, the x knots and x f(x, Q0) by PDG identifier, from the central member."""
    member = grid_directory / f"{grid_directory.name}_0000.dat"
    block = member.read_text(encoding="utf-8").split("---")[1].strip().splitlines()
    x, q, pids = (np.array(line.split(), dtype=float) for line in block[:3])
    values = np.array([row.split() for row in block[3:]], dtype=float)
    at_q0 = values.reshape(x.size, q.size, pids.size)[:, 0]
    return q[0], x, dict(zip(pids.astype(int).tolist(), at_q0.T, strict=True))


def fit(
    x: NDArray[np.float64],
    xf: NDArray[np.float64],
    error: NDArray[np.float64],
    degree: int,
    p: int,
    start: tuple[float, float],
) -> dict[str, float | list[float]]:
    """Fit one distribution; return the coefficients of ``bernstein_form``."""

    def solve(powers: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        basis = [bernstein_form(x, *powers, p, unit) for unit in np.eye(degree + 1)]
        design = np.stack(basis, axis=1) / error[:, None]
        c = np.linalg.lstsq(design, xf / error, rcond=None)[0]
        return c, design @ c - xf / error

    powers = least_squares(
        lambda powers: solve(powers)[1], start, x_scale=(0.1, 1.0), xtol=1e-12, ftol=1e-12
    ).x
    a, b, *c = (float(f"{v:.{DIGITS}g}") for v in (*powers, *solve(powers)[0]))
    return {"a": a, "b": b, "p": p, "c": c}


def main() -> None:
    """Fit every distribution, print the largest deviations, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("grid_directory", type=Path, help="official LHAPDF set CT18NNLO")
    q0, x, grid = read_lowest_q(parser.parse_args().grid_directory.resolve())
    inside = (x > X_RANGE[0]) & (x < X_RANGE[1])
    x, grid = x[inside], {pid: xf[inside] for pid, xf in grid.items()}

    # A valence density is a difference: its error is that of the quark density.
    targets = {
        "g": (grid[21], grid[21]),
        "u_valence": (grid[2] - grid[-2], grid[2]),
        "d_valence": (grid[1] - grid[-1], grid[1]),
        "ubar": (grid[-2], grid[-2]),
        "dbar": (grid[-1], grid[-1]),
        "s": (grid[3], grid[3]),
    }
    distributions = {}
    for name, (xf, scale) in targets.items():
        error = np.abs(scale) + NOISE
        distributions[name] = fit(x, xf, error, *FORMS[name])
        deviation = np.abs(bernstein_form(x, **distributions[name]) - xf) / error
        print(f"{name:10s} largest deviation {deviation.max():.1e} at x = {x[deviation.argmax()]}")

    table = {
        "description": "Proton parton densities at the initial scale, CT18NNLO central member",
        "source": "fit to the row Q = q0 of the LHAPDF grid CT18NNLO, member 0, by "
        "tools/fit_ct18_initial_condition.py",
        "reference": "T.-J. Hou et al., Phys. Rev. D 103 (2021) 014013, arXiv:1912.10053",
        "form": "x f = x^a (1-x)^b sum_k c_k C(n,k) y^k (1-y)^(n-k), y = 1 - (1-sqrt(x))^p",
        "flavours": "u = u_valence + ubar, d = d_valence + dbar, sbar = s; c = b = 0 at q0",
        "q0": q0,
        "q0_unit": "GeV",
        "distributions": distributions,
    }
    TABLE.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
