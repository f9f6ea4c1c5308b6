"""Numbers of learned densities and cross sections, against sums done here."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from nd2fd.figures.thresholds import sigma_window
from nd2fd.report import density_numbers
from toy_numbers import CELLS, WINDOW


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_window_of_the_cross_section_goes_with_the_beam(scale):
    """In a beam of lower energies it is lower, whatever E_max is."""
    beam = SimpleNamespace(**vars(WINDOW) | {"energy": scale * CELLS})
    low, high = sigma_window(beam)
    assert (low, high) == (pytest.approx(1.5 * scale), pytest.approx(9.0 * scale))
    longer = SimpleNamespace(
        energy=np.linspace(0.05, 19.95, 200) * scale,
        near_flux=np.append(WINDOW.near_flux, np.zeros(100)),
        sigma_total=np.append(CELLS, np.ones(100)),
    )
    assert sigma_window(longer) == (low, high)


def test_learning_numbers():
    table = pd.DataFrame(
        {
            "ensemble": ["seeds"] * 3 + ["flow"],
            "loss": [1e-8, 3e-8, 2e-8, 1e-3],
            "test_loss": [1e-5, 2e-5, 3e-5, np.nan],
            "near_total_variation": [1e-4, 2e-4, 9e-4, 1e-2],
            "far_total_variation": [1e-3, 2e-3, 3e-3, 1e-1],
            "max_sigma_deviation": [1e-3, 2e-3, 3e-3, 5e-1],
        }
    )
    numbers = density_numbers.learning_numbers(table, WINDOW)
    of_seeds = [numbers[f"seeds/loss/{which}"].value for which in ("best", "median", "worst")]
    assert of_seeds == [1e-8, 2e-8, 3e-8]
    assert numbers["seeds/near/worst"].value == pytest.approx(0.09)  # %
    assert numbers["flow/sigma/best"].value == numbers["flow/sigma/worst"].value == 50.0
    assert "1.5 to 9 GeV" in numbers["flow/sigma/best"].description
    assert "flow/test_loss/median" not in numbers
    near_only = table.drop(columns="far_total_variation")
    fewer = density_numbers.learning_numbers(near_only, WINDOW)
    assert set(numbers) - set(fewer) == {
        f"{name}/far/{which}" for name in ("seeds", "flow") for which in ("best", "median", "worst")
    }


def test_share_numbers():
    """Events on a chessboard: the ND sees black nodes only, the FD has a fifth on white ones."""
    black = np.indices((4, 4)).sum(axis=0) % 2 == 0
    share = np.array([0.2, 0.5, 0.3])[:, None, None]
    truth = SimpleNamespace(structure_functions=np.full((3, 4, 4), 2.0))
    weights = SimpleNamespace(near=share * black / 16, far=share * np.where(black, 0.8, 0.2) / 16)
    numbers = density_numbers.share_numbers(truth, weights)
    assert numbers["share/w2_near"].value == pytest.approx(50.0)
    assert numbers["share/w3_far"].value == pytest.approx(30.0)
    assert numbers["share/unconstrained_near"].value == 0.0
    assert numbers["share/unconstrained_far"].value == pytest.approx(20.0)
    # An interference may be negative, a share of events may not, if a sum leaves a node below zero.
    dip = np.where(black, 0.8, -1e-3)
    negative = SimpleNamespace(near=weights.near, far=share * [[[1]], [[1]], [[-1]]] * dip)
    numbers = density_numbers.share_numbers(truth, negative)
    assert numbers["share/w3_far"].value < 0
    assert numbers["share/unconstrained_far"].value == 0.0
    weights.far = None
    near_only = density_numbers.share_numbers(truth, weights)
    assert set(near_only) == {"share/w1_near", "share/w2_near", "share/w3_near",
                              "share/unconstrained_near"}  # fmt: skip


def test_marginal_numbers():
    """Where a density is too small, a large deviation does not count."""
    names = ("energy", "e_lepton", "cos_theta", "v1", "v2")
    density = np.array([[0.001, 1.0, 2.0, 1.0]])
    truth = {f"{d}_{name}": density for d in ("near", "far") for name in names}
    members = {key: np.repeat(values, 2, axis=0) for key, values in truth.items()}
    members["near_v1"] = members["near_v1"] * [[1.0, 1.0, 1.0, 0.96], [9.0, 1.0, 1.0, 1.01]]

    def numbers(true):
        return density_numbers.marginal_numbers(
            "seeds", "known", SimpleNamespace(**true), SimpleNamespace(**members)
        )

    assert numbers(truth)["seeds/marginals_near"].value == pytest.approx(4.0)
    assert numbers(truth)["seeds/marginals_far"].value == 0.0
    empty = numbers({name: 0.0 * values for name, values in truth.items()})
    assert empty["seeds/marginals_far"].undefined == "there are no FD events"
    near_only = {name: None if name.startswith("far") else v for name, v in truth.items()}
    assert set(numbers(near_only)) == {"seeds/marginals_near"}


def test_slice_numbers():
    """Moving a tenth of the events from one cell to another is a total variation of a tenth."""
    true = np.full((1, 2, 2, 5), 1.0)
    learned = true.copy()
    learned[0, 1, 0, 0] += 1.0
    learned[0, 1, 0, 1] -= 1.0
    numbers = density_numbers.slice_numbers(
        "flow",
        "known",
        SimpleNamespace(density=true, energy=np.array([1.0, 3.0])),
        SimpleNamespace(density=learned),
    )
    assert numbers["flow/slices_best"].value == 0.0
    assert numbers["flow/slices_worst"].value == pytest.approx(10.0)
    assert ("known_slices", "density") in numbers["flow/slices_worst"].sources
    true[0, 0] = 0.0
    numbers = density_numbers.slice_numbers(
        "flow",
        "known",
        SimpleNamespace(density=true, energy=np.array([0.05, 3.0])),
        SimpleNamespace(density=learned),
    )
    assert numbers["flow/slices_worst"].undefined == "no cross section at 0.05 GeV"


def test_noise_numbers():
    """A histogram off by two Poisson errors in every cell, and a network by half an error."""
    true = np.array([[1.0, 1.5], [1.5, 0.0]])
    n_events = 400
    error = np.sqrt(true * true.size / n_events)
    numbers = density_numbers.noise_numbers(
        "nd3m",
        SimpleNamespace(near=true),
        SimpleNamespace(n_events=np.array(n_events), density=(true + 2 * error)[None]),
        SimpleNamespace(near=(true - 0.5 * error)[None]),
    )
    assert numbers["nd3m/noise_histogram"].value == pytest.approx(2.0)
    assert numbers["nd3m/noise_learned"].value == pytest.approx(0.5)
    of_one_event = density_numbers.noise_numbers(
        "nd3m",
        SimpleNamespace(near=true),
        SimpleNamespace(n_events=np.array(1), density=true[None]),
        SimpleNamespace(near=true[None]),
    )
    assert {n.undefined for n in of_one_event.values()} == {"no cell has 5 expected events"}


def test_smearing_and_flux_numbers():
    response = SimpleNamespace(matrix=lambda: sp.csr_array(np.diag([0.2, 0.4, 0.6, 0.8])))
    truth = SimpleNamespace(near=np.array([[1.0, 0.0], [0.0, 3.0]]))
    numbers = density_numbers.smearing_numbers(truth, response)
    assert numbers["smearing/own_cell"].value == pytest.approx(100 * (0.2 + 3 * 0.8) / 4)
    modes = np.array([[0.5, 0.03, 0.5], [0.5, 0.04, 0.5]])
    values = np.array([1.0, 5.0, 2.0])
    flux = {"energy": np.arange(3.0), "near": values, "near_modes": modes}
    both = SimpleNamespace(**flux, far=values, far_modes=modes)
    assert density_numbers.flux_numbers(both)["flux_uncertainty/far"].value == pytest.approx(5.0)
    near_only = SimpleNamespace(**flux, far=None, far_modes=None)
    assert set(density_numbers.flux_numbers(near_only)) == {"flux_uncertainty/near"}
    certain = SimpleNamespace(**(flux | {"near_modes": None}), far=None, far_modes=None)
    assert density_numbers.flux_numbers(certain) == {}


def test_what_fluxes_have_outside():
    # Areas 2 + 4 + 1, of which 2.25 and 1 above 3; the far one only has neutrinos above 2.
    near, far = np.array([0.0, 2.0, 2.0, 0.0]), np.array([0.0, 0.0, 4.0, 0.0])
    flux = SimpleNamespace(energy=np.array([0.0, 2.0, 4.0, 5.0]), near=near, far=far)
    numbers = density_numbers.spectrum_numbers(flux, 3.0)
    assert numbers["setting/near_above"].value == pytest.approx(100 * 3 / 7)
    assert numbers["setting/far_above"].value == pytest.approx(100 * 5 / 6)
    assert numbers["setting/uncovered"].value == 0
    # Without neutrinos above 2 GeV nothing is covered.
    alone = SimpleNamespace(
        energy=np.array([0.0, 1.0, 2.0, 4.0, 5.0]),
        near=np.array([0.0, 1.0, 0.0, 0.0, 0.0]),
        far=np.array([0.0, 0.0, 0.0, 4.0, 0.0]),
    )
    assert density_numbers.spectrum_numbers(alone, 5.0)["setting/uncovered"].value == 100
    near_only = SimpleNamespace(energy=flux.energy, near=near, far=None)
    assert set(density_numbers.spectrum_numbers(near_only, 3.0)) == {"setting/near_above"}
