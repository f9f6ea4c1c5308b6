"""Structure functions learned of carbon with many events, adapted to argon with few."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from nuclear.case import N_NEAR, ROOT, Array, Case, predicted
from nuclear.networks import train_on

from nd2fd.figures.style import ACCENT, LEARNED, NEUTRAL, PAGE, SECOND, use_style
from nd2fd.forward.operator import ForwardOperator
from nd2fd.learning.spline_posterior import ImproperPosteriorError, adapt, learn_counts
from nd2fd.learning.start import WIDTHS, Start
from nd2fd.learning.training_settings import TrainingSettings
from nd2fd.physics.density import DensityGrid, total_variation
from nd2fd.physics.setup import Target

Q2_SCALE, INTERVALS, PRICE = 0.02, 28, 20.0
"""Of config/experiments/dune_impulse.yaml."""

EVENTS, SAMPLES = (10**3, 10**4, 10**5, 10**6, 10**7), 3
TABLE, FIGURE = ROOT / "docs/studies/transfer.csv", ROOT / "docs/images/transfer.png"

AS_IT_IS = "carbon as it is, exactly known"
LINES = {
    "splines, from nothing": (LEARNED, "--"),
    "splines, from carbon": (LEARNED, "-"),
    "network, from nothing": (ACCENT, "--"),
    "network, from carbon, all layers": (ACCENT, "-"),
    "network, from carbon, last layer": (SECOND, ":"),
}

Predict = Callable[[Array], Array]
"""Near-detector counts in cells → far-detector events in cells."""


@dataclass(frozen=True)
class Nature:
    """What argon's near detector measures, and what is asked of the prediction."""

    case: Case
    near: Array
    far: Array
    slopes: Array

    def row(self, how: str, n_events: int, sample: int, far: Array) -> dict[str, float | str]:
        """Errors of predicted far-detector events."""
        n_far = self.case.raw["far_detector"]["n_events"]
        shift = self.case.fit(self.far, far, self.slopes, n_far)
        return {
            "how": how,
            "events": n_events,
            "sample": sample,
            "TV": total_variation(far, self.far),
            "mixing": shift[0],
            "mass": shift[1],
        }

    def counts(self, n_events: int, sample: int) -> Array:
        """Drawn events in cells."""
        drawn = np.random.default_rng([n_events, sample]).multinomial(n_events, self.near)
        return drawn.reshape(self.case.grid.n_v1, self.case.grid.n_v2)


def of_carbon(case: Case) -> Case:
    """The same beam and detectors with another target."""
    setup = replace(case.setup, target=Target((("C12", 1.0),)))
    return Case(setup, case.raw, case.pdf, DensityGrid(setup, 144, 64, 64, 2))


def carbon_counts(carbon: Case, near: Array) -> Array:
    """Drawn near-detector events of carbon."""
    expected = np.maximum(near, 0.0) / np.maximum(near, 0.0).sum()
    drawn = np.random.default_rng(12).multinomial(N_NEAR, expected)
    return drawn.reshape(carbon.grid.n_v1, carbon.grid.n_v2)


def with_splines(case: Case, carbon: Case, counts: Array) -> tuple[dict[str, Predict], ...]:
    """From nothing and about carbon; the same with other widths of the prior."""
    _, basis, near, _ = carbon.designs(Q2_SCALE, INTERVALS)
    of_carbon = basis.on_nodes(learn_counts(near, basis, counts, PRICE).coefficients)
    _, basis, near, far = case.designs(Q2_SCALE, INTERVALS)

    def from_nothing(counts: Array) -> Array:
        return predicted(case, learn_counts(near, basis, counts, PRICE), far)

    def adapted(counts: Array, *widths: float) -> Array:
        start = Start(of_carbon, widths=widths)
        return predicted(case, adapt(near, basis, counts, start), far)

    return {
        "splines, from nothing": from_nothing,
        "splines, from carbon": lambda counts: adapted(counts, *WIDTHS),
    }, {
        "splines, from carbon, 1 %": lambda counts: adapted(counts, 0.01),
        "splines, from carbon, 10 %": lambda counts: adapted(counts, 0.1),
    }


def with_networks(case: Case, carbon: Case, counts: Array) -> dict[str, Predict]:
    """From nothing, and from carbon: all layers, or the last one alone."""
    section = case.raw["training"]
    settings = TrainingSettings.for_statistics(section, N_NEAR)
    near_matrix, far_matrix = _matrices(case)

    nodes = case.nodes(64, Q2_SCALE)
    carbon_matrix = _matrices(carbon)[0]
    of_carbon = train_on(carbon, carbon.nodes(64, Q2_SCALE), carbon_matrix, counts, settings)
    sizes = [2, *[settings.width] * settings.hidden_layers, 3]
    start = Start(of_carbon.structure_functions[0], sizes, of_carbon.weights[0])

    def from_nothing(counts: Array) -> Array:
        how = TrainingSettings.for_statistics(section, int(counts.sum()))
        found = train_on(case, nodes, near_matrix, counts, how)
        return far_matrix @ found.structure_functions.ravel()

    def adapted(counts: Array, evaluations: int) -> Array:
        how = TrainingSettings.for_statistics(section, int(counts.sum()), with_start=True)
        how = replace(how, evaluations=evaluations)
        found = train_on(case, nodes, near_matrix, counts, how, start)
        return far_matrix @ found.structure_functions.ravel()

    return {
        "network, from nothing": from_nothing,
        "network, from carbon, all layers": lambda counts: adapted(counts, settings.evaluations),
        "network, from carbon, last layer": lambda counts: adapted(counts, 1),
    }


def _matrices(case: Case):
    """A(Φ) at the near detector and A(Φ P) at the far one."""
    operator = ForwardOperator.build(case.grid, case.nodes(64, Q2_SCALE))
    far = case.far_fluxes(*case.theta)
    return operator.event_matrices(np.stack([case.near_fluxes[0], far[0]]))


def errors(nature: Nature, ways: dict[str, Predict], n_samples: int) -> Iterator[dict]:
    """Of each way, number of events and sample."""
    for n_events in EVENTS:
        for sample in range(n_samples):
            counts = nature.counts(n_events, sample)
            for how, predict in ways.items():
                start = time.process_time()
                try:
                    far = predict(counts)
                except ImproperPosteriorError:
                    print(how, n_events, sample, "improper", flush=True)
                    continue
                row = nature.row(how, n_events, sample, far)
                print(row, f"{time.process_time() - start:.1f} s", flush=True)
                yield row


def transfer(case: Case) -> None:
    """Error of the far detector's prediction against the number of argon's events."""
    carbon = of_carbon(case)
    truth = case.impulse()
    events, _ = case.events(truth)
    k = len(case.near_fluxes)
    near = np.maximum(events[0], 0.0)
    nature = Nature(case, near / near.sum(), events[k], case.slopes(truth))
    of_carbon_events, _ = carbon.events(carbon.impulse())
    counts = carbon_counts(carbon, of_carbon_events[0])
    rows = [nature.row(AS_IT_IS, 0, 0, of_carbon_events[k])]
    print(rows[0], flush=True)
    splines, of_other_widths = with_splines(case, carbon, counts)
    rows += errors(nature, splines, SAMPLES)
    rows += errors(nature, of_other_widths, 1)
    rows += errors(nature, with_networks(case, carbon, counts), SAMPLES)
    table = pd.DataFrame(rows)
    table.to_csv(TABLE, index=False, float_format="%.4g")
    draw(table, FIGURE)


def draw(table: pd.DataFrame, path: Path) -> None:
    """Total variation and shift of the fit, samples and their root mean square."""
    use_style(str(ROOT / "workflow/figures.mplstyle"))
    figure, axes = plt.subplots(1, 3, figsize=(PAGE, 2.8), sharex=True)
    table = table.assign(mixing=table.mixing.abs(), mass=table["mass"].abs())
    for how, (colour, style) in LINES.items():
        of_way = table[table.how == how]
        mean = of_way.groupby("events")[["TV", "mixing", "mass"]].agg(_root_mean_square)
        for axis, column in zip(axes, ("TV", "mixing", "mass"), strict=True):
            axis.plot(mean.index, mean[column], style, color=colour, label=how)
            axis.plot(of_way.events, of_way[column], ".", ms=3, color=colour, alpha=0.6)
    for axis, column in zip(axes, ("TV", "mixing", "mass"), strict=True):
        (at,) = table[table.how == AS_IT_IS][column]
        axis.axhline(at, color=NEUTRAL, ls="--", label=AS_IT_IS)
        axis.set(xscale="log", yscale="log", xlabel="ND events of argon")
    axes[0].set_ylabel("total variation of FD events")
    axes[1].set_ylabel(r"shift of $\sin^2 2\theta_{23}$ [$\sigma_{\mathrm{stat}}$]")
    axes[2].set_ylabel(r"shift of $\Delta m^2_{32}$ [$\sigma_{\mathrm{stat}}$]")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    figure.savefig(path, dpi=150)


def _root_mean_square(values: pd.Series) -> float:
    return float(np.sqrt(np.mean(values**2)))
