"""The fluxes, their uncertainty, and the fluxes that ensembles draw from it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from nd2fd.beam.flux import FluxTable, interpolate_flux
from nd2fd.figures.data import describe
from nd2fd.figures.style import LEARNED, NEUTRAL, PAGE, TRUTH, counted, survival
from nd2fd.io.job import Job
from nd2fd.io.schemas.fits import Fits
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.io.schemas.near import NearData
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]


def draw(
    flux: Flux,
    oscillation: Oscillation | None,
    flux_parameters: Array,
    setup: Setup,
) -> Figure:
    """Nominal flux, 1σ band and draws at the detectors, and below their fractional shifts.

    Parameters
    ----------
    flux, oscillation
        Fluxes, and the survival probability where there is a far detector.
    flux_parameters
        Size of each mode in the draws, shape (n_draws, n_modes).
    setup
        Its neutrinos and their largest energy.
    """
    assert flux.near_modes is not None
    energy, peak = flux.energy, flux.near.max()
    unoscillated = energy, np.ones_like(energy), "--", ""
    detectors = [("Near detector", flux.near, flux.near_modes, [unoscillated])]
    handles: list[Artist] = [Line2D([], [], color=TRUTH, ls="--", lw=0.9, label="nominal")]
    if oscillation is not None:
        assert flux.far is not None
        assert flux.far_modes is not None
        oscillated = oscillation.energy, oscillation.survival_probability, "-", " x P"
        detectors.append(("Far detector", flux.far, flux.far_modes, [unoscillated, oscillated]))
        label = rf"nominal $\times\ P({survival(setup.antineutrino)})$"
        handles.append(Line2D([], [], color=TRUTH, lw=0.9, label=label))

    figure, axes = plt.subplots(
        2,
        len(detectors),
        figsize=(PAGE, 3.8),
        sharex=True,
        sharey="row",
        height_ratios=[2, 1],
        squeeze=False,
    )
    for (main, shift), (name, nominal, modes, factors) in zip(axes.T, detectors, strict=True):
        one_sigma = np.sqrt(np.sum(modes**2, axis=0))
        drawn = flux_parameters @ modes
        for at, factor, line, times in factors:
            low, true, high = (
                factor * interpolate_flux(FluxTable(energy, values), at) / peak
                for values in (nominal * (1 - one_sigma), nominal, nominal * (1 + one_sigma))
            )
            main.fill_between(at, low, high, color=NEUTRAL, alpha=0.5, lw=0, gid=f"1 sigma{times}")
            for values in nominal * (1 + drawn):
                varied = factor * interpolate_flux(FluxTable(energy, values), at) / peak
                main.plot(at, varied, color=LEARNED, lw=0.4, alpha=0.6, gid=f"drawn{times}")
            main.plot(at, true, color=TRUTH, ls=line, lw=0.9, gid=f"nominal{times}")
        band = 100 * one_sigma
        shift.fill_between(energy, -band, band, color=NEUTRAL, alpha=0.5, lw=0, gid="1 sigma")
        shift.plot(energy, 100 * drawn.T, color=LEARNED, lw=0.4, alpha=0.6, gid="drawn")
        shift.axhline(0.0, color=TRUTH, ls="--", lw=0.9)
        shift.set_xlabel(r"$E_\nu$ (GeV)")
        main.set_title(name)
        describe(main, f"{name}: flux", "E_nu (GeV)", "flux (peak of the near one)")
        describe(shift, f"{name}: shift", "E_nu (GeV)", "shift (%)")
    end = setup.energy_max if oscillation is None else oscillation.energy[-1]
    axes[0, 0].set(ylabel="flux (ND peak = 1)", xlim=(0, end), ylim=(0, None))
    axes[1, 0].set_ylabel("shift of the flux (%)")
    handles += [
        Patch(color=NEUTRAL, alpha=0.5, lw=0, label=r"1$\sigma$"),
        Line2D([], [], color=LEARNED, lw=0.6, label=counted(len(flux_parameters), "draw")),
    ]
    axes[0, -1].legend(handles=handles, loc="upper right")
    return figure


def from_job(job: Job) -> Figure:
    """Draws of an ensemble, which stand with its fits or, of networks, with what they train on."""
    drawn: Fits | NearData
    if hasattr(job.input, "fits"):
        drawn = job.load_joined("fits", Fits)
    else:
        drawn = job.load_joined("near", NearData)
    assert drawn.flux_parameters is not None
    return draw(
        job.load("flux", Flux),
        job.load_optional("oscillation", Oscillation),
        drawn.flux_parameters,
        Setup.from_config(job.params.setup),
    )
