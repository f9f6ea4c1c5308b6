rule near_members:
    input:
        unpack(of_ensemble(PLAN.response)),
        truth="<results>/truth/densities.h5",
        flux="<results>/inputs/flux.h5",
    output:
        "<results>/near/{ensemble}/{batch}.h5",
    log:
        "<logs>/near_members/{ensemble}/{batch}.log",
    benchmark:
        "<benchmarks>/near_members/{ensemble}/{batch}.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1500,
    params:
        code=CODE["near_members"],
        members=of_batch(PLAN.members),
        seed=CONFIG.seed,
        n_events=of_ensemble(PLAN.near_events),
        streams=of_batch(PLAN.near_streams),
        bootstraps=of_batch(PLAN.near_bootstraps),
        nuisance_draws=of_batch(PLAN.draws),
        systematics=section("systematics"),
        setup=section("setup"),
        grid=section("grid"),
        smearing=of_ensemble(PLAN.smearing),
    message:
        "Near-detector data of {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/near_members.py"


rule near_events:
    input:
        truth="<results>/truth/densities.h5",
        flux="<results>/inputs/flux.h5",
    output:
        "<results>/near/events.h5",
    log:
        "<logs>/near_events.log",
    benchmark:
        "<benchmarks>/near_events.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["near_events"],
        seed=CONFIG.seed,
        n_events=CONFIG.near_detector.n_events,
        setup=section("setup"),
    message:
        "Drawing near-detector events"
    script:
        "../scripts/near_events.py"
