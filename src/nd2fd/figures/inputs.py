"""The inputs, and where in (x, Q²) the events of the detectors are."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.beam.spectra import far_spectrum, near_spectrum
from nd2fd.figures.data import describe
from nd2fd.figures.style import ACCENT, LEARNED, NEUTRAL, PAGE, TRUTH, survival
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.io.schemas.truth import NodeWeights, Truth
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]

X_TICKS = (0.0, 0.05, 0.2, 0.5, 1.0)
Q2_TICKS = (0.0, 0.01, 0.05, 0.15, 0.5)
"""In units of the largest x and Q²."""

_LOWEST = 1e-3
"""The map ends at this fraction of the peak."""


def draw(
    flux: Flux,
    oscillation: Oscillation | None,
    truth: Truth,
    weights: NodeWeights,
    setup: Setup,
) -> Figure:
    """Fluxes and survival probability against E_ν, and event densities in (x, Q²).

    `oscillation` is None without a far detector.
    """
    figure = plt.figure(figsize=(PAGE, 3.1))
    maps_per_flux = 1.9 if weights.far is not None else 1.0
    halves = figure.add_gridspec(1, 2, width_ratios=[1, maps_per_flux])
    energy = flux.energy if oscillation is None else oscillation.energy
    near = near_spectrum(flux)(energy)
    peak = near.max()
    if oscillation is None:
        main = bottom = figure.add_subplot(halves[0])
    else:
        ((main,), (bottom,)) = (
            halves[0].subgridspec(2, 1, height_ratios=[1.6, 1]).subplots(sharex=True, squeeze=False)
        )
    main.plot(energy, near / peak, color=TRUTH, ls="--", label="ND", gid="near")
    describe(main, "fluxes", "E_nu (GeV)", "flux (peak of the near one)")
    if oscillation is not None:
        far = far_spectrum(flux, oscillation)(energy)
        main.fill_between(energy, 0.0, far / peak, color=LEARNED, alpha=0.3, lw=0, gid="far x P")
        label = r"FD $\times\,P$"
        main.plot(energy, far / peak, color=LEARNED, lw=0.8, label=label, gid="far x P")
        probability = oscillation.survival_probability
        bottom.plot(energy, probability, color=ACCENT, lw=0.8, gid="survival")
        describe(bottom, "survival probability", "E_nu (GeV)", "P")
        bottom.set(ylabel=f"$P({survival(setup.antineutrino)})$", ylim=(0, 1.05))
    end = setup.energy_max if oscillation is None else energy[-1]
    main.set(ylabel="flux (ND peak = 1)", ylim=(0, None), xlim=(0, end))
    main.legend(loc="upper right")
    bottom.set_xlabel(r"$E_\nu$ (GeV)")

    at_detectors = [("Near detector", weights.near)]
    if weights.far is not None:
        at_detectors.append(("Far detector", weights.far))
    nodes = NodeGrid.of(weights)
    xi, tau = weights.xi, weights.tau
    spacing = (xi[1] - xi[0]) * (tau[1] - tau[0])
    densities = [
        np.einsum("ixt,ixt->xt", weight, truth.structure_functions) / spacing
        for _, weight in at_detectors
    ]
    (maps,) = (
        halves[1].subgridspec(1, len(densities)).subplots(sharex=True, sharey=True, squeeze=False)
    )
    lowest = _LOWEST * np.max(densities)
    norm = LogNorm(lowest, np.max(densities))
    for axis, density, (title, _) in zip(maps, densities, at_detectors, strict=True):
        image = axis.pcolormesh(
            xi, tau, np.ma.masked_less(density, lowest).T, norm=norm, rasterized=True
        )
        axis.set(title=title, xlabel="$x$")
        image.set_gid("truth")
        describe(axis, title, "sqrt(x/x_max)", "tau", "events per d sqrt(x/x_max) d tau")
    x_ticks, Q2_ticks = nodes.x_max * np.array(X_TICKS), nodes.Q2_max * np.array(Q2_TICKS)
    maps[0].set(
        ylabel="$Q^2$ (GeV$^2$)",
        xlim=(0, 1),
        ylim=(0, 1),
        xticks=nodes.xi_of_x(x_ticks),
        xticklabels=[f"{x:g}" for x in x_ticks],
        yticks=nodes.tau_of_Q2(Q2_ticks),
        yticklabels=[f"{q:g}" for q in Q2_ticks],
    )
    for axis in maps:
        axis.minorticks_off()
        axis.set_facecolor((*to_rgb(NEUTRAL), 0.15))
    figure.colorbar(image, ax=maps, label=r"events per d$\sqrt{x}\,$d$\tau$", pad=0.02)
    return figure


def from_job(job: Job) -> Figure:
    """With the survival probability where there is a far detector."""
    return draw(
        job.load("flux", Flux),
        job.load_optional("oscillation", Oscillation),
        job.load("truth", Truth),
        job.load("weights", NodeWeights),
        Setup.from_config(job.params.setup),
    )
