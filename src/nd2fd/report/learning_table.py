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
    truth: Truth | None,
    models: Mapping[str, Networks | Splines | Flows],
    predictions: Mapping[str, Predictions],
) -> pd.DataFrame:
    """Losses, total variations of the event densities and deviations of σ(E_ν), by member.

    Without a truth, the training loss alone.

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
    tables = []
    for ensemble, members in models.items():
        columns = {"ensemble": ensemble, "member": members.member, **_losses(members)}
        if truth is not None:
            columns["test_loss"] = _test_loss(members)
            columns |= _deviations(truth, predictions[ensemble])
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables)


def _deviations(truth: Truth, predicted: Predictions) -> dict[str, Any]:
    true_sigma = truth.sigma_total / np.average(truth.sigma_total, weights=truth.near_flux)
    low, high = sigma_window(truth)
    # Below the threshold there is no cross section to deviate from.
    constrained = (truth.energy > low) & (truth.energy < high) & (true_sigma > 0.0)
    columns: dict[str, Any] = {"near_total_variation": _variations(predicted.near, truth.near)}
    if truth.far is not None and predicted.far is not None:
        columns["far_total_variation"] = _variations(predicted.far, truth.far)
    ratio = predicted.sigma_total[:, constrained] / true_sigma[constrained]
    largest = np.abs(ratio - 1.0).max(axis=1) if constrained.any() else np.nan
    return columns | {"max_sigma_deviation": largest}


def _losses(members: Networks | Splines | Flows) -> dict[str, Any]:
    if isinstance(members, Splines):
        return {"loss": np.nan, "best_step": np.nan}
    if isinstance(members, Flows):
        return {"loss": members.final_loss, "best_step": np.nan}
    best_step = members.best_step
    loss = np.take_along_axis(members.loss, best_step[:, None], axis=1)[:, 0]
    return {"loss": loss, "best_step": best_step}


def _test_loss(members: Networks | Splines | Flows) -> Any:
    if isinstance(members, (Splines, Flows)) or members.test_loss is None:
        return np.nan
    # A member that ended early has no later losses; the test loss was recorded at its end.
    last = np.isfinite(members.test_loss).cumsum(axis=1).argmax(axis=1)
    return members.test_loss[np.arange(len(last)), last]


def _variations(learned: Array, true: Array) -> list[float]:
    return [total_variation(density, true) for density in learned]
