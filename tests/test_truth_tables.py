"""A truth from a file of the user: what is read, and what is refused by file, dataset and value."""

import h5py
import hoppet
import numpy as np
import pytest

import toy
from hoppet_code import structure_functions
from nd2fd.config.reading import ConfigError
from nd2fd.config.truth import refuse_unusable_truth
from nd2fd.cross_sections.pdf.grid import open_grid
from nd2fd.cross_sections.quark_parton import transverse_quark_parton_model
from nd2fd.cross_sections.truths import (
    five_structure_functions,
    table_of_truth,
    true_structure_functions,
)

SETUP = toy.setup(energy_max=4.0)
X = np.linspace(0.005, 1.0, 160) ** 2
Q2 = np.geomspace(0.01, 8.0, 140)


def values():
    x, q2 = np.meshgrid(X, Q2, indexing="ij")
    return transverse_quark_parton_model(toy.parton_densities, x, q2, SETUP)


def written(path, **changes):
    datasets = {"x": X, "Q2": Q2, "neutrino": values()} | changes
    with h5py.File(path, "w") as file:
        for name, array in datasets.items():
            if array is not None:
                file[name] = array
    return str(path)


def test_structure_functions_are_those_of_the_file(tmp_path):
    table = table_of_truth("table", SETUP, written(tmp_path / "own.h5"))
    found = true_structure_functions("table", SETUP, None, table)
    x, q2 = np.array([0.05, 0.2, 0.6]), np.array([0.5, 1.0, 2.0])
    expected = toy.quark_parton_truth(toy.parton_densities, SETUP, transverse=True)(x, q2)
    np.testing.assert_allclose(found(x, q2), expected, rtol=3e-3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"x": None}, "x is no dataset"),
        ({"x": X[::-1]}, "x must be one-dimensional and ascending"),
        ({"x": 0.9 * X}, r"x ends at 0.9; events reach 1$"),
        ({"x": X + 0.01}, "x starts at 0.010025; allowed is 0 to 0.001"),
        ({"Q2": 0.9 * Q2}, "Q2 ends at 7.2; events reach 7.44"),
        ({"Q2": Q2 + 0.1}, "Q2 starts at 0.11; allowed is 0 to 0.02"),
        ({"neutrino": None}, "there is no dataset neutrino"),
        (
            {"neutrino": np.zeros((3, 160, 140))},
            r"shape \(3, 160, 140\); it must be \(5, 160, 140\)",
        ),
        ({"neutrino": np.full((5, 160, 140), np.nan)}, "neutrino has values that are no finite"),
    ],
)
def test_what_events_cannot_be_made_of_is_refused(tmp_path, changes, said):
    path = written(tmp_path / "own.h5", **changes)
    with pytest.raises(ValueError, match=said) as error:
        table_of_truth("table", SETUP, path)
    assert str(error.value).startswith(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        table_of_truth("table", SETUP, str(tmp_path / "none.h5"))
    (tmp_path / "text.h5").write_text("x Q2\n")
    with pytest.raises(ValueError, match=r"text\.h5 is no HDF5 file"):
        table_of_truth("table", SETUP, str(tmp_path / "text.h5"))


def test_a_negative_cross_section_is_refused(tmp_path):
    bad = values()
    bad[:, 60:80] *= -1.0
    table = table_of_truth("table", SETUP, written(tmp_path / "own.h5", neutrino=bad))
    with pytest.raises(ValueError, match="truth table: the cross section is negative"):
        true_structure_functions("table", SETUP, None, table)


def lhapdf_grid(path, identifiers=(1001, 1002, 1003, 3001)):
    """Two subgrids, with F2, FL, xF3 and something else; FL is 10 % of F2."""
    x, q = X[X < 1.0], np.sqrt(Q2)
    x = np.append(x, 1.0)
    values = values_at(x, q**2)
    columns = [values[1], 0.1 * values[1], values[2], 0 * values[1]]
    rows = []
    for part in (slice(0, 71), slice(70, None)):
        rows += [" ".join(map(repr, knots.tolist())) for knots in (x, q[part])]
        rows.append(" ".join(map(str, identifiers)))
        for i in range(x.size):
            for j in range(q.size)[part]:
                rows.append(" ".join(f"{c[i, j]:.12e}" for c in columns[: len(identifiers)]))
        rows.append("---")
    path.write_text("\n".join(["PdfType: central", "Format: lhagrid1", "---", *rows, ""]))
    return str(path)


def values_at(x, q2):
    return transverse_quark_parton_model(
        toy.parton_densities, *np.meshgrid(x, q2, indexing="ij"), SETUP
    )


def test_lhapdf_grids_of_structure_functions(tmp_path):
    table = table_of_truth("table", SETUP, lhapdf_grid(tmp_path / "own_0000.dat"))
    np.testing.assert_allclose(table.Q2, Q2, rtol=1e-12)
    w1, w2, w3, w4, w5 = table.neutrino
    expected = values_at(table.x, table.Q2)
    np.testing.assert_allclose(w2, expected[1], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(w3, expected[2], rtol=1e-10, atol=1e-12)
    # With R = 0 the W1 of the toy has no longitudinal part; FL = 2xF_L takes from it.
    np.testing.assert_allclose(w1, expected[0] - 0.1 * expected[1], rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(w5, 0.5 * w2)
    assert not w4.any()
    assert table.antineutrino is None


def test_lhapdf_grids_of_partons_are_refused(tmp_path):
    path = lhapdf_grid(tmp_path / "own_0000.dat", (1, 2, 3, 21))
    said = r"own_0000\.dat has the identifiers \[1, 2, 3, 21\]; .* neutrinos are 1001, 1002, 1003"
    with pytest.raises(ValueError, match=said):
        table_of_truth("table", SETUP, path)


@pytest.fixture(scope="module")
def hoppet_grid(tmp_path_factory):
    """An LHAPDF grid of structure functions at next-to-leading order, and their source."""
    with structure_functions(2) as q0:

        def at(x, q):
            """F2, FL and xF3 of ν and ν̄ and a proton; below q0 those at q0."""
            # HOPPET has half of what the couplings v = a = 1 of a W give.
            v = 2.0 * np.asarray(hoppet.StrFct(x, *[max(q, q0 * 1.0001)] * 3))
            wp = v[hoppet.iF2Wp], v[hoppet.iF2Wp] - 2 * x * v[hoppet.iF1Wp], x * v[hoppet.iF3Wp]
            wm = v[hoppet.iF2Wm], v[hoppet.iF2Wm] - 2 * x * v[hoppet.iF1Wm], x * v[hoppet.iF3Wm]
            return [*wp, *wm]

        x = np.concatenate([np.geomspace(1e-4, 0.1, 40, endpoint=False), np.linspace(0.1, 1.0, 46)])
        q = np.concatenate([[0.1, 0.5], np.geomspace(1.3, 6.0, 24)])
        identifiers = "1001 1002 1003 2001 2002 2003"
        rows = [" ".join(f"{v:.7e}" for v in at(a, b)) for a in x for b in q]
        knots = (" ".join(f"{v:.7e}" for v in values) for values in (x, q))
        folder = tmp_path_factory.mktemp("grids") / "hoppet_nlo"
        folder.mkdir()
        (folder / "hoppet_nlo_0000.dat").write_text(
            "\n".join(
                ["PdfType: central", "Format: lhagrid1", "---", *knots, identifiers, *rows, "---\n"]
            )
        )
        numbers = f"[{', '.join(identifiers.split())}]"
        (folder / "hoppet_nlo.info").write_text(
            "SetDesc: structure functions\nFormat: lhagrid1\nNumMembers: 1\nParticle: 2212\n"
            f"Flavors: {numbers}\nOrderQCD: 1\nFlavorScheme: variable\nNumFlavors: 5\n"
            f"ErrorType: unknown\nXMin: {x[0]}\nXMax: 1.0\nQMin: {q[0]}\nQMax: {q[-1]}\n"
            "MZ: 91.1876\nAlphaS_MZ: 0.118\nAlphaS_OrderQCD: 1\nAlphaS_Type: ipol\n"
            f"AlphaS_Qs: [{', '.join(map(str, q))}]\nAlphaS_Vals: [{', '.join(['0.2'] * q.size)}]\n"
        )
        yield folder, at


@pytest.mark.parametrize("antineutrino", [False, True])
def test_a_grid_of_structure_functions_of_hoppet(hoppet_grid, antineutrino):
    """At next-to-leading order, with a longitudinal part: what HOPPET says between the knots."""
    folder, at = hoppet_grid
    setup = toy.setup(target={"H1": 1}, energy_max=10.0, antineutrino=antineutrino)
    table = table_of_truth("table", setup, str(folder / "hoppet_nlo_0000.dat"))
    five = five_structure_functions("table", setup, None, table)
    for x, q in ((0.05, 1.6), (0.15, 2.5), (0.35, 3.3), (0.6, 2.2)):
        f2, fl, xf3 = at(x, q)[3 * antineutrino :][:3]
        assert 0.01 < fl / f2 < 0.3
        w = five(np.array([x]), np.array([q**2]))[:, 0]
        gamma2 = (2 * setup.nucleon_mass * x / q) ** 2
        expected = [(1 + gamma2) * f2 - fl, f2, xf3, 0.0, f2 / 2]
        np.testing.assert_allclose(w, expected, rtol=4e-3, atol=1e-4 * f2)


def test_the_reader_of_partons_answers_nothing_for_structure_functions(hoppet_grid):
    """Without a word: why tables are read at their knots, and not by it."""
    folder, at = hoppet_grid
    assert open_grid(folder).xf([1001], 0.2, 9.0) == 0.0
    assert at(0.2, 3.0)[0] > 0.5


class _Section(dict):
    __getattr__ = dict.__getitem__

    def model_dump(self, mode):
        return {"target": "Ar40", "lepton": "muon", "helicity": "neutrino"} | self


def test_a_file_is_looked_at_before_anything_runs(tmp_path):
    path = written(tmp_path / "own.h5", x=0.9 * X)
    config = _Section(
        truth=_Section(model="table", table=path),
        pdf=_Section(path=None),
        setup=_Section(energy_max=4.0, x_max=1.0),
    )
    with pytest.raises(ConfigError, match=r"truth\.table: .*own\.h5: x ends at 0\.9"):
        refuse_unusable_truth(config)
    config["truth"] = _Section(model="table", table=written(tmp_path / "own.h5"))
    refuse_unusable_truth(config)
