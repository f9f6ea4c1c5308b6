rule event_file:
    input:
        unpack(of_sample(PLAN.event_inputs)),
    output:
        "<results>/events/{sample}.{format}",
    log:
        "<logs>/event_file/{sample}.{format}.log",
    benchmark:
        "<benchmarks>/event_file/{sample}.{format}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=2000,
    params:
        code=CODE["event_file"],
        seed=CONFIG.seed,
        setup=section("setup"),
        grid=section("grid"),
        sample=of_sample(PLAN.event_section),
        source=of_sample(PLAN.event_source),
    message:
        "Events {wildcards.sample}, as {wildcards.format}"
    script:
        "../scripts/event_file.py"
