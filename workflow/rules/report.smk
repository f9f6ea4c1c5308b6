from nd2fd.figures.entries.shared import contour_inputs
from nd2fd.io.checksums import sha256_of_config
from nd2fd.report import inputs


rule learning_table:
    input:
        **inputs.learning_inputs(PLAN),
    output:
        "<results>/tables/learning.csv",
    log:
        "<logs>/learning_table.log",
    benchmark:
        "<benchmarks>/learning_table.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["learning_table"],
        models={name: PLAN.kind(name) for name in PLAN.learned},
    message:
        "How well each member learned the cross section"
    script:
        "../scripts/learning_table.py"


if PLAN.has_far:

    rule oscillation_table:
        input:
            **contour_inputs(PLAN, PLAN.ensembles),
        output:
            "<results>/tables/oscillation.csv",
        log:
            "<logs>/oscillation_table.log",
        benchmark:
            "<benchmarks>/oscillation_table.tsv"
        localrule: True
        conda:
            "../../envs/nd2fd.yaml"
        params:
            code=CODE["oscillation_table"],
            ensembles=PLAN.ensembles,
            references=inputs.references(PLAN),
        message:
            "Best fits, errors and shifts of all ensembles"
        script:
            "../scripts/oscillation_table.py"

    rule systematics_table:
        input:
            **inputs.systematics_inputs(PLAN),
        output:
            csv="<results>/tables/systematics.csv",
            latex="<results>/tables/systematics.tex",
        log:
            "<logs>/systematics_table.log",
        benchmark:
            "<benchmarks>/systematics_table.tsv"
        localrule: True
        conda:
            "../../envs/nd2fd.yaml"
        params:
            code=CODE["systematics_table"],
            references=PLAN.systematics,
        message:
            "Shift and added width of each systematic uncertainty"
        script:
            "../scripts/systematics_table.py"


rule numbers_table:
    input:
        **inputs.numbers_inputs(PLAN),
    output:
        json=report("<results>/tables/numbers.json", category="9 Numbers"),
        latex="<results>/tables/numbers.tex",
    log:
        "<logs>/numbers_table.log",
    benchmark:
        "<benchmarks>/numbers_table.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        **inputs.numbers_params(PLAN),
        code=CODE["numbers_table"],
        config_sha256=sha256_of_config(config),
    message:
        "Numbers for captions and papers"
    script:
        "../scripts/numbers_table.py"


rule report_pages:
    input:
        numbers="<results>/tables/numbers.json",
        figures=expand("<results>/figs/{figure}.png", figure=FIGURES),
    output:
        **{figure: f"<results>/report/{figure}.rst" for figure in FIGURES},
        front="<results>/report/index.rst",
    log:
        "<logs>/report_pages.log",
    benchmark:
        "<benchmarks>/report_pages.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["report_pages"],
        config=config,
        sources=inputs.figure_sources(PLAN),
    message:
        "Front page and captions of the report"
    script:
        "../scripts/report_pages.py"
