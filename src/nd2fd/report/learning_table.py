"""Table of how well each member learned the cross section."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nd2fd.figures.thresholds import sigma_window
from nd2fd.io.schemas.learned import Flows, Networks, Predictions, Splines
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.density import total_variation

Array = NDArray[np.float64]


def learning_table(
    truth: Truth,
    models: Mapping[str, Networks | Splines | Flows],
    predictions: Mapping[str, Predictions],
) -> pd.DataFrame:
    """Losses, total variations of the event densities and deviations of σ(E_ν), by member.

    The test loss and its step are NaN for flows, of which the last weights are kept, all losses for
    splines, whose fit has one end, and the
    deviation of σ(E_ν) where no energy counts. There is no column of the FD without a far detector.

    Parameters
    ----------
    truth
        What was to be learned.
    models, predictions
        Of all members, by ensemble.
    """
    true_sigma = truth.sigma_total / np.average(truth.sigma_total, weights=truth.near_flux)
    low, high = sigma_window(truth)
    # Below the threshold there is no cross section to deviate from.
    constrained = (truth.energy > low) & (truth.energy < high) & (true_sigma > 0.0)
    tables = []
    for ensemble, members in models.items():
        predicted = predictions[ensemble]
        columns: dict[str, Any] = {
            "ensemble": ensemble,
            "member": members.member,
            **_losses(members),
            "near_total_variation": _variations(predicted.near, truth.near),
        }
        if truth.far is not None and predicted.far is not None:
            columns["far_total_variation"] = _variations(predicted.far, truth.far)
        ratio = predicted.sigma_total[:, constrained] / true_sigma[constrained]
        largest = np.abs(ratio - 1.0).max(axis=1) if constrained.any() else np.nan
        tables.append(pd.DataFrame(columns | {"max_sigma_deviation": largest}))
    return pd.concat(tables)


def _losses(members: Networks | Splines | Flows) -> dict[str, Any]:
    if isinstance(members, Splines):
        return {"loss": np.nan, "best_step": np.nan, "test_loss": np.nan}
    if isinstance(members, Flows):
        return {"loss": members.final_loss, "best_step": np.nan, "test_loss": np.nan}
    best_step = members.best_step
    # A member that ended early has no later losses; the test loss was recorded at its end.
    last = np.isfinite(members.test_loss).cumsum(axis=1).argmax(axis=1)
    return {
        "loss": np.take_along_axis(members.loss, best_step[:, None], axis=1)[:, 0],
        "best_step": best_step,
        "test_loss": members.test_loss[np.arange(len(last)), last],
    }


def _variations(learned: Array, true: Array) -> list[float]:
    return [total_variation(density, true) for density in learned]
