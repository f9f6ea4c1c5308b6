"""Structure functions of both truths, and what splines and a network learn of them."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from nuclear.case import N_NEAR, ROOT, Array, Case
from nuclear.networks import train_on

from nd2fd.cross_sections.truths import true_structure_functions
from nd2fd.figures.style import ACCENT, LEARNED, PAGE, SECOND, TRUTH, use_style
from nd2fd.forward.nodes import reachable_nodes
from nd2fd.forward.operator import ForwardOperator
from nd2fd.forward.splines import SplineBasis
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import learn_counts
from nd2fd.learning.training_settings import TrainingSettings

FIGURE = ROOT / "docs/images/nuclear-structure-functions.png"

SHOWN = ((0.1, LEARNED), (0.5, SECOND), (2.0, ACCENT))
"""Q² [GeV²] and colours."""


def learned_at(case: Case, truth, points: tuple[Array, Array]) -> tuple[Array, Array, Array]:
    """Splines, their errors and a network at x and Q² (n,), each of shape (3, n).

    From expected events of the near detector, the flux being known; in units in which the truth has
    the same events.
    """
    nodes, joint = case.raw["nodes"], case.raw["joint"]
    operator = ForwardOperator.build(case.grid, case.nodes(64, nodes.get("Q2_scale", 0.3)))
    events, _ = case.events(truth)
    near = np.maximum(events[0], 0.0)
    unit = near.sum()
    counts = (N_NEAR * near / unit).reshape(case.grid.n_v1, case.grid.n_v2)
    matrix, *_ = operator.event_matrices(case.near_fluxes[:1])
    basis = SplineBasis.build(
        operator.nodes, joint["intervals"], reachable_nodes([matrix], operator.nodes)
    )
    design = SplineDesign.build(operator, case.near_fluxes[:1], basis, None)
    posterior = learn_counts(design, basis, counts, joint["price"])
    rows = operator.nodes.interpolation_matrix(*points) @ basis.matrix
    maps = np.zeros((3, len(rows), posterior.mean.size))
    for i in range(3):
        maps[i][:, i * basis.n_splines : (i + 1) * basis.n_splines] = rows
    errors = np.stack([np.linalg.norm(posterior.whitened(of_one), axis=1) for of_one in maps])
    settings = TrainingSettings.for_statistics(case.raw["training"], N_NEAR)
    network = train_on(case, operator.nodes, matrix, counts, settings).structure_functions[0]
    found = operator.nodes.interpolate(network, *points)
    return unit * (maps @ posterior.mean), unit * errors, unit * found


def structure_functions(case: Case) -> None:
    """Draw W1', W2' and W3' of the default analysis and of the nuclear truth."""
    default = Case.of(None, str(case.pdf.set_directory), antineutrino=False)
    quarks = true_structure_functions("quark_parton", default.setup, default.pdf)
    use_style(str(ROOT / "workflow/figures.mplstyle"))
    figure, axes = plt.subplots(2, 3, figsize=(PAGE, 4.6), sharex="row")
    for row, (of_row, truth) in zip(axes, ((default, quarks), (case, case.impulse())), strict=True):
        x = np.linspace(0.01, 0.995, 240) ** 2 * of_row.setup.x_max
        for Q2, colour in SHOWN:
            points = x, np.full(x.size, Q2)
            # Events have v2 < 1: E_ν ≤ E_max.
            reached = x > Q2 / (2.0 * of_row.setup.nucleon_mass * 0.9 * of_row.setup.energy_max)
            true = truth(*points)
            mean, error, network = learned_at(of_row, truth, points)
            for axis, *curves in zip(row, true, mean, error, network, strict=True):
                t, m, e, n = (np.where(reached, c, np.nan) for c in curves)
                axis.fill_between(x, m - e, m + e, color=colour, alpha=0.35, lw=0)
                axis.plot(x, n, color=colour, lw=0.9)
                axis.plot(x, t, color=TRUTH, ls="--", lw=0.8)
    for i, axis in enumerate(axes[0]):
        axis.set_title(f"$W_{i + 1}'$")
    for row, name in zip(axes, ("quarks (default)", "nuclear truth"), strict=True):
        row[0].set_ylabel(name)
    for axis in axes[1]:
        axis.set_xlabel("$x$")
    handles = [
        Line2D([], [], color=TRUTH, ls="--", lw=0.8, label="truth"),
        *(Line2D([], [], color=c, label=f"network, $Q^2 = {q:g}$ GeV$^2$") for q, c in SHOWN),
        plt.Rectangle((0, 0), 1, 1, color="0.5", alpha=0.35, label="splines, 1σ"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, columnspacing=1.0)
    figure.savefig(FIGURE, dpi=150)
