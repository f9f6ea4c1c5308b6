# nd2fd: near-detector data to far-detector oscillation parameters with a learned cross section.
# Stages are in workflow/rules, one file each; what they compute is in src/nd2fd.
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/truth.smk"
include: "workflow/rules/near_detector.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/far_detector.smk"
include: "workflow/rules/fits.smk"
include: "workflow/rules/ensembles.smk"
include: "workflow/rules/coverage.smk"
include: "workflow/rules/figures.smk"


rule all:
    default_target: True
    input:
        figures(),
        "results/tables/oscillation.csv",
        "results/tables/learning.csv",
        "results/tables/systematics.csv",
