rule ensemble_intervals:
    input:
        fits=lambda wildcards: batches("fits", wildcards.ensemble),
    output:
        "results/intervals/{ensemble}.h5",
    log:
        "results/logs/ensemble_intervals/{ensemble}.log",
    benchmark:
        "results/benchmarks/ensemble_intervals/{ensemble}.tsv"
    group:
        fit_group
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=15,
    params:
        code=code("ensemble_intervals"),
        points=CONFIG.regions.points,
        sin2_theta23=fit_range("sin2_theta23"),
        dm2_32=fit_range("dm2_32"),
    message:
        "Confidence regions of {wildcards.ensemble}"
    script:
        "../scripts/ensemble_intervals.py"


rule oscillation_table:
    input:
        **{
            f"{name}_intervals": f"results/intervals/{name}.h5"
            for name in CONFIG.ensembles
        },
        **{f"{name}_fits": batches("fits", name) for name in CONFIG.ensembles},
    output:
        "results/tables/oscillation.csv",
    log:
        "results/logs/oscillation_table.log",
    benchmark:
        "results/benchmarks/oscillation_table.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=code("oscillation_table"),
        ensembles=list(CONFIG.ensembles),
        reference="truth",
    message:
        "Best fits, errors and shifts of all ensembles"
    script:
        "../scripts/oscillation_table.py"


rule systematics_table:
    input:
        **{
            f"{name}_intervals": f"results/intervals/{name}.h5"
            for name in {*SYSTEMATICS, *SYSTEMATICS.values()}
        },
        **{
            f"{name}_fits": batches("fits", name)
            for name in {*SYSTEMATICS, *SYSTEMATICS.values()}
        },
    output:
        csv="results/tables/systematics.csv",
        latex="results/tables/systematics.tex",
    log:
        "results/logs/systematics_table.log",
    benchmark:
        "results/benchmarks/systematics_table.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=code("systematics_table"),
        references=SYSTEMATICS,
    message:
        "Shift and added width of each systematic uncertainty"
    script:
        "../scripts/systematics_table.py"
