rule far_events:
    input:
        **pdf_set(),
        flux="results/inputs/flux.h5",
        oscillation="results/inputs/oscillation.h5",
    output:
        "results/far/events.h5",
    log:
        "results/logs/far_events.log",
    benchmark:
        "results/benchmarks/far_events.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("far_events"),
        seed=CONFIG.seed,
        n_events=CONFIG.far_detector.n_events,
        energy_max=CONFIG.grid.energy_max,
        member=CONFIG.pdf.member,
        reader=CONFIG.pdf.reader,
    message:
        "Drawing far-detector events"
    script:
        "../scripts/far_events.py"


rule far_smeared:
    input:
        events="results/far/events.h5",
    output:
        "results/far/smeared.h5",
    log:
        "results/logs/far_smeared.log",
    benchmark:
        "results/benchmarks/far_smeared.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=code("far_smeared"),
        seed=CONFIG.seed,
        energy_max=CONFIG.grid.energy_max,
        smearing=section("smearing"),
    message:
        "Smearing the far-detector events"
    script:
        "../scripts/far_smeared.py"
