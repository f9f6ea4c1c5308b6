# The checked configuration, and how rules ask what depends on what: nd2fd.plan knows it.
import json
import sys
import time
from functools import partial
from os.path import relpath
from pathlib import Path

import yaml
from psutil import Process
from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod
from snakemake.logging import logger
from snakemake.utils import update_config

from nd2fd.config import results_folder
from nd2fd.config.files import check_file
from nd2fd.config.machine import refuse_absent_gpu, refuse_path_of_python
from nd2fd.config.problems import validate_config
from nd2fd.config.reading import in_order_of, typed_values
from nd2fd.config.truth import refuse_unusable_truth
from nd2fd.figures.catalogue import CATALOGUE, present
from nd2fd.io.digest import code_digest, recalled
from nd2fd.io.failures import failures, forget_logs
from nd2fd.plan import Plan
from nd2fd.report.profile import OWN_FILE

# Of this file, whether Snakefile is run or used as a module of another one.
CLONE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1]

try:
    refuse_path_of_python()
    for path in workflow.configfiles:
        check_file(path)
    # Snakemake reads nested values of --config as text.
    update_config(config, typed_values(workflow.config_settings.config))
    default = yaml.safe_load(Path(CLONE, "config/config.yaml").read_text())
    CONFIG = validate_config(in_order_of(config, default))
    results_folder.refuse_folder_inside_a_file(CONFIG)
    results_folder.refuse_results_of_another_size(CONFIG, sys.argv)
    if workflow.is_main_process:  # once, not again in every job
        refuse_unusable_truth(CONFIG)
        for remark in CONFIG.warnings:
            logger.warning(remark)
    PLAN = Plan(CONFIG)
    PLAN.refuse_unknown_figures(CATALOGUE)
except ValueError as error:
    raise WorkflowError(str(error)) from None

section = PLAN.section
# Those whose ensembles the configuration has.
FIGURES = present(PLAN)
# Conda environment of the rules that train; relative to the file of the rule.
TRAINING_ENV = (
    f"../../envs/nd2fd{'-cuda' if CONFIG.training.device == 'cuda' else ''}.yaml"
)
# Relative, so that a clone that moved reruns nothing.
STYLE = relpath(CLONE / "workflow" / "figures.mplstyle")


pathvars:
    results=PLAN.path("."),
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


wildcard_constraints:
    ensemble="[a-z][a-z0-9_]*",
    fit="[a-z][a-z0-9_]*",
    beam="[a-z][a-z0-9_]*",
    detector="exact|smeared",
    batch="0|[1-9][0-9]*",
    block="0|[1-9][0-9]*",
    angle=r"[0-9]+(\.[0-9]+)?",
    sample="[a-z][a-z0-9_]*",
    measurement="[a-z][a-z0-9_]*",
    analysis="[a-z][a-z0-9_]*",
    source="[a-z][a-z0-9_]*",
    format="hepmc3|h5|csv",


def rules_of(job):
    """The jobs of a group of rules, or the one job that it is."""
    return job.jobs if job.is_group() else [job]


def name_of(job):
    """Rule and first output of a job."""
    return job.rule.name, str(job.output[0])


# Number of jobs of this run, for its profile.
RUN = {}

# What Slurm did not accept, by name of the job, and what it said; rules/slurm.smk fills it.
REFUSALS = {}


onstart:
    to_run = list(workflow.dag.needrun_jobs())
    RUN["jobs"] = len(to_run)
    trains = any(
        job.rule.name in ("train_members", "train_flows", "lepton_networks")
        for job in to_run
    )
    in_conda = (
        DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
    )
    try:
        refuse_absent_gpu(
            CONFIG.training.device, trains and workflow.local_exec and not in_conda
        )
        for job in to_run:
            forget_logs(job.log)
        results_folder.mark_results(CONFIG)
    except (ValueError, OSError) as error:
        raise WorkflowError(str(error)) from None


# What Snakemake itself used, for the profile.
onsuccess:
    RUN["cpu"] = time.process_time()
    RUN["wall"] = time.time() - Process().create_time()
    Path(PLAN.path("benchmarks"), OWN_FILE).write_text(json.dumps(RUN) + "\n")


# The last lines of a failed run: what failed, one line for each job.
onerror:
    for failed in workflow.scheduler.failed:
        jobs = [(*name_of(job), job.log) for job in rules_of(failed)]
        print(*failures(jobs, REFUSALS), sep="\n", file=sys.stderr)


# By script, and by figure, a digest of the modules it uses: a change in any reruns its rule.
SCRIPTS = Path(CLONE, "workflow", "scripts")
with recalled(Path(".snakemake", "nd2fd-digests.json")):
    CODE = {script.stem: code_digest(script) for script in SCRIPTS.glob("*.py")}
    CODE |= {
        figure.name: code_digest(
            SCRIPTS / "figure.py", f"nd2fd.figures.{figure.module}"
        )
        for figure in FIGURES.values()
    }


def asked(wildcard_names, method):
    """Function of a rule's wildcards that asks a method of the plan about those of these names."""

    def answer(wildcards):
        values = [getattr(wildcards, name) for name in wildcard_names]
        try:
            return method(*(int(v) if v.isdigit() else v for v in values))
        except ValueError as error:
            raise WorkflowError(str(error)) from None

    return answer


of_ensemble = partial(asked, ["ensemble"])
of_batch = partial(asked, ["ensemble", "batch"])
of_block = partial(asked, ["ensemble", "block"])
of_detector = partial(asked, ["detector"])
of_beam = partial(asked, ["beam"])
of_joint_fit = partial(asked, ["fit"])
of_joint_block = partial(asked, ["fit", "block"])
of_sample = partial(asked, ["sample"])
of_measurement = partial(asked, ["measurement"])
of_source = partial(asked, ["source"])
of_analysis = partial(asked, ["analysis"])
