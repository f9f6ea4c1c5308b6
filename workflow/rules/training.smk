rule train_members:
    input:
        unpack(response_file),
        near=near_file("structure_functions"),
        truth="results/truth/densities.h5",
    output:
        "results/members/{ensemble}/{batch}.h5",
    log:
        "results/logs/train_members/{ensemble}/{batch}.log",
    benchmark:
        "results/benchmarks/train_members/{ensemble}/{batch}.tsv"
    group:
        "training"
    conda:
        TRAINING_ENV
    # One thread whatever the machine offers: sums of floating-point numbers depend on how they are
    # split, and two members side by side use two cores better than one member does.
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("train_members"),
        grid=section("grid"),
        nodes=section("nodes"),
        training=training_settings,
        seed=CONFIG.seed,
        streams=network_streams,
    message:
        "Training {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/train_members.py"


rule train_flows:
    input:
        near=near_file("flow"),
    output:
        "results/flows/{ensemble}/{batch}.h5",
    log:
        "results/logs/train_flows/{ensemble}/{batch}.log",
    benchmark:
        "results/benchmarks/train_flows/{ensemble}/{batch}.tsv"
    group:
        "training"
    conda:
        TRAINING_ENV
    # As for train_members.
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("train_flows"),
        grid=section("grid"),
        flow=section("flow"),
        seed=CONFIG.seed,
        streams=network_streams,
    message:
        "Training flows of {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/train_flows.py"


rule predict_members:
    input:
        cross_section=cross_section_file,
        flux="results/inputs/flux.h5",
        oscillation="results/inputs/oscillation.h5",
    output:
        "results/predictions/{ensemble}/{batch}.h5",
    log:
        "results/logs/predict_members/{ensemble}/{batch}.log",
    benchmark:
        "results/benchmarks/predict_members/{ensemble}/{batch}.tsv"
    group:
        "training"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("predict_members"),
        members=members,
        cross_section=lambda wildcards: cross_section_kind(wildcards.ensemble),
        grid=section("grid"),
    message:
        "Densities predicted by {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/predict_members.py"


rule learning_table:
    input:
        **{
            f"{name}_models": batches(LEARNED[cross_section_kind(name)], name)
            for name in learned_ensembles()
        },
        **{
            f"{name}_predictions": batches("predictions", name)
            for name in learned_ensembles()
        },
        truth="results/truth/densities.h5",
    output:
        "results/tables/learning.csv",
    log:
        "results/logs/learning_table.log",
    benchmark:
        "results/benchmarks/learning_table.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=code("learning_table"),
        models={name: cross_section_kind(name) for name in learned_ensembles()},
    message:
        "How well each member learned the cross section"
    script:
        "../scripts/learning_table.py"
