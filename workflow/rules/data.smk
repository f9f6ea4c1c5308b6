if PLAN.near_file is not None:

    rule read_near_events:
        input:
            events=PLAN.near_file,
        output:
            "<results>/near/histogram.h5",
        log:
            "<logs>/read_near_events.log",
        benchmark:
            "<benchmarks>/read_near_events.tsv"
        conda:
            "../../envs/nd2fd.yaml"
        resources:
            mem_mb=1500,
        params:
            code=CODE["read_near_events"],
            setup=section("setup"),
            grid=section("grid"),
            reading=PLAN.reading("near_detector"),
            n_events=CONFIG.near_detector.n_events,
            section="near_detector",
        message:
            "Reading near-detector events"
        script:
            "../scripts/read_near_events.py"

    rule near_members_of_file:
        input:
            unpack(of_ensemble(PLAN.near_events_of_file)),
            flux="<results>/inputs/flux.h5",
        output:
            "<results>/near/{ensemble}/{batch}.h5",
        log:
            "<logs>/near_members_of_file/{ensemble}/{batch}.log",
        benchmark:
            "<benchmarks>/near_members_of_file/{ensemble}/{batch}.tsv"
        wildcard_constraints:
            ensemble="|".join(PLAN.with_near_events) or "-",
        localrule: True
        conda:
            "../../envs/nd2fd.yaml"
        resources:
            mem_mb=1500,
        params:
            code=CODE["near_members_of_file"],
            members=of_batch(PLAN.members),
            seed=CONFIG.seed,
            streams=of_batch(PLAN.near_bootstraps),
            nuisance_draws=of_batch(PLAN.draws),
            systematics=section("systematics"),
            setup=section("setup"),
            grid=section("grid"),
            reading=PLAN.reading("near_detector"),
        message:
            "Near-detector data of {wildcards.ensemble}, batch {wildcards.batch}"
        script:
            "../scripts/near_members_of_file.py"

    ruleorder: near_members_of_file > near_members


if PLAN.far_file is not None:

    rule read_far_events:
        input:
            events=PLAN.far_file,
        output:
            "<results>/far/events.h5",
        log:
            "<logs>/read_far_events.log",
        benchmark:
            "<benchmarks>/read_far_events.tsv"
        localrule: True
        conda:
            "../../envs/nd2fd.yaml"
        params:
            code=CODE["read_far_events"],
            setup=section("setup"),
            reading=PLAN.reading("far_detector"),
            n_events=CONFIG.far_detector.n_events,
        message:
            "Reading far-detector events"
        script:
            "../scripts/read_far_events.py"

    ruleorder: read_far_events > far_events
