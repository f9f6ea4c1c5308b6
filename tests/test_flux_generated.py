"""Flux files by the hundred, as experiments write them: read right, or not read.

A random beam is written in a random format: points, lower edges, both edges, upper edges or numbers
of bins; equal bins or not; GeV or MeV; per GeV or per bin; alone or among all species in some
order, named or not, of a forward or a reverse horn current.
"""

from collections import Counter

import numpy as np
import pytest

from nd2fd.beam.checks import distance
from nd2fd.beam.flux import FluxTable
from nd2fd.beam.fluxes import read_fluxes
from toy import setup

ENERGY_MAX, END = 10.0, 12.0
NOTHING = {"column": None, "unit": None, "energies": None, "content": None}
# Total variation: straight lines between centres of bins stay below, the smallest mistake, half of
# the narrowest bin, is above (0.024).
RIGHT = 0.02
N_FILES = 300


def written(number, path):
    """Write a file; returns the flux, what is true of the file, and whether the keys can say it."""
    rng = np.random.default_rng(number)
    peak, width = rng.uniform(1.5, 4.0), rng.uniform(0.5, 0.8)

    def beam(energy):
        return np.exp(-0.5 * ((energy - peak) / width) ** 2) + 0.02 * np.exp(-energy / 2)

    step = rng.choice([0.1, 0.2, 0.25])
    equal, per_bin, reverse, mev, many, named = rng.random(6) < [0.6, 0.5, 0.3, 0.5, 0.5, 0.5]
    edges = np.arange(0.0, END + step / 2, step)
    if not equal:
        edges = np.concatenate([edges[edges < 5 - step / 2], np.arange(5.0, END + 0.1, 2.5 * step)])
    centres = (edges[1:] + edges[:-1]) / 2
    content = beam(centres) * (np.diff(edges) if per_bin else 1.0)
    kind = str(rng.choice(["points", "lower_edges", "low_high", "upper edges", "numbers"]))
    if kind == "lower_edges" and not equal:
        content = np.append(content, 0.0)
    scale = 1e3 if mev else 1.0
    energies = {
        "points": [scale * centres],
        "lower_edges": [scale * edges[: len(content)]],
        "low_high": [scale * edges[:-1], scale * edges[1:]],
        "upper edges": [scale * edges[1:]],
        "numbers": [np.arange(len(centres)) + rng.integers(2)],
    }[kind]
    shares = {"flux": 1.0}
    if many:
        dominant = "numubar" if reverse else "numu"
        species = rng.permutation(["nue", "numu", "nutau", "nuebar", "numubar", "nutaubar"])
        shares = {str(name): float(name == dominant) for name in species}
    # All others are a tenth of the beam, backwards: whoever reads them gets another shape.
    fluxes = [content if share else 0.1 * content[::-1] for share in shares.values()]
    names = ["E"] if len(energies) == 1 else ["low", "high"]
    rows = zip(*energies, *fluxes, strict=True)
    header = f"# {' '.join([*names, *shares])}\n" if named else ""
    path.write_text(header + "".join(" ".join(f"{x:.9g}" for x in row) + "\n" for row in rows))
    chosen = "numu" if many else "flux"
    said = {
        "column": chosen if named else len(names) + 1 + list(shares).index(chosen),
        "unit": "MeV" if mev else "GeV",
        "energies": kind,
        "content": "per_bin" if per_bin else "per_gev",
    }
    sayable = kind in ("points", "lower_edges", "low_high") and not (many and reverse)
    sayable &= not (kind == "points" and per_bin and not equal)
    fine = np.linspace(0, END, 2401)
    return FluxTable(fine, beam(fine)), said, sayable


def result(path, truth, said):
    """Whether the file is read right, wrong, or refused."""
    flux = {"near": str(path), "far": None, "near_format": said, "far_format": NOTHING}
    try:
        table, _ = read_fluxes(flux, setup(energy_max=ENERGY_MAX), has_far=False)
    except ValueError as refusal:
        return "refused" if "flux.near" in str(refusal) else str(refusal)
    return "right" if distance(table, truth, ENERGY_MAX) < RIGHT else "wrong"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fluxes")
    paths = [folder / f"{number}.txt" for number in range(N_FILES)]
    return [(path, *written(number, path)) for number, path in enumerate(paths)]


def test_without_a_word_files_are_read_right_or_not_at_all(files):
    results = {path: result(path, truth, NOTHING) for path, truth, _, _ in files}
    assert [path for path, found in results.items() if found == "wrong"] == []
    found = Counter(results.values())
    assert found["right"] > 0.05 * N_FILES
    assert found["refused"] > 0.5 * N_FILES


def test_with_what_is_true_of_them_files_are_read_right(files):
    results = {path: result(path, truth, said) for path, truth, said, sayable in files if sayable}
    assert len(results) > 0.3 * N_FILES
    assert [path for path, found in results.items() if found != "right"] == []


def test_with_the_wrong_unit_files_are_refused(files):
    other = {"GeV": "MeV", "MeV": "GeV"}
    for path, truth, said, sayable in files:
        if sayable:
            assert result(path, truth, said | {"unit": other[said["unit"]]}) == "refused"
