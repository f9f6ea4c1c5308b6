"""The file of all numbers: what it holds, and how captions and LaTeX quote it."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from nd2fd.report import fit_numbers
from nd2fd.report.captions import fill
from nd2fd.report.fit_tables import oscillation_table, systematics_table
from nd2fd.report.numbers import as_latex, quote
from nd2fd.report.numbers_file import (
    TOY_RUN,
    Summary,
    as_json,
    numbers_from_json,
    summary_from_json,
)
from nd2fd.report.tables import compare, markdown
from toy_numbers import TOY_FITS, TOY_REGIONS, half_widths, number, toy_fits

NUMBERS = {
    "a/dm2_32/best": number(2.44, 0.02, "1e-3 eV2"),
    "a/loss": number(1.2e-7, spec=".1e"),
}


PATHS = {"toy": ["results/toy/0.h5", "results/toy/1.h5"]}


SUMMARY = Summary.from_plain(
    {
        "experiment": "X",
        "toy": False,
        "ensembles": {
            "a": {"kind": "known", "reference": None, "smeared": False, "near_events": None,
                  "vary": [], "size": 1}
        },
        "figures": {"fig8": {"group": "1", "title": "T", "caption": "loss {a/loss}"}},
    }
)  # fmt: skip


def test_numbers_file():
    text = as_json(NUMBERS, SUMMARY, PATHS, {"results/toy/0.h5": {"sha256": "ab"}}, seed=3)
    content = json.loads(text)
    assert content["artifacts"] == {"results/toy/0.h5": {"sha256": "ab"}}
    assert content["numbers"]["a/loss"]["sources"] == ["results/toy/0.h5:x", "results/toy/1.h5:x"]
    assert "uncertainty" not in content["numbers"]["a/loss"]
    again = numbers_from_json(text)
    assert f"{again['a/dm2_32/best']:±}" == "2.440 ± 0.020"
    assert again["a/loss"].value == 1.2e-7
    assert summary_from_json(text) == SUMMARY.with_numbers(NUMBERS)
    assert summary_from_json(text).figures["fig8"].caption == "loss 1.2e-07"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_that_is_not_defined(value):
    """Null with a reason in the file, the reason in tables, words in captions and LaTeX."""
    given = replace(NUMBERS["a/dm2_32/best"], value=value, uncertainty=value, undefined=None)
    assert given.undefined == f"it came out as {value}"
    given = replace(given, undefined="all replicas agree")
    text = as_json({"a/dm2_32/best": given}, SUMMARY, PATHS, {}, seed=3)
    entry = json.loads(text)["numbers"]["a/dm2_32/best"]
    assert entry["value"] is None
    assert entry["undefined"] == "all replicas agree"
    assert "uncertainty" not in entry
    (again,) = numbers_from_json(text).values()
    assert again.undefined == given.undefined
    assert f"{again}, {again:±}, {again:.1f}" == "not defined, not defined, not defined"
    assert fill("[{a/dm2_32/best:±}]", {"a/dm2_32/best": again}) == "not defined"
    assert r"value:a/dm2_32/best\endcsname{\mathrm{not\ defined}}" in as_latex(
        {"a/dm2_32/best": again}
    )
    page = markdown({"a/dm2_32/best": again}, SUMMARY.ensembles)
    assert "| best fit of Δm²32 (10⁻³ eV²) | not defined: all replicas agree | 0.002 |" in page
    assert compare(page, NUMBERS) == []
    (deviation,) = compare(markdown(NUMBERS, SUMMARY.ensembles), {"a/dm2_32/best": again})
    assert deviation.value is None
    assert not deviation.allowed


def test_number_with_a_value_is_defined():
    with pytest.raises(ValueError, match="has a value"):
        replace(NUMBERS["a/loss"], undefined="nothing is there")


def test_replicas_that_agree_are_no_error():
    """σ_stat is zero: what is in units of it is not defined, and all else is."""
    fits = {"known": toy_fits([0.98], [2.4e-3], 0.0), "two": TOY_FITS["two"]}
    fits["known"].dm2_32 = np.full((1, 3), 0.1)  # whose standard deviation is not exactly 0
    tables = [
        f(TOY_REGIONS, fits, {"two": "known"}) for f in (oscillation_table, systematics_table)
    ]
    assert not any(np.isinf(table.select_dtypes(float)).any(axis=None) for table in tables)
    for systematics in (tables[1], None):
        numbers = fit_numbers.oscillation_numbers(tables[0], systematics)
        shift = numbers["two/dm2_32/shift"]
        assert shift.undefined == "all replicas of known fit best at the same Δm²32"
        assert numbers["two/dm2_32/scatter"].undefined == shift.undefined
        assert numbers["two/dm2_32/best"].value == pytest.approx(2.43)
        assert numbers["known/dm2_32/sigma"].value == 0.0
        assert "known/dm2_32/shift" not in numbers


def test_empty_interval_has_no_added_width():
    regions = TOY_REGIONS | {"two": half_widths(math.nan)}
    tables = [
        f(regions, TOY_FITS, {"two": "known"}) for f in (oscillation_table, systematics_table)
    ]
    numbers = fit_numbers.oscillation_numbers(*tables)
    assert numbers["two/dm2_32/added_width"].undefined == "a 1σ interval is empty"
    assert numbers["two/dm2_32/shift"].value == pytest.approx(3.0)


def test_captions_of_a_toy_run_say_so():
    toy = replace(SUMMARY, toy=True).with_numbers(NUMBERS)
    assert toy.figures["fig8"].caption == f"{TOY_RUN} loss 1.2e-07"


QUOTED = {
    "one": number(1, spec="d"),
    "ten": number(10, spec="d"),
    "all": replace(number(100.0, None, "%", ".1f"), interval=(80.0, 100.0)),
    "most": number(98.0, 1.0, "%", ".1f"),
    "half": number(50.0, 22.36, "%", ".1f"),
}


def test_what_rounds_to_zero_has_no_sign():
    assert quote(-0.061, ".0f") == "0"
    assert quote(-0.0004, ".3f") == "0.000"
    assert quote(-0.061, "#.2g") == "-0.061"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("loss {a/loss}[, not {b/loss}].", "loss 1.2e-07."),
        ("[loss {a/loss:.0e}] in [words]", "loss 1e-07 in words"),
        ("{a/dm2_32/best:±}[ and {a/dm2_32/best:.1f}, {a/x}]", "2.440 ± 0.020"),
        ("{a/x}, {-/loss:.1f}", "n/a, n/a"),
        ("by {a/loss} to {a/loss} %", "by 1.2e-07 %"),
        ("by {a/dm2_32/best:.0f} to {a/dm2_32/best:.1f} %", "by 2 to 2.4 %"),
        ("{one:network} and {ten:network}", "1 network and 10 networks"),
        (
            "{all:±} %, {most:±} %, {half:±} %",
            "100.0 (80.0 to 100.0) %, 98.0 ± 1.0 %, 50.0 ± 22.4 %",
        ),
    ],
)
def test_captions_are_filled(template, text):
    assert fill(template, NUMBERS | QUOTED) == text


def test_latex_macros():
    text = as_latex(NUMBERS)
    assert r"\csname ndfd:value:a/dm2_32/best\endcsname{2.440}" in text
    assert r"\csname ndfd:error:a/dm2_32/best\endcsname{0.020}" in text
    assert r"\csname ndfd:value:a/loss\endcsname{1.2\times10^{-7}}" in text
    assert "ndfd:error:a/loss" not in text
    assert text.count("{") == text.count("}")
