rule tabulate_oscillation:
    output:
        "<results>/inputs/oscillation.h5",
    log:
        "<logs>/tabulate_oscillation.log",
    benchmark:
        "<benchmarks>/tabulate_oscillation.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["tabulate_oscillation"],
        setup=section("setup"),
        oscillation=section("oscillation"),
    message:
        "Tabulating the survival probability at the truth"
    script:
        "../scripts/tabulate_oscillation.py"


rule far_events:
    input:
        **PLAN.truth_files,
        **PLAN.spectra_files,
    output:
        "<results>/far/events.h5",
    log:
        "<logs>/far_events.log",
    benchmark:
        "<benchmarks>/far_events.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["far_events"],
        seed=CONFIG.seed,
        n_events=CONFIG.far_detector.n_events,
        setup=section("setup"),
        truth=section("truth"),
        member=CONFIG.pdf.member,
        reader=CONFIG.pdf.reader,
    message:
        "Drawing far-detector events"
    script:
        "../scripts/far_events.py"


rule far_smeared:
    input:
        events="<results>/far/events.h5",
    output:
        "<results>/far/smeared.h5",
    log:
        "<logs>/far_smeared.log",
    benchmark:
        "<benchmarks>/far_smeared.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["far_smeared"],
        seed=CONFIG.seed,
        setup=section("setup"),
        smearing=section("smearing"),
    message:
        "Smearing the far-detector events"
    script:
        "../scripts/far_smeared.py"
