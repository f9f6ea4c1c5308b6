"""Bad inputs by the hundred: each is refused by name, with what is allowed, or means what it says.

They are made from `config/schema.json`: for every key all kinds of values that it does not take,
values beyond its bounds, and the key misspelt or missing. What only a reader of files sees follows
as a list.
"""

import copy
import json
import math
import re
from pathlib import Path

import pytest
import yaml
from snakemake.common.configfile import load_configfile

from nd2fd.config.files import check_file, configuration_files
from nd2fd.config.problems import validate_config
from nd2fd.config.reading import ConfigError, typed_values

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = json.loads((ROOT / "config/schema.json").read_text(encoding="utf-8"))
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))

# A value of each of JSON's kinds; text also as one may write a number, with what is said then.
VALUES = [
    ("string", "abc", ""),
    ("string", "10 GeV", "without its unit"),
    ("string", "−1", "keyboard, -1"),
    ("string", "0,5", r"point, 0\.5"),
    ("string", "7", "without quotes"),
    ("number", 1.5, ""),
    ("boolean", True, ""),
    ("null", None, ""),
    ("array", [], ""),
    ("array", [1, [2]], ""),
    ("object", {"a": 1}, ""),
]
# What a message says of the kinds that a key takes.
WORDS = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "object": "a section|a mapping",
}
BOUNDS = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}


def kinds_of(schema):
    """The schemas of the kinds that a key takes: one, or more where it may be null."""
    return [
        SCHEMA["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        for part in schema.get("anyOf", [schema])
    ]


def keys(schema=SCHEMA, values=DEFAULT, path=()):
    """Path and kinds of all keys, whether each is a key of a section, and required there.

    Of the entries of a mapping the first three are taken.
    """
    for kind in kinds_of(schema):
        inner = {name: (below, True) for name, below in kind.get("properties", {}).items()}
        of_entries = [*kind.get("patternProperties", {}).values(), kind.get("additionalProperties")]
        for below in filter(lambda found: isinstance(found, dict), of_entries):
            inner |= dict.fromkeys(list(values)[:3], (below, False))
        for name, (below, named) in inner.items():
            required = name in kind.get("required", [])
            yield (*path, name), kinds_of(below), named, required
            if isinstance(values.get(name), dict):
                yield from keys(below, values[name], (*path, name))


def bad_values(kinds, named):
    """Values that a key of these kinds does not take, each with a pattern of what is to be said."""
    types = {kind["type"] for kind in kinds}
    words = "|".join(WORDS[kind] for kind in sorted(types & WORDS.keys()))
    choices = [f"(?=.*{name})" for kind in kinds for name in kind.get("enum", [])]
    words = "".join(choices) or words
    for kind, value, advice in VALUES:
        # The entry of a mapping is taken out by null.
        if kind in types or (kind == "null" and not named):
            continue
        numeric = bool(types & {"integer", "number"}) and types <= {"integer", "number", "null"}
        yield value, f"({words})" + (f".*{advice}" if numeric else "")
    if types & {"integer", "number"}:
        for value in (math.nan, math.inf, -math.inf):
            yield value, "finite|an integer"
    for kind in kinds:
        if "enum" in kind:
            first, *_ = kind["enum"]
            for value in ("abc", first.upper(), f" {first}"):
                yield value, words
        for bound, symbol in BOUNDS.items():
            if bound in kind:
                limit, low = kind[bound], "inimum" in bound
                step = 0 if bound.startswith("exclusive") else 1
                step = step * 1e-9 if kind["type"] == "number" else step
                huge = 1e300 if kind["type"] == "number" else 10**20
                for value in (limit - step, -huge) if low else (limit + step, huge):
                    yield value, f"{symbol} {re.escape(f'{limit:g}')}|{symbol} {limit}"
        if len(kind.get("prefixItems", ())) == 3:
            for value in ([0.4], [0.4, 0.5, 0.6, 0.7], ["a", 0.6, 0.1], [math.nan, 0.6, 0.1]):
                yield value, "list of three numbers|at most 3|finite"
        elif "prefixItems" in kind:
            for value in ([0.4], [0.4, 0.5, 0.6], [0.6, 0.4], ["a", 0.6], [math.nan, 0.6]):
                yield value, "list of two numbers|at most 2|first limit|finite"
        elif kind["type"] == "array" and kind["items"].get("type") == "number":
            for value in ([None], ["nothing"], [math.nan], [0.0]):
                yield value, "list of numbers|finite|greater than 0"
        elif kind["type"] == "array":
            for value in ([3], [None], ["nothing"]):
                yield value, "a list|no such|there is no|pattern"


def value_at(path):
    value = DEFAULT
    for part in path:
        value = value[part] if isinstance(value, dict) and part in value else 0
    return value


def cases_of(path, kinds, named):
    """Bad values of a key, and misspelt keys, each with a pattern of what must be said of them."""
    for value, said in bad_values(kinds, named):
        yield path, value, said
    if named:
        *section, name = path
        for misspelt in sorted({f"{name}s", name[:-1], name.capitalize()} - {name}):
            said = f"no such key; did you mean [A-Za-z0-9_]+[?] .*{name}"
            yield (*section, misspelt), value_at(path), said


CASES = {".".join(path): list(cases_of(path, kinds, named)) for path, kinds, named, _ in keys()}
REQUIRED = [path for path, _, _, required in keys() if required]


def with_value(path, value):
    raw = copy.deepcopy(DEFAULT)
    section = raw
    for part in path[:-1]:
        section = section[part]
    section[path[-1]] = value
    return raw


def test_there_are_many():
    assert sum(map(len, CASES.values())) + len(REQUIRED) + len(FILES) >= 1500


def refused(path, value):
    """What is said of a key with this value: the lines of the message that begin with the key."""
    with pytest.raises(ConfigError) as info:
        validate_config(with_value(path, value))
    name = re.escape(".".join(path))
    return [line for line in str(info.value).splitlines() if re.match(rf"  {name}(?!\w)", line)]


@pytest.mark.parametrize("key", CASES)
def test_bad_values_are_refused(key):
    for path, value, said in CASES[key]:
        lines = refused(path, value)
        assert any(re.search(said, line) for line in lines), (path, value, said, lines)


@pytest.mark.parametrize("path", REQUIRED, ids=".".join)
def test_missing_key_is_named(path):
    raw = copy.deepcopy(DEFAULT)
    section = raw
    for part in path[:-1]:
        section = section[part]
    del section[path[-1]]
    with pytest.raises(ConfigError) as info:
        validate_config(raw)
    assert re.search(rf"  {'[.]'.join(path)}: is missing; must be ", str(info.value)), info.value


# What stands in a file, and patterns of what must be said: of the line, and of what is wrong there.
FILES = {
    "empty": ("", "is empty"),
    "comment": ("# seed: 3\n", "is empty"),
    "list": ("- seed\n- 3\n", "line 1: .*not a list"),
    "value": ("\nseed 3\n", "line 2: .*not a mere value"),
    "json list": ("[1, 2]", "line 1: .*not a list"),
    "open": ("grid: {n_energy: 32\nseed: 3\n", "line 2: is not valid YAML: expected"),
    "never closed": ("fits:\n  dm2_32: [2e-3, 3e-3\n", "line 3: is not valid YAML"),
    "quote": ("seed: 3\nlabel: 'a\n", "line 3: .*quoted scalar, begun in line 2"),
    "tab": ("grid:\n\tn_energy: 32\n", "line 2: there is a tab"),
    "tab behind": ("grid:\n  n_v1: 8\n\tn_v2: 8\n", "line 3: there is a tab"),
    "indented": ("grid:\n  n_v1: 8\n n_v2: 8\n", "line 3: is not valid YAML"),
    "colon": ("experiment: DUNE: FHC\n", "line 1: is not valid YAML: mapping values"),
    "two documents": ("seed: 3\n---\nseed: 4\n", "line 2: .*another document"),
    "merge conflict": ("<<<<<<< HEAD\nseed: 3\n=======\nseed: 4\n", "is not valid YAML"),
    "no anchor": ("seed: *three\n", "line 1: .*undefined alias"),
    "binary": (b"\x89HDF\r\n\x1a\n\x00\x00", "line 1: the byte 0x89"),
    "Latin-1": ("seed: 3\nexperiment: N\xe9utrino\n".encode("latin-1"), "line 2: the byte 0xe9"),
    "UTF-16": ("seed: 3\n".encode("utf-16"), "line 1: the byte 0xff"),
    "zero byte": ("seed: 3\na\0b\n", r"line 2: the character U\+0000"),
    "twice": ("seed: 1\ntoy: true\nseed: 2\n", "key seed stands twice, in lines 1 and 3"),
    "twice inside": (
        "ensembles:\n  flux: {size: 1}\n  nominal: {}\n  flux: {size: 2}\n",
        r"key ensembles\.flux stands twice, in lines 2 and 4",
    ),
    "twice in a list": ("a:\n  - b: 1\n    b: 2\n", "stands twice, in lines 2 and 3"),
    "twice in JSON": ('{"seed": 1,\n\t"seed": 2}', "key seed stands twice"),
    "yes": ("toy: yes\n", "line 1: toy: yes is read as true; write true or false"),
    "No": ("seed: 3\ntraining: {flux_errors: No}\n", "line 2: training.flux_errors: No .*false"),
    "on": ("toy: on\n", "line 1: toy: on is read as true"),
    "off": ("toy: OFF\n", "line 1: toy: OFF is read as false"),
    "octal": ("seed: 010\n", "line 1: seed: 010 is read as 8"),
    "hexadecimal": ("seed: 0x10\n", "line 1: seed: 0x10 is read as 16"),
    "binary number": ("seed: 0b11\n", "line 1: seed: 0b11 is read as 3"),
    "sexagesimal": ("training: {evaluations: 1:30}\n", "line 1: .*1:30 is read as 90"),
    "sexagesimal fraction": ("setup: {energy_max: 1:30.5}\n", r"1:30\.5 is read as 90\.5"),
    "underscore": ("seed: 1_000\n", "line 1: seed: 1_000 is read as 1000"),
    "underscore in a list": ("fits: {dm2_32: [2.1_0e-3, 3e-3]}\n", r"fits\.dm2_32\[0\]: 2\.1_0e-3"),
    "date": ("seed: 3\nexperiment: 2026-01-01\n", "line 2: experiment: .* a date; .*quotes"),
    "boolean key": ("ensembles: {on: {size: 1}}\n", "line 1: on is no name of a key"),
    "number as a key": ("3: 4\n", "line 1: 3 is no name of a key"),
    "null as a key": ("~: 4\n", "line 1: ~ is no name of a key"),
    "mapping as a key": ("{a: 1}: 4\n", "line 1: this is no name of a key"),
    "tag": ("seed: !!python/name:os.system\n", "line 1: seed: .*has the tag"),
    "tagged mapping": ("grid: !!omap [{n_v1: 8}]\n", "line 1: grid: the tag .*omap"),
    "contains itself": ("grid: &a\n  n_v1: *a\n", r"grid\.n_v1 contains itself"),
}


@pytest.mark.parametrize(("content", "said"), FILES.values(), ids=FILES)
def test_bad_file_is_refused(tmp_path, content, said):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=said) as info:
        check_file(path)
    assert str(info.value).startswith(str(path))


def test_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read: No such file"):
        check_file(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        check_file(tmp_path)


@pytest.mark.parametrize("name", ["", ".", "nowhere.csv", "~/flux", "a\0b", "x" * 300])
@pytest.mark.parametrize("key", ["flux.near", "flux.uncertainty", "pdf.path"])
def test_path_of_no_file_is_refused(tmp_path, key, name):
    """No such file, a directory, and what no file can be called."""
    path = str(tmp_path / name)
    section, _, last = key.partition(".")
    raw = copy.deepcopy(DEFAULT)
    raw[section][last] = path
    if section == "pdf":
        raw["pdf"]["set"] = "CT18NNLO"
    with pytest.raises(ConfigError) as info:
        validate_config(raw)
    assert re.search(rf"  ({key}|pdf)\b", str(info.value))
    assert name[:200] in str(info.value).replace("\\x00", "\0")


# What looks odd, is accepted, and what it means.
ACCEPTED = {
    "training: {ridge: 25e-4}": 0.0025,
    "training: {ridge: 1e-10}": 1e-10,
    "training: {ridge: 1E-3}": 0.001,
    "training: {ridge: .5e-1}": 0.05,
    "training: {ridge: 1.e-1}": 0.1,
    "training: {ridge: +2e-1}": 0.2,
    "training: {ridge: 1}": 1.0,
    "training: {ridge: 0x0}": None,
    "near_detector: {n_events: 3e7}": 30_000_000,
    "near_detector: {n_events: 3.0e+7}": 30_000_000,
    "near_detector: {n_events: 3e+07}": 30_000_000,
    "near_detector: {n_events: 12e-1}": None,
    "near_detector: {n_events: 1e400}": None,
    "fits: {dm2_32: [22e-4, 27e-4]}": (22e-4, 27e-4),
    "ensembles: {nd3m: {near_events: 2e6}}": 2_000_000,
    "coverage: {experiments: {truth: 1e3}}": 1000,
    "systematics: {muon_energy_scale: 2e-2}": 0.02,
    # Text stays text.
    "ensembles: {truth: {label: 1e3}}": "1e3",
    "experiment: '010'": "010",
    "experiment: 'yes'": "yes",
    '{"near_detector":\n\t{"n_events": 20}}': 20,
    "\ufeffseed: 4": 4,
    "seed: &seed 4\nnear_detector: {n_events: *seed}": 4,
}


def last_value(mapping):
    """The value of the last key of a mapping of mappings."""
    path = []
    while isinstance(mapping, dict):
        path.append(list(mapping)[-1])
        mapping = mapping[path[-1]]
    return path


@pytest.mark.parametrize(("text", "meaning"), ACCEPTED.items(), ids=ACCEPTED)
def test_numbers_are_what_they_look_like(tmp_path, text, meaning):
    """As Snakemake reads a file; None: refused."""
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        check_file(path)
        given = load_configfile(path)
        where = last_value(given)
        config = validate_config(with_value(where, value_in(given, where)))
    except ConfigError:
        assert meaning is None
        return
    found = value_in(config.model_dump(), where)
    assert found == meaning
    assert type(found) is type(meaning)


def value_in(mapping, path):
    for part in path:
        mapping = mapping[part]
    return mapping


@pytest.mark.parametrize(
    ("text", "value"),
    [("010", "010"), ("1_000", "1_000"), ("3e7", 3e7), ("-.5", -0.5), ("nan", "nan"), ("٣", "٣")],
)
def test_command_line_is_read_as_files_are(text, value):
    """What a file may not have is no number on the command line."""
    assert typed_values({"a": [text]}) == {"a": [value]}


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (["-n", "--configfile", "a.yaml", "b.yaml", "--config", "seed=3"], ["a.yaml", "b.yaml"]),
        (["--configfiles=a.yaml", "-n", "results/x"], ["a.yaml"]),
        (
            ["x", "--configfile", "a.yaml", "--cores", "1", "--configfile", "b.yaml"],
            ["a.yaml", "b.yaml"],
        ),
        (["-n", "--config", "seed=3", "--cores", "all"], []),
    ],
)
def test_files_of_a_command_line(arguments, files):
    assert configuration_files(arguments) == files
