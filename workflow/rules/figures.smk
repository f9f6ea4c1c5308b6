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
    group:
        "marginals"
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


rule slice_members:
    input:
        cross_section=cross_section_file,
    output:
        "results/slices/{ensemble}/{batch}.h5",
    log:
        "results/logs/slice_members/{ensemble}/{batch}.log",
    benchmark:
        "results/benchmarks/slice_members/{ensemble}/{batch}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("slice_members"),
        members=members,
        cross_section=lambda wildcards: cross_section_kind(wildcards.ensemble),
        # With E_max = 10 GeV: 1, 3, 5, 7 and 9 GeV.
        grid={**section("grid"), "n_energy": 5},
    message:
        "Cross section at fixed energies of {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/slice_members.py"


rule node_weights:
    input:
        truth="results/truth/densities.h5",
        flux="results/inputs/flux.h5",
        oscillation="results/inputs/oscillation.h5",
    output:
        "results/truth/weights.h5",
    log:
        "results/logs/node_weights.log",
    benchmark:
        "results/benchmarks/node_weights.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1500,
        runtime=5,
    params:
        code=code("node_weights"),
        grid=section("grid"),
    message:
        "Weights of the structure functions at both detectors"
    script:
        "../scripts/node_weights.py"


rule fig1:
    input:
        style=STYLE,
    output:
        pdf="results/figs/fig1.pdf",
        png=report("results/figs/fig1.png", **in_report("fig1")),
    log:
        "results/logs/fig1.log",
    benchmark:
        "results/benchmarks/fig1.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig1"),
    message:
        "Figure 1: The analysis procedure"
    script:
        "../scripts/fig1.py"


rule fig2:
    input:
        truth="results/truth/densities.h5",
        prediction="results/predictions/nominal/0.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig2.pdf",
        png=report("results/figs/fig2.png", **in_report("fig2")),
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
        png=report("results/figs/fig3.png", **in_report("fig3")),
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


rule fig4:
    input:
        truth="results/slices/truth/0.h5",
        learned="results/slices/nominal/0.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig4.pdf",
        png=report("results/figs/fig4.png", **in_report("fig4")),
    log:
        "results/logs/fig4.log",
    benchmark:
        "results/benchmarks/fig4.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig4"),
    message:
        "Figure 4: Cross section at fixed energies"
    script:
        "../scripts/fig4.py"


rule fig5:
    input:
        truth="results/truth/densities.h5",
        predictions=batches("predictions", "seeds"),
        style=STYLE,
    output:
        pdf="results/figs/fig5.pdf",
        png=report("results/figs/fig5.png", **in_report("fig5")),
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


rule fig6:
    input:
        seeds=batches("members", "seeds"),
        nd30m=batches("members", "nd30m"),
        near="results/near/nd30m/0.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig6.pdf",
        png=report("results/figs/fig6.png", **in_report("fig6")),
    log:
        "results/logs/fig6.log",
    benchmark:
        "results/benchmarks/fig6.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig6"),
    message:
        "Figure 6: Training and test loss"
    script:
        "../scripts/fig6.py"


rule fig7:
    input:
        truth="results/truth/densities.h5",
        members=batches("members", "seeds"),
        weights="results/truth/weights.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig7.pdf",
        png=report("results/figs/fig7.png", **in_report("fig7")),
    log:
        "results/logs/fig7.log",
    benchmark:
        "results/benchmarks/fig7.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig7"),
    message:
        "Figure 7: Structure functions"
    script:
        "../scripts/fig7.py"


rule fig8:
    input:
        truth="results/intervals/truth.h5",
        nominal="results/intervals/nominal.h5",
        truth_fits=batches("fits", "truth"),
        nominal_fits=batches("fits", "nominal"),
        style=STYLE,
    output:
        pdf="results/figs/fig8.pdf",
        png=report("results/figs/fig8.png", **in_report("fig8")),
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


rule fig9:
    input:
        truth="results/intervals/truth.h5",
        nominal="results/intervals/nominal.h5",
        truth_fits=batches("fits", "truth"),
        nominal_fits=batches("fits", "nominal"),
        style=STYLE,
    output:
        pdf="results/figs/fig9.pdf",
        png=report("results/figs/fig9.png", **in_report("fig9")),
    log:
        "results/logs/fig9.log",
    benchmark:
        "results/benchmarks/fig9.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig9"),
        true_point=true_octant_point(),
    message:
        "Figure 9: Octants of theta23"
    script:
        "../scripts/fig9.py"


rule fig10:
    input:
        truth="results/truth/densities.h5",
        prediction="results/predictions/flow/0.h5",
        flows=batches("flows", "flow"),
        members=batches("members", "seeds"),
        style=STYLE,
    output:
        pdf="results/figs/fig10.pdf",
        png=report("results/figs/fig10.png", **in_report("fig10")),
    log:
        "results/logs/fig10.log",
    benchmark:
        "results/benchmarks/fig10.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig10"),
    message:
        "Figure 10: Normalising flow at the near detector"
    script:
        "../scripts/fig10.py"


rule fig11:
    input:
        truth="results/truth/densities.h5",
        flow_predictions=batches("predictions", "flow"),
        predictions=batches("predictions", "seeds"),
        true_slices="results/slices/truth/0.h5",
        flow_slices="results/slices/flow/0.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig11.pdf",
        png=report("results/figs/fig11.png", **in_report("fig11")),
    log:
        "results/logs/fig11.log",
    benchmark:
        "results/benchmarks/fig11.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig11"),
    message:
        "Figure 11: Normalising flow at the far detector and at fixed energies"
    script:
        "../scripts/fig11.py"


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
        png=report("results/figs/fig12.png", **in_report("fig12")),
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
        png=report("results/figs/fig13.png", **in_report("fig13")),
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
        png=report("results/figs/fig14.png", **in_report("fig14")),
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
        png=report("results/figs/fig15.png", **in_report("fig15")),
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
        png=report("results/figs/fig16.png", **in_report("fig16")),
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
        png=report("results/figs/fig17.png", **in_report("fig17")),
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


rule fig18:
    input:
        flux="results/inputs/flux.h5",
        oscillation="results/inputs/oscillation.h5",
        truth="results/truth/densities.h5",
        weights="results/truth/weights.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig18.pdf",
        png=report("results/figs/fig18.png", **in_report("fig18")),
    log:
        "results/logs/fig18.log",
    benchmark:
        "results/benchmarks/fig18.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("fig18"),
    message:
        "Figure 18: Inputs and kinematic coverage"
    script:
        "../scripts/fig18.py"


rule fig19:
    input:
        truth="results/coverage/truth.h5",
        systematics="results/coverage/systematics.h5",
        style=STYLE,
    output:
        pdf="results/figs/fig19.pdf",
        png=report("results/figs/fig19.png", **in_report("fig19")),
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
