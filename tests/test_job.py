"""A job of the workflow, without Snakemake around it."""

import logging
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params

from nd2fd.io.artifacts import read_artifact
from nd2fd.io.checksums import sha256_of_config, sha256_of_file
from nd2fd.io.declarations import ArtifactError, Provenance
from nd2fd.io.job import NOT_RANDOM, Job
from nd2fd.io.schemas.inputs import Oscillation, Response
from nd2fd.io.usage import Usage

ENERGY = np.linspace(0.5, 9.5, 4)
OSCILLATION = Oscillation(energy=ENERGY, survival_probability=0.1 * ENERGY)
RESPONSE = Response(
    v1=np.array([0.5]),
    v2=np.array([0.25, 0.75]),
    indptr=np.array([0, 1, 2]),
    indices=np.array([1, 0]),
    data=np.array([0.9, 0.8]),
    acceptance=np.array([[0.8, 0.9]]),
)


@pytest.fixture
def rule(tmp_path):
    """What a script is given as `snakemake`, by a rule with two batches as one of its inputs."""
    paths = {name: str(tmp_path / f"{name}.h5") for name in ("one", "first", "second")}
    for number, path in enumerate(paths.values()):
        changed = replace(OSCILLATION, survival_probability=0.1 * ENERGY + number)
        changed.save(path, Provenance("rule_before", "c" * 64, 1, {}))
    inputs = {"one": paths["one"], "batches": [paths["first"], paths["second"]]}
    outputs = {"main": str(tmp_path / "out" / "main"), "text": str(tmp_path / "out" / "text")}
    return SimpleNamespace(
        rule="toy",
        input=InputFiles(fromdict=inputs),
        output=OutputFiles(fromdict=outputs),
        params=Params(fromdict={"code": "digest", "seed": 7, "grid": {"n": 3}}),
        log=Log(fromdict={"log": str(tmp_path / "logs" / "toy.log")}),
    )


def test_inputs_are_loaded_by_name(rule):
    with Job(rule) as job:
        np.testing.assert_array_equal(job.load("one", Oscillation).energy, ENERGY)
        assert job.load_optional("two", Oscillation) is None
        assert job.load_optional("one", Oscillation).energy.size == 4
        assert (job.input_path("one"), job.input_path("two")) == (rule.input.one, None)
        joined = job.load_joined("batches", Oscillation, along="energy")
        np.testing.assert_array_equal(joined.survival_probability[4:], 0.1 * ENERGY + 2)
        np.testing.assert_array_equal(
            job.load_joined("one", Oscillation, along="energy").energy, ENERGY
        )


def test_response_of_rules_with_one(rule, tmp_path):
    with Job(rule) as job:
        assert job.load_response() is None
    RESPONSE.save(tmp_path / "response.h5", Provenance("rule_before", "c" * 64, 1, {}))
    rule.input = InputFiles(fromdict={"response": str(tmp_path / "response.h5")})
    with Job(rule) as job:
        np.testing.assert_array_equal(job.load_response().toarray(), [[0, 0.9], [0.8, 0]])


def test_artifact_says_where_it_comes_from(rule):
    with Job(rule) as job:
        job.save(OSCILLATION)
    provenance = read_artifact(rule.output.main, Oscillation.schema).provenance
    assert provenance.producer == "toy"
    # The code is no configuration: another version of it may give the very same artifact.
    assert provenance.config_sha256 == sha256_of_config({"seed": 7, "grid": {"n": 3}})
    assert provenance.seed == 7
    first, second = rule.input.batches
    assert provenance.inputs == {
        "one": sha256_of_file(rule.input.one),
        "batches[0]": sha256_of_file(first),
        "batches[1]": sha256_of_file(second),
    }
    rule.params = Params(fromdict={"code": "digest"})
    assert Job(rule).provenance().seed == NOT_RANDOM


def test_fingerprint_is_of_all_that_the_result_depends_on(rule):
    fingerprints = [Job(rule).fingerprint(), Job(rule).fingerprint()]
    assert fingerprints[0] == fingerprints[1]
    for params in ({"code": "other", "seed": 7, "grid": {"n": 3}}, {"code": "other", "seed": 7}):
        rule.params = Params(fromdict=params)
        fingerprints.append(Job(rule).fingerprint())
    OSCILLATION.save(rule.input.batches[1], Provenance("rule_before", "c" * 64, 1, {}))
    fingerprints.append(Job(rule).fingerprint())
    assert len(set(fingerprints)) == 4


def test_tables_and_texts(rule):
    with Job(rule) as job:
        job.save_table(pd.DataFrame({"name": ["a", "b"], "value": [1 / 3, 2.0]}))
        job.save_text("text", "Δm²\n")
    assert Path(rule.output.main).read_text() == "name,value\na,0.333333\nb,2\n"
    assert Path(rule.output.text).read_text(encoding="utf-8") == "Δm²\n"


def test_log_has_what_package_and_failure_say(rule, capsys):
    def fail():
        with Job(rule) as job:
            job.log.info("from the script")
            logging.getLogger("nd2fd.some.module").warning("from a module")
            Oscillation.load("nowhere.h5")

    with pytest.raises(ArtifactError):
        fail()
    log = Path(rule.log[0]).read_text()
    assert f"log: {rule.log[0]}\n{log}" == capsys.readouterr().err
    for words in ("from the script", "from a module", "nowhere.h5: no such file", "Traceback"):
        assert words in log
    logging.getLogger("nd2fd.some.module").warning("after the job")
    assert Path(rule.log[0]).read_text() == log


def test_progress_is_logged(rule, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    with Job(rule) as job:
        report = job.progress("fits", 3)
        for done in (1, 2, 3):
            report(done, f"note {done}")
    lines = Path(rule.log[0]).read_text().splitlines()
    # The first at once, others only every few seconds, and the last.
    assert [line.partition("toy: ")[2] for line in lines[:-1]] == [
        "fits: 1 of 3, note 1",
        "fits: 3 of 3, note 3",
    ]


def test_outputs_and_time_are_told_to_the_log_alone(rule, capsys):
    with Job(rule) as job:
        job.save(OSCILLATION)
    assert capsys.readouterr().err == f"log: {rule.log[0]}\n"
    assert f"wrote {rule.output.main}" in Path(rule.log[0]).read_text()


def test_log_ends_with_what_the_job_used(rule):
    before = time.process_time()
    with Job(rule):
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
    used = Usage.in_log(Path(rule.log[0]).read_text())
    assert before - 0.01 <= used.start <= until - 0.1 + 0.01
    assert until - 0.01 <= used.cpu <= time.process_time() + 0.01


def test_failed_jobs_say_nothing_of_it(rule):
    with pytest.raises(ZeroDivisionError), Job(rule):
        1 / 0  # noqa: B018
    assert Usage.in_log(Path(rule.log[0]).read_text()) is None
