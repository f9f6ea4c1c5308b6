rule coverage_block:
    input:
        unpack(of_ensemble(PLAN.response)),
        **PLAN.spectra_files,
        truth="<results>/truth/densities.h5",
        members=of_ensemble(PLAN.models),
    output:
        "<results>/coverage/{ensemble}/{block}.h5",
    log:
        "<logs>/coverage_block/{ensemble}/{block}.log",
    benchmark:
        "<benchmarks>/coverage_block/{ensemble}/{block}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=3000,
    params:
        code=CODE["coverage_block"],
        experiments=of_block(PLAN.pseudo_experiments),
        seed=CONFIG.seed,
        n_events=CONFIG.far_detector.n_events,
        draw_flux=of_ensemble(PLAN.draws_flux_of_nature),
        nuisance_draws=of_ensemble(PLAN.draws),
        systematics=section("systematics"),
        setup=section("setup"),
        grid={**section("grid"), "n_energy": CONFIG.coverage.n_energy},
        smearing=of_ensemble(PLAN.smearing),
        cross_section=of_ensemble(PLAN.kind),
        oscillation=section("oscillation"),
        replicas=CONFIG.fits.replicas,
        sin2_theta23=of_ensemble(partial(PLAN.fit_range, parameter="sin2_theta23")),
        dm2_32=of_ensemble(partial(PLAN.fit_range, parameter="dm2_32")),
        octant=PLAN.true_octant,
        true_point=PLAN.true_point,
    message:
        "Pseudo-experiments with {wildcards.ensemble}, block {wildcards.block}"
    script:
        "../scripts/coverage_block.py"


rule coverage:
    input:
        blocks=of_ensemble(PLAN.coverage_blocks),
    output:
        "<results>/coverage/{ensemble}.h5",
    log:
        "<logs>/coverage/{ensemble}.log",
    benchmark:
        "<benchmarks>/coverage/{ensemble}.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["coverage"],
        seed=CONFIG.seed,
        true_point=PLAN.true_point,
    message:
        "Coverage of {wildcards.ensemble}"
    script:
        "../scripts/coverage.py"
