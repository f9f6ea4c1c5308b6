"""Measured cross sections: energy slices from energy-integrated data, and what is learned.

What is drawn of a measurement with ranges of E_ν is conditional: data and prediction given the
energy-integrated data, with the errors that both have then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from nd2fd.figures.data import describe
from nd2fd.figures.style import ACCENT, FURTHER, LEARNED, NEUTRAL, PAGE, SECOND, TRUTH
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.job import Job
from nd2fd.io.schemas.measurements import Measurement, MeasurementFit, MeasurementTransfer
from nd2fd.measurements.bins import VARIABLES, Bins
from nd2fd.measurements.measurement import bins_of
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_COLOURS: Final = (LEARNED, ACCENT, SECOND, *FURTHER)

_Q2: Final = (0.2, 0.6)
"""At which structure functions are drawn [GeV²]."""

_LAST_BIN: Final = 1.35
"""Last bins reach far: axes end at this times their lower edge."""

_SYMBOLS: Final = {
    "momentum": "p",
    "energy": r"E_\ell",
    "cos_theta": r"\cos\theta",
    "transverse_momentum": r"p_\mathrm{T}",
    "longitudinal_momentum": r"p_\parallel",
}


@dataclass(frozen=True)
class Shown:
    """A measurement, its fit, and predictions of it from other measurements, by their labels."""

    label: str
    setup: Setup
    measurement: Measurement
    fit: MeasurementFit
    transfers: Mapping[str, MeasurementTransfer]


def draw(measurements: Sequence[Shown]) -> Figure:
    """Of each measurement a row of panels for each range of E_ν; below, what was learned."""
    heights = [0.55 + 0.95 * len(bins_of(shown.measurement).slices[0]) for shown in measurements]
    heights.append(3.3)
    figure = plt.figure(figsize=(PAGE, sum(heights)))
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, shown in zip(parts[:-1], measurements, strict=True):
        _draw_values(part, shown)
    _draw_learned(parts[-1], measurements)
    return figure


def _draw_values(figure: SubFigure, shown: Shown) -> None:
    """Measured and predicted cross sections against the first variable of the bins."""
    measurement, fit = shown.measurement, shown.fit
    bins = bins_of(measurement)
    ranges, of_bin = bins.slices
    rows = np.unique(bins.second, axis=0)
    panels = figure.subplots(len(ranges), len(rows), sharex="col", squeeze=False)
    names = VARIABLES[bins.variables]
    first, second = (_SYMBOLS[name] for name in names)
    power = 2 if second.startswith("p_") else 1
    quantity = f"d2sigma/d{names[0]} d{names[1]} (1e-38 cm2 GeV^-{power})"
    conditional = fit.conditional_error is not None
    error = np.sqrt(np.diag(measurement.covariance))
    data_error = error if fit.conditional_error is None else fit.conditional_error
    for column, row in enumerate(rows):
        in_row = np.all(bins.second == row, axis=1)
        end = _LAST_BIN * max(bins.first[in_row, 0].max(), 0.5 * bins.first[in_row, 1].min())
        end = min(end, float(bins.first[in_row, 1].max()))
        for k in range(len(ranges)):
            panel: Axes = panels[k, column]
            chosen = np.flatnonzero(in_row & (of_bin == k))
            chosen = chosen[np.argsort(bins.first[chosen, 0])]
            where = f"{names[1]} {row[0]:g} to {row[1]:g}"
            if conditional:
                where += f", E_nu {ranges[k][0]:g} to {ranges[k][1]:g} GeV"
            describe(panel, f"{shown.label}: {where}", f"{names[0]} (GeV)", quantity)
            _draw_panel(panel, bins, chosen, measurement.values, data_error, end, shown)
            panel.axhline(0.0, color=NEUTRAL, lw=0.4, zorder=0)
            panel.set(xlim=(0.0, end), ylim=_limits(shown, data_error, chosen))
            panel.tick_params(labelsize=6)
            panel.minorticks_off()
            panel.locator_params(nbins=3)
            if conditional and column == len(rows) - 1:
                panel.yaxis.set_label_position("right")
                low, high = ranges[k]
                panel.set_ylabel(f"{low:g} to {high:g}", fontsize=6)
        panels[0, column].set_title(f"{row[0]:g} to {row[1]:g}", fontsize=6, pad=2)
    name = rf"d$^2\sigma$/d${first}$d${second}$"
    figure.supylabel(f"{name} (10$^{{-38}}$ cm$^2$ GeV$^{{-{power}}}$)", fontsize=7)
    figure.supxlabel(f"${first}$ (GeV)", fontsize=7)
    what = r", rows: ranges of $E_\nu$ (GeV)" if conditional else ""
    figure.legend(
        handles=_handles(shown),
        loc="outside upper center",
        ncols=4,
        fontsize=7,
        handlelength=1.5,
        title=f"{shown.label}; columns: ranges of ${second}${what}",
        title_fontsize=8,
    )


def _limits(shown: Shown, error: Array, chosen: IntArray) -> tuple[float, float]:
    """Of data and prediction; the control may leave the panel."""
    fit = shown.fit
    drawn = [(shown.measurement.values, error)]
    if fit.predicted is None or fit.predicted_error is None:
        drawn.append((fit.fitted, fit.fitted_error))
        drawn += [(t.predicted, t.predicted_error) for t in shown.transfers.values()]
    else:
        drawn.append((fit.predicted, fit.predicted_error))
    lowest = min(float(np.min((values - e)[chosen])) for values, e in drawn)
    highest = max(float(np.max((values + e)[chosen])) for values, e in drawn)
    return min(1.1 * lowest, -0.03 * highest), 1.08 * highest


def _draw_panel(
    panel: Axes,
    bins: Bins,
    chosen: IntArray,
    values: Array,
    error: Array,
    end: float,
    shown: Shown,
) -> None:
    fit = shown.fit
    edges = np.clip(bins.first[chosen], 0.0, end)
    if fit.predicted is not None and fit.predicted_error is not None:
        predicted = (fit.predicted[chosen], fit.predicted_error[chosen])
        _band(panel, edges, *predicted, LEARNED, "predicted")
    else:
        _band(panel, edges, fit.fitted[chosen], fit.fitted_error[chosen], LEARNED, "fit")
    if fit.without_energy is not None:
        look: dict[str, Any] = {"color": NEUTRAL, "lw": 0.8, "ls": "--"}
        _steps(panel, edges, fit.without_energy[chosen], gid="independent of E_nu", **look)
    for label, transfer in shown.transfers.items():
        if fit.predicted is None:
            predicted = (transfer.predicted[chosen], transfer.predicted_error[chosen])
            _band(panel, edges, *predicted, ACCENT, f"from {label}")
    panel.errorbar(
        edges.mean(axis=1),
        values[chosen],
        xerr=0.5 * np.diff(edges, axis=1)[:, 0],
        yerr=error[chosen],
        color=TRUTH,
        ls="",
        lw=0.7,
        gid="data",
    )


def _steps(panel: Axes, edges: Array, values: Array, **look: Any) -> None:
    panel.plot(edges.ravel(), np.repeat(values, 2), **look)


def _band(panel: Axes, edges: Array, values: Array, error: Array, color: str, name: str) -> None:
    x, low, high = edges.ravel(), np.repeat(values - error, 2), np.repeat(values + error, 2)
    panel.fill_between(x, low, high, color=color, alpha=0.35, lw=0, gid=name)
    _steps(panel, edges, values, color=color, lw=0.8, gid=name)


def _handles(shown: Shown) -> list[Any]:
    band: dict[str, Any] = {"alpha": 0.35, "lw": 0}
    data = Line2D([], [], color=TRUTH, lw=0.7, marker="|", label="data")
    if shown.fit.predicted is None:
        return [
            data,
            Patch(color=LEARNED, label="fit", **band),
            *(
                Patch(color=ACCENT, label=f"from structure functions of {label}", **band)
                for label in shown.transfers
            ),
        ]
    return [
        Line2D([], [], color=TRUTH, lw=0.7, marker="|", label="data"),
        Patch(color=LEARNED, label="predicted from the energy-integrated data", **band),
        Line2D([], [], color=NEUTRAL, lw=0.8, ls="--", label=r"the same, independent of $E_\nu$"),
    ]


def _draw_learned(figure: SubFigure, measurements: Sequence[Shown]) -> None:
    """W_i' against x at fixed Q², from all data, and σ(E_ν)/E_ν."""
    panels = figure.subplot_mosaic(
        [[*(f"{i}{k}" for i in range(3)), "sigma"] for k in range(len(_Q2))],
        width_ratios=[1, 1, 1, 1.3],
    )
    for k, Q2 in enumerate(_Q2):
        for i in range(3):
            panel = panels[f"{i}{k}"]
            _draw_functions(panel, measurements, i, Q2)
            describe(panel, f"W{i + 1}', Q2 = {Q2:g} GeV2", "x", "W'(x, Q2)")
            panel.set_xlim(0.0, max(s.setup.x_max for s in measurements))
            panel.tick_params(labelsize=7, labelbottom=k == len(_Q2) - 1)
            panel.text(
                0.95, 0.92, f"$Q^2={Q2:g}$ GeV$^2$", ha="right", va="top", fontsize=6,
                transform=panel.transAxes,
            )  # fmt: skip
            if k == 0:
                panel.set_title(f"$W_{i + 1}'(x,Q^2)$", fontsize=8)
            else:
                panel.set_xlabel("$x$", fontsize=8)
    sigma, end = panels["sigma"], 0.0
    handles: list[Any] = []
    for shown, color in zip(measurements, _COLOURS, strict=False):
        flux_edges = shown.measurement.flux_edges
        total = np.cumsum(shown.measurement.flux * np.diff(flux_edges))
        high = float(np.interp(0.99, total / total[-1], flux_edges[1:]))
        end = max(end, high)
        fit, seen = shown.fit, shown.fit.neutrino_energy < high
        energy = fit.neutrino_energy[seen]
        for which, line in enumerate(("-", "--")[: len(fit.sigma)]):
            mean, error = fit.sigma[which][seen] / energy, fit.sigma_error[which][seen] / energy
            label = f"{shown.label}, {'energy-integrated data' if which else 'all data'}"
            sigma.plot(energy, mean, color=color, ls=line, gid=label)
            look: dict[str, Any] = {"color": color, "alpha": 0.3 - 0.15 * which, "lw": 0}
            sigma.fill_between(energy, mean - error, mean + error, gid=label, **look)
            handles.append(Line2D([], [], color=color, ls=line, label=label))
    quantity = "sigma/E_nu (1e-38 cm2/GeV/nucleon)"
    describe(sigma, "total cross section", "E_nu (GeV)", quantity)
    sigma.set(xlim=(0.0, end), ylim=(0.0, None))
    sigma.set_xlabel(r"$E_\nu$ (GeV)", fontsize=8)
    sigma.set_title(r"$\sigma/E_\nu$ (10$^{-38}$ cm$^2$/GeV/nucleon)", fontsize=8)
    sigma.tick_params(labelsize=7)
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=6)


def _draw_functions(panel: Axes, measurements: Sequence[Shown], i: int, Q2: float) -> None:
    highest, lowest = 0.0, 0.0
    for shown, color in zip(measurements, _COLOURS, strict=False):
        fit, setup = shown.fit, shown.setup
        nodes = NodeGrid.of(fit)
        # From where y = 1 at the largest energy.
        x = np.linspace(Q2 / (2.0 * setup.nucleon_mass * setup.energy_max), setup.x_max, 200)
        at = np.full_like(x, Q2)
        mean = nodes.interpolate(fit.structure_functions[0], x, at)[i]
        error = nodes.interpolate(fit.structure_function_errors[0], x, at)[i]
        panel.plot(x, mean, color=color, lw=1.0, gid=shown.label)
        look: dict[str, Any] = {"color": color, "alpha": 0.3, "lw": 0, "gid": shown.label}
        panel.fill_between(x, mean - error, mean + error, **look)
        highest = max(highest, float(np.max(mean + error)))
        lowest = min(lowest, float(np.min(mean - error)))
    panel.axhline(0.0, color=NEUTRAL, lw=0.4, zorder=0)
    panel.axvline(1.0, color=NEUTRAL, lw=0.6, ls=":", zorder=0)
    room = 0.08 * (highest - lowest)
    panel.set_ylim(lowest - room, highest + room)


def from_job(job: Job) -> Figure:
    """Of all measurements."""
    measurements = []
    for name, described in job.params.measurements.items():
        transfers = {
            label: job.load(f"{name}_from_{source}", MeasurementTransfer)
            for source, label in described["transfers"].items()
        }
        measurements.append(
            Shown(
                described["label"],
                Setup.from_config(described["setup"]),
                job.load(f"{name}_measurement", Measurement),
                job.load(f"{name}_fit", MeasurementFit),
                transfers,
            )
        )
    return draw(measurements)
