"""All figures, in the order of the report.

A figure is an entry in a module of `nd2fd.figures.entries`, and a module with `draw` and
`from_job`. The workflow reads this when it starts, so that nothing heavy may be imported.
"""

from typing import Final

from nd2fd.figures.entries import joint, learned, leptons, measured, oscillation
from nd2fd.figures.entry import Figure
from nd2fd.plan import Plan

PAPER: Final = "DUNE"
"""Experiment of arXiv:2412.16303, whose figures need not say so."""


def present(plan: Plan) -> dict[str, Figure]:
    """The figures that have something to show."""
    return {name: figure for name, figure in CATALOGUE.items() if figure.inputs(plan) is not None}


def note(plan: Plan) -> str:
    """What stands in the corner of every figure."""
    words = [] if plan.config.experiment == PAPER else [plan.config.experiment]
    return ", ".join([*words, "toy run"] if plan.config.toy else words)


_FIGURES = (
    *learned.FIGURES,
    *oscillation.FIGURES,
    *joint.FIGURES,
    *measured.FIGURES,
    *leptons.FIGURES,
)

CATALOGUE: Final = {
    figure.name: figure for figure in sorted(_FIGURES, key=lambda figure: int(figure.number))
}
"""By name."""
