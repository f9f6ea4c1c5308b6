"""Built-in beams: what they should be by kinematics and publications, and how they are named."""

import re
import subprocess
import sys

import numpy as np
import pytest

from nd2fd.beam.builtin import BEAMS, flux_table
from nd2fd.beam.files.layout import Layout
from nd2fd.beam.files.reading import read_flux
from nd2fd.beam.flux import interpolate_flux
from reference_data import reference_file


def spectrum(name, n=20_001):
    """Energies [GeV] from 0 to the beam's limit, and the flux there relative to its peak."""
    energy = np.linspace(0.0, BEAMS[name].energy_limit, n)
    flux = interpolate_flux(BEAMS[name].flux(), energy)
    return energy, flux / flux.max()


def bin_averages(name, low, high):
    inside = (np.arange(200) + 0.5) / 200
    energy = low[:, None] + (high - low)[:, None] * inside
    return interpolate_flux(BEAMS[name].flux(), energy).mean(axis=1)


@pytest.mark.parametrize("name", BEAMS)
def test_beams_are_given_up_to_their_limit(name):
    beam, table = BEAMS[name], BEAMS[name].flux()
    assert table.energy[-1] == pytest.approx(beam.energy_limit, rel=1e-12)
    assert table.energy[0] < 0.13
    assert np.all(np.diff(table.energy) > 0)
    assert np.all(table.flux > 0)
    assert table.flux[-1] < 0.011 * table.flux.max()
    assert ("ν̄_μ" in beam.title) == beam.antineutrino


# Pions decay to ν_μ of E = (1 - m_μ²/m_π²) E_π / (1 + γ²θ²) at an angle θ: at most at γθ = 1.
MASS_RATIO = 1 - (0.1056584 / 0.1395704) ** 2


@pytest.mark.parametrize(("name", "angle"), [("t2k", np.radians(2.5)), ("nova", 0.014)])
def test_off_axis_beams_end_where_pion_decay_ends(name, angle):
    highest = MASS_RATIO * 0.1395704 / (2 * angle)
    energy, flux = spectrum(name)
    # Pions come at angles of their own: the peak lies somewhat below the edge, and smears it.
    assert 0.8 * highest < energy[flux.argmax()] < highest
    above_half = energy[flux > 0.5]
    assert 1.0 * highest < above_half[-1] < 1.25 * highest
    # What is left beyond comes from kaons.
    assert flux[energy > 1.6 * highest].max() < 0.15


def test_peaks_of_off_axis_beams_scale_with_the_angle():
    peaks = []
    for name in ("nova", "t2k"):
        energy, flux = spectrum(name)
        peaks.append(energy[flux.argmax()])
    assert peaks[0] / peaks[1] == pytest.approx(np.radians(2.5) / 0.014, rel=0.05)


@pytest.mark.parametrize(
    ("name", "peak", "tolerance"),
    [
        ("t2k", 0.6, 0.05),  # "about 0.6 GeV", arXiv:1211.0469
        ("nova", 1.8, 0.1),  # arXiv:2410.10222
        ("dune_fhc", 2.5, 0.5),  # "peaked at 2.5 GeV", arXiv:1910.10996; a flat top
        ("dune_rhc", 2.5, 0.5),
    ],
)
def test_published_peak_energies(name, peak, tolerance):
    energy, flux = spectrum(name)
    assert energy[flux.argmax()] == pytest.approx(peak, abs=tolerance)


def test_published_mean_energies():
    energy, flux = spectrum("bnb")
    # "approximately 0.8 GeV", arXiv:2307.06413
    assert np.average(energy, weights=flux) == pytest.approx(0.8, abs=0.05)


def test_dune_is_a_wide_band():
    for name in ("dune_fhc", "dune_rhc"):
        energy, flux = spectrum(name)
        above_half = energy[flux > 0.5]
        assert above_half[-1] - above_half[0] > energy[flux.argmax()]
        # 92 % of an earlier design's ν_μ lie in 0.5-5 GeV, arXiv:1910.10996
        share = flux[(energy > 0.5) & (energy < 5)].sum() / flux.sum()
        assert share == pytest.approx(0.92, abs=0.04)


def test_horns_focus_both_charges_alike():
    """Fewer π⁻ than π⁺ are made, the more so at high energy; focusing is the same."""
    forward, reverse = BEAMS["dune_fhc"].flux(), BEAMS["dune_rhc"].flux()
    np.testing.assert_array_equal(forward.energy, reverse.energy)
    ratio = (reverse.flux / forward.flux)[(forward.energy > 0.3) & (forward.energy < 4)]
    assert np.all((ratio > 0.8) & (ratio < 1))
    assert ratio[0] > ratio[-1]


def test_dunes_flux_is_the_official_one():
    official = read_flux(
        reference_file("dune_flux_nd_fhc.txt"), ("muon", False), Layout(column="dune")
    )
    table = BEAMS["dune_fhc"].flux()
    np.testing.assert_allclose(table.energy, official.energy[:41])
    # per cm² here, per m² there
    np.testing.assert_allclose(table.flux * 1e4, official.flux[:41], rtol=1e-6)


def test_t2k_parametrisation_against_the_release():
    """Measured (docs/flux.md): 4.0 % at most where the flux is above 5 % of its peak, rms 2.0 %."""
    text = reference_file("t2k_ccinc_2018/flux.txt").read_text()
    bins = re.findall(r"\[([\d.]+),([\d.]+)\]\s+(\S+)", text)[:200]
    low, high, flux = np.array(bins, dtype=np.float64).T
    assert high[-1] == 10
    low, high, flux = low[1:], high[1:], flux[1:]  # nothing is given below 0.05 GeV
    flux /= flux.max()
    deviation = bin_averages("t2k", low, high) / flux - 1
    assert np.abs(deviation[flux > 0.05]).max() < 0.045
    assert np.sqrt(np.mean(deviation[flux > 0.05] ** 2)) < 0.025
    assert np.abs(deviation[flux > 0.001]).max() < 0.12


def test_nova_parametrisation_against_the_release():
    """Measured (docs/flux.md): 2.3 % at most where the flux is above 5 % of its peak.

    NOvA's release of 2017 up to 5 GeV, as in DarkNews 0.4.8: neutrinos per m² and 10⁶ POT in bins.
    """
    edges = np.array([0.0, *np.linspace(0.6, 5.0, 23)])
    counts = (
        "4.6503 3.2331 3.8892 5.0728 7.6006 10.9855 13.7082 14.6780 13.1287 10.0955 7.0781 4.8025 "
        "3.1851 2.0563 1.3191 0.8790 0.6365 0.4992 0.4183 0.3677 0.3278 0.2950 0.2753"
    )
    flux = np.array(counts.split(), dtype=np.float64) / np.diff(edges)
    flux /= flux.max()
    deviation = bin_averages("nova", edges[:-1], edges[1:]) / flux - 1
    assert np.abs(deviation[flux > 0.05]).max() < 0.03
    assert np.abs(deviation).max() < 0.05


def test_names_and_paths(tmp_path):
    muon, anti = ("muon", False), ("muon", True)
    np.testing.assert_array_equal(flux_table("t2k", muon, Layout()).flux, BEAMS["t2k"].flux().flux)
    np.testing.assert_array_equal(
        flux_table("dune_rhc", anti, Layout()).flux, BEAMS["dune_rhc"].flux().flux
    )
    path = tmp_path / "flux.txt"
    path.write_text("0.5 1 2 3 4 5 6\n1.5 10 20 30 40 50 60\n")
    for name_or_path in (path, str(path)):
        np.testing.assert_array_equal(
            flux_table(name_or_path, ("electron", True), Layout(column="dune")).flux, [4, 40]
        )


def test_wrong_names_are_refused():
    with pytest.raises(
        FileNotFoundError, match=r"'dune' is neither a built-in beam \(dune_fhc, .*\) nor a file"
    ):
        flux_table("dune", ("muon", False), Layout())
    with pytest.raises(
        ValueError, match=r"dune_fhc is of neutrinos, .* antineutrinos: name dune_r"
    ):
        flux_table("dune_fhc", ("muon", True), Layout())
    with pytest.raises(ValueError, match=r"dune_rhc is of antineutrinos, .* name dune_fhc or t2k"):
        flux_table("dune_rhc", ("muon", False), Layout())
    with pytest.raises(ValueError, match=r"bnb is of muon .* lepton is 'electron'"):
        flux_table("bnb", ("electron", False), Layout())
    with pytest.raises(ValueError, match=r"bnb is built in; column, unit, .* must be null"):
        flux_table("bnb", ("muon", False), Layout(unit="MeV"))


def test_names_are_cheap():
    """The workflow's start checks them."""
    code = (
        "import sys\n"
        "from nd2fd.beam.builtin import BEAMS\n"
        "assert 'dune_fhc' in BEAMS\n"
        "heavy = {'scipy', 'torch', 'matplotlib', 'h5py', 'pandas', 'uproot'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
