rule predict_members:
    input:
        **PLAN.spectra_files,
        cross_section=of_batch(PLAN.cross_section),
    output:
        "<results>/predictions/{ensemble}/{batch}.h5",
    log:
        "<logs>/predict_members/{ensemble}/{batch}.log",
    benchmark:
        "<benchmarks>/predict_members/{ensemble}/{batch}.tsv"
    group:
        "training"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
    params:
        code=CODE["predict_members"],
        members=of_batch(PLAN.members),
        cross_section=of_ensemble(PLAN.kind),
        setup=section("setup"),
        grid=section("grid"),
    message:
        "Densities predicted by {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/predict_members.py"


rule marginals_members:
    input:
        **PLAN.spectra_files,
        cross_section=of_batch(PLAN.cross_section),
    output:
        "<results>/marginals/{ensemble}/{batch}.h5",
    log:
        "<logs>/marginals_members/{ensemble}/{batch}.log",
    benchmark:
        "<benchmarks>/marginals_members/{ensemble}/{batch}.tsv"
    group:
        "marginals"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=2000,
    params:
        code=CODE["marginals_members"],
        members=of_batch(PLAN.members),
        cross_section=of_ensemble(PLAN.kind),
        setup=section("setup"),
        grid={
            **dict.fromkeys(
                ["n_energy", "n_v1", "n_v2"], CONFIG.figures.marginal_grid
            ),
            "subsamples": 1,
        },
    message:
        "Fine marginals of {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/marginals_members.py"


rule slice_members:
    input:
        cross_section=of_batch(PLAN.cross_section),
    output:
        "<results>/slices/{ensemble}/{batch}.h5",
    log:
        "<logs>/slice_members/{ensemble}/{batch}.log",
    benchmark:
        "<benchmarks>/slice_members/{ensemble}/{batch}.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["slice_members"],
        members=of_batch(PLAN.members),
        cross_section=of_ensemble(PLAN.kind),
        setup=section("setup"),
        # With E_max = 10 GeV: 1, 3, 5, 7 and 9 GeV.
        grid={**section("grid"), "n_energy": 5},
    message:
        "Cross section at fixed energies of {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/slice_members.py"
