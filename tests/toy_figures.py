"""Small artifacts that are known, and all figures drawn from them."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp

from nd2fd.figures import (
    energy_slices,
    ensemble_contours,
    event_densities,
    flow_far,
    flow_near,
    fluxes,
    inputs,
    losses,
    marginals,
    near_statistics,
    oscillation_contours,
    procedure,
    seeds,
    smearing,
    structure_functions,
    total_cross_section,
)
from toy import SETUP
from toy_fit_figures import (
    FITS,
    SIZES,
    TRUE_POINT,
    contours_of,
    draw_calibration,
    draw_joint_calibration,
    draw_joint_contours,
    draw_octants,
)

N_CELLS = 12


V = (np.arange(N_CELLS) + 0.5) / N_CELLS


DENSITY = np.where(V[:, None] + V < 1.2, 1.0 + V[:, None], 0.0)


DENSITY /= DENSITY.mean()


SAMPLED = {"few": 3_000_000, "many": 300_000}


def toy_near_detector():
    """One member each: histograms that exceed the truth by 2 errors in every cell."""
    near, predictions = {}, {}
    for name, n_events in SAMPLED.items():
        error = np.sqrt(DENSITY * DENSITY.size / n_events)
        density = (DENSITY + 2 * error)[None]
        near[name] = SimpleNamespace(n_events=np.array(n_events), density=density)
        predictions[name] = SimpleNamespace(near=(DENSITY - 0.5 * error)[None])
    return SimpleNamespace(v1=V, v2=V, near=DENSITY), near, predictions


def draw_near_statistics():
    return near_statistics.draw(contours_of("truth", *SAMPLED), TRUE_POINT, *toy_near_detector())


def toy_response():
    """Every event is measured one cell higher in v1, or in its own cell, three to one."""
    n = N_CELLS**2
    matrix = sp.csr_array(0.25 * sp.eye_array(n) + 0.75 * sp.eye_array(n, k=-N_CELLS))
    return SimpleNamespace(v1=V, v2=V, matrix=lambda: matrix)


def draw_smearing(of_setup=SETUP):
    contours = contours_of("smeared_truth", "truth", "few")
    return smearing.draw(contours, TRUE_POINT, toy_response(), of_setup)


ENERGY = np.linspace(0.0, 10.0, 21)


FLUX = SimpleNamespace(
    energy=ENERGY,
    near=3e-8 * np.exp(-0.5 * (ENERGY - 2.5) ** 2),
    far=3e-8 * np.exp(-0.5 * (ENERGY - 2.5) ** 2),
    near_modes=np.stack([0.03 * np.ones(21), 0.004 * ENERGY]),
    far_modes=np.stack([0.04 * np.ones(21), 0.003 * ENERGY]),
)


OSCILLATION = SimpleNamespace(energy=ENERGY, survival_probability=np.cos(ENERGY) ** 2)


def toy_slices(shift):
    density = np.stack([DENSITY, DENSITY])[None]
    moved = (1.0 - shift) * density + shift * density[:, :, ::-1]
    return SimpleNamespace(v1=V, v2=V, energy=np.array([2.5, 7.5]), density=moved)


N_NODES = 8


AXIS = np.linspace(0.0, 1.0, N_NODES)


NODES = {
    "xi": AXIS, "tau": AXIS, "x_max": np.array(1.0), "Q2_max": np.array(20.0), "Q2_scale": None,
}  # fmt: skip


TRUE_W = np.stack([np.full((N_NODES, N_NODES), value) for value in (1.0, 2.0, 3.0)])


WEIGHTS = SimpleNamespace(
    **NODES,
    # Shares of 1/14, 4/14 and 9/14 at the ND, without events at x < 0.2.
    near=TRUE_W * (AXIS > 0.45)[:, None] / (14 * 4 * N_NODES),
    far=np.ones_like(TRUE_W) / (6 * N_NODES**2),
)


TOY_TRUTH = SimpleNamespace(
    **NODES,
    v1=V,
    v2=V,
    near=DENSITY,
    far=DENSITY,
    energy=ENERGY[1:],
    near_flux=FLUX.near[1:],
    sigma_total=0.7 * ENERGY[1:],
    structure_functions=TRUE_W,
)


def toy_predictions(factor):
    sigma = ENERGY[1:] * np.linspace(1.0, factor, 20) / 2.5
    return SimpleNamespace(
        near=DENSITY[None, ::-1], far=DENSITY[None, ::-1], sigma_total=sigma[None]
    )


def toy_marginals(factor):
    """Flat but for the last bin, which is almost empty."""
    variables = {
        "energy": 10.0 * V, "e_lepton": 10.0 * V, "cos_theta": 2 * V - 1, "v1": V, "v2": V
    }  # fmt: skip
    density = np.where(np.arange(N_CELLS) < N_CELLS - 1, factor, 1e-3)[None]
    return SimpleNamespace(
        member=np.arange(1),
        **variables,
        **{f"{detector}_{name}": density for name in variables for detector in ("near", "far")},
    )


def toy_members(n_members):
    loss = np.geomspace(1.0, 1e-6, 30) * np.arange(1, n_members + 1)[:, None]
    return SimpleNamespace(
        loss=loss,
        test_step=np.arange(0, 30, 5),
        test_loss=3.0 * loss[:, ::5],
        best_step=np.full(n_members, 29),
        structure_functions=TRUE_W * np.arange(1, n_members + 1)[:, None, None, None],
    )


def draw_losses():
    networks = {"exact": toy_members(2), "sampled": toy_members(3)}
    return losses.draw(networks, {"exact": 0, "sampled": 30_000_000})


def without_far(artifact):
    """As in an experiment without a far detector."""
    lost = {name: None for name in vars(artifact) if name.startswith("far")}
    return SimpleNamespace(**(vars(artifact) | lost))


FLOWS = SimpleNamespace(
    loss=np.tile(np.geomspace(1, 1e-3, 100), (2, 1)), final_loss=np.array([2e-4, 3e-4])
)


VARIED = ["network seed", "ND events", "flux", "muon energy scale"]


DRAWS = FITS["drawn"].flux_parameters


FIGURES = {
    "procedure": lambda: procedure.draw(False, VARIED),
    "event_densities": lambda: event_densities.draw(TOY_TRUTH, toy_predictions(1), SETUP),
    "marginals": lambda: marginals.draw(toy_marginals(1.0), toy_marginals(1.1), 10.0),
    "energy_slices": lambda: energy_slices.draw(toy_slices(0.0), toy_slices(0.1), SETUP),
    "total_cross_section": lambda: total_cross_section.draw(TOY_TRUTH, toy_predictions(2)),
    "losses": draw_losses,
    "structure_functions": lambda: structure_functions.draw(TOY_TRUTH, toy_members(2), WEIGHTS),
    "oscillation_contours": lambda: oscillation_contours.draw(
        contours_of("truth", "one"), TRUE_POINT
    ),
    "octants": draw_octants,
    "flow_near": lambda: flow_near.draw(
        TOY_TRUTH, toy_predictions(1), FLOWS, toy_members(2), SETUP
    ),
    "flow_far": lambda: flow_far.draw(
        TOY_TRUTH, toy_predictions(2), toy_predictions(1), toy_slices(0.0), toy_slices(0.3), SETUP
    ),
    "near_statistics": draw_near_statistics,
    "smearing": draw_smearing,
    "fluxes": lambda: fluxes.draw(FLUX, OSCILLATION, DRAWS, SETUP),
    "ensemble_contours": lambda: ensemble_contours.draw(contours_of(*SIZES), TRUE_POINT),
    "seeds": lambda: seeds.draw(contours_of("truth", "few"), "truth", TRUE_POINT),
    "inputs": lambda: inputs.draw(FLUX, OSCILLATION, TOY_TRUTH, WEIGHTS, SETUP),
    "calibration": draw_calibration,
    "joint_contours": draw_joint_contours,
    "joint_calibration": draw_joint_calibration,
}


NEAR_ONLY = {
    "event_densities": lambda: event_densities.draw(
        without_far(TOY_TRUTH), without_far(toy_predictions(1)), SETUP
    ),
    "marginals": lambda: marginals.draw(
        without_far(toy_marginals(1.0)), without_far(toy_marginals(1.1)), 10.0
    ),
    "structure_functions": lambda: structure_functions.draw(
        without_far(TOY_TRUTH), toy_members(2), without_far(WEIGHTS)
    ),
    "fluxes": lambda: fluxes.draw(without_far(FLUX), None, DRAWS, SETUP),
    "inputs": lambda: inputs.draw(
        without_far(FLUX), None, without_far(TOY_TRUTH), without_far(WEIGHTS), SETUP
    ),
}


ALL = FIGURES | {f"{name}, near only": draw for name, draw in NEAR_ONLY.items()}


def line_with(panel, **properties):
    """The only line of a panel with these properties."""
    (line,) = (
        line
        for line in panel.lines
        if all(plt.getp(line, name) == value for name, value in properties.items())
    )
    return line
