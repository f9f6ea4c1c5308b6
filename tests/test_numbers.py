"""All numbers of a run: which there are, and whether pages and gallery have them."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from configurations import planned
from nd2fd.plan import Plan
from nd2fd.report import density_numbers, inputs, joint_numbers
from nd2fd.report.__main__ import BEGIN, END, gallery, with_expected_values
from nd2fd.report.captions import fill
from nd2fd.report.collect import all_numbers
from nd2fd.report.numbers import Number
from nd2fd.report.numbers_file import Summary, numbers_from_json, summary_from_json
from nd2fd.report.tables import TABLES, Tolerance, columns, compare, markdown
from toy_job import ToyJob, toy_joint_coverage, toy_joint_fit, toy_toys
from toy_numbers import WINDOW, number

ROOT = Path(__file__).resolve().parents[1]


LARGEST_IMAGE = 60_000


@pytest.fixture(scope="module")
def plan():
    return planned()


@pytest.fixture(scope="module")
def summary(plan):
    """What the file of a run with the default configuration says besides the numbers."""
    return Summary.from_plain(inputs.summary(plan))


@pytest.fixture(scope="module")
def committed():
    return numbers_from_json((ROOT / "docs" / "numbers.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def expected_page():
    return (ROOT / "docs" / "results.md").read_text(encoding="utf-8")


def test_best_fits_are_compared_with_the_known_cross_section(plan):
    """With the configured reference, or with the plainest, whatever stands first."""
    compared = inputs.references(plan)
    assert "truth" not in compared
    assert compared["flow"] == compared["truth_smeared"] == "truth"
    assert compared["systematics"] == "truth_smeared"
    turned = dict(reversed(plan.config.ensembles.items()))
    other = Plan(plan.config.model_copy(update={"ensembles": turned}))
    assert inputs.baseline(other) == "truth"
    only_smeared = planned(
        {"ensembles": {n: None for n in plan.ensembles if n not in ("truth_smeared", "smeared")},
         "coverage": {"experiments": {"truth": None, "systematics": None}}}
    )  # fmt: skip
    assert inputs.baseline(only_smeared) == "truth_smeared"
    assert inputs.references(only_smeared) == {"smeared": "truth_smeared"}


def test_numbers_of_a_joint_fit():
    """σ_stat is half of the interval with the known cross section, 2e-5 eV²."""
    numbers = joint_numbers.fit_numbers("one", toy_joint_fit())
    values = {name.removeprefix("joint/one/"): n.value for name, n in numbers.items()}
    assert values["dm2_32/half_width"] == pytest.approx(1.5)
    assert values["largest_pull"] == 4.5
    assert values["dm2_32/shift"] == pytest.approx(0.5)
    assert values["dm2_32/low_1sigma"] == pytest.approx(2.42)
    assert values["dm2_32/high_2sigma"] == pytest.approx(2.51)
    assert f"{numbers['joint/one/dm2_32/best']:±}" == "2.4500 ± 0.0300"
    assert f"{numbers['joint/one/dm2_32/best_known']:±}" == "2.4400 ± 0.0200"
    assert values["octant"] == pytest.approx(0.25)
    assert (values["dm2_32/linear_error_few"], values["dm2_32/linear_error"]) == (1.4, 1.45)
    assert (values["near_events"], values["sin2_theta23/best"]) == (3.0, 0.55)


def test_intervals_with_thresholds_of_toys():
    """Half-way, 0.53: √0.53 of the half-width of 1.5 σ_stat."""
    numbers = joint_numbers.toy_numbers("one", toy_joint_fit(), toy_toys())
    values = {name.removeprefix("joint/one/"): n.value for name, n in numbers.items()}
    assert values["threshold_dm2_32"] == pytest.approx(0.53)
    assert (values["threshold_both"], values["threshold_sin2_theta23"]) == (2.0, 3.0)
    assert values["dm2_32/half_width_fc"] == pytest.approx(1.5 * np.sqrt(0.53), rel=1e-3)


def test_width_of_an_ensemble_is_in_units_of_the_joint_fit():
    intervals = SimpleNamespace(interval_dm2_32=np.array([[2.40e-3, 2.50e-3], [np.nan, np.nan]]))
    numbers = joint_numbers.ensemble_numbers("one", toy_joint_fit(), "many", intervals)
    (found,) = numbers.values()
    assert found.value == pytest.approx(2.5)
    intervals.interval_dm2_32[0] = np.nan
    (found,) = joint_numbers.ensemble_numbers("one", toy_joint_fit(), "many", intervals).values()
    assert found.undefined


def test_coverage_numbers_of_a_joint_fit():
    numbers = joint_numbers.coverage_numbers("two", toy_joint_coverage())
    values = {name.removeprefix("joint/two/"): n.value for name, n in numbers.items()}
    assert values["experiments"] == 4
    assert values["both_1sigma"] == pytest.approx(75.0)
    assert values["dm2_32_2sigma"] == pytest.approx(75.0)
    assert values["sin2_theta23_1sigma_known"] == pytest.approx(50.0)
    assert values["dm2_32_2sigma_fc"] == pytest.approx(50.0)
    assert values["both_1sigma_fc_known"] == pytest.approx(25.0)
    assert numbers["joint/two/both_2sigma"].interval[1] == 100.0
    assert values["half_width_mean"] == pytest.approx(1.5)
    pull = numbers["joint/two/pull_dm2_32_mean"]
    assert (pull.value, pull.uncertainty) == pytest.approx((0.5, np.sqrt(0.75) / 2))
    assert values["pull_dm2_32_std_known"] == pytest.approx(np.sqrt(2))
    # In σ_stat, 1.5 times as much.
    assert values["deviation_dm2_32_mean"] == pytest.approx(0.75)
    assert values["pull_modes_mean"] == pytest.approx(0.0)
    assert values["pull_modes_std"] == pytest.approx(1.0)


def test_the_default_has_the_numbers_that_are_committed(plan, committed, tmp_path):
    numbers = all_numbers(ToyJob(plan, tmp_path))
    new = set(density_numbers.threshold_numbers(WINDOW)) | {
        f"{name}/near_events" for name in ("smeared", "flux", "systematics")
    }
    new |= {"setting/near_above", "setting/far_above", "setting/uncovered"}
    new |= {name for name in numbers if name.startswith("joint/")}
    assert set(numbers) | new == set(committed) | new
    inputs_of_rule = {*inputs.numbers_inputs(plan), "configuration"}
    assert {name for n in numbers.values() for name, _ in n.sources} == inputs_of_rule


@pytest.mark.parametrize(
    "override",
    [
        {"ensembles": {"flow": None, "nominal": None}},
        {"coverage": {"experiments": {"truth": None}}},
        {"joint": {"fits": {"joint": None}}},
        {"ensembles": {"smeared": None, "systematics": None, "truth_smeared": None},
         "coverage": {"experiments": {"systematics": None}}},
    ],
)  # fmt: skip
def test_numbers_of_what_is_absent_are_absent(plan, override, tmp_path):
    """And all others are there."""
    fewer = planned(override)
    before, numbers = set(all_numbers(ToyJob(plan, tmp_path))), all_numbers(ToyJob(fewer, tmp_path))
    gone = set(plan.ensembles) - set(fewer.ensembles)
    gone |= {f"coverage/{n}" for n in set(plan.with_coverage) - set(fewer.with_coverage)}
    gone |= {f"joint/{name}" for name in set(plan.joint_fits) - set(fewer.joint_fits)}
    gone |= {
        f"joint/{name}/dm2_32/half_width_ensemble"
        for name in fewer.joint_fits
        if fewer.joint_fit(name).compared_with is None
    }
    if not any(fewer.ensemble(name).smeared for name in fewer.ensembles):
        gone.add("smearing")
    of_others = {name for name in before if not name.startswith(tuple(f"{g}/" for g in gone))}
    of_others -= gone
    # A figure that drops out takes its numbers along.
    assert of_others - set(numbers) <= {n for n in before if "/octant/" in n}
    assert set(numbers) <= before


def test_without_a_far_detector_there_are_numbers_of_the_near_one(tmp_path):
    numbers = all_numbers(ToyJob(planned("experiments/sbnd.yaml"), tmp_path))
    assert not [n for n in numbers if re.search(r"far|theta23|dm2|area|coverage|replicas", n)]
    for name in ("share/w1_near", "seeds/near/median", "seeds/marginals_near", "seeds/members"):
        assert name in numbers


def test_a_new_ensemble_has_numbers(tmp_path):
    entry = {
        "cross_section": "learned", "near_events": 1000, "vary": ["near_statistics"], "size": 2,
        "reference": "truth", "label": "more",
    }  # fmt: skip
    numbers = all_numbers(ToyJob(planned({"ensembles": {"more": entry}}), tmp_path))
    for name in ("dm2_32/shift", "dm2_32/added_width", "area_ratio_1sigma", "sigma/median"):
        assert f"more/{name}" in numbers
    assert "more/noise_learned" not in numbers
    shown = planned({"ensembles": {"more": {**entry, "shown_in": ["fig12"]}}})
    assert "more/noise_learned" in all_numbers(ToyJob(shown, tmp_path))


def test_captions_have_all_their_numbers(plan, committed, summary, tmp_path):
    """And apart from the figure of the procedure, at least one that an analysis gives.

    No fit of the default ends at an edge.
    """
    known = set(committed) | set(all_numbers(ToyJob(plan, tmp_path)))
    for name, figure in summary.figures.items():
        names = set(re.findall(r"{([^}:]+)", figure.caption))
        names = {number for number in names if not number.endswith("/at_edge")}
        assert names, name
        assert names <= known, name


def test_captions_of_fits_say_what_ends_at_an_edge(committed, summary):
    edge = {"truth/at_edge": Number(98.0, "%", ".2g", "at an edge", (("oscillation", "x"),))}
    for name, figure in summary.with_numbers(committed | edge).figures.items():
        shows_fits = {"fig8", "fig9", "fig12", "fig13", "fig15", "fig16", "fig17"}
        said = "98 % of the replicas of truth end at an edge of the fit ranges" in figure.caption
        assert said == (name in shows_fits), name
        assert "replicas of nominal end" not in figure.caption


def test_captions_without_a_far_detector_do_not_speak_of_it():
    near_only = planned("experiments/sbnd.yaml")
    names = {
        name
        for figure in inputs.summary(near_only)["figures"].values()
        for name in re.findall(r"{([^}:]+)", figure["caption"])
    }
    of_far = [n for n in names if n.startswith("true/") or re.search("far|theta23|dm2", n)]
    existing = dict.fromkeys(names.difference(of_far), number(1.0))
    assert of_far
    for figure in Summary.from_plain(inputs.summary(near_only)).with_numbers(existing).figures:
        caption = fill(inputs.summary(near_only)["figures"][figure]["caption"], existing)
        assert not re.search(r"n/a|FD|survival|[][{}]", caption), caption


def test_tables_have_the_columns_of_the_expected_page(committed, summary):
    assert {
        title.split()[0]: columns(table, committed, summary.ensembles)
        for title, table in TABLES.items()
    } == {
        "Oscillation": ["truth", "nominal", "seeds"],
        "What": ["seeds", "nd30m", "nd3m", "smeared", "flux", "systematics", "flow"],
        "Systematic": ["nd30m", "nd3m", "smeared", "flux_truth", "flux", "systematics"],
        "How": ["truth", "systematics"],
        "Joint": ["joint", "joint_smeared"],
    }


def test_joint_fits_have_a_table(committed, summary):
    """Of those that there are numbers of; what a page does not have is not compared."""
    found = joint_numbers.fit_numbers("one", toy_joint_fit())
    found |= joint_numbers.coverage_numbers("two", toy_joint_coverage())
    (table,) = (t for title, t in TABLES.items() if title.startswith("Joint"))
    assert columns(table, committed | found, summary.ensembles)[2:] == ["one", "two"]
    page = markdown(committed | found, summary.ensembles)
    deviations = {d.name: d for d in compare(page, committed | found)}
    assert deviations["joint/one/dm2_32/half_width"].expected == pytest.approx(1.5)
    assert "joint/two/dm2_32/half_width" not in deviations
    assert deviations["joint/two/both_1sigma"].expected == pytest.approx(75.0)


def test_a_new_ensemble_has_a_column(committed, summary):
    """And the values in a page that does not have it yet are found all the same."""
    new = {"more": replace(summary.ensembles["nd3m"], near_events=1000)}
    numbers = committed | {"more/dm2_32/shift": number(0.1), "more/near/median": number(2.0)}
    page = markdown(numbers, dict(summary.ensembles) | new)
    assert page.count("`more`") == 2
    assert (
        len(compare(page, numbers))
        == len(compare(markdown(committed, summary.ensembles), committed)) + 2
    )


def test_expected_page_has_the_expected_values(committed, expected_page, summary):
    assert with_expected_values(expected_page, committed, summary.ensembles) == expected_page
    deviations = compare(expected_page, committed)
    assert len(deviations) > 80
    assert all(deviation.allowed for deviation in deviations)


def test_values_beyond_their_tolerance_are_found(committed, expected_page):
    """One by one: a shift by half a σ_stat, a total variation three times as large, a gap."""
    changed = dict(committed)
    for name, value in (
        ("seeds/dm2_32/shift", committed["seeds/dm2_32/shift"].value + 0.5),
        ("nd3m/far/median", committed["nd3m/far/median"].value * 3),
    ):
        changed[name] = number(value)
    del changed["truth/dm2_32/best"]
    beyond = {d.name for d in compare(expected_page, changed) if not d.allowed}
    assert beyond == {"seeds/dm2_32/shift", "nd3m/far/median", "truth/dm2_32/best"}


def test_edited_expected_page_is_noticed(committed, expected_page, summary):
    with pytest.raises(ValueError, match="has no row 'best fit of sin²2θ23'"):
        compare(expected_page.replace("| best fit of sin²2θ23 ", "| best fit of x "), committed)
    with pytest.raises(ValueError, match="once each"):
        with_expected_values(expected_page.replace(END, ""), committed, summary.ensembles)
    page = f"{BEGIN}\n{markdown(committed, summary.ensembles)}{END}"
    value = f"{committed['truth/dm2_32/best']}"
    assert value in page
    edited = page.replace(f"| {value} ", "| 2.5000 ", 1)
    assert any(not deviation.allowed for deviation in compare(edited, committed))


def test_tolerances():
    assert Tolerance(0.1).allows(0.95, 1.0)
    assert not Tolerance(0.1).allows(0.89, 1.0)
    assert Tolerance(2, ratio=True).allows(0.51, 1.0)
    assert not Tolerance(2, ratio=True).allows(2.1, 1.0)
    # What may be negative agrees with itself, and a share of nearly nothing does not bind it.
    either = Tolerance(0.3, share=0.6)
    assert either.allows(-0.05, -0.05)
    assert either.allows(0.2, -0.05)
    assert not either.allows(0.3, -0.05)
    assert either.allows(1.5, 1.0)
    assert not either.allows(1.7, 1.0)


def test_numbers_of_differences_have_no_ratio_as_tolerance():
    """A ratio allows a negative number not even itself."""
    signed = ("shift", "added_width", "pull", "best")
    for table in TABLES.values():
        for row in table.rows:
            if any(word in row.name for word in signed):
                assert not row.tolerance.ratio, row.name


def test_gallery_is_up_to_date(committed, summary):
    """But for figures that came after the last full run."""
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    of_run = summary_from_json((ROOT / "docs" / "numbers.json").read_text(encoding="utf-8")).figures
    there = {name: text for name, text in summary.figures.items() if name in of_run}
    assert page == gallery(replace(summary, figures=there).with_numbers(committed))
    for figure in there:
        image = ROOT / "docs" / "images" / f"{figure}.png"
        assert f"(images/{figure}.png)" in page
        assert image.stat().st_size <= LARGEST_IMAGE
