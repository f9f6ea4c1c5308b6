from nd2fd.io.artifacts import sha256_of_config


rule numbers_table:
    input:
        **{
            f"{name}_intervals": f"results/intervals/{name}.h5"
            for name in CONFIG.ensembles
        },
        **{f"{name}_fits": batches("fits", name) for name in ("truth", "nominal")},
        **{
            f"{name}_coverage": f"results/coverage/{name}.h5"
            for name in ("truth", "systematics")
        },
        **{
            f"{name}_marginals": batches("marginals", name)
            for name in ("truth", "seeds")
        },
        **{
            f"{name}_slices": f"results/slices/{name}/0.h5"
            for name in ("truth", "nominal", "flow")
        },
        oscillation="results/tables/oscillation.csv",
        systematics="results/tables/systematics.csv",
        learning="results/tables/learning.csv",
        nd30m_near="results/near/nd30m/0.h5",
        nd3m_near="results/near/nd3m/0.h5",
        nd30m_prediction="results/predictions/nd30m/0.h5",
        nd3m_prediction="results/predictions/nd3m/0.h5",
        densities="results/truth/densities.h5",
        weights="results/truth/weights.h5",
        flux="results/inputs/flux.h5",
        response="results/inputs/response.h5",
        far_events="results/far/events.h5",
    output:
        json=report("results/tables/numbers.json", category="7 Numbers"),
        latex="results/tables/numbers.tex",
    log:
        "results/logs/numbers_table.log",
    benchmark:
        "results/benchmarks/numbers_table.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("numbers_table"),
        config_sha256=sha256_of_config(config),
        seed=CONFIG.seed,
        ensembles=list(CONFIG.ensembles),
        references={"nominal": "truth", **SYSTEMATICS},
        true_sin2_theta23=CONFIG.oscillation.sin2_theta23,
        true_point=true_point(),
    message:
        "Numbers for captions and papers"
    script:
        "../scripts/numbers_table.py"


rule report_pages:
    input:
        numbers="results/tables/numbers.json",
        figures=expand("results/figs/{figure}.png", figure=FIGURES),
    output:
        **{figure: f"results/report/{figure}.rst" for figure in FIGURES},
        front="results/report/index.rst",
    log:
        "results/logs/report_pages.log",
    benchmark:
        "results/benchmarks/report_pages.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("report_pages"),
        config=config,
    message:
        "Front page and captions of the report"
    script:
        "../scripts/report_pages.py"
