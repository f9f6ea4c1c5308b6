"""Figure 18: the inputs, and where in (x, Q²) the events of both detectors are."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.style import ACCENT, LEARNED, NEUTRAL, PAGE, TRUTH
from nd2fd.forward.nodes import tau_of_Q2, xi_of_x
from nd2fd.beam.spectra import detector_spectra

Array = NDArray[np.float64]

X_TICKS = (0.0, 0.05, 0.2, 0.5, 1.0)
Q2_TICKS = (0.0, 0.2, 1.0, 3.0, 10.0)
_LOWEST = 1e-3
"""The map ends at this fraction of the peak."""


def draw(
    flux: Mapping[str, Array],
    oscillation: Mapping[str, Array],
    truth: Mapping[str, Array],
    weights: Mapping[str, Array],
) -> Figure:
    """Fluxes and survival probability against E_ν, and event densities in (x, Q²).

    The four arguments are the artifacts of these names.
    """
    figure = plt.figure(figsize=(PAGE, 3.1))
    halves = figure.add_gridspec(1, 2, width_ratios=[1, 1.9])
    ((main,), (probability,)) = (
        halves[0].subgridspec(2, 1, height_ratios=[1.6, 1]).subplots(sharex=True, squeeze=False)
    )
    energy, survival = oscillation["energy"], oscillation["survival_probability"]
    near, far = (spectrum(energy) for spectrum in detector_spectra(flux, oscillation))
    peak = near.max()
    main.plot(energy, near / peak, color=TRUTH, ls="--", label="ND")
    main.fill_between(energy, 0.0, far / peak, color=LEARNED, alpha=0.3, lw=0)
    main.plot(energy, far / peak, color=LEARNED, lw=0.8, label=r"FD $\times\,P$")
    main.set(ylabel="flux (ND peak = 1)", ylim=(0, None), xlim=(0, energy[-1]))
    main.legend(loc="upper right")
    probability.plot(energy, survival, color=ACCENT, lw=0.8)
    probability.set(
        xlabel=r"$E_\nu$ (GeV)", ylabel=r"$P(\nu_\mu\rightarrow\nu_\mu)$", ylim=(0, 1.05)
    )

    (maps,) = halves[1].subgridspec(1, 2).subplots(sharex=True, sharey=True, squeeze=False)
    xi, tau = weights["xi"], weights["tau"]
    spacing = (xi[1] - xi[0]) * (tau[1] - tau[0])
    densities = [
        np.einsum("ixt,ixt->xt", weights[name], truth["structure_functions"]) / spacing
        for name in ("near", "far")
    ]
    lowest = _LOWEST * np.max(densities)
    norm = LogNorm(lowest, np.max(densities))
    for axis, density, title in zip(
        maps, densities, ("Near detector", "Far detector"), strict=True
    ):
        image = axis.pcolormesh(
            xi, tau, np.ma.masked_less(density, lowest).T, norm=norm, rasterized=True
        )
        axis.set(title=title, xlabel="$x$")
    maps[0].set(
        ylabel="$Q^2$ (GeV$^2$)",
        xlim=(0, 1),
        ylim=(0, 1),
        xticks=xi_of_x(np.array(X_TICKS)),
        xticklabels=[f"{x:g}" for x in X_TICKS],
        yticks=tau_of_Q2(np.array(Q2_TICKS)),
        yticklabels=[f"{q:g}" for q in Q2_TICKS],
    )
    for axis in maps:
        axis.minorticks_off()
        axis.set_facecolor((*to_rgb(NEUTRAL), 0.15))
    figure.colorbar(image, ax=maps, label=r"events per d$\sqrt{x}\,$d$\tau$", pad=0.02)
    return figure
