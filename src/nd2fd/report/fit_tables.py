"""Tables of oscillation fits: of all ensembles, and of those that stand for systematics."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nd2fd.io.schemas.fits import Fits, Intervals

Array = NDArray[np.float64]

_SYMBOLS = {"sin2_2theta23": r"\sin^2 2\theta_{23}", "dm2_32": r"\Delta m^2_{32}"}
"""Fitted parameters, and how LaTeX writes them."""


def _spread(replicas: Array) -> Array:
    """Standard deviation along the last axis; of equal numbers it is 0, without rounding."""
    equal = np.ptp(replicas, axis=-1) == 0.0
    return np.where(equal, 0.0, replicas.std(axis=-1))


def oscillation_table(
    intervals: Mapping[str, Intervals],
    fits: Mapping[str, Fits],
    references: Mapping[str, str],
) -> pd.DataFrame:
    """Best fits, intervals and shifts of ensembles.

    `replicas_at_edge` is the fraction of all replicas that end at an edge of the fit ranges. Shift
    and scatter are also given in σ_stat, the spread of the replicas of the reference; NaN where
    that is zero.

    Parameters
    ----------
    intervals, fits
        Of all members, by ensemble.
    references
        The ensemble that each is compared with; one that is missing here has no shift.
    """
    rows = []
    for ensemble, members in fits.items():
        row: dict[str, Any] = {
            "ensemble": ensemble,
            "reference": references.get(ensemble),
            "members": members.member.size,
            "replicas_at_edge": members.at_boundary.mean(),
        }
        for name in _SYMBOLS:
            best = getattr(members, f"best_{name}")
            low, high = getattr(intervals[ensemble], f"interval_{name}")[0]
            row |= {
                f"{name}_best": best.mean(),
                f"{name}_low": low,
                f"{name}_high": high,
                f"{name}_sigma": _spread(getattr(members, name)).mean(),
                f"{name}_scatter": best.std(ddof=1) if best.size > 1 else np.nan,
            }
        rows.append(row)
    table = pd.DataFrame(rows).set_index("ensemble", drop=False)
    known = table.reindex(table["reference"])
    for name in _SYMBOLS:
        sigma = known[f"{name}_sigma"].replace(0.0, np.nan).to_numpy()
        shift = table[f"{name}_best"] - known[f"{name}_best"].to_numpy()
        table[f"{name}_shift_in_sigma"] = shift / sigma
        table[f"{name}_scatter_in_sigma"] = table[f"{name}_scatter"] / sigma
    return table


def systematics_table(
    intervals: Mapping[str, Intervals],
    fits: Mapping[str, Fits],
    references: Mapping[str, str],
) -> pd.DataFrame:
    """What each systematic does to the oscillation parameters, in σ_stat.

    Shift is the mean over members, scatter their standard deviation, added width what the
    half-width of the 1σ interval has more than that of the reference; NaN where σ_stat is zero.

    Parameters
    ----------
    intervals, fits
        Of all members, by ensemble; the reference, with the known cross section, has one member.
    references
        The ensembles of the table, and the one that each is compared with.
    """
    rows = []
    for ensemble, reference in references.items():
        row: dict[str, Any] = {"systematic": ensemble, "reference": reference}
        for name in _SYMBOLS:
            known = fits[reference]
            sigma_stat = float(_spread(getattr(known, name)).mean()) or np.nan
            shifts = (
                getattr(fits[ensemble], f"best_{name}") - getattr(known, f"best_{name}")
            ) / sigma_stat
            width, known_width = (
                np.diff(getattr(intervals[which], f"interval_{name}")[0])[0] / 2
                for which in (ensemble, reference)
            )
            row |= {
                f"{name}_shift": shifts.mean(),
                f"{name}_scatter": shifts.std(ddof=1) if shifts.size > 1 else np.nan,
                f"{name}_added_width": (width - known_width) / sigma_stat,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def systematics_latex(table: pd.DataFrame) -> str:
    """The table of systematics in LaTeX."""
    head = " & ".join(rf"\multicolumn{{3}}{{c}}{{${symbol}$}}" for symbol in _SYMBOLS.values())
    lines = [
        r"\begin{tabular}{l" + "rrr" * len(_SYMBOLS) + "}",
        rf" & {head} \\",
        "systematic" + " & shift & scatter & added width" * len(_SYMBOLS) + r" \\ \hline",
    ]
    for row in table.to_dict("records"):
        name = str(row["systematic"]).replace("_", r"\_")
        numbers = [
            f"${row[f'{parameter}_{column}']:+.2f}$".replace("$+nan$", "--")
            for parameter in _SYMBOLS
            for column in ("shift", "scatter", "added_width")
        ]
        lines.append(" & ".join([name, *numbers]) + r" \\")
    return "\n".join([*lines, r"\end{tabular}", ""])
