"""The octant of θ23 from muons alone, and with the appearance of electrons."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from nd2fd.figures.data import describe
from nd2fd.figures.lepton_shared import ANALYSED, COLOURS, KNOWN, load_fits
from nd2fd.figures.style import COLUMN, TRUTH
from nd2fd.io.job import Job
from nd2fd.io.schemas.leptons import LeptonFit


def draw(fits: Mapping[str, LeptonFit], true_mixing: float) -> Figure:
    """Δ(−2 ln L) of expected data: dashed far muons alone, solid all far samples."""
    figure, panel = plt.subplots(figsize=(COLUMN, 3.0))
    first = next(iter(fits.values()))
    drawn = [(TRUTH, "known cross section", first, KNOWN)]
    drawn += [
        (color, label, fit, ANALYSED)
        for (label, fit), color in zip(fits.items(), COLOURS, strict=False)
    ]
    for color, label, fit, model in drawn:
        for line, curve in zip(("--", "-"), fit.octant[model], strict=True):
            name = label if line == "-" else None
            what = label if line == "-" else f"{label}, far muons alone"
            look: dict[str, Any] = {"color": color, "ls": line, "label": name, "gid": what}
            panel.plot(fit.sin2_theta23, curve, lw=1.0, **look)
    panel.axvline(true_mixing, color="0.6", lw=0.8, ls=":")
    panel.axhline(1.0, color="0.8", lw=0.5, zorder=0)
    panel.axhline(4.0, color="0.8", lw=0.5, zorder=0)
    panel.set(xlabel=r"$\sin^2\theta_{23}$", ylabel=r"$\Delta(-2\ln L)$", ylim=(0.0, 12.0))
    panel.legend(fontsize=6, loc="upper left")
    describe(panel, "profile", "sin2_theta23", "-2 Delta ln L")
    return figure


def from_job(job: Job) -> Figure:
    """Of all analyses."""
    return draw(load_fits(job), job.params.true_mixing)
