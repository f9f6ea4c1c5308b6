rule train_member:
    input:
        near="results/near/{ensemble}/{member}.h5",
        truth="results/truth/densities.h5",
    output:
        "results/members/{ensemble}/{member}.h5",
    log:
        "results/logs/train_member/{ensemble}/{member}.log",
    benchmark:
        "results/benchmarks/train_member/{ensemble}/{member}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    # One thread whatever the machine offers: sums of floating-point numbers depend on how they are
    # split, and two members side by side use two cores better than one member does.
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("train_member"),
        grid=section("grid"),
        nodes=section("nodes"),
        training=section("training"),
        seed=CONFIG.seed,
        stream=network_stream,
    message:
        "Training {wildcards.ensemble}/{wildcards.member}"
    script:
        "../scripts/train_member.py"


rule predict_member:
    input:
        member="results/members/{ensemble}/{member}.h5",
        flux="results/inputs/flux.h5",
        oscillation="results/inputs/oscillation.h5",
    output:
        "results/predictions/{ensemble}/{member}.h5",
    log:
        "results/logs/predict_member/{ensemble}/{member}.log",
    benchmark:
        "results/benchmarks/predict_member/{ensemble}/{member}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("predict_member"),
        grid=section("grid"),
    message:
        "Densities predicted by {wildcards.ensemble}/{wildcards.member}"
    script:
        "../scripts/predict_member.py"


rule learning_table:
    input:
        truth="results/truth/densities.h5",
        members=members("members", *learned_ensembles()),
        predictions=members("predictions", *learned_ensembles()),
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
    message:
        "How well each member learned the cross section"
    script:
        "../scripts/learning_table.py"
