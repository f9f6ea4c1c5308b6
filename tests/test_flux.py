"""Flux tables: reading, refusing, interpolating."""

import re

import numpy as np
import pytest

from nd2fd.beam.flux import FluxTable, interpolate_flux, read_flux_table


def write(tmp_path, text):
    path = tmp_path / "flux.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "# E flux\n0.5 1e-9\n\n1.5  3e-9  # peak\n2.5\t0\n",
        "0.5,1e-9\n1.5, 3e-9\n2.5,0\n",
        "# DUNE\n0.5 9 1e-9 9 9 9 9\n1.5 9 3e-9 9 9 9 9\n2.5 9 0.0 9 9 9 9\n",
        "0.5,9,1e-9,9,9,9,9\n1.5,9,3e-9,9,9,9,9\n2.5,9,0.0,9,9,9,9\n",
        "\ufeff# byte-order mark\r\n0.5 1e-9\r\n1.5 3e-9\r\n2.5 0\r\n",
    ],
    ids=["two columns", "two, commas", "seven columns", "seven, commas", "Windows"],
)
def test_formats(tmp_path, text):
    table = read_flux_table(write(tmp_path, text))
    np.testing.assert_array_equal(table.energy, [0.5, 1.5, 2.5])
    np.testing.assert_array_equal(table.flux, [1e-9, 3e-9, 0.0])


@pytest.mark.parametrize(
    ("lepton", "antineutrino", "column"),
    [
        ("electron", False, 1),
        ("muon", False, 2),
        ("tau", False, 3),
        ("electron", True, 4),
        ("muon", True, 5),
        ("tau", True, 6),
    ],
)
def test_flavours_of_seven_columns(tmp_path, lepton, antineutrino, column):
    path = write(tmp_path, "# DUNE\n0.5 1 2 3 4 5 6\n1.5 10 20 30 40 50 60\n")
    table = read_flux_table(path, lepton, antineutrino)
    np.testing.assert_array_equal(table.flux, [column, 10 * column])
    two = write(tmp_path, "0.5 7\n1.5 8\n")
    np.testing.assert_array_equal(read_flux_table(two, lepton, antineutrino).flux, [7, 8])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("E,flux\n1,1\n2,1\n", "line 1: 'E' is not a number (comments start with #)"),
        ("# a\n1 1\n2 x3\n", "line 3: 'x3' is not a number"),
        ("1,1\n2,\n", "line 2: '' is not a number"),
        ("1 1 1\n2 1 1\n", "line 1: 3 columns; there must be 2 (E, flux) or 7"),
        ("1 1\n2 1 1 1 1 1 1\n", "line 2: 7 columns; the rows above have 2"),
        ("1 1\n3 1\n2 1\n", "line 3: energy 2.0 is not above 3.0"),
        ("1 1\n1 2\n", "line 2: energy 1.0 is not above 1.0"),
        ("1 1\n2 -1e-9\n", "line 2: '-1e-9' is not allowed; values must be finite and >= 0"),
        ("1 1\n2 nan\n", "line 2: 'nan' is not allowed"),
        ("1 1\ninf 1\n", "line 2: 'inf' is not allowed"),
        ("-1 1\n2 1\n", "line 1: '-1' is not allowed"),
        ("1 1\n", "1 row(s) of numbers; at least 2 are needed"),
        ("", "0 row(s) of numbers"),
        ("1 0\n2 0\n", "the flux is 0 in every row of column 2"),
        ("1 9 0 9 9 9 9\n2 9 0 9 9 9 9\n", "the flux is 0 in every row of column 3"),
    ],
)
def test_wrong_files_are_refused_with_name_and_line(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_flux_table(path)
    assert str(path) in str(caught.value)


def test_binary_file_is_refused(tmp_path):
    path = tmp_path / "flux.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ValueError, match=r"flux\.h5, line 1: "):
        read_flux_table(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"flux file .*absent\.txt does not exist"):
        read_flux_table(tmp_path / "absent.txt")


def test_interpolation_is_linear_inside_and_zero_outside():
    table = FluxTable(np.array([1.0, 2.0, 4.0]), np.array([2.0, 6.0, 4.0]))
    energy = np.array([[0.0, 0.999, 1.0, 1.25], [2.0, 3.0, 4.0, 4.001]])
    np.testing.assert_allclose(
        interpolate_flux(table, energy), [[0.0, 0.0, 2.0, 3.0], [6.0, 5.0, 4.0, 0.0]]
    )
