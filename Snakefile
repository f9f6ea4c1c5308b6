# nd2fd: near-detector data to far-detector oscillation parameters with a learned cross section.
# Stages are in workflow/rules, one file each; what they compute is in src/nd2fd.
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


# Of `snakemake --report`; the rule report_pages makes it.
report: str(Path("results/report/index.rst").resolve())


include: "workflow/rules/common.smk"
include: "workflow/rules/slurm.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/truth.smk"
include: "workflow/rules/near_detector.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/far_detector.smk"
include: "workflow/rules/fits.smk"
include: "workflow/rules/ensembles.smk"
include: "workflow/rules/coverage.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


# On a cluster these run where Snakemake does: seconds each, however large the ensembles.
localrules:
    evolve_pdf,
    prepare_flux,
    tabulate_oscillation,
    detector_response,
    truth_densities,
    far_events,
    far_smeared,
    near_exact,
    slice_members,
    node_weights,
    learning_table,
    oscillation_table,
    systematics_table,
    numbers_table,
    report_pages,
    coverage,
    fig1,
    fig2,
    fig3,
    fig4,
    fig5,
    fig6,
    fig7,
    fig8,
    fig9,
    fig10,
    fig11,
    fig12,
    fig13,
    fig14,
    fig15,
    fig16,
    fig17,
    fig18,
    fig19,


rule all:
    default_target: True
    input:
        figures(),
        "results/tables/oscillation.csv",
        "results/tables/learning.csv",
        "results/tables/systematics.csv",
        "results/tables/numbers.json",
