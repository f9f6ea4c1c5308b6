"""What figure 22 draws of measurements, and the numbers that are quoted of them."""

import io
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nd2fd.figures import measured_slices
from nd2fd.figures.data import as_csv
from nd2fd.figures.style import TRUTH, use_style
from nd2fd.io.schemas.measurements import Measurement, MeasurementFit, MeasurementTransfer
from nd2fd.report.measurement_numbers import fit_numbers, transfer_numbers
from toy import setup

STYLE = Path(__file__).resolve().parents[1] / "workflow" / "figures.mplstyle"
P, C, E = [[0.0, 0.3], [0.3, 1.0]], [[-1.0, 0.5], [0.5, 1.0]], [[0.2, 0.7], [0.7, 2.0]]


def measurement(resolved):
    rows = [(a, b, d) for d in (E if resolved else [[0.2, 2.0]]) for b in C for a in P]
    first, second, energy = (np.array([row[k] for row in rows]) for k in range(3))
    values = 1.0 + np.arange(len(rows))
    return Measurement(
        variables=np.array(0), first=first, second=second, energy=energy, values=values,
        covariance=np.diag((0.1 * values) ** 2), absolute=np.array(True),
        flux_edges=np.array([0.0, 1.0, 2.0]), flux=np.ones(2),
    )  # fmt: skip


def fit(measured, resolved):
    n, n_data = measured.values.size, 2 if resolved else 1
    values = measured.values
    of_slices = {
        "predicted": values + 0.3, "predicted_error": 0.2 * np.ones(n),
        "conditional_error": 0.05 * values, "without_energy": 0.0 * values,
        "conditional_chi2": np.array([5.0, 50.0, 500.0]), "n_conditional": np.array(4),
    }  # fmt: skip
    nodes = (n_data, 3, 8, 8)
    return MeasurementFit(
        xi=np.linspace(0, 1, 8), tau=np.linspace(0, 1, 8), x_max=np.array(2.0),
        Q2_max=np.array(8.0), structure_functions=np.ones(nodes),
        structure_function_errors=0.1 * np.ones(nodes), neutrino_energy=np.linspace(0.1, 1.9, 10),
        sigma=np.ones((n_data, 10)), sigma_error=0.1 * np.ones((n_data, 10)),
        strength=np.full(n_data, 7e-3), chi2=np.array([120.66, 3.68][:n_data]),
        n_data=np.array([137, 23][:n_data]), paid=np.ones(n_data),
        effective_parameters=np.full(n_data, 23.6), log_evidence=np.zeros(n_data),
        fitted=values - 0.1, fitted_error=0.3 * np.ones(n), transposed_chi2=np.array(597.0),
        **(of_slices if resolved else {}),
    )  # fmt: skip


TRANSFER = MeasurementTransfer(
    predicted=np.full(4, 2.0), predicted_error=np.full(4, 0.5), chi2=np.array([110.4, 839.1]),
    n_data=np.array(71), scale=np.array(0.61), scale_error=np.array(0.1),
    scaled_chi2=np.array(94.6), strength=np.array(4e-3),
)  # fmt: skip


@pytest.fixture
def figure():
    with plt.rc_context():
        use_style(str(STYLE))
        shown = []
        for label, resolved in (("argon", True), ("carbon", False)):
            measured = measurement(resolved)
            transfers = {} if resolved else {"argon": TRANSFER}
            lab = setup(energy_max=2.0, x_max=2.0)
            shown.append(
                measured_slices.Shown(label, lab, measured, fit(measured, resolved), transfers)
            )
        yield measured_slices.draw(shown)
        plt.close("all")


def test_panels_are_rows_of_the_bins_and_ranges_of_the_energy(figure):
    argon, carbon, learned = figure.subfigs
    assert (len(argon.axes), len(carbon.axes), len(learned.axes)) == (4, 2, 7)
    assert [axis.get_title() for axis in argon.axes[:2]] == ["-1 to 0.5", "0.5 to 1"]
    assert [argon.axes[k].get_ylabel() for k in (1, 3)] == ["0.2 to 0.7", "0.7 to 2"]


def test_data_and_prediction_have_their_conditional_errors(figure):
    """The last panel of argon: bins 6 and 7, values 7 and 8."""
    panel = figure.subfigs[0].axes[3]
    (data,) = panel.containers
    heights = [np.diff(segment[:, 1])[0] for segment in data[2][1].get_segments()]
    assert heights == pytest.approx([2 * 0.05 * 7.0, 2 * 0.05 * 8.0])
    (band,) = panel.collections[:1]
    edges = band.get_paths()[0].vertices[:, 1]
    assert (edges.min(), edges.max()) == pytest.approx((7.3 - 0.2, 8.3 + 0.2))
    control = [line for line in panel.lines if line.get_linestyle() == "--"]
    assert np.all(control[0].get_ydata() == 0.0)


def test_the_table_of_the_figure_has_data_and_what_was_learned(figure):
    """Of the last panel of argon, and σ/E_ν of both measurements: 1 ± 0.1 per GeV."""
    table = pd.read_csv(io.StringIO(as_csv(figure)))
    panel = table[table["panel"] == "argon: cos_theta 0.5 to 1, E_nu 0.7 to 2 GeV"]
    quantity = next(
        name
        for name in table
        if name.startswith("d2sigma/") and " low" not in name and " high" not in name
    )
    data = panel[panel["series"] == "data"]
    assert data[quantity].tolist() == pytest.approx([7.0, 8.0])
    predicted = panel[panel["series"] == "predicted"].dropna(subset=quantity)
    assert sorted(set(predicted[quantity])) == pytest.approx([7.3, 8.3])
    learned = table[table["panel"] == "total cross section"]
    assert set(learned["series"]) == {
        "argon, all data",
        "argon, energy-integrated data",
        "carbon, all data",
    }
    sigma = "sigma/E_nu (1e-38 cm2/GeV/nucleon)"
    curve = learned[learned["series"] == "carbon, all data"].dropna(subset=sigma)
    np.testing.assert_allclose(curve[sigma] * curve["E_nu (GeV)"], 1.0, rtol=1e-5)


def test_without_ranges_of_the_energy_fit_and_transfer_are_drawn(figure):
    panel = figure.subfigs[1].axes[0]
    (data,) = panel.containers
    assert data[0].get_color() == TRUTH
    heights = [np.diff(segment[:, 1])[0] for segment in data[2][1].get_segments()]
    assert heights == pytest.approx([0.2, 0.4])
    bands = [c.get_paths()[0].vertices[:, 1] for c in panel.collections[:2]]
    assert [(b.min(), b.max()) for b in bands] == [
        pytest.approx((0.9 - 0.3, 1.9 + 0.3)),
        pytest.approx((1.5, 2.5)),
    ]


def test_numbers_of_a_fit():
    numbers = fit_numbers("argon", fit(measurement(True), True))
    quoted = {name.removeprefix("measurement/argon/"): f"{n}" for name, n in numbers.items()}
    assert quoted["chi2"] == "121"
    assert quoted["marginal/chi2"] == "3.7"
    assert quoted["n_data"] == "137"
    assert quoted["strength"] == "7.0e-03"
    assert quoted["conditional/chi2"] == "5"
    assert quoted["conditional/chi2_data_errors"] == "50"
    assert quoted["conditional/chi2_without_energy"] == "500"
    assert quoted["chi2_transposed"] == "597"
    without = fit_numbers("carbon", fit(measurement(False), False))
    assert not any("marginal" in name or "conditional" in name for name in without)


def test_numbers_of_a_transfer():
    numbers = transfer_numbers("carbon", "argon", TRANSFER)
    start = "measurement/carbon/from_argon/"
    assert f"{numbers[start + 'scale']:±}" == "0.61 ± 0.10"
    assert f"{numbers[start + 'chi2']} of {numbers[start + 'n_data']}" == "110 of 71"
    assert numbers[start + "scaled_chi2"].sources == (("carbon_from_argon", "scaled_chi2"),)


def test_inputs_of_the_figure_are_loaded_by_name():
    measured = measurement(False)
    files = {"carbon_measurement": measured, "carbon_fit": fit(measured, False),
             "carbon_from_argon": TRANSFER}  # fmt: skip
    section = {"target": "C12 + H1", "lepton": "muon", "helicity": "neutrino", "energy_max": 2.0,
               "x_max": 2.0}  # fmt: skip
    described = {"label": "T2K", "setup": section, "transfers": {"argon": "MicroBooNE"}}
    job = SimpleNamespace(
        params=SimpleNamespace(measurements={"carbon": described}),
        load=lambda name, kind: files[name] if isinstance(files[name], kind) else None,
    )
    with plt.rc_context():
        use_style(str(STYLE))
        figure = measured_slices.from_job(job)
        words = [text.get_text() for text in figure.subfigs[0].legends[0].get_texts()]
        plt.close("all")
    assert words == ["data", "fit", "from structure functions of MicroBooNE"]
