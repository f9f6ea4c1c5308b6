"""Tables of fits and of learning."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from nd2fd.io.schemas.learned import Flows
from nd2fd.report import density_numbers
from nd2fd.report.fit_tables import oscillation_table, systematics_latex, systematics_table
from nd2fd.report.learning_table import learning_table
from toy_numbers import TOY_FITS, TOY_REGIONS, WINDOW

TOY_FITS["two"].at_boundary[1, 0] = True


def test_oscillation_table():
    """Means of two members that are 2 and 4 σ_stat off; the reference itself has no shift."""
    table = oscillation_table(TOY_REGIONS, TOY_FITS, {"two": "known"})
    known, two = (table.set_index("ensemble").loc[name] for name in ("known", "two"))
    assert two["dm2_32_best"] == pytest.approx(2.43e-3)
    assert two["dm2_32_sigma"] == pytest.approx(2e-5)
    assert two["dm2_32_high"] == pytest.approx(2.04e-3)
    assert two["dm2_32_shift_in_sigma"] == pytest.approx(3.0)
    assert two["dm2_32_scatter_in_sigma"] == pytest.approx(np.sqrt(2))
    assert two["sin2_2theta23_shift_in_sigma"] == pytest.approx(0.0)
    assert (known["members"], known["replicas_at_edge"], two["replicas_at_edge"]) == (1, 0, 0.25)
    assert math.isnan(known["dm2_32_shift_in_sigma"])
    assert math.isnan(known["dm2_32_scatter"])


def test_systematics_table():
    table = systematics_table(TOY_REGIONS, TOY_FITS, {"two": "known"})
    (row,) = table.to_dict("records")
    assert (row["systematic"], row["reference"]) == ("two", "known")
    assert row["dm2_32_shift"] == pytest.approx(3.0)
    assert row["dm2_32_scatter"] == pytest.approx(np.sqrt(2))
    assert row["dm2_32_added_width"] == pytest.approx(3.0)
    lines = systematics_latex(table.assign(systematic="t_wo", dm2_32_scatter=np.nan)).splitlines()
    assert lines[3] == r"t\_wo & $+0.00$ & $+0.00$ & $+0.00$ & $+3.00$ & -- & $+3.00$ \\"


def flows(**arrays):
    """An artifact of which only these matter."""
    artifact = object.__new__(Flows)
    vars(artifact).update(arrays)
    return artifact


def test_learning_table():
    """The loss of the weights that are kept; σ(E_ν) counts in its window alone."""
    density = np.array([[1.0, 2.0], [1.0, 0.0]])
    moved = np.array([[1.0, 1.0], [1.0, 1.0]])
    truth = SimpleNamespace(
        energy=np.array([0.5, 2.0, 3.5]),
        near_flux=np.array([0.0, 1.0, 0.0]),
        sigma_total=np.array([1.0, 2.0, 3.0]),
        near=density,
        far=density,
    )
    predicted = SimpleNamespace(
        near=np.stack([density, moved]),
        far=np.stack([moved, density]),
        sigma_total=np.array([[9.0, 1.1, 1.5], [0.5, 1.0, 1.2]]),
    )
    networks = SimpleNamespace(
        member=np.array([0, 1]),
        loss=np.array([[3.0, 1.0, 2.0], [3.0, 2.0, 1.0]]),
        best_step=np.array([1, 2]),
        test_loss=np.array([[5.0, 4.0, np.nan], [5.0, 6.0, 3.0]]),
    )
    models = {"net": networks, "free": flows(member=[0, 1], final_loss=np.array([0.1, 0.2]))}
    predictions = dict.fromkeys(models, predicted)
    table = learning_table(truth, models, predictions).set_index("ensemble")
    net, free = table.loc["net"], table.loc["free"]
    np.testing.assert_array_equal(net["loss"], [1.0, 1.0])
    np.testing.assert_array_equal(net["best_step"], [1, 2])
    np.testing.assert_array_equal(net["test_loss"], [4.0, 3.0])
    np.testing.assert_allclose(net["near_total_variation"], [0.0, 0.25])
    np.testing.assert_allclose(net["far_total_variation"], [0.25, 0.0])
    # In the middle of the cell with the events; the truth is 1 there, with a flux average of one.
    np.testing.assert_allclose(net["max_sigma_deviation"], [0.1, 0.0])
    np.testing.assert_array_equal(free["loss"], [0.1, 0.2])
    assert free["test_loss"].isna().all()
    without = table.reset_index().assign(max_sigma_deviation=np.nan)
    numbers = density_numbers.learning_numbers(without, WINDOW)
    assert numbers["net/sigma/worst"].undefined == "no member has a finite max_sigma_deviation"
    assert numbers["net/near/worst"].value == pytest.approx(25.0)
    truth.far = predicted.far = None
    near_only = learning_table(truth, models, predictions)
    assert "far_total_variation" not in near_only
