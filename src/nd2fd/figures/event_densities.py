"""Event densities at the detectors, true and learned."""

from matplotlib.figure import Figure

from nd2fd.figures.maps import Compared, draw_comparisons
from nd2fd.io.job import Job
from nd2fd.io.schemas.learned import Predictions
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.setup import Setup


def draw(truth: Truth, prediction: Predictions, setup: Setup) -> Figure:
    """Truth, first learned member and their difference, one row per detector.

    `setup` says where events can happen.
    """
    axes = (truth.v1, truth.v2)
    rows = [Compared("Near detector", *axes, truth.near, prediction.near[0])]
    if truth.far is not None and prediction.far is not None:
        rows.append(Compared("Far detector", *axes, truth.far, prediction.far[0]))
    return draw_comparisons(rows, setup)


def from_job(job: Job) -> Figure:
    """Of one batch of members."""
    return draw(
        job.load("truth", Truth),
        job.load("prediction", Predictions),
        Setup.from_config(job.params.setup),
    )
