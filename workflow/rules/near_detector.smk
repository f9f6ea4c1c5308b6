rule near_member:
    input:
        truth="results/truth/densities.h5",
    output:
        "results/near/{ensemble}/{member}.h5",
    log:
        "results/logs/near_member/{ensemble}/{member}.log",
    benchmark:
        "results/benchmarks/near_member/{ensemble}/{member}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=code("near_member"),
    message:
        "Near-detector data of {wildcards.ensemble}/{wildcards.member}"
    script:
        "../scripts/near_member.py"
