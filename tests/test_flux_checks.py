"""Fluxes that are not fit for the setup, or do not fit each other, are refused before a run."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from configurations import load, merged
from nd2fd.beam.builtin import BEAMS
from nd2fd.beam.checks import distance, share_above, uncovered_share
from nd2fd.beam.flux import FluxTable
from nd2fd.beam.fluxes import read_fluxes, remarks
from nd2fd.config.problems import validate_config
from nd2fd.config.reading import ConfigError
from nd2fd.config.sections import FluxSection
from nd2fd.streams import random_stream
from reference_data import reference_file
from toy import setup

ENERGY = np.arange(0.05, 12.0, 0.1)
BUMP = np.exp(-0.5 * (ENERGY - 2.5) ** 2)
"""A beam at 2.5 GeV, at centres of bins from 0 GeV on."""

NOTHING = {"column": None, "unit": None, "energies": None, "content": None}
POINTS = {"energies": "points", "content": "per_gev"}


@pytest.fixture
def given(tmp_path):
    """A section `flux` with names, or with files of (energy, flux), and how to read them."""

    def section(near, far=None, near_format=(), far_format=(), uncertainty="smooth"):
        names = {}
        for role, flux in (("near", near), ("far", far)):
            names[role] = flux
            if flux is None or isinstance(flux, str):
                continue
            names[role] = str(tmp_path / f"{role}.txt")
            text = "".join(f"{e:.7g} {f:.7g}\n" for e, f in zip(*flux, strict=True))
            (tmp_path / f"{role}.txt").write_text(text)
        formats = {
            "near_format": NOTHING | dict(near_format),
            "far_format": NOTHING | dict(far_format),
        }
        return names | formats | {"uncertainty": uncertainty, "remove_normalisation": True}

    return section


def read(flux, has_far=True, **changes):
    return read_fluxes(flux, setup(**changes), has_far)


def refused(flux, *said, has_far=True, **changes):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        read(flux, has_far, **changes)
    for part in said:
        assert part in str(caught.value), str(caught.value)


def test_a_good_flux_is_read_and_described(given):
    flux = given((ENERGY, BUMP))
    near, far = read(flux)
    assert far is near
    np.testing.assert_allclose(near.flux, BUMP, rtol=1e-6)
    said, important = remarks(flux, near, far, setup())
    assert "peak at 2.45 GeV" in said[0] or "peak at 2.55 GeV" in said[0]
    assert "the near flux once more" in said[1]
    assert not important
    assert read(flux, has_far=False)[1] is None


# One flux and the setup.


def test_energies_in_mev(given):
    mev = (1e3 * ENERGY, BUMP)
    refused(given(mev), "flux.near: ", "% of its neutrinos", "are they in MeV (unit: MeV)?")
    near, _ = read(given(mev, near_format={"unit": "MeV"}))
    np.testing.assert_allclose(near.energy, ENERGY, rtol=1e-6)
    # From 0, as in a public file of which 0.2 % lie within E_max.
    from_zero = (np.arange(0, 3000, 50.0), np.exp(-0.5 * (np.arange(0, 3000, 50.0) / 300 - 2) ** 2))
    refused(given(from_zero, near_format=POINTS), "are they in MeV (unit: MeV)?")


def test_energies_in_gev_taken_for_mev(given):
    wrong = {"unit": "MeV"}
    refused(given((ENERGY, BUMP), near_format=wrong), "0.11", "threshold", "(unit: GeV)?")


def test_numbers_of_bins_taken_for_energies(given):
    numbered = (np.arange(len(ENERGY)), BUMP)
    refused(given(numbered), "numbers of bins?", "flux.near_format", "docs/flux.md")
    refused(given(numbered, near_format=POINTS), "% of its neutrinos", "setup.energy_max = 10 GeV")


def test_what_lies_above_the_largest_energy(given):
    flat = (ENERGY, np.ones_like(ENERGY))  # from 0.05 to 11.95 GeV, linear: 11.9 GeV of it
    near, _ = read(given(flat), energy_max=8.0)
    assert share_above(near, 8.0) == pytest.approx(3.95 / 11.9)
    said, important = remarks(given(flat), near, None, setup(energy_max=8.0))
    assert important == said
    assert "33 % of its neutrinos are above setup.energy_max = 8 GeV and left out" in said[0]
    refused(
        given(flat), "58.4 % of its neutrinos", "raise setup.energy_max; or cut", energy_max=5.0
    )
    # What config/experiments says about them.
    for name, energy_max, share in (("t2k", 3.0, 0.04), ("nova", 5.0, 0.08), ("bnb", 3.0, 0.01)):
        table = BEAMS[name].flux()
        assert share_above(table, energy_max) == pytest.approx(share, abs=0.005)
        _, important = remarks(given(name), table, None, setup(energy_max=energy_max))
        assert not important


@pytest.mark.parametrize("flux", [(ENERGY[80:], BUMP[80:] + 1), (ENERGY, BUMP * (ENERGY > 8))])
def test_a_flux_that_vanishes_below_the_largest_energy(given, flux):
    said = (
        "100 % of its neutrinos",
        "are above setup.energy_max = 5 GeV",
        "%: raise setup.energy_max",
    )
    refused(given(flux, near_format=POINTS), *said, energy_max=5.0)


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (ENERGY < 4, ["ends at 3.95 GeV with 3", "lower that, or end the table with a row of"]),
        (ENERGY > 2, ["begins at 2.05 GeV with 9", "begin the table with a row of flux 0"]),
    ],
)
def test_a_flux_that_is_cut_off(given, inside, said):
    energy, flux = ENERGY[inside], BUMP[inside]
    refused(given((energy, flux)), "flux.near: ", *said)
    ended = np.append(energy, energy[-1] + 0.1), np.append(flux, 0.0)
    if energy[0] > 1:
        ended = np.append(energy[0] - 0.1, ended[0]), np.append(0.0, ended[1])
    read(given(ended))


def test_a_histogram_that_is_cut_off(given, tmp_path):
    """Its last bin counts, not the edge, to which straight lines may fall to zero."""
    path = tmp_path / "bins.txt"
    path.write_text("0 1 1\n1 2 5\n2 3 3\n3 4 1\n")
    flux = given((ENERGY, BUMP)) | {"near": str(path)}
    refused(flux, "the flux ends at 4 GeV with 20 % of its peak")
    path.write_text(path.read_text() + "4 5 0\n")
    near, _ = read(flux)
    np.testing.assert_allclose(near.flux, [0, 1, 5, 3, 1, 0, 0])


# Both fluxes.


def test_a_near_flux_that_does_not_cover_the_far_one(given):
    lower = np.where(ENERGY < 3.5, BUMP, 0.0)
    flux = given((ENERGY, lower), (ENERGY, BUMP))
    refused(flux, "flux.near and flux.far: 2", "% of the FD events", "and 10 GeV")
    # Brute force: flux times energy above the middle of the fall, 3.45 to 3.55 GeV.
    e = np.linspace(0, 10, 200_001)
    events = np.exp(-0.5 * (e - 2.5) ** 2) * e
    share = uncovered_share(FluxTable(ENERGY, lower), FluxTable(ENERGY, BUMP), 10.0)
    assert share == pytest.approx(events[e > 3.525].sum() / events.sum(), abs=0.02)
    # The other way round nothing is missing.
    read(given((ENERGY, BUMP), (ENERGY, lower)))


def test_a_small_gap_is_told(given):
    tail = np.where(ENERGY < 4.5, BUMP, 0.0)
    flux = given((ENERGY, tail), (ENERGY, BUMP))
    near, far = read(flux)
    said, important = remarks(flux, near, far, setup())
    assert important == said[2:]
    assert re.search(r"4(\.\d)? % of the FD events", important[0])


def test_a_far_flux_that_ends_early(given):
    flat = BUMP + 0.015
    inside = ENERGY < 6
    refused(
        given((ENERGY, flat), (ENERGY[inside], flat[inside])),
        "the far flux ends at 5.95 GeV, above which the near flux has",
    )


def test_equal_shapes_cover_each_other():
    table = BEAMS["dune_fhc"].flux()
    other = FluxTable(table.energy, 1e-6 * table.flux)
    assert uncovered_share(table, other, 10.0) == 0
    assert distance(table, other, 10.0) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("near", "far"),
    [("dune_fhc", (ENERGY, BUMP)), ((ENERGY, BUMP), "dune_fhc"), ("t2k", "dune_fhc")],
)
def test_a_built_in_beam_goes_with_itself_alone(given, near, far):
    refused(
        given(near, far), "flux.near is", "and flux.far is", "give files for both, or far: null"
    )


def test_one_file_for_both_must_have_two_fluxes(given, tmp_path):
    flux = given((ENERGY, BUMP))
    refused(flux | {"far": flux["near"]}, "flux.far is the near flux once more")
    (tmp_path / "both.txt").write_text(
        "# E nd fd\n"
        + "".join(f"{e:g} {f:g} {2 * f:g}\n" for e, f in zip(ENERGY, BUMP, strict=True))
    )
    path = str(tmp_path / "both.txt")
    flux |= {"near": path, "far": path}
    flux |= {"near_format": NOTHING | {"column": "nd"}, "far_format": NOTHING | {"column": "fd"}}
    near, far = read(flux)
    np.testing.assert_allclose(far.flux, 2 * near.flux, rtol=1e-5)


def test_a_format_without_a_file(given):
    refused(given((ENERGY, BUMP), far_format=POINTS), "flux.far_format: flux.far is null")
    refused(given("dune_fhc", near_format=POINTS), "dune_fhc is built in", "must be null")


# In the configuration: before anything runs.


def configured(flux, **changes):
    return validate_config(merged(load("config.yaml"), {"flux": flux, **changes}))


def not_configured(flux, *said, **changes):
    with pytest.raises(ConfigError) as caught:
        configured(flux, **changes)
    for part in said:
        assert part in str(caught.value), str(caught.value)


def test_configuration_reads_and_refuses_files(given):
    assert configured(given((ENERGY, BUMP))).fluxes[0].flux.max() == pytest.approx(BUMP.max())
    not_configured(given((ENERGY - 0.05, BUMP)), "flux.near: flux file", "energies: lower_edges")
    edges = given((ENERGY - 0.05, BUMP), near_format={"energies": "lower_edges"})
    assert configured(edges).fluxes[0].energy[1] == pytest.approx(0.05)
    not_configured(given((ENERGY, BUMP), uncertainty="dune_fhc"), "flux.uncertainty: ", "belong to")
    not_configured(given((ENERGY, BUMP), near_format={"unit": "TeV"}), "near_format.unit", "'GeV'")
    not_configured(given((ENERGY, BUMP), near_format={"units": "GeV"}), "units", "no such key")
    assert configured(given((ENERGY, BUMP))).warnings == []
    flat = given((ENERGY, np.ones_like(ENERGY)))
    (warning,) = configured(flat, setup={"energy_max": 8.0}).warnings
    assert "33 % of its neutrinos are above" in warning


def test_a_far_flux_with_oscillation_is_told(given):
    """Two flavours, by hand: about the dip at 2.5 GeV the flux is nearly gone."""
    survival = 1 - 0.95 * np.sin(1.267 * 2.5e-3 * 1300 / ENERGY) ** 2
    tilted = BUMP * (1 + 0.1 * (ENERGY - 2.5))
    (warning,) = configured(given((ENERGY, BUMP), (ENERGY, np.abs(tilted) * survival))).warnings
    assert "looks like the near flux after oscillation; it must be without" in warning
    assert configured(given((ENERGY, BUMP), (ENERGY, np.abs(tilted)))).warnings == []


def test_examples_of_the_documentation_are_configurations():
    page = Path(__file__).resolve().parents[1] / "docs" / "flux.md"
    examples = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 3
    for example in map(yaml.safe_load, examples):
        given = merged(load("config.yaml"), example)["flux"]
        section = FluxSection.model_validate(given).model_dump()
        files = {n: str(reference(section[n])) for n in ("near", "far") if section[n] is not None}
        energy_max = 3.0 if section["far"] is None else 10.0
        near, far = read(section | files, energy_max=energy_max)
        assert (far is near) == (section["far"] is None)


def reference(name):
    """The reference file of that name, wherever it lies."""
    return next(reference_file("").rglob(Path(name).name))


def line(width, content=1.0, background=0.0):
    """A line at 2 GeV of a width [GeV], on a background."""
    energy = np.array([0.1, 2 - width / 2, 2, 2 + width / 2, 5, 9.9])
    values = np.array([0, 0, 2 * content / width, 0, 0, 0]) + background
    return energy, values


def test_lines_are_resolved_or_refused(given):
    for flux in (line(0.001), line(0.001, 10.0, background=1.0), line(0.02)):
        not_configured(
            given(flux, near_format=POINTS),
            "GeV, such as a line",
            "n_energy), 0.02",
            "do not resol",
        )
    # Twenty times as wide as the energies of the likelihood are apart: 10 GeV / 400.
    configured(given(line(0.5), near_format=POINTS))


def modes(tmp_path, text):
    path = tmp_path / "modes.csv"
    path.write_text(text)
    return str(path)


def test_modes_that_change_no_density_are_refused(given, tmp_path):
    for text in (
        "det,k,0-12GeV\nND,0,0.1\nFD,0,0.2\n",
        "det,k,0-5GeV,5-12GeV\nND,0,0.1,0.1\nFD,0,0.1,0.1\n",
    ):
        not_configured(
            given((ENERGY, BUMP), uncertainty=modes(tmp_path, text)),
            "flux.uncertainty: the modes change the normalisation of the fluxes alone",
        )


@pytest.mark.parametrize("seed", [3, 4])
def test_draws_of_a_negative_flux_are_refused(given, tmp_path, seed):
    """Errors of -45 and 45 %: a draw of 1/0.45 standard deviations does it, one of the hundred."""
    text = "det,k,0-2GeV,2-12GeV\nND,0,-0.45,0.45\nFD,0,-0.45,0.45\n"
    flux = given((ENERGY, BUMP), uncertainty=modes(tmp_path, text)) | {
        "remove_normalisation": False
    }
    draws = [random_stream(seed, "flux", "", n).standard_normal() for n in range(100)]
    first = int(np.argmax(np.abs(draws) > 1 / 0.45))
    said = f"flux.uncertainty: draw {first}: the varied near flux is negative at"
    not_configured(flux, said, "the modes must keep it", seed=seed)
    configured(given((ENERGY, BUMP), uncertainty=modes(tmp_path, text.replace("0.45", "0.1"))))
