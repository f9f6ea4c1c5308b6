"""Parton densities: initial condition, evolution, reading grids, continuation to low Q²."""

import json
import re
from functools import partial

import numpy as np
import pytest

from nd2fd.cross_sections.pdf.continuation import continued_xf
from nd2fd.cross_sections.pdf.evolution import evolve_to_lhapdf
from nd2fd.cross_sections.pdf.parametrisation import initial_condition, initial_xf
from pdf_grids import NAME, read_member
from pdf_grids import grid as grid  # a fixture
from pdf_grids import official as official  # a fixture
from reference_data import reference_file

QUARKS = (1, 2, 3, 4, -1, -2, -3, -4)


X = np.geomspace(1e-3, 0.8, 150)[:, None]


def read_list(directory, key):
    text = (directory / f"{directory.name}.info").read_text(encoding="utf-8")
    return np.array(json.loads(re.search(rf"^{key}: (\[.*?\])", text, re.M | re.S)[1]))


def sum_rules(densities, pids, x_min):
    """Numbers of valence u and d, and the momentum of all partons, above x_min."""
    # In t = x^(1/4) the integrands are smooth down to x = 0.
    t, weight = np.polynomial.legendre.leggauss(200)
    low = x_min**0.25
    t, weight = low + (1 - low) * (t + 1) / 2, (1 - low) * weight / 2
    x, dx = t**4, 4 * t**3 * weight
    d, u, dbar, ubar = densities([1, 2, -1, -2], x)
    return [np.sum(xf * dx) for xf in ((u - ubar) / x, (d - dbar) / x, densities(pids, x).sum(0))]


# Initial condition
def test_initial_condition_obeys_sum_rules():
    light = (21, 1, 2, 3, -1, -2, -3)
    np.testing.assert_allclose(sum_rules(initial_xf, light, 0.0), [2, 1, 1], rtol=1e-5)


def test_initial_condition_is_that_of_the_official_grid():
    x, q, pids, values = read_member(reference_file("CT18NNLO"))
    assert initial_condition()["q0"] == q[0]
    use = (x > 1e-6) & (x < 0.6)
    light = [pid for pid in pids if abs(pid) < 4 or pid == 21]
    expected = values[use, 0][:, [pids.index(pid) for pid in light]].T
    np.testing.assert_allclose(initial_xf(light, x[use]), expected, rtol=1e-4)
    heavy = [i for i, pid in enumerate(pids) if pid not in light]
    assert not values[use, 0][:, heavy].any()


def test_initial_condition_keeps_the_shape_of_x():
    x = np.array([[0.01, 0.1, 0.3], [0.5, 0.9, 1.0]])
    xf = initial_xf([21, -2], x)
    assert xf.shape == (2, 2, 3)
    assert initial_xf([-2], 0.1)[0] == xf[1, 0, 1]
    assert not xf[:, 1, 2].any()


def test_initial_condition_has_no_charm():
    with pytest.raises(ValueError, match=r"\[4\] .* allowed are \[-3, -2, -1, 1, 2, 3, 21\]"):
        initial_xf([2, 4], 0.1)


# Evolution
def test_evolution_is_reproducible(pdf_set, tmp_path):
    again = tmp_path / NAME
    again.mkdir()
    (again / f"{NAME}_0000.dat").write_text("left by a job that died", encoding="utf-8")
    evolve_to_lhapdf(again)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    files = sorted(path.name for path in again.iterdir())
    assert files == [f"{NAME}.info", f"{NAME}_0000.dat"]
    for file in files:
        assert (again / file).read_bytes() == (pdf_set / file).read_bytes()


@pytest.mark.parametrize("q2", [1.295**2, 4.0, 18.0])
def test_evolved_set_obeys_sum_rules(grid, q2):
    sums = sum_rules(partial(grid.xf, q2=q2), (21, *QUARKS), grid.x_min)
    np.testing.assert_allclose(sums, [2, 1, 1], rtol=1e-3)


def test_coupling_and_scales_are_those_of_ct18(pdf_set):
    reference = reference_file("CT18NNLO")
    for key in ("AlphaS_Qs", "AlphaS_Vals"):
        # up to and including the bottom threshold
        np.testing.assert_allclose(
            read_list(pdf_set, key)[:11], read_list(reference, key)[:11], rtol=3e-5
        )


@pytest.mark.parametrize("q", [np.linspace(0.1, 1.295, 40), np.linspace(1.295, 4.5, 60)])
def test_evolved_set_is_the_official_one(grid, official, q):
    ours = continued_xf(grid, QUARKS, X, q**2)
    theirs = continued_xf(official, QUARKS, X, q**2)
    # Deviations count by the share of a flavour in F2.
    assert np.max(np.abs(ours - theirs) / theirs.sum(axis=0)) < 5e-4
    valence = slice(0, 2)
    np.testing.assert_allclose(ours[valence], theirs[valence], rtol=2e-3)
    sea = X[:, 0] < 0.4
    np.testing.assert_allclose(ours[:, sea], theirs[:, sea], rtol=2e-3, atol=1e-5)
