"""The configuration: what is refused, and how it is said."""

import copy
from pathlib import Path

import pytest
import yaml

from nd2fd.config import (
    ConfigError,
    json_schema,
    markdown_table,
    refuse_repeated_keys,
    typed_values,
    validate_config,
)

ROOT = Path(__file__).resolve().parents[1]


def load(name):
    return yaml.safe_load((ROOT / "config" / name).read_text(encoding="utf-8"))


def merged(base, override):
    """Merge as Snakemake does with --configfile."""
    if not isinstance(override, dict):
        return override
    return {**base, **{k: merged(base.get(k, {}), v) for k, v in override.items()}}


@pytest.fixture
def raw():
    return load("config.yaml")


def broken(raw, path, value):
    raw = copy.deepcopy(raw)
    section = raw
    for part in path[:-1]:
        section = section[part]
    section[path[-1]] = value
    with pytest.raises(ConfigError) as info:
        validate_config(raw)
    message = str(info.value)
    assert message.count("\n") < 10
    return message


def test_default_is_valid(raw):
    assert validate_config(raw).grid.n_energy == 288


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "config").glob("*.yaml")))
def test_shipped_overrides_are_valid(raw, name):
    validate_config(merged(raw, load(name)))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("grid", "n_enrgy"), 96, ["grid.n_enrgy", "no such key", "n_energy"]),
        (("gird",), {}, ["gird", "no such key", "grid"]),
        (("grid", "n_v1"), "96", ["grid.n_v1", "'96'", "integer"]),
        (("grid", "n_v1"), 4, ["grid.n_v1", "4", "≥ 8", "≤ 512"]),
        (("training", "optimizer"), "sgd", ["training.optimizer", "'sgd'", "'adam'"]),
        (("oscillation", "sin2_theta23"), 1.4, ["oscillation.sin2_theta23", "1.4", "≤ 1"]),
        (("oscillation", "dm2_31"), 5e-5, ["dm2_31", "5e-05", "dm2_21"]),
        (("oscillation", "baseline"), float("nan"), ["oscillation.baseline", "nan", "finite"]),
        (("fits", "sin2_theta23"), [0.6, 0.4], ["fits.sin2_theta23", "[0.6, 0.4]", "below"]),
        (("fits", "sin2_theta23"), [0.3, 0.4], ["fits.sin2_theta23", "contain 0.5"]),
        (("pdf", "set"), "CT18NNLO", ["pdf.path is null", "CT18NNLO", "embedded"]),
        (("flux", "near"), "/no/such/file", ["flux.near", "/no/such/file", "not exist"]),
        (("ensembles",), {}, ["ensembles", "at least 1"]),
        (
            ("ensembles",),
            {"truth": {"cross_section": "known", "size": 1, "vary": []}},
            ["ensembles: truth_smeared, nominal, seeds, nd30m", "missing", "figures"],
        ),
        (("ensembles", "seeds", "size"), 0, ["ensembles.seeds.size", "0", "≥ 1"]),
        (("ensembles", "seeds", "vary"), ["seed"], ["ensembles.seeds.vary", "'network_seed'"]),
        (("ensembles", "nd30m", "near_events"), 0, ["ensembles.nd30m.near_events", "0", "≥ 1"]),
        (("ensembles", "nd30m", "near_events"), None, ["ensembles.nd30m", "needs near_events"]),
        (
            ("ensembles", "flux_truth", "vary"),
            ["flux", "near_statistics"],
            ["ensembles.flux_truth", "near_statistics makes no sense", "known"],
        ),
        (("ensembles", "flux_truth", "near_events"), 1000, ["ensembles.flux_truth", "1000"]),
        (("smearing", "energy_resolution"), -0.1, ["smearing.energy_resolution", "-0.1", "≥ 0"]),
        (("smearing", "angle_resolution"), -1.0, ["smearing.angle_resolution", "-1.0", "≥ 0"]),
        (("flux", "uncertainty"), "/no/modes.csv", ["flux.uncertainty", "/no/modes.csv"]),
        (("coverage", "experiments", "flx"), 3, ["coverage.experiments", "flx", "flux_truth"]),
        (("coverage", "experiments", "truth"), 0, ["coverage.experiments.truth", "0"]),
        (("ensembles", "flow", "model"), "gan", ["ensembles.flow.model", "'gan'", "`flow`"]),
        (
            ("ensembles", "truth", "model"),
            "flow",
            ["ensembles.truth", "model: flow makes no sense", "known"],
        ),
        (
            ("ensembles", "flow", "vary"),
            ["network_seed", "flux"],
            ["ensembles.flow", "vary: flux is not possible with model: flow", "network_seed alone"],
        ),
        (
            ("ensembles", "flow", "smeared"),
            True,
            ["ensembles.flow", "smeared: true", "model: flow"],
        ),
        (
            ("ensembles", "flow", "near_events"),
            1000,
            ["ensembles.flow", "near_events is 1000", "model: flow"],
        ),
        (
            ("ensembles", "flow", "sin2_theta23"),
            [0.3, 0.4],
            ["ensembles.flow.sin2_theta23", "[0.3, 0.4]", "contain 0.5"],
        ),
        (
            ("ensembles", "flow", "dm2_32"),
            [3e-3, 2e-3],
            ["ensembles.flow.dm2_32", "[0.003, 0.002]", "below"],
        ),
        (("flow", "learning_rate"), 0.0, ["flow.learning_rate", "0.0", "> 0"]),
        (("flow", "energy_stride"), 289, ["flow.energy_stride", "289", "288 energies"]),
        (("ensembles", "seeds", "vary"), [], ["ensembles.seeds", "vary is empty", "size: 1"]),
        (
            ("ensembles", "Bad name"),
            {"cross_section": "known", "size": 1, "vary": []},
            ["Bad name", "pattern"],
        ),
    ],
)
def test_mistakes_name_key_value_and_what_is_allowed(raw, path, value, said):
    message = broken(raw, path, value)
    for part in said:
        assert part in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "key a stands twice, in lines 1 and 3"),
        (
            "ensembles:\n  flux: {size: 1}\n  nominal: {}\n  flux: {size: 2}\n",
            "key ensembles.flux stands twice, in lines 2 and 4",
        ),
        ("a:\n  - b: 1\n    b: 2\n", "stands twice"),
    ],
)
def test_repeated_keys_are_refused(tmp_path, text, said):
    path = tmp_path / "twice.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"twice.yaml.*{said}"):
        refuse_repeated_keys(path)


@pytest.mark.parametrize("text", ["", "a: {b: 1}\nc: {b: 2}\n"])
def test_keys_in_different_places_are_not_repeated(tmp_path, text):
    path = tmp_path / "fine.yaml"
    path.write_text(text)
    refuse_repeated_keys(path)


def test_missing_key_is_named(raw):
    del raw["grid"]["n_v2"]
    with pytest.raises(ConfigError, match=r"grid\.n_v2: is missing"):
        validate_config(raw)


def test_unknown_pdf_set_is_named(raw, tmp_path):
    raw["pdf"] = {"set": "CT99", "path": str(tmp_path), "member": 0, "reader": "neopdf"}
    with pytest.raises(ConfigError, match=r"no PDF set directory .*CT99"):
        validate_config(raw)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1.0 2.0\n0.5 1.0\n", "line 2.*energy 0.5 is not above 1.0"),
        ("0.5 1.0\n1.0 -2.0\n", "line 2.*'-2.0' is not allowed"),
        ("0.5 1.0\n1.0 inf\n", "line 2.*'inf' is not allowed"),
        ("0.5 1.0\n1.0 many\n", "line 2.*'many' is not a number"),
    ],
)
def test_bad_flux_file_is_refused_before_anything_runs(raw, tmp_path, rows, said):
    flux = tmp_path / "flux.txt"
    flux.write_text(rows)
    raw["flux"]["near"] = str(flux)
    with pytest.raises(ConfigError, match=rf"flux\.near.*flux\.txt, {said}"):
        validate_config(raw)


def test_generated_files_are_in_sync(raw):
    """Run `make config-docs` when this fails."""
    assert (ROOT / "config" / "schema.json").read_text(encoding="utf-8") == json_schema()
    table = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert table == markdown_table(raw)


def test_schema_and_models_agree(raw):
    """The JSON schema accepts the default and refuses what the models refuse."""
    jsonschema = pytest.importorskip("jsonschema")
    import json

    schema = json.loads(json_schema())
    jsonschema.validate(raw, schema)
    raw["grid"]["n_v1"] = 4
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(raw, schema)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1000", 1000),
        ("-0.1", -0.1),
        ("1e-4", 1e-4),
        ("false", False),
        ("True", True),
        ("null", None),
        ("varpro", "varpro"),
        ("data/flux.dat", "data/flux.dat"),
        (3, 3),
        (
            {"n_events": "1000", "modes": {"file": "m.h5"}},
            {"n_events": 1000, "modes": {"file": "m.h5"}},
        ),
        (["0.5", "1"], [0.5, 1]),
    ],
)
def test_values_of_the_command_line_get_their_types(text, value):
    typed = typed_values(text)
    assert typed == value
    assert type(typed) is type(value)
