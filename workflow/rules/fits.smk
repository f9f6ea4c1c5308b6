rule fit_members:
    input:
        events="results/far/events.h5",
        flux="results/inputs/flux.h5",
        cross_section=cross_section_file,
    output:
        "results/fits/{ensemble}/{batch}.h5",
    log:
        "results/logs/fit_members/{ensemble}/{batch}.log",
    benchmark:
        "results/benchmarks/fit_members/{ensemble}/{batch}.tsv"
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
        cross_section=lambda wildcards: ensemble(wildcards.ensemble).cross_section,
        grid={**section("grid"), "n_energy": CONFIG.far_detector.n_energy},
        oscillation=section("oscillation"),
        replicas=CONFIG.fits.replicas,
        sin2_theta23=CONFIG.fits.sin2_theta23,
        dm2_32=CONFIG.fits.dm2_32,
    message:
        "Fitting oscillation parameters with {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/fit_members.py"
