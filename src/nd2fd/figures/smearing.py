"""Smearing by the detectors."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nd2fd.figures.contours import Contours, draw_ensembles, load_contours
from nd2fd.figures.data import describe
from nd2fd.figures.style import ACCENT, PAGE, V2_LABEL, v1_label
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Response
from nd2fd.physics.kinematics import density_variables_from_lepton
from nd2fd.physics.setup import Setup

LEPTONS = (
    (0.05, 60),
    (0.1, 30),
    (0.1, 75),
    (0.2, 12),
    (0.25, 35),
    (0.4, 18),
    (0.6, 6),
    (0.8, 14),
)
"""True leptons whose measurement is shown: energy in E_max, and angle to the beam [degree]."""


def draw(
    contours: Contours, true_point: tuple[float, float], response: Response, setup: Setup
) -> Figure:
    """Where events of a few true leptons are measured, and regions with smeared events.

    Parameters
    ----------
    contours
        All ensembles shown.
    true_point
        sin²2θ23 and Δm²32 [eV²] at which the data were made.
    response
        Of the detectors.
    setup
        Says which cells the leptons are in.
    """
    figure = plt.figure(figsize=(PAGE, 3.6))
    halves = figure.add_gridspec(1, 2)
    plane = figure.add_subplot(halves[0])
    v1, v2 = response.v1, response.v2
    share, angle = np.array(LEPTONS).T
    e_lepton = share * setup.energy_max
    possible = e_lepton > setup.lepton_mass
    e_lepton, angle = e_lepton[possible], angle[possible]
    true_v1, true_v2 = density_variables_from_lepton(e_lepton, np.cos(np.radians(angle)), setup)
    in_v1, in_v2 = (
        np.abs(v[:, None] - t).argmin(axis=0) for v, t in ((v1, true_v1), (v2, true_v2))
    )
    measured = response.matrix()[:, in_v1 * v2.size + in_v2].toarray()
    shown = (measured / measured.max(axis=0)).max(axis=1).reshape(v1.size, v2.size)
    image = plane.pcolormesh(
        v1, v2, np.ma.masked_less(shown, 0.01).T, vmin=0, vmax=1, cmap="Blues", rasterized=True
    )
    image.set_gid("measured")
    plane.plot(v1[in_v1], v2[in_v2], marker="+", ms=4, mew=0.7, color=ACCENT, ls="", gid="true")
    describe(plane, "response", "v1", "v2", "P(measured in cell | true cell), peak = 1")
    for index, (energy, degrees) in enumerate(zip(e_lepton, angle, strict=True)):
        plane.annotate(
            f"{energy:.3g} GeV, {degrees:g}°",
            (v1[in_v1[index]], v2[in_v2[index]]),
            (0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=7,
        )
    plane.set(xlabel=v1_label(setup.x_max), ylabel=V2_LABEL, xlim=(0, 1), ylim=(0, 1))
    figure.colorbar(
        image, ax=plane, location="top", label=r"$P$(measured in cell $|$ true cell +), peak = 1"
    )

    draw_ensembles(halves[1], contours, true_point)
    return figure


def from_job(job: Job) -> Figure:
    """Of all ensembles shown."""
    return draw(
        load_contours(job),
        job.params.true_point,
        job.load("response", Response),
        Setup.from_config(job.params.setup),
    )
