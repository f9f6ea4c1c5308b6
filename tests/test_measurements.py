"""Measured cross sections: predictions in bins, posteriors, and what a marginal predicts."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

import toy
from nd2fd.io.schemas.measurements import Measurement
from nd2fd.measurements.bins import Bins
from nd2fd.measurements.covariance import check_covariance, check_order, whitening
from nd2fd.measurements.fit import fit_measurement, with_scale_of
from nd2fd.measurements.forward import total_cross_section_map
from nd2fd.measurements.measurement import smeared, smearing_of_migration, true_map
from nd2fd.measurements.transfer import predict_from
from nd2fd.physics.setup import Target
from toy_measurements import EDGES, FLUX, NODES, SETTINGS, SETUP, binned, on_nodes, quadratic


def test_energy_slices_follow_from_the_marginal():
    """A known cross section: what its marginal predicts holds; without E_ν nothing does."""
    fit = fit_measurement(binned(noise=1.0).artifact(SETUP.target), SETUP, SETTINGS)
    assert 0.01 < chi2.sf(fit.chi2[0], fit.n_data[0] - fit.effective_parameters[0]) < 0.99
    n = fit.n_conditional.item()
    assert n == fit.n_data[0] - fit.n_data[1]
    assert 0.01 < chi2.sf(fit.conditional_chi2[0], n) < 0.99
    assert fit.conditional_chi2[2] > 10 * n
    above = fit.neutrino_energy > 0.5
    true = total_cross_section_map(fit.neutrino_energy, NODES, SETUP) @ on_nodes(quadratic)
    for which in (0, 1):
        pull = (fit.sigma[which] - true)[above] / fit.sigma_error[which][above]
        assert np.sqrt(np.mean(pull**2)) < 2.0


def test_data_that_do_not_depend_on_energy_are_not_described():
    measured = binned()
    values = measured.values.copy()
    for k in range(values.size):
        same = np.all(measured.bins.first == measured.bins.first[k], axis=1)
        same &= np.all(measured.bins.second == measured.bins.second[k], axis=1)
        values[k] = measured.values[same].mean()
    wrong = replace(measured, values=values)
    fit = fit_measurement(wrong.artifact(SETUP.target), SETUP, SETTINGS)
    assert fit.conditional_chi2[0] > 3 * fit.n_conditional


def test_smearing_acts_from_the_left():
    def matrix(n):
        smearing = np.eye(n) + np.diag(np.full(n - 1, 0.4), 1)
        smearing[0, 5] = 1.5
        return smearing

    measured = binned(smearing=matrix, relative=0.02).artifact(SETUP.target)
    fit = fit_measurement(measured, SETUP, SETTINGS)
    assert fit.chi2[0] < 0.2 * fit.n_data[0]
    assert fit.transposed_chi2 > 10 * fit.n_data[0]
    true = true_map(measured, NODES, SETUP) @ on_nodes(quadratic)
    assert smeared(measured, true) == pytest.approx(measured.values, rel=1e-8)


@pytest.mark.parametrize(
    ("per", "target", "nucleons"),
    [("nucleon", "Ar40", 1), ("nucleus", "Ar40", 40), ("target", "2 H1 + O16", 18)],
)
def test_values_become_those_of_a_nucleon(per, target, nucleons):
    artifact = binned(unit=1e-36, per=per).artifact(Target.parse(target))
    factor = 100.0 / nucleons
    assert artifact.values == pytest.approx(binned().values * factor)
    assert artifact.covariance == pytest.approx(binned().covariance * factor**2)


def test_a_nucleus_of_a_compound_is_unclear():
    with pytest.raises(ValueError, match="target has several"):
        binned(per="nucleus").artifact(Target.parse("C12 + H1"))


def test_of_a_shape_only_the_shape_counts():
    """The fit of a shape whose covariance has no error of the scale, and of ten times that."""
    chi2s = []
    for scale in (1.0, 10.0):
        measured = binned(noise=1.0, absolute=False)
        content = measured.bins.area * measured.values
        n = content.size
        normalised = np.eye(n) - np.outer(measured.values, measured.bins.area) / content.sum()
        covariance = normalised @ measured.covariance @ normalised.T
        shape = replace(measured, values=scale * measured.values, covariance=scale**2 * covariance)
        fit = fit_measurement(shape.artifact(SETUP.target), SETUP, SETTINGS)
        chi2s.append(fit.chi2[0])
        assert 0.5 < fit.chi2[0] / (fit.n_data[0] - fit.effective_parameters[0]) < 1.5
    assert chi2s[0] == pytest.approx(chi2s[1], rel=0.02)


def test_migration_moves_numbers_of_events():
    """Half of the events of the wide true bin are measured in each of two narrow ones."""
    true = Bins(
        "momentum_angle", np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]]), np.array([[0.4, 2.0]])
    )
    measured = Bins(
        "momentum_angle",
        np.array([[0.0, 0.5], [0.5, 1.0]]),
        np.tile([0.0, 1.0], (2, 1)),
        np.tile([0.4, 2.0], (2, 1)),
    )
    half = np.array([[0.5], [0.5]])
    smearing = smearing_of_migration(half, measured, true, EDGES, FLUX)
    assert smearing @ [3.0] == pytest.approx([3.0, 3.0])
    with pytest.raises(ValueError, match=r"column 0 sums to 1\.4"):
        smearing_of_migration(np.array([[0.7], [0.7]]), measured, true, EDGES, FLUX)
    with pytest.raises(ValueError, match="1 × 2; from 1 true to 2 measured"):
        smearing_of_migration(half.T, measured, true, EDGES, FLUX)


def test_peelle_s_puzzle():
    """1.5 and 1.0 with 10 % each and 20 % in common: a constant should not be 0.88."""
    values = np.array([1.5, 1.0])
    own = np.diag((0.1 * values) ** 2)
    covariance = own + 0.2**2 * np.outer(values, values)
    ones = np.ones(2)

    def constant(used):
        inverse = np.linalg.inv(used)
        return (ones @ inverse @ values) / (ones @ inverse @ ones)

    assert constant(covariance) == pytest.approx(0.88, abs=0.01)
    fitted = values
    for _ in range(6):
        used = with_scale_of(fitted, values, covariance, 0.19999)
        fitted = constant(used) * ones
    assert used == pytest.approx(own + 0.04 * np.outer(fitted, fitted), rel=1e-3)
    assert constant(used) == pytest.approx((1.5 / 2.25 + 1.0) / (1 / 2.25 + 1.0), rel=1e-3)


def test_a_scale_error_that_the_covariance_has_not_is_refused():
    with pytest.raises(ValueError, match=r"normalisation_error is 0\.3.*below 0\.0"):
        with_scale_of(np.ones(4), np.ones(4), 0.01 * np.eye(4), 0.3)


def test_a_measurement_predicts_another_but_for_its_scale():
    source = binned(relative=0.01).artifact(SETUP.target)
    other = binned(scale=1.3, relative=0.01).artifact(SETUP.target)
    same = predict_from(source, source, (SETUP, SETUP), (SETTINGS, SETTINGS))
    assert same.predicted == pytest.approx(source.values, rel=0.02, abs=1e-3)
    assert same.scale == pytest.approx(1.0, abs=0.01)
    scaled = predict_from(other, source, (SETUP, SETUP), (SETTINGS, SETTINGS))
    assert scaled.scale == pytest.approx(1.3, abs=0.02)
    assert scaled.chi2[0] > 5 * scaled.n_data > 50 * scaled.scaled_chi2
    # The error of the prediction adds to that of the data.
    assert scaled.chi2[1] > scaled.chi2[0]


def test_bins_beyond_the_largest_energy_are_refused():
    with pytest.raises(ValueError, match="E_nu = 4 GeV, beyond energy_max = 3 GeV"):
        fit_measurement(binned().artifact(SETUP.target), toy.setup(energy_max=3.0), SETTINGS)


def test_measurements_that_do_not_fit_together_are_refused():
    good = binned()
    n = good.values.size
    for change, words in (
        ({"values": good.values[1:]}, f"{n - 1} values in {n} bins"),
        ({"values": np.full(n, np.nan)}, "bin 0: the value is nan"),
        ({"unit": 1.0}, r"unit is 1\.0 cm²"),
        ({"smearing": np.eye(n)[:-1]}, f"smearing matrix is {n - 1} × {n}"),
        ({"true_bins": good.bins}, "true bins but no smearing"),
        ({"flux": FLUX[1:]}, "6 edges of 4 bins"),
        ({"flux": -FLUX}, "not negative"),
        (
            {"flux": np.array([1.0, 1.0, 1.0, 0.0, 0.0]), "flux_edges": EDGES / 2},
            "there is no flux",
        ),
    ):
        with pytest.raises(ValueError, match=words):
            replace(good, **change)


def test_covariances_are_checked():
    good = np.array([[4.0, 1.0], [1.0, 9.0]])
    check_covariance(good, 2)
    for bad, words in (
        (good[:1], "1 × 2; there are 2 bins"),
        (np.eye(3), "3 × 3; there are 2 bins"),
        (np.array([[4.0, 1.0], [2.0, 9.0]]), "not symmetric: 1 of bins 0 and 1, 2"),
        (np.array([[4.0, 7.0], [7.0, 9.0]]), r"not positive definite.*-0\.1"),
        (np.array([[4.0, 0.0], [0.0, 0.0]]), "variance of bin 1 is 0"),
        (np.array([[4.0, np.nan], [np.nan, 9.0]]), "bins 0 and 1 is nan"),
    ):
        with pytest.raises(ValueError, match=words):
            check_covariance(bad, 2)
    check_order(good, np.array([2.0, 3.0]))
    with pytest.raises(ValueError, match=r"bin 0 has the error 3, but 2 .*2 of 2.*same order"):
        check_order(good, np.array([3.0, 2.0]))


def test_whitening_leaves_out_what_is_rounding():
    rng = np.random.default_rng(2)
    half = rng.normal(size=(5, 3))
    covariance = half @ half.T
    white = whitening(covariance)
    assert white.shape == (3, 5)
    assert white @ covariance @ white.T == pytest.approx(np.eye(3), abs=1e-9)


def test_measurement_artifacts_are_read_as_written(tmp_path):
    measured = binned(smearing=np.eye)
    artifact = measured.artifact(SETUP.target)
    assert isinstance(artifact, Measurement)
    assert artifact.true_first is None
    assert artifact.smearing == pytest.approx(np.eye(measured.values.size))
