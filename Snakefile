# nd2fd: near-detector data to far-detector oscillation parameters with a learned cross section.
# Stages are in workflow/rules, one file each; what they compute is in src/nd2fd.
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"


# Of `snakemake --report`; the rule report_pages makes it.
report: str(Path(PLAN.path("report/index.rst")).resolve())


include: "workflow/rules/slurm.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/truth.smk"
include: "workflow/rules/near_detector.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/predictions.smk"
include: "workflow/rules/event_files.smk"
include: "workflow/rules/measurements.smk"
include: "workflow/rules/leptons.smk"


if PLAN.has_far:

    include: "workflow/rules/far_detector.smk"
    include: "workflow/rules/fits.smk"
    include: "workflow/rules/coverage.smk"
    include: "workflow/rules/joint.smk"
    include: "workflow/rules/beams.smk"


include: "workflow/rules/data.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        expand("<results>/figs/{figure}.{ext}", figure=FIGURES, ext=["pdf", "png"]),
        [figure.data(PLAN) for figure in FIGURES.values()],
        PLAN.tables,
