rule fit_members:
    input:
        unpack(of_ensemble(PLAN.response)),
        events=of_ensemble(PLAN.far_data),
        flux="<results>/inputs/flux.h5",
        cross_section=of_batch(PLAN.cross_section),
    output:
        "<results>/fits/{ensemble}/{batch}.h5",
    log:
        "<logs>/fit_members/{ensemble}/{batch}.log",
    benchmark:
        "<benchmarks>/fit_members/{ensemble}/{batch}.tsv"
    group:
        of_ensemble(PLAN.fit_group)
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=2000,
    params:
        code=CODE["fit_members"],
        members=of_batch(PLAN.members),
        seed=CONFIG.seed,
        nuisance_draws=of_batch(PLAN.draws),
        systematics=section("systematics"),
        setup=section("setup"),
        grid={**section("grid"), "n_energy": CONFIG.far_detector.n_energy},
        smearing=of_ensemble(PLAN.smearing),
        cross_section=of_ensemble(PLAN.kind),
        oscillation=section("oscillation"),
        replicas=CONFIG.fits.replicas,
        sin2_theta23=of_ensemble(partial(PLAN.fit_range, parameter="sin2_theta23")),
        dm2_32=of_ensemble(partial(PLAN.fit_range, parameter="dm2_32")),
        octant=PLAN.true_octant,
    message:
        "Fitting oscillation parameters with {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/fit_members.py"


rule ensemble_intervals:
    input:
        fits=of_ensemble(partial(PLAN.batches, "fits")),
    output:
        "<results>/intervals/{ensemble}.h5",
    log:
        "<logs>/ensemble_intervals/{ensemble}.log",
    benchmark:
        "<benchmarks>/ensemble_intervals/{ensemble}.tsv"
    group:
        of_ensemble(PLAN.fit_group)
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["ensemble_intervals"],
        points=CONFIG.regions.points,
        sin2_theta23=of_ensemble(partial(PLAN.fit_range, parameter="sin2_theta23")),
        dm2_32=of_ensemble(partial(PLAN.fit_range, parameter="dm2_32")),
    message:
        "Confidence regions of {wildcards.ensemble}"
    script:
        "../scripts/ensemble_intervals.py"
