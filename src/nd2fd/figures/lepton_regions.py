"""δ_CP against sin²θ23, with the known and with learned cross sections."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nd2fd.figures.data import describe
from nd2fd.figures.lepton_shared import ANALYSED, COLOURS, KNOWN, load_fits
from nd2fd.figures.style import ACCENT, COLUMN, TRUTH
from nd2fd.io.job import Job
from nd2fd.io.schemas.leptons import LeptonFit

_LEVELS = (2.30, 6.18)
"""Of two parameters: 68.3 % and 95.4 %."""


def draw(fits: Mapping[str, LeptonFit], true_point: tuple[float, float]) -> Figure:
    """Regions at 1σ (solid) and 2σ (dashed) of expected data."""
    figure, panel = plt.subplots(figsize=(COLUMN, 3.2))
    first = next(iter(fits.values()))
    handles = []
    drawn = [(TRUTH, "known cross section", first, KNOWN)]
    drawn += [
        (color, label, fit, ANALYSED)
        for (label, fit), color in zip(fits.items(), COLOURS, strict=False)
    ]
    for color, label, fit, model in drawn:
        for n_sigma, (level, line) in enumerate(zip(_LEVELS, ("-", "--"), strict=True), 1):
            region = panel.contour(
                fit.region_sin2_theta23,
                fit.delta_cp / np.pi,
                fit.region[model].T,
                levels=[level],
                colors=color,
                linestyles=[line],
                linewidths=1.0,
            )
            region.set_gid(f"{label}, {n_sigma} sigma")
        handles.append(Line2D([], [], color=color, label=label))
    star: dict[str, Any] = {"marker": "*", "color": ACCENT, "ls": "", "ms": 7}
    panel.plot(true_point[0], true_point[1] / np.pi, gid="true value", **star)
    describe(panel, "regions", "sin2_theta23", "delta_cp (pi)")
    panel.set(xlabel=r"$\sin^2\theta_{23}$", ylabel=r"$\delta_\mathrm{CP}/\pi$")
    panel.legend(handles=handles, fontsize=6, loc="lower right")
    return figure


def from_job(job: Job) -> Figure:
    """Of all analyses."""
    return draw(load_fits(job), job.params.true_point)
