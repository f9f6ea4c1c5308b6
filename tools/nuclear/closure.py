"""Accuracy of tables and nodes, and the method on the nuclear truth."""

import time
from functools import partial

import numpy as np
from nuclear.case import Case, learned, predicted

from nd2fd.cross_sections.impulse.nucleus import Accuracy
from nd2fd.cross_sections.impulse.targets import impulse_approximation
from nd2fd.cross_sections.quark_parton import checked_densities
from nd2fd.physics.density import total_variation


def accuracy(case: Case) -> None:
    """Of tables and quadrature rules, against half as many points again of all."""
    densities = checked_densities(case.setup, case.pdf)
    reference = None
    for shape, rule in (
        ((768, 576), (60, 24)),
        ((512, 384), (40, 16)),
        ((256, 192), (40, 16)),
    ):
        start = time.process_time()
        five = impulse_approximation(densities, case.setup, accuracy=Accuracy(*rule))
        truth = case.effective(case.tabulated(five, shape))
        seconds = time.process_time() - start
        events, sigma = case.events(truth)
        if reference is None:
            reference = events, sigma
            continue
        high = case.grid.energy > 0.3
        near, far = (
            total_variation(events[k], reference[0][k]) for k in (0, len(case.near_fluxes))
        )
        worst = np.abs(sigma[high] / reference[1][high] - 1.0).max()
        print(f"{shape} {rule}: {seconds:.1f} s, TV ND {near:.1e} FD {far:.1e}, σ {worst:.1e}")


def nodes(case: Case) -> None:
    """What interpolation between nodes costs: the truth on nodes against the truth."""
    for name, truth in (("impulse", case.impulse()), ("quarks", case.quarks())):
        events, _ = case.events(truth)
        k = len(case.near_fluxes)
        for n, scale in ((64, 1.0), (64, 0.3), (128, 0.3), (64, 0.1), (64, 0.03), (64, 0.01)):
            grid = case.nodes(n, scale)
            values = truth(*(v.ravel() for v in grid.x_and_Q2())).reshape(3, n, n)
            found, _ = case.events(partial(grid.interpolate, values))
            print(
                f"{name} {n} × {n} nodes, q0 {scale}: "
                f"TV ND {total_variation(found[0], events[0]):.1e} "
                f"FD {total_variation(found[k], events[k]):.1e}",
                flush=True,
            )


SPLINES = ((0.3, 16, 2.0), (0.3, 28, 2.0), (0.02, 16, 2.0), (0.02, 28, 2.0), (0.02, 28, 20.0))
"""q0 [GeV²], intervals and price."""


def closure(case: Case) -> None:
    """Splines of several sizes: total variation, σ(E_ν), shift of the fit."""
    n_far = case.raw["far_detector"]["n_events"]
    for name, truth in (("impulse", case.impulse()), ("quarks", case.quarks())):
        events, sigma = case.events(truth)
        k = len(case.near_fluxes)
        slopes = case.slopes(truth)
        for scale, n_intervals, price in SPLINES if name == "impulse" else SPLINES[:1]:
            start = time.process_time()
            operator, basis, near, far = case.designs(scale, n_intervals)
            posterior = learned(case, near, basis, events, price)
            values = basis.on_nodes(posterior.coefficients)
            interpolate = partial(operator.nodes.interpolate, values)
            found, sigma_found = case.events(interpolate)
            energy = case.grid.energy
            used = case.near_fluxes[0] > 1e-3 * case.near_fluxes[0].max()
            used &= energy > 0.3
            ratio = (sigma_found / np.where(sigma > 0.0, sigma, 1.0))[used]
            average = np.average(ratio, weights=(sigma * case.near_fluxes[0])[used])
            worst = np.abs(ratio / average - 1.0)
            shift = case.fit(events[k], predicted(case, posterior, far), slopes, n_far)
            print(
                f"{name} q0 {scale}, {n_intervals} intervals, price {price}: "
                f"χ² {posterior.chi2:.0f}, paid {posterior.paid:.1f}, effective "
                f"{posterior.effective_parameters:.0f}, |z| {np.linalg.norm(posterior.modes):.2f}; "
                f"TV ND {total_variation(found[0], events[0]):.1e} "
                f"FD {total_variation(found[k], events[k]):.1e}; "
                f"σ mean {worst.mean():.1e} worst {worst.max():.1e}; "
                f"shift {shift[0]:+.2f} {shift[1]:+.2f}, joint fit "
                f"{case.joint_fit(events[k], far, posterior, slopes, n_far)}; "
                f"{time.process_time() - start:.0f} s",
                flush=True,
            )
