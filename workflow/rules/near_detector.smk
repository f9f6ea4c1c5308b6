rule near_members:
    input:
        truth="results/truth/densities.h5",
    output:
        "results/near/{ensemble}/{batch}.h5",
    log:
        "results/logs/near_members/{ensemble}/{batch}.log",
    benchmark:
        "results/benchmarks/near_members/{ensemble}/{batch}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=code("near_members"),
        members=members,
    message:
        "Near-detector data of {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/near_members.py"
