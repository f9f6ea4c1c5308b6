"""What the rules of the workflow ask for, job by job, without running any.

As a program it prints the jobs of the workflow in the current folder as JSON; `jobs_of` runs it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings


def jobs_of(directory, *configurations):
    """Jobs of a copy of the project with configuration files, as dictionaries."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    command = [sys.executable, __file__, *map(str, configurations)]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout)


def named(values):
    """Named values of Snakemake, as a dictionary. A list of files is a list."""
    return {
        # A single one has no end.
        name: values[first] if last is None else list(values[first:last])
        for name, (first, last) in values._get_names()
    }


def main(configurations):
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            ResourceSettings(cores=1),
            ConfigSettings(configfiles=[Path(name) for name in configurations]),
            snakefile=Path("Snakefile"),
        )
        workflow.dag().execute_workflow("dryrun")
        jobs = [
            {
                "rule": job.rule.name,
                "wildcards": dict(job.wildcards_dict),
                "input": named(job.input),
                "output": list(job.output),
                "params": named(job.params),
            }
            for job in workflow._workflow.dag.jobs
        ]
    json.dump(jobs, sys.stdout, default=str)


if __name__ == "__main__":
    main(sys.argv[1:])
