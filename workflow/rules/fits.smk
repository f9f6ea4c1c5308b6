rule fit_members:
    input:
        unpack(response_file),
        events=far_data,
        flux="results/inputs/flux.h5",
        cross_section=cross_section_file,
    output:
        "results/fits/{ensemble}/{batch}.h5",
    log:
        "results/logs/fit_members/{ensemble}/{batch}.log",
    benchmark:
        "results/benchmarks/fit_members/{ensemble}/{batch}.tsv"
    group:
        fit_group
    conda:
        "../../envs/nd2fd.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        code=code("fit_members"),
        members=members,
        seed=CONFIG.seed,
        flux_draws=flux_draws,
        smearing=section("smearing"),
        cross_section=lambda wildcards: cross_section_kind(wildcards.ensemble),
        grid={**section("grid"), "n_energy": CONFIG.far_detector.n_energy},
        oscillation=section("oscillation"),
        replicas=CONFIG.fits.replicas,
        sin2_theta23=fit_range("sin2_theta23"),
        dm2_32=fit_range("dm2_32"),
    message:
        "Fitting oscillation parameters with {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/fit_members.py"
