rule coverage_block:
    input:
        unpack(response_file),
        unpack(all_cross_sections),
        truth="results/truth/densities.h5",
        flux="results/inputs/flux.h5",
        oscillation="results/inputs/oscillation.h5",
    output:
        "results/coverage/{ensemble}/{block}.h5",
    log:
        "results/logs/coverage_block/{ensemble}/{block}.log",
    benchmark:
        "results/benchmarks/coverage_block/{ensemble}/{block}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        code=code("coverage_block"),
        experiments=pseudo_experiments,
        cross_section=lambda wildcards: cross_section_kind(wildcards.ensemble),
        seed=CONFIG.seed,
        flux_draws=all_flux_draws,
        smearing=section("smearing"),
        grid={**section("grid"), "n_energy": CONFIG.coverage.n_energy},
        n_events=CONFIG.far_detector.n_events,
        oscillation=section("oscillation"),
        replicas=CONFIG.fits.replicas,
        sin2_theta23=fit_range("sin2_theta23"),
        dm2_32=fit_range("dm2_32"),
        true_point=true_point(),
    message:
        "Pseudo-experiments with {wildcards.ensemble}, block {wildcards.block}"
    script:
        "../scripts/coverage_block.py"


rule coverage:
    input:
        blocks=lambda wildcards: coverage_blocks(wildcards.ensemble),
    output:
        "results/coverage/{ensemble}.h5",
    log:
        "results/logs/coverage/{ensemble}.log",
    benchmark:
        "results/benchmarks/coverage/{ensemble}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("coverage"),
        seed=CONFIG.seed,
        true_point=true_point(),
    message:
        "Coverage of {wildcards.ensemble}"
    script:
        "../scripts/coverage.py"
