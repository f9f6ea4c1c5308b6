"""Regions of sin²θ23 with δ_CP and with Δm²32, of known and of learned cross sections."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nd2fd.figures.data import describe
from nd2fd.figures.lepton_shared import known_and_learned, load_fits
from nd2fd.figures.style import ACCENT, PAGE
from nd2fd.io.job import Job
from nd2fd.io.schemas.leptons import LeptonFit
from nd2fd.statistics.profile_regions import FOR_TWO


def draw(fits: Mapping[str, LeptonFit], true_point: tuple[float, float, float]) -> Figure:
    """At 1σ (solid) and 2σ (dashed), of expected data; the point is sin²θ23, δ_CP, Δm²32."""
    figure, panels = plt.subplots(1, 2, figsize=(PAGE, 3.0), sharex=True)
    handles = []
    mixing, phase, mass = true_point
    for fit, k, color, label in known_and_learned(fits):
        for panel, y, values in (
            (panels[0], fit.delta_cp / np.pi, fit.region[k]),
            (panels[1], 1e3 * np.sign(mass) * fit.size_of_dm2_32, fit.mass_region[k]),
        ):
            for n_sigma, (level, line) in enumerate(zip(FOR_TWO, ("-", "--"), strict=True), 1):
                region = panel.contour(
                    fit.sin2_theta23,
                    y,
                    values.T,
                    levels=[level],
                    colors=color,
                    linestyles=[line],
                    linewidths=1.0,
                )
                region.set_gid(f"{label}, {n_sigma} sigma")
        handles.append(Line2D([], [], color=color, label=label))
    star: dict[str, Any] = {"marker": "*", "color": ACCENT, "ls": "", "ms": 7}
    for panel, y in zip(panels, (phase / np.pi, 1e3 * mass), strict=True):
        panel.plot(mixing, y, gid="true value", **star)
        panel.set(xlabel=r"$\sin^2\theta_{23}$")
    panels[0].set_ylabel(r"$\delta_\mathrm{CP}/\pi$")
    panels[1].set_ylabel(r"$\Delta m^2_{32}$ [$10^{-3}$ eV$^2$]")
    panels[0].legend(handles=handles, fontsize=6, loc="lower right")
    describe(panels[0], "CP phase", "sin2_theta23", "delta_cp (pi)")
    describe(panels[1], "mass splitting", "sin2_theta23", "dm2_32 (1e-3 eV2)")
    return figure


def from_job(job: Job) -> Figure:
    """Of all analyses."""
    return draw(load_fits(job), job.params.true_point)
