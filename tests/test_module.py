"""The workflow as a module of another one, as docs/howto/module.md says."""

import re

from workflow_runs import ROOT, job_counts, snakemake


def test_dry_run_of_the_how_to(tmp_path):
    page = (ROOT / "docs/howto/module.md").read_text("utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (command,) = re.findall(r"^snakemake (.*)$", page, re.MULTILINE)
    (tmp_path / "Snakefile").write_text(program.replace("/path/to/nd2fd", str(ROOT)), "utf-8")
    rc, output = snakemake(tmp_path, *command.replace("/path/to/nd2fd", str(ROOT)).split())
    assert rc == 0, output
    jobs = job_counts(output)
    # The chain from the flux to the fits of the one member, and the rule of the user behind it.
    assert {"prepare_flux", "truth_densities", "train_members", "far_events", "mine"} <= set(jobs)
    assert jobs["fit_members"] == jobs["ensemble_intervals"] == 1
