rule marginals_members:
    input:
        cross_section=cross_section_file,
        flux="results/inputs/flux.h5",
        oscillation="results/inputs/oscillation.h5",
    output:
        "results/marginals/{ensemble}/{batch}.h5",
    log:
        "results/logs/marginals_members/{ensemble}/{batch}.log",
    benchmark:
        "results/benchmarks/marginals_members/{ensemble}/{batch}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        code=code("marginals_members"),
        members=members,
        cross_section=lambda wildcards: ensemble(wildcards.ensemble).cross_section,
        grid={
            "n_energy": CONFIG.figures.marginal_grid,
            "n_v1": CONFIG.figures.marginal_grid,
            "n_v2": CONFIG.figures.marginal_grid,
            "subsamples": 1,
            "energy_max": CONFIG.grid.energy_max,
        },
    message:
        "Fine marginals of {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/marginals_members.py"


rule fig2:
    input:
        truth="results/truth/densities.h5",
        prediction="results/predictions/nominal/0.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig2.pdf",
        png="results/figs/fig2.png",
    log:
        "results/logs/fig2.log",
    benchmark:
        "results/benchmarks/fig2.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig2"),
    message:
        "Figure 2: Event densities at both detectors"
    script:
        "../scripts/fig2.py"


rule fig3:
    input:
        truth=batches("marginals", "truth"),
        members=batches("marginals", "seeds"),
        style=STYLE,
    output:
        pdf="results/figs/fig3.pdf",
        png="results/figs/fig3.png",
    log:
        "results/logs/fig3.log",
    benchmark:
        "results/benchmarks/fig3.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig3"),
    message:
        "Figure 3: One-dimensional marginals"
    script:
        "../scripts/fig3.py"


rule fig5:
    input:
        truth="results/truth/densities.h5",
        predictions=batches("predictions", "seeds"),
        style=STYLE,
    output:
        pdf="results/figs/fig5.pdf",
        png="results/figs/fig5.png",
    log:
        "results/logs/fig5.log",
    benchmark:
        "results/benchmarks/fig5.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig5"),
    message:
        "Figure 5: Total cross section"
    script:
        "../scripts/fig5.py"


rule fig8:
    input:
        truth="results/intervals/truth.h5",
        learned="results/intervals/nominal.h5",
        truth_fit="results/fits/truth/0.h5",
        learned_fit="results/fits/nominal/0.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig8.pdf",
        png="results/figs/fig8.png",
    log:
        "results/logs/fig8.log",
    benchmark:
        "results/benchmarks/fig8.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig8"),
        true_point=true_point(),
    message:
        "Figure 8: Oscillation contours, true and learned cross section"
    script:
        "../scripts/fig8.py"
