"""The configuration: what it may say, and what is made of it."""

import json
import subprocess
import sys

import pytest
import yaml

from configurations import load, merged
from configurations import raw as raw  # a fixture
from nd2fd.config.documents import json_schema, markdown_table
from nd2fd.config.problems import validate_config
from nd2fd.config.reading import ConfigError, in_order_of, typed_values
from nd2fd.config.results_folder import (
    mark_results,
    refuse_folder_inside_a_file,
    refuse_results_of_another_size,
)
from workflow_runs import ROOT


def test_default_is_valid(raw):
    assert validate_config(raw).grid.n_energy == 288


SHIPPED = sorted(str(p.relative_to(ROOT / "config")) for p in (ROOT / "config").rglob("*.yaml"))


EXPERIMENTS = [name for name in SHIPPED if name.startswith("experiments/")]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_overrides_are_valid(raw, name):
    validate_config(merged(raw, load(name)))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_keep_the_numerics(raw, name):
    """An experiment says what is measured; grids and training are those of the default."""
    physics = {"setup", "truth", "flux", "oscillation", "smearing", "near_detector", "far_detector"}
    if load(name).get("truth", {}).get("model") == "impulse":
        # Peaks need other nodes than smooth functions do.
        physics |= {"nodes", "joint"}
    assert load(name).keys() <= physics | {"experiment", "fits", "ensembles", "measurements"}
    # A second measurement is given after an experiment.
    assert load(name).get("experiment") != raw["experiment"]


def test_inverted_ordering_with_its_range(raw):
    raw["oscillation"]["dm2_31"] = -2.45e-3
    raw["fits"]["dm2_32"] = [-2.8e-3, -2.3e-3]
    assert validate_config(raw).fits.dm2_32 == (-2.8e-3, -2.3e-3)


def test_electrons_without_a_far_detector(raw, tmp_path):
    flux = tmp_path / "flux.txt"
    flux.write_text("1.0 1.0\n3.0 2.0\n5.0 0.0\n")
    raw["setup"]["lepton"] = "electron"
    raw["far_detector"] = None
    raw["flux"] |= {"near": str(flux), "uncertainty": "smooth"}
    assert validate_config(raw).setup.lepton == "electron"


def test_without_a_far_detector_no_range_must_hold_the_truth(raw):
    raw["fits"]["dm2_32"] = [2.5e-3, 2.8e-3]
    raw["far_detector"] = None
    validate_config(raw)


def test_null_takes_out_what_an_override_inherits(raw):
    override = {
        "ensembles": {"truth_smeared": None, "systematics": None},
    }
    config = validate_config(merged(raw, override))
    assert config.ensembles.keys() == raw["ensembles"].keys() - {"truth_smeared", "systematics"}
    # What refers to it goes with it.
    assert config.coverage.experiments == {"truth": 1000}
    assert config.ensembles["smeared"].reference is None
    assert config.ensembles["seeds"].reference == "truth"
    assert config.joint.fits["joint_smeared"].compared_with is None


def test_there_may_be_no_joint_fits(raw):
    few_nodes = raw["nodes"] | {"n_xi": 16}
    validate_config(raw | {"joint": raw["joint"] | {"fits": {}}, "nodes": few_nodes})
    assert validate_config(raw | {"joint": raw["joint"] | {"fits": {}}}).joint.fits == {}
    config = validate_config(merged(raw, {"joint": {"fits": {"joint": None}}}))
    assert list(config.joint.fits) == ["joint_smeared"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1.0 2.0\n0.5 1.0\n", "line 2.*energy 0.5 is not above 1,"),
        ("0.5 1.0\n1.0 -2.0\n", "line 2.*-2 is not allowed"),
        ("0.5 1.0\n1.0 inf\n", "line 2.*inf is not allowed"),
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


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
def test_toy_and_full_run_do_not_share_a_folder(raw, tmp_path, first, second):
    results = tmp_path / "run"
    before, after = (
        validate_config(raw | {"toy": toy, "results": str(results)}) for toy in (first, second)
    )
    refuse_results_of_another_size(after, ["snakemake", "-n"])
    assert not results.exists()
    mark_results(before)
    refuse_results_of_another_size(before, ["snakemake", "-n"])
    with pytest.raises(ConfigError) as info:
        refuse_results_of_another_size(after, ["snakemake", "-n"])
    for part in (str(results), "--config results=PATH", "toy run", "full run", "remove"):
        assert part in str(info.value)
    for harmless in ("--unlock", "--lint", "--list-rules"):
        refuse_results_of_another_size(after, ["snakemake", harmless])
    (results / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"run\.json is damaged"):
        refuse_results_of_another_size(before, ["snakemake"])


@pytest.mark.parametrize("name", ["file", "file/results"])
def test_results_are_not_put_into_a_file(raw, tmp_path, name):
    (tmp_path / "file").touch()
    refuse_folder_inside_a_file(validate_config(raw | {"results": str(tmp_path / "new/folder")}))
    with pytest.raises(ConfigError, match=r"results = .*file is not a folder"):
        refuse_folder_inside_a_file(validate_config(raw | {"results": str(tmp_path / name)}))


def test_documents_are_written_where_one_stands(raw, tmp_path):
    """`python -m nd2fd.config`, as `make config-docs` calls it."""
    for folder in ("config", "docs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    subprocess.run([sys.executable, "-m", "nd2fd.config"], cwd=tmp_path, check=True)
    assert (tmp_path / "docs/configuration.md").read_text(encoding="utf-8") == markdown_table(raw)
    assert json.loads((tmp_path / "config/schema.json").read_text(encoding="utf-8"))


def test_every_key_is_explained(raw):
    table = markdown_table(raw)
    for section in raw:
        if isinstance(raw[section], dict) and section not in ("ensembles", "systematics"):
            for name in raw[section]:
                keys = raw[section][name] if name.endswith("_format") else [None]
                for key in keys:
                    assert f"`{section}.{name}{f'.{key}' if key else ''}`" in table
    assert "`ensembles.NAME.shown_in`" in table
    assert "`joint.fits.NAME.compared_with`" in table


def test_order_is_that_of_the_default():
    """Snakemake puts what an override names first; tables and legends follow the default."""
    base = {"a": 1, "ensembles": {"truth": {}, "seeds": {"size": 1, "vary": []}}}
    given = {"ensembles": {"mine": {}, "seeds": {"vary": [], "size": 3}, "truth": {}}, "a": 2}
    ordered = in_order_of(given, base)
    assert ordered == given
    assert list(ordered) == ["a", "ensembles"]
    assert list(ordered["ensembles"]) == ["truth", "seeds", "mine"]
    assert list(ordered["ensembles"]["seeds"]) == ["size", "vary"]


def test_truth_is_positive_for_antineutrinos(raw):
    raw["setup"]["helicity"] = "antineutrino"
    raw["flux"] |= {"near": "dune_rhc", "uncertainty": "smooth"}
    with pytest.raises(ConfigError, match=r"truth.model: .* use quark_parton_transverse"):
        validate_config(raw)
    raw["truth"]["model"] = "quark_parton_transverse"
    validate_config(raw)
