rule train_members:
    input:
        unpack(of_ensemble(PLAN.response)),
        unpack(of_ensemble(PLAN.start)),
        **PLAN.known_files,
        near=of_batch(partial(PLAN.near_data, kind="structure_functions")),
        flux="<results>/inputs/flux.h5",
    output:
        "<results>/members/{ensemble}/{batch}.h5",
    log:
        "<logs>/train_members/{ensemble}/{batch}.log",
    benchmark:
        "<benchmarks>/train_members/{ensemble}/{batch}.tsv"
    group:
        "training"
    conda:
        TRAINING_ENV
    # One thread whatever the machine offers: sums of floating-point numbers depend on how they are
    # split, and two members side by side use two cores better than one member does.
    threads: 1
    resources:
        mem_mb=2500,
    params:
        code=CODE["train_members"],
        seed=CONFIG.seed,
        streams=of_batch(PLAN.network_streams),
        setup=section("setup"),
        grid=section("grid"),
        nodes=section("nodes"),
        training=of_ensemble(PLAN.training),
    message:
        "Training {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/train_members.py"


rule train_flows:
    input:
        near=of_batch(partial(PLAN.near_data, kind="flow")),
    output:
        "<results>/flows/{ensemble}/{batch}.h5",
    log:
        "<logs>/train_flows/{ensemble}/{batch}.log",
    benchmark:
        "<benchmarks>/train_flows/{ensemble}/{batch}.tsv"
    group:
        "training"
    conda:
        TRAINING_ENV
    # As for train_members.
    threads: 1
    resources:
        mem_mb=2000,
    params:
        code=CODE["train_flows"],
        seed=CONFIG.seed,
        streams=of_batch(PLAN.network_streams),
        setup=section("setup"),
        grid=section("grid"),
        flow=section("flow"),
    message:
        "Training flows of {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/train_flows.py"
