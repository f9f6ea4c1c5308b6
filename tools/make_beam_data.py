"""Make the data files of the built-in beams from public fluxes.

    pip download --no-deps DarkNews==0.4.8; tar -xzf darknews-0.4.8.tar.gz
    python tools/make_beam_data.py darknews-0.4.8/src/DarkNews/include/fluxes /path/to/flux.txt

reads fluxes of the package DarkNews (MIT License) and T2K's ``flux.txt``, released with
arXiv:1801.05148, and rewrites in ``src/nd2fd/data`` the tables of DUNE's ν̄_μ and MicroBooNE's ν_μ
and the coefficients of T2K's and NOvA's ν_μ. DUNE's ν_μ table is older and stays.

T2K's and NOvA's fluxes are histograms. A sum of Gaussians in ln E is fitted to them: its average
over each bin, by least squares, residuals divided by the flux plus 1 % of the largest value, and
the best of 40 random starts is taken.
"""

import argparse
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

Array = NDArray[np.float64]

DATA = Path(__file__).resolve().parents[1] / "src" / "nd2fd" / "data"
LICENCE = "MIT License, Copyright (c) 2021 Matheus Hostert"
TABLE_COLUMNS = "# Columns: neutrino energy [GeV], flux [neutrinos / (cm² POT GeV)].\n"
SHAPE_COLUMNS = """# One row per term of flux(E) = Σ amplitude exp(-ln(E/centre)^2 / (2 width^2));
# centre in GeV, width in ln E, amplitude relative to the flux in the highest bin.
# Made by tools/make_beam_data.py; agreement: docs/flux.md.
"""

# The bins of NOvA's release. DarkNews samples the histogram at 100 energies, at least once a bin,
# and gives 0 in the last one, up to 20 GeV.
NOVA_EDGES = np.array([0.0, *np.linspace(0.6, 5.0, 23).round(1), *range(6, 20)])

N_STARTS = 40
SMALLEST_WIDTH = 0.15  # narrower terms would follow the histogram's noise
POINTS_PER_BIN = 24


def sum_of_gaussians(log_parameters: Array, energy: Array) -> Array:
    """Flux at `energy` [GeV]; parameters are ln(amplitude), ln(centre), ln(width) of each term."""
    amplitude, centre, width = np.exp(log_parameters.reshape(-1, 3)).T
    log_ratio = np.log(energy[..., None] / centre)
    return np.asarray((amplitude * np.exp(-0.5 * (log_ratio / width) ** 2)).sum(axis=-1))


def fit_shape(edges: Array, flux: Array, n_terms: int, peak: float) -> Array:
    """Amplitude, centre [GeV] and width of each term by ascending centre, shape (n_terms, 3)."""
    inside = (np.arange(POINTS_PER_BIN) + 0.5) / POINTS_PER_BIN
    energy = edges[:-1, None] + np.diff(edges)[:, None] * inside
    target = flux / flux.max()
    bounds = (
        np.tile(np.log([1e-6, 0.03, SMALLEST_WIDTH]), n_terms),
        np.tile(np.log([5.0, 40.0, 7.0]), n_terms),
    )

    def residuals(log_parameters: Array) -> Array:
        average = sum_of_gaussians(log_parameters, energy).mean(axis=1)
        return np.asarray((average - target) / (target + 0.01))

    fits = []
    for start in range(N_STARTS):
        rng = np.random.default_rng(start)
        centre = np.sort(rng.uniform(np.log(peak / 4), np.log(0.7 * edges[-1]), n_terms))
        centre[:2] = np.log(peak) + rng.normal(0, 0.2, 2)
        height = np.interp(np.exp(centre), 0.5 * (edges[1:] + edges[:-1]), target) + 1e-3
        width = rng.uniform(0.2, 0.8, n_terms)
        first = np.stack([np.log(height), centre, np.log(width)], axis=1).ravel()
        fits.append(least_squares(residuals, first, bounds=bounds, max_nfev=400))
    best = min(fits, key=lambda fit: fit.cost)
    average = sum_of_gaussians(best.x, energy).mean(axis=1)
    for share in (0.05, 0.01):
        deviation = np.abs(average / target - 1)[target > share]
        print(
            f"  where the flux is above {share:.0%} of its peak: max {deviation.max():.1%},"
            f" rms {np.sqrt(np.mean(deviation**2)):.1%}"
        )
    terms = np.exp(best.x.reshape(-1, 3))
    return np.asarray(terms[terms[:, 1].argsort()])


def write(name: str, header: str, rows: Array, digits: int) -> None:
    """Write one data file."""
    lines = (",".join(f"{value:.{digits}g}" for value in row) for row in rows)
    (DATA / name).write_text(header + "\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Rewrite the data files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("darknews", type=Path, help="include/fluxes of DarkNews 0.4.8")
    parser.add_argument("t2k", type=Path, help="flux.txt of T2K's release")
    arguments = parser.parse_args()

    dune = np.loadtxt(arguments.darknews / "DUNE_ND_RHC.dat")[:41, [0, 5]]
    write(
        "dune_nd_numubar_rhc.csv",
        "# DUNE muon-antineutrino flux at the near detector, reverse horn current\n"
        "# (OptimizedEngineeredNov2017 beam, arXiv:2103.04797), at bin centres up to 10.125 GeV.\n"
        + TABLE_COLUMNS
        + "# Taken from include/fluxes/DUNE_ND_RHC.dat of DarkNews 0.4.8 (PyPI, numubar column,\n"
        f"# first 41 rows), {LICENCE}.\n",
        dune,
        10,
    )

    low, high, flux = np.loadtxt(arguments.darknews / "MicroBooNE_BNB_flux.txt")[:136, :3].T
    write(
        "bnb_microboone_numu.csv",
        "# Muon-neutrino flux of Fermilab's Booster Neutrino Beam at MicroBooNE, positive horn\n"
        "# polarity, at the centres of bins of 0.05 GeV up to 6.8 GeV.\n"
        + TABLE_COLUMNS
        + "# Taken from include/fluxes/MicroBooNE_BNB_flux.txt of DarkNews 0.4.8 (PyPI, numu\n"
        f"# column, first 136 bins, divided by their width), {LICENCE}.\n",
        np.stack([(low + high) / 2, flux / 0.05], axis=1),
        6,
    )

    bins = re.findall(r"\[([\d.]+),([\d.]+)\]\s+(\S+)", arguments.t2k.read_text())
    low, high, flux = np.array(bins, dtype=np.float64)[:200].T
    print("T2K")
    write(
        "t2k_numu_fhc.csv",
        "# T2K muon-neutrino flux at ND280, 2.5 degrees off axis, forward horn current,\n"
        "# up to 10 GeV.\n"
        + SHAPE_COLUMNS
        + "# Source: fit to the flux that T2K released with arXiv:1801.05148 (50 MeV bins).\n"
        "# amplitude, centre, width\n",
        fit_shape(np.append(low, high[-1]), flux, 5, 0.6),
        4,
    )

    energy, flux = np.loadtxt(arguments.darknews / "NOvA_FHC.dat")[:, [0, 2]].T
    print("NOvA")
    write(
        "nova_numu_fhc.csv",
        "# NOvA muon-neutrino flux at the near detector, forward horn current, up to 19 GeV.\n"
        + SHAPE_COLUMNS
        + "# Source: fit to NOvA's flux release of 2017 (0.2 GeV bins below 5 GeV), from\n"
        f"# include/fluxes/NOvA_FHC.dat of DarkNews 0.4.8 (PyPI), {LICENCE}.\n"
        "# amplitude, centre, width\n",
        fit_shape(NOVA_EDGES, flux[np.searchsorted(energy, NOVA_EDGES[1:]) - 1], 4, 1.8),
        4,
    )


if __name__ == "__main__":
    main()
