rule truth_densities:
    input:
        **pdf_set(),
        flux="results/inputs/flux.h5",
        oscillation="results/inputs/oscillation.h5",
    output:
        "results/truth/densities.h5",
    log:
        "results/logs/truth_densities.log",
    benchmark:
        "results/benchmarks/truth_densities.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("truth_densities"),
        grid=section("grid"),
        nodes=section("nodes"),
        member=CONFIG.pdf.member,
        reader=CONFIG.pdf.reader,
    message:
        "Computing the toy truth at both detectors"
    script:
        "../scripts/truth_densities.py"
