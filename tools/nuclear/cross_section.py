"""Total cross sections of the nuclear truth beside measured ones."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from nuclear.case import ROOT, Array, Case

from nd2fd.cross_sections.impulse.nucleus import NOMINAL, Strengths
from nd2fd.cross_sections.impulse.targets import impulse_approximation
from nd2fd.cross_sections.interpolation import interpolated_table, tabulate
from nd2fd.cross_sections.quark_parton import checked_densities
from nd2fd.figures.style import ACCENT, LEARNED, NEUTRAL, PAGE, SECOND, TRUTH, use_style
from nd2fd.physics.cross_section import measurable_combinations
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.physics.setup import Target

DATA = ROOT / "tests/total_cross_sections.csv"
FIGURE = ROOT / "docs/images/nuclear-cross-section.png"

NOTHING = Strengths(quasi_elastic=0.0, delta=0.0, second_region=0.0, continuum=0.0)
PARTS = {
    "all": (NOMINAL, TRUTH),
    "quasi-elastic": (replace(NOTHING, quasi_elastic=1.0), LEARNED),
    "Δ": (replace(NOTHING, delta=1.0), ACCENT),
    "continuum": (replace(NOTHING, second_region=1.0, continuum=1.0), SECOND),
}
MARKERS = dict(
    zip(("NOMAD", "MINOS", "SciBooNE", "T2K", "ANL", "Gargamelle"), "os^Dvx", strict=True)
)


def per_energy(case: Case, energy_max: float, strengths: Strengths, *, antineutrino: bool):
    """E_ν and σ/E_ν [1e-38 cm²/GeV] per nucleon of carbon, up to an energy [GeV]."""
    carbon = Target((("C12", 1.0),))
    setup = replace(case.setup, target=carbon, energy_max=energy_max, antineutrino=antineutrino)
    five = impulse_approximation(checked_densities(setup, case.pdf), setup, strengths)
    table = tabulate(five, lambda x, Q2: np.zeros((5, x.size)), setup, 384, 288)
    truth = measurable_combinations(interpolated_table(table, antineutrino=False), setup)
    grid = DensityGrid(setup, 40, 96, 96, 2)
    _, sigma = event_densities(grid, truth, np.ones((1, 40)))
    return grid.energy, sigma / grid.energy


def curve(case: Case, strengths: Strengths, *, antineutrino: bool) -> tuple[Array, Array]:
    """The same from 0.3 to 22 GeV, of three grids."""
    energy, sigma = [], []
    for start, end in ((0.25, 1.5), (1.5, 5.0), (5.0, 22.0)):
        e, s = per_energy(case, end, strengths, antineutrino=antineutrino)
        energy.append(e[e >= start])
        sigma.append(s[e >= start])
    return np.concatenate(energy), np.concatenate(sigma)


def cross_section(case: Case) -> None:
    """Print σ/E beside each measured value, and draw both."""
    data = pd.read_csv(DATA, comment="#")
    use_style(str(ROOT / "workflow/figures.mplstyle"))
    figure, axis = plt.subplots(figsize=(PAGE, 3.4))
    for helicity in ("neutrino", "antineutrino"):
        for name, (strengths, colour) in PARTS.items():
            energy, sigma = curve(case, strengths, antineutrino=helicity == "antineutrino")
            axis.plot(energy, sigma, color=colour, label=name if helicity == "neutrino" else None)
            if name == "all":
                measured = data[data.helicity == helicity]
                found = np.interp(measured.energy, energy, sigma)
                print(measured.assign(found=found, pull=(found - measured.sigma) / measured.error))
    for name, marker in MARKERS.items():
        of_one = data[data.experiment == name]
        bars = (of_one.energy, of_one.sigma, of_one.error)
        axis.errorbar(*bars, fmt=marker, ms=4, color=NEUTRAL, mfc="white", label=name)
    axis.set(xscale="log", xlim=(0.3, 22.0), ylim=(0.0, 1.4), xlabel=r"$E_\nu$ (GeV)")
    axis.set_ylabel(r"$\sigma/E_\nu$ ($10^{-38}$ cm$^2$/GeV) per nucleon")
    axis.set_xticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    axis.legend(ncols=3)
    figure.savefig(FIGURE, dpi=150)
