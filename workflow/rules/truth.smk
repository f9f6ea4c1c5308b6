rule truth_table:
    input:
        **PLAN.table_files,
    output:
        "<results>/truth/table.h5",
    log:
        "<logs>/truth_table.log",
    benchmark:
        "<benchmarks>/truth_table.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["truth_table"],
        setup=section("setup"),
        truth=section("truth"),
        member=CONFIG.pdf.member,
        reader=CONFIG.pdf.reader,
    message:
        "Tabulating the structure functions of the truth"
    script:
        "../scripts/truth_table.py"


rule truth_densities:
    input:
        unpack(asked([], PLAN.files_of_truth)),
    output:
        "<results>/truth/densities.h5",
    log:
        "<logs>/truth_densities.log",
    benchmark:
        "<benchmarks>/truth_densities.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["truth_densities"],
        setup=section("setup"),
        truth=section("truth"),
        grid=section("grid"),
        nodes=section("nodes"),
        member=CONFIG.pdf.member,
        reader=CONFIG.pdf.reader,
    message:
        "Computing the truth at the detectors"
    script:
        "../scripts/truth_densities.py"


rule node_weights:
    input:
        **PLAN.spectra_files,
        **PLAN.known_files,
    output:
        "<results>/truth/weights.h5",
    log:
        "<logs>/node_weights.log",
    benchmark:
        "<benchmarks>/node_weights.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1500,
    params:
        code=CODE["node_weights"],
        setup=section("setup"),
        grid=section("grid"),
        nodes=section("nodes"),
    message:
        "Weights of the structure functions at the detectors"
    script:
        "../scripts/node_weights.py"
