"""Where the time of a run went, from benchmark files and logs that are known."""

from pathlib import Path

import pytest

from nd2fd.report import profile

ROOT = Path(__file__).parents[1]

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def finished(results, name, wall, memory, sampled, used=None):
    """A job's benchmark, and its log if it says what it used."""
    benchmark = results / "benchmarks" / f"{name}.tsv"
    benchmark.parent.mkdir(parents=True, exist_ok=True)
    values = [wall, "0:00:01", memory, 1, 2, 3, 4, 5, 6, sampled]
    benchmark.write_text(HEADER + "\t".join(map(str, values)) + "\n")
    log = results / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    line = "12:00:00 nd2fd.a: used {:.2f} s of CPU, {:.2f} s of them to start\n"
    log.write_text("12:00:00 nd2fd.a: wrote a\n" + (line.format(*used) if used else ""))


@pytest.fixture
def results(tmp_path):
    finished(tmp_path, "fig2", 3.0, 200.5, 1.0, (2.5, 0.75))
    finished(tmp_path, "fig10", 2.0, 150, 1.0, (1.5, 0.75))
    finished(tmp_path, "near_members/big/0", 8.0, 90, 7.0, (7.5, 0.5))
    finished(tmp_path, "near_members/big/1", 9.0, 95, 8.0, (8.5, 0.5))
    finished(tmp_path, "near_members/small/0", 0.25, "NA", "NA", (0.2, 0.1))
    finished(tmp_path, "near_events/exact/0", 1.0, 80, 0.5, (1.0, 0.5))
    finished(tmp_path, "learning_table", 1.0, 80, 0.75, (1.0, 0.5))
    return tmp_path


def test_stages_have_the_time_of_their_jobs(results):
    seconds = profile.stages(profile.job_records(results), None)
    assert seconds["near samples"] == pytest.approx(7.5 + 8.5 + 0.2 + 1.0)
    assert seconds["figures"] == pytest.approx(4.0)
    assert seconds[profile.REST] == pytest.approx(1.0)
    assert seconds[profile.START] == pytest.approx(0.75 + 0.75 + 0.5 + 0.5 + 0.1 + 0.5 + 0.5)
    assert seconds["training"] == 0.0
    assert profile.SNAKEMAKE not in seconds
    # The start is not counted twice.
    assert profile.total(seconds) == pytest.approx(17.2 + 4.0 + 1.0)


def test_every_stage_is_of_rules_that_there_are():
    text = "".join(p.read_text() for p in (ROOT / "workflow/rules").glob("*.smk"))
    for rules in profile.STAGES.values():
        for rule in rules:
            assert rule == "figures" or f"rule {rule}:" in text or f"as {rule} with" in text


def test_rows_are_sums_over_jobs_and_large_ensembles(results):
    assert profile.rows(profile.job_records(results)) == [
        ["near_members", "", "3", "16.2", "1.1", "17.2", "95"],
        ["", "big", "2", "16.0", "1.0", "17.0", "95"],
        ["figures", "", "2", "4.0", "1.5", "5.0", "200"],
        ["learning_table", "", "1", "1.0", "0.5", "1.0", "80"],
        ["near_events", "", "1", "1.0", "0.5", "1.0", "80"],
    ]


def test_without_the_log_the_benchmark_has_to_do(results):
    """Of a run of an earlier version: what Snakemake saw last, and nothing about the start."""
    finished(results, "learning_table", 1.0, 80, 0.75)
    (results / "logs/near_events/exact/0.log").unlink()
    found = {row[0]: row for row in profile.rows(profile.job_records(results))}
    assert found["learning_table"] == ["learning_table", "", "1", "0.8", "–", "1.0", "80"]
    assert found["near_events"] == ["near_events", "", "1", "0.5", "–", "1.0", "80"]


def test_snakemake_itself_is_a_stage(results):
    (results / "benchmarks" / profile.OWN_FILE).write_text('{"jobs": 7, "cpu": 3.0, "wall": 9.0}')
    run = profile.own_record(results)
    jobs = profile.job_records(results)
    assert profile.stages(jobs, run)[profile.SNAKEMAKE] == 3.0
    text = profile.page({"this run": profile.stages(jobs, run)}, jobs, run)
    assert "Snakemake ran 7 jobs in 9 s and used 3 s of CPU itself; all 7 jobs" in text


def test_runs_stand_side_by_side():
    table = profile.stage_table(
        {
            "before": {"training": 600.0, "figures": 60.0},
            "now": {"training": 60.0, profile.SNAKEMAKE: 6.0, profile.START: 3.0},
        }
    )
    assert table == [
        ["stage", "before", "now"],
        ["training", "10.00", "1.00"],
        ["figures", "1.00", ""],
        [profile.SNAKEMAKE, "", "0.10"],
        ["**all**", "**11.00**", "**1.10**"],
        [profile.START, "", "0.05"],
    ]


def test_a_folder_without_benchmarks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no benchmarks: run the workflow first"):
        profile.job_records(tmp_path)
