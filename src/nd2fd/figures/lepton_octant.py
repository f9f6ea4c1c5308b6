"""Δ(−2 ln L) curves: the octant of θ23 before and after electrons, δ_CP, and the mass ordering."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nd2fd.figures.data import describe
from nd2fd.figures.lepton_shared import known_and_learned, load_fits
from nd2fd.figures.style import PAGE
from nd2fd.io.job import Job
from nd2fd.io.schemas.leptons import LeptonFit
from nd2fd.statistics.ensemble import N_SIGMAS
from nd2fd.statistics.profile_regions import FOR_ONE

Array = NDArray[np.float64]

_LINES = ("-", "--")
_SAMPLES = ("all far samples", "far muons alone")
_ORDERINGS = ("true ordering", "other ordering")


def draw(fits: Mapping[str, LeptonFit], true_point: tuple[float, float, float]) -> Figure:
    """Octant: all far samples solid, far muons dashed; else true ordering solid, other dashed.

    The other ordering is so far that roots are shown. The point is sin²θ23, δ_CP, Δm²32.
    """
    figure, (octant, phase, mass) = plt.subplots(1, 3, figsize=(PAGE, 2.7))
    for fit, k, color, label in known_and_learned(fits):
        muons, every = fit.octant[k]
        for panel, x, curves, of in (
            (octant, fit.sin2_theta23, (every, muons), _SAMPLES),
            (phase, fit.delta_cp / np.pi, _root(fit.delta_curve[k]), _ORDERINGS),
            (mass, 1e3 * fit.size_of_dm2_32, _root(fit.mass_curve[k]), _ORDERINGS),
        ):
            for line, curve, what in zip(_LINES, curves, of, strict=True):
                name = label if line == "-" else None
                look: dict[str, Any] = {"ls": line, "label": name, "gid": f"{label}, {what}"}
                panel.plot(x, curve, color=color, lw=1.0, **look)
    for panel, thresholds in ((octant, FOR_ONE), (phase, N_SIGMAS), (mass, N_SIGMAS)):
        for threshold in thresholds:
            panel.axhline(threshold, color="0.8", lw=0.5, zorder=0)
    mixing, true_phase, splitting = true_point
    for panel, true in (
        (octant, mixing),
        (phase, true_phase / np.pi),
        (mass, 1e3 * abs(splitting)),
    ):
        panel.axvline(true, color="0.6", lw=0.8, ls=":")
    octant.set(xlabel=r"$\sin^2\theta_{23}$", ylabel=r"$\Delta(-2\ln L)$", ylim=(0.0, 12.0))
    root = r"$\sqrt{\Delta(-2\ln L)}$"
    phase.set(xlabel=r"$\delta_\mathrm{CP}/\pi$", ylabel=root, xlim=(0.0, 2.0), ylim=(0.0, None))
    mass.set(xlabel=r"$|\Delta m^2_{32}|$ [$10^{-3}$ eV$^2$]", ylabel=root, ylim=(0.0, None))
    _legend(octant, _SAMPLES)
    _legend(mass, _ORDERINGS)
    phase.legend(fontsize=6)
    describe(octant, "octant", "sin2_theta23", "-2 Delta ln L")
    describe(phase, "CP phase", "delta_cp (pi)", "sqrt(-2 Delta ln L)")
    describe(mass, "mass splitting", "size of dm2_32 (1e-3 eV2)", "sqrt(-2 Delta ln L)")
    return figure


def _root(curves: Array) -> Array:
    """Rounding may leave a minimum a little below zero."""
    return np.sqrt(np.maximum(curves, 0.0))


def _legend(panel: Axes, labels: tuple[str, str]) -> None:
    lines = [Line2D([], [], color="0.3", ls=ls, lw=1.0) for ls in _LINES]
    panel.legend(lines, labels, fontsize=6, loc="upper center")


def from_job(job: Job) -> Figure:
    """Of all analyses."""
    return draw(load_fits(job), job.params.true_point)
