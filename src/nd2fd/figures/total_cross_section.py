"""Total cross section against neutrino energy: learned and, where it is known, true."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.beam.spectra import near_spectrum
from nd2fd.figures.data import describe
from nd2fd.figures.style import COLUMN, LEARNED, NEUTRAL, TRUTH, counted
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.learned import Predictions
from nd2fd.io.schemas.truth import Truth

Array = NDArray[np.float64]

_FEW_EVENTS = 0.02
"""Events per energy, relative to their peak, below which nothing is learned."""


def draw_alone(near_flux: Array, predictions: Predictions) -> Figure:
    """σ(E_ν)/E_ν scaled to a near-detector flux average of one.

    `near_flux` is that at the energies of the predictions, shape (n_energy,).
    """
    figure, main = plt.subplots(figsize=(COLUMN, 2.8))
    _draw_learned(main, predictions.energy, near_flux, predictions.sigma_total)
    main.set(xlabel=r"$E_\nu$ (GeV)", xlim=(0, predictions.energy[-1]), ylim=(0, None))
    main.legend(loc="lower right")
    return figure


def draw(truth: Truth, predictions: Predictions) -> Figure:
    """The same, and its ratio to the truth, which ends where there are almost no ND events."""
    energy, flux = truth.energy, truth.near_flux
    true = truth.sigma_total / np.average(truth.sigma_total, weights=flux)
    figure, (main, ratio) = plt.subplots(
        2, 1, figsize=(COLUMN, 3.6), sharex=True, height_ratios=[2.2, 1]
    )
    learned = predictions.sigma_total
    _draw_learned(main, energy, flux, learned)
    events = flux * true
    constrained = events > _FEW_EVENTS * events.max()
    ratios = np.divide(
        learned,
        true,
        out=np.full_like(learned, np.nan),
        where=np.broadcast_to(constrained, learned.shape),
    )
    ratio.plot(energy, ratios.T, color=LEARNED, lw=0.6, gid="learned")
    describe(ratio, "ratio", "E_nu (GeV)", "learned / truth")
    main.plot(energy, true / energy, color=TRUTH, ls="--", label="truth")
    main.set_ylim(0, None)
    main.legend(loc="lower right")
    ratio.axhline(1.0, color=TRUTH, ls="--", lw=0.8)
    ratio.set(xlabel=r"$E_\nu$ (GeV)", ylabel="learned / truth", xlim=(0, energy[-1]))
    spread = np.nanmax(np.abs(ratios - 1))
    ratio.set_ylim(1 - 1.2 * spread, 1 + 1.2 * spread)
    return figure


def _draw_learned(axis: Axes, energy: Array, flux: Array, learned: Array) -> None:
    # With E_max = 10 GeV the flux is 0.55 high; σ/E_ν falls with the scale of energies.
    height = 5.5 / (energy[0] + energy[-1])
    axis.fill_between(
        energy,
        0.0,
        height * flux / flux.max(),
        color=NEUTRAL,
        alpha=0.35,
        lw=0,
        label="ND flux (a.u.)",
    )
    for index, sigma in enumerate(learned):
        label = f"learned, {counted(len(learned), 'member')}" if index == 0 else None
        axis.plot(energy, sigma / energy, color=LEARNED, lw=0.8, label=label, gid="learned")
    describe(axis, "total cross section", "E_nu (GeV)", "sigma/E_nu (1/GeV, normalised)")
    axis.set_ylabel(r"$\sigma(E_\nu)/E_\nu$  (normalised, GeV$^{-1}$)")


def from_job(job: Job) -> Figure:
    """Of all members of an ensemble."""
    predictions = job.load_joined("predictions", Predictions)
    if (truth := job.load_optional("truth", Truth)) is not None:
        return draw(truth, predictions)
    return draw_alone(near_spectrum(job.load("flux", Flux))(predictions.energy), predictions)
