"""What the rules of the workflow ask for, job by job, without running any.

As a program it prints the jobs of the workflow in the current folder as JSON; `jobs_of` runs it.
"""

import json
import sys
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

import warm_python
from workflow_runs import outer_environment


def jobs_of(directory, *configurations):
    """Jobs of a copy of the project with configuration files, as dictionaries."""
    command = [__file__, *map(str, configurations)]
    code, output, errors = warm_python.run(command, directory, outer_environment())
    assert code == 0, output[-3000:] + errors[-3000:]
    return json.loads(output)


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
