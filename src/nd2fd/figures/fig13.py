"""Figure 13: smearing by the detectors."""

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.contours import Artifacts, Curve, draw_ensembles
from nd2fd.figures.style import ACCENT, LEARNED, NEUTRAL, PAGE, TRUTH, V1_LABEL, V2_LABEL
from nd2fd.physics.kinematics import density_variables_from_muon

Array = NDArray[np.float64]

CURVES = {
    "truth": Curve("true cross section, not smeared", NEUTRAL, ":", "+"),
    "truth_smeared": Curve("true cross section, smeared", TRUTH, "--", "+"),
    "smeared": Curve("learned, smeared", LEARNED, "-"),
}

MUONS = ((0.5, 60), (1.0, 30), (1.0, 75), (2.0, 12), (2.5, 35), (4.0, 18), (6.0, 6), (8.0, 14))
"""True muons whose measurement is shown: energy [GeV] and angle to the beam [degree]."""


def draw(
    intervals: Artifacts,
    fits: Artifacts,
    true_point: tuple[float, float],
    response: sp.csr_array,
    v1: Array,
    v2: Array,
    energy_max: float,
) -> Figure:
    """Where events of a few true muons are measured, and regions with smeared events.

    Parameters
    ----------
    intervals, fits
        Artifacts `intervals` and `fit` of the ensembles in `CURVES`.
    true_point
        sin²2θ23 and Δm²32 [eV²] at which the data were made.
    response
        S[c', c], the probability that an event of true cell c is measured in cell c'.
    v1, v2
        Cell centres; cells are flat, v1-major.
    energy_max
        E_max [GeV] in the definition of v2.
    """
    figure = plt.figure(figsize=(PAGE, 3.6))
    halves = figure.add_gridspec(1, 2)
    plane = figure.add_subplot(halves[0])
    e_lepton, angle = np.array(MUONS).T
    true_v1, true_v2 = density_variables_from_muon(e_lepton, np.cos(np.radians(angle)), energy_max)
    in_v1, in_v2 = (
        np.abs(v[:, None] - t).argmin(axis=0) for v, t in ((v1, true_v1), (v2, true_v2))
    )
    measured = response[:, in_v1 * v2.size + in_v2].toarray()
    shown = (measured / measured.max(axis=0)).max(axis=1).reshape(v1.size, v2.size)
    image = plane.pcolormesh(
        v1, v2, np.ma.masked_less(shown, 0.01).T, vmin=0, vmax=1, cmap="Blues", rasterized=True
    )
    plane.plot(v1[in_v1], v2[in_v2], marker="+", ms=4, mew=0.7, color=ACCENT, ls="")
    for index, (energy, degrees) in enumerate(MUONS):
        plane.annotate(
            f"{energy:g} GeV, {degrees:g}°",
            (v1[in_v1[index]], v2[in_v2[index]]),
            (0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
    plane.set(xlabel=V1_LABEL, ylabel=V2_LABEL, xlim=(0, 1), ylim=(0, 1))
    figure.colorbar(
        image, ax=plane, location="top", label=r"$P$(measured in cell $|$ true cell +), peak = 1"
    )

    draw_ensembles(halves[1], CURVES, intervals, fits, true_point)
    return figure
