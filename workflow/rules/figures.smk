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
        cross_section=lambda wildcards: cross_section_kind(wildcards.ensemble),
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
        nominal="results/intervals/nominal.h5",
        truth_fits=batches("fits", "truth"),
        nominal_fits=batches("fits", "nominal"),
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


rule fig12:
    input:
        truth="results/intervals/truth.h5",
        nd30m="results/intervals/nd30m.h5",
        nd3m="results/intervals/nd3m.h5",
        truth_fits=batches("fits", "truth"),
        nd30m_fits=batches("fits", "nd30m"),
        nd3m_fits=batches("fits", "nd3m"),
        densities="results/truth/densities.h5",
        nd30m_near="results/near/nd30m/0.h5",
        nd3m_near="results/near/nd3m/0.h5",
        nd30m_prediction="results/predictions/nd30m/0.h5",
        nd3m_prediction="results/predictions/nd3m/0.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig12.pdf",
        png="results/figs/fig12.png",
    log:
        "results/logs/fig12.log",
    benchmark:
        "results/benchmarks/fig12.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig12"),
        true_point=true_point(),
    message:
        "Figure 12: Finite near-detector statistics"
    script:
        "../scripts/fig12.py"


rule fig13:
    input:
        truth="results/intervals/truth.h5",
        truth_smeared="results/intervals/truth_smeared.h5",
        smeared="results/intervals/smeared.h5",
        truth_fits=batches("fits", "truth"),
        truth_smeared_fits=batches("fits", "truth_smeared"),
        smeared_fits=batches("fits", "smeared"),
        response="results/inputs/response.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig13.pdf",
        png="results/figs/fig13.png",
    log:
        "results/logs/fig13.log",
    benchmark:
        "results/benchmarks/fig13.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig13"),
        true_point=true_point(),
        energy_max=CONFIG.grid.energy_max,
    message:
        "Figure 13: Smearing by the detectors"
    script:
        "../scripts/fig13.py"


rule fig14:
    input:
        flux="results/inputs/flux.h5",
        oscillation="results/inputs/oscillation.h5",
        fits=batches("fits", "flux_truth"),
        style=STYLE,
    output:
        pdf="results/figs/fig14.pdf",
        png="results/figs/fig14.png",
    log:
        "results/logs/fig14.log",
    benchmark:
        "results/benchmarks/fig14.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig14"),
    message:
        "Figure 14: Fluxes and their uncertainty"
    script:
        "../scripts/fig14.py"


rule fig15:
    input:
        truth="results/intervals/truth.h5",
        flux_truth="results/intervals/flux_truth.h5",
        flux="results/intervals/flux.h5",
        truth_fits=batches("fits", "truth"),
        flux_truth_fits=batches("fits", "flux_truth"),
        flux_fits=batches("fits", "flux"),
        style=STYLE,
    output:
        pdf="results/figs/fig15.pdf",
        png="results/figs/fig15.png",
    log:
        "results/logs/fig15.log",
    benchmark:
        "results/benchmarks/fig15.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig15"),
        true_point=true_point(),
    message:
        "Figure 15: Oscillation contours, uncertainty of the flux shape"
    script:
        "../scripts/fig15.py"


rule fig16:
    input:
        truth="results/intervals/truth.h5",
        seeds="results/intervals/seeds.h5",
        truth_fits=batches("fits", "truth"),
        seeds_fits=batches("fits", "seeds"),
        style=STYLE,
    output:
        pdf="results/figs/fig16.pdf",
        png="results/figs/fig16.png",
    log:
        "results/logs/fig16.log",
    benchmark:
        "results/benchmarks/fig16.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig16"),
        true_point=true_point(),
    message:
        "Figure 16: Oscillation contours, network seeds"
    script:
        "../scripts/fig16.py"


rule fig17:
    input:
        truth="results/intervals/truth.h5",
        truth_smeared="results/intervals/truth_smeared.h5",
        systematics="results/intervals/systematics.h5",
        truth_fits=batches("fits", "truth"),
        truth_smeared_fits=batches("fits", "truth_smeared"),
        systematics_fits=batches("fits", "systematics"),
        style=STYLE,
    output:
        pdf="results/figs/fig17.pdf",
        png="results/figs/fig17.png",
    log:
        "results/logs/fig17.log",
    benchmark:
        "results/benchmarks/fig17.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig17"),
        true_point=true_point(),
    message:
        "Figure 17: Oscillation contours, all systematic uncertainties"
    script:
        "../scripts/fig17.py"


rule fig19:
    input:
        truth="results/coverage/truth.h5",
        systematics="results/coverage/systematics.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig19.pdf",
        png="results/figs/fig19.png",
    log:
        "results/logs/fig19.log",
    benchmark:
        "results/benchmarks/fig19.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig19"),
    message:
        "Figure 19: Calibration"
    script:
        "../scripts/fig19.py"
