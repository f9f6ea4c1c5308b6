"""Cross section at fixed neutrino energies, true and learned."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from nd2fd.figures.maps import draw_slices
from nd2fd.figures.style import PAGE
from nd2fd.io.job import Job
from nd2fd.io.schemas.learned import Slices
from nd2fd.physics.setup import Setup


def draw(truth: Slices, learned: Slices, setup: Setup) -> Figure:
    """Truth, first learned member and their difference; `setup` says where events can happen."""
    n_energy = truth.energy.size
    figure, rows = plt.subplots(
        3, n_energy, figsize=(PAGE, 4.2), sharex=True, sharey=True, squeeze=False
    )
    draw_slices(figure, rows, truth, learned, "Learned", setup)
    return figure


def from_job(job: Job) -> Figure:
    """Of one batch of members."""
    return draw(
        job.load("truth", Slices),
        job.load("learned", Slices),
        Setup.from_config(job.params.setup),
    )
