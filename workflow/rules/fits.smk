rule fit_member:
    input:
        events="results/far/events.h5",
        flux="results/inputs/flux.h5",
        cross_section=cross_section_file,
    output:
        "results/fits/{ensemble}/{member}.h5",
    log:
        "results/logs/fit_member/{ensemble}/{member}.log",
    benchmark:
        "results/benchmarks/fit_member/{ensemble}/{member}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        code=code("fit_member"),
        seed=CONFIG.seed,
        cross_section=lambda wildcards: ensemble(wildcards.ensemble).cross_section,
        grid={**section("grid"), "n_energy": CONFIG.far_detector.n_energy},
        oscillation=section("oscillation"),
        replicas=CONFIG.fits.replicas,
        sin2_theta23=CONFIG.fits.sin2_theta23,
        dm2_32=CONFIG.fits.dm2_32,
    message:
        "Fitting oscillation parameters with {wildcards.ensemble}/{wildcards.member}"
    script:
        "../scripts/fit_member.py"
