rule lepton_fit:
    input:
        unpack(of_analysis(PLAN.lepton_files)),
    output:
        "<results>/leptons/{analysis}/fit.h5",
    log:
        "<logs>/lepton_fit/{analysis}.log",
    benchmark:
        "<benchmarks>/lepton_fit/{analysis}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=3000,
    params:
        code=CODE["lepton_fit"],
        setup=section("setup"),
        truth=section("truth"),
        member=CONFIG.pdf.member,
        reader=CONFIG.pdf.reader,
        oscillation=section("oscillation"),
        nodes=section("nodes"),
        settings=of_analysis(PLAN.lepton_settings),
    message:
        "All leptons, {wildcards.analysis}"
    script:
        "../scripts/lepton_fit.py"


rule lepton_experiments:
    input:
        unpack(of_analysis(PLAN.lepton_files)),
    output:
        "<results>/leptons/{analysis}/experiments.h5",
    log:
        "<logs>/lepton_experiments/{analysis}.log",
    benchmark:
        "<benchmarks>/lepton_experiments/{analysis}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=3000,
    params:
        code=CODE["lepton_experiments"],
        setup=section("setup"),
        truth=section("truth"),
        member=CONFIG.pdf.member,
        reader=CONFIG.pdf.reader,
        oscillation=section("oscillation"),
        nodes=section("nodes"),
        settings=of_analysis(PLAN.lepton_settings),
        n_experiments=of_analysis(PLAN.lepton_experiments),
        analysis=lambda wildcards: wildcards.analysis,
        seed=CONFIG.seed,
    message:
        "Pseudo-experiments of all leptons, {wildcards.analysis}"
    script:
        "../scripts/lepton_experiments.py"


rule lepton_networks:
    input:
        unpack(of_analysis(PLAN.lepton_files)),
    output:
        "<results>/leptons/{analysis}/networks.h5",
    log:
        "<logs>/lepton_networks/{analysis}.log",
    benchmark:
        "<benchmarks>/lepton_networks/{analysis}.tsv"
    conda:
        TRAINING_ENV
    # As for train_members.
    threads: 1
    resources:
        mem_mb=3000,
    params:
        code=CODE["lepton_networks"],
        setup=section("setup"),
        truth=section("truth"),
        member=CONFIG.pdf.member,
        reader=CONFIG.pdf.reader,
        oscillation=section("oscillation"),
        nodes=section("nodes"),
        settings=of_analysis(PLAN.lepton_settings),
        seed=CONFIG.seed,
        streams=of_analysis(PLAN.lepton_networks),
        training=PLAN.lepton_training,
    message:
        "Networks of all leptons, {wildcards.analysis}"
    script:
        "../scripts/lepton_networks.py"
