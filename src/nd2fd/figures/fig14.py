"""Figure 14: the fluxes, their uncertainty, and the fluxes that ensembles draw from it."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from nd2fd.figures.style import LEARNED, NEUTRAL, PAGE, TRUTH
from nd2fd.beam.flux import FluxTable, interpolate_flux
from nd2fd.beam.modes import vary_flux

Array = NDArray[np.float64]


def draw(
    flux: Mapping[str, Array], oscillation: Mapping[str, Array], flux_parameters: Array
) -> Figure:
    """Nominal flux, 1σ band and draws at both detectors, and below their fractional shifts.

    Parameters
    ----------
    flux, oscillation
        Artifacts `flux` and `oscillation`.
    flux_parameters
        Size of each mode in the draws, shape (n_draws, n_modes).
    """
    modes = flux["near_modes"], flux["far_modes"]
    draws = vary_flux(flux["energy"], flux["near"], flux["far"], modes, flux_parameters)
    peak = flux["near"].max()
    energy = flux["energy"]
    unoscillated = energy, np.ones_like(energy), "--"
    oscillated = oscillation["energy"], oscillation["survival_probability"], "-"

    figure, axes = plt.subplots(
        2, 2, figsize=(PAGE, 3.8), sharex=True, sharey="row", height_ratios=[2, 1]
    )
    for (main, shift), name, shifts, drawn in zip(
        axes.T, ("near", "far"), modes, draws, strict=True
    ):
        nominal = flux[name]
        one_sigma = np.sqrt(np.sum(shifts**2, axis=0))
        for at, factor, line in [unoscillated] if name == "near" else [unoscillated, oscillated]:
            low, true, high = (
                factor * interpolate_flux(FluxTable(energy, values), at) / peak
                for values in (nominal * (1 - one_sigma), nominal, nominal * (1 + one_sigma))
            )
            main.fill_between(at, low, high, color=NEUTRAL, alpha=0.5, lw=0)
            for values in drawn:
                varied = factor * interpolate_flux(FluxTable(energy, values), at) / peak
                main.plot(at, varied, color=LEARNED, lw=0.4, alpha=0.6)
            main.plot(at, true, color=TRUTH, ls=line, lw=0.9)
        band = 100 * one_sigma
        shift.fill_between(energy, -band, band, color=NEUTRAL, alpha=0.5, lw=0)
        shift.plot(energy, 100 * (flux_parameters @ shifts).T, color=LEARNED, lw=0.4, alpha=0.6)
        shift.axhline(0.0, color=TRUTH, ls="--", lw=0.9)
        shift.set_xlabel(r"$E_\nu$ (GeV)")
        main.set_title(f"{name} detector".capitalize())
    axes[0, 0].set(ylabel="flux (ND peak = 1)", xlim=(0, oscillation["energy"][-1]), ylim=(0, None))
    axes[1, 0].set_ylabel("shift of the flux (%)")
    handles = [
        Line2D([], [], color=TRUTH, ls="--", lw=0.9, label="nominal"),
        Line2D(
            [], [], color=TRUTH, lw=0.9, label=r"nominal $\times\ P(\nu_\mu\rightarrow\nu_\mu)$"
        ),
        Patch(color=NEUTRAL, alpha=0.5, lw=0, label=r"1$\sigma$"),
        Line2D([], [], color=LEARNED, lw=0.6, label=f"{len(flux_parameters)} draws"),
    ]
    axes[0, 1].legend(handles=handles, loc="upper right")
    return figure
