"""A tuned parametric model beside learned structure functions."""

import numpy as np
from nuclear.case import FLOOR, N_NEAR, Array, Case, learned, predicted

from nd2fd.cross_sections.impulse.nucleus import Strengths
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import StructureFunctions

NUCLEON_MASS = 0.938918754

PARAMETERS = ("axial_mass", "k_F", "delta", "second_region", "continuum")
STEPS = np.array([0.03, 0.01, 0.05, 0.05, 0.05])
NOMINAL = np.array([1.0, 0.0, 1.0, 1.0, 1.0])


def model(case: Case, parameters: Array) -> Array:
    """Events of the tuned model, as `Case.events`."""
    axial_mass, fermi, delta, second, continuum = parameters
    strengths = Strengths(
        axial_mass=axial_mass, delta=delta, second_region=second, continuum=continuum
    )
    return case.events(case.impulse(strengths, fermi))[0]


def tune(case: Case, events: Array, at: Array, slopes: Array) -> tuple[Array, Array, Array, float]:
    """Parameters and flux modes that fit the near detector best, by Gauss-Newton.

    `slopes` (n_parameters, n_fluxes, n_cells) are the model's derivatives at NOMINAL. Returns them,
    the far events of the model with them, and χ² of the near detector.
    """
    k = len(case.near_fluxes)
    data = events[0] / events[0].sum()
    variance = np.maximum(data, FLOOR / data.size) / N_NEAR
    modes = np.zeros(k - 1)
    for _ in range(3):
        found = model(case, at)
        shape = found[0] + modes @ found[1:k]
        density = shape / shape.sum()
        changes = np.concatenate([slopes[:, 0], found[1:k]])
        columns = (changes - density * changes.sum(axis=1, keepdims=True)) / shape.sum()
        weighted = columns / variance
        precision = weighted @ columns.T
        precision[len(at) :, len(at) :] += np.eye(k - 1)
        right = weighted @ (data - density)
        right[len(at) :] -= modes
        step = np.linalg.solve(precision, right)
        at, modes = at + step[: len(at)], modes + step[len(at) :]
    found = model(case, at)
    shape = found[0] + modes @ found[1:k]
    chi2 = float(((data - shape / shape.sum()) ** 2 / variance).sum())
    return at, modes, found[k] + modes @ found[k + 1 :], chi2


def between(five: StructureFunctions, setup: Setup, more: float) -> StructureFunctions:
    """More strength between the quasi-elastic peak and the Δ: about W = 1.07 GeV of a nucleon."""

    def changed(x: Array, Q2: Array) -> Array:
        W = np.sqrt(
            np.maximum(NUCLEON_MASS**2 + Q2 * (NUCLEON_MASS / setup.nucleon_mass / x - 1.0), 0.0)
        )
        return five(x, Q2) * (1.0 + more * np.exp(-0.5 * ((W - 1.07) / 0.06) ** 2))

    return changed


def models(case: Case) -> None:
    """A tuned model against learned structure functions, in natures inside and outside of it."""
    n_far = case.raw["far_detector"]["n_events"]
    k = len(case.near_fluxes)
    nominal = case.impulse()
    base = case.events(nominal)[0]
    derivatives = []
    for i, step in enumerate(STEPS):
        change = step * np.eye(len(STEPS))[i]
        derivatives.append((model(case, NOMINAL + change) - base) / step)
    derivatives = np.stack(derivatives)
    joint = case.raw["joint"]
    _, basis, near, far = case.designs(case.raw["nodes"]["Q2_scale"], joint["intervals"])
    natures = {
        "inside: M_A = 1.1 GeV, Δ 10 % stronger": case.impulse(
            Strengths(axial_mass=1.1, delta=1.1)
        ),
        "20 % more between quasi-elastic and Δ": between(nominal, case.setup, 0.2),
        "50 % more there": between(nominal, case.setup, 0.5),
        "quarks alone": case.quarks(),
    }
    for name, nature in natures.items():
        events, _ = case.events(nature)
        slopes = case.slopes(nature)
        posterior = learned(case, near, basis, events, joint["price"])
        spline = case.fit(events[k], predicted(case, posterior, far), slopes, n_far)
        untuned = case.fit(events[k], base[k], slopes, n_far)
        at, modes, tuned_far, chi2 = tune(case, events, NOMINAL, derivatives)
        tuned = case.fit(events[k], tuned_far, slopes, n_far)
        print(
            f"{name}\n  nominal model {untuned[0]:+.2f} {untuned[1]:+.2f}"
            f"\n  tuned model   {tuned[0]:+.2f} {tuned[1]:+.2f}, χ² of the ND {chi2:.0f}, |z| "
            f"{np.linalg.norm(modes):.1f}, "
            + ", ".join(f"{p} {v:.3f}" for p, v in zip(PARAMETERS, at, strict=True))
            + f"\n  splines       {spline[0]:+.2f} {spline[1]:+.2f}, χ² {posterior.chi2:.0f}, |z| "
            f"{np.linalg.norm(posterior.modes):.2f}, joint fit "
            f"{case.joint_fit(events[k], far, posterior, slopes, n_far)}",
            flush=True,
        )
