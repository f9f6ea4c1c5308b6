rule near_members:
    input:
        unpack(response_file),
        truth="results/truth/densities.h5",
        flux="results/inputs/flux.h5",
    output:
        "results/near/{ensemble}/{batch}.h5",
    log:
        "results/logs/near_members/{ensemble}/{batch}.log",
    benchmark:
        "results/benchmarks/near_members/{ensemble}/{batch}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        code=code("near_members"),
        members=members,
        seed=CONFIG.seed,
        n_events=lambda wildcards: ensemble(wildcards.ensemble).near_events or 0,
        streams=near_streams,
        flux_draws=flux_draws,
        grid=section("grid"),
        smearing=section("smearing"),
    message:
        "Near-detector data of {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/near_members.py"


# Without events to draw it is a matter of a second.
use rule near_members as near_exact with:
    wildcard_constraints:
        ensemble="|".join(exact_ensembles()),


ruleorder: near_exact > near_members


rule near_events:
    input:
        truth="results/truth/densities.h5",
        flux="results/inputs/flux.h5",
    output:
        "results/near/events.h5",
    log:
        "results/logs/near_events.log",
    benchmark:
        "results/benchmarks/near_events.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("near_events"),
        seed=CONFIG.seed,
        n_events=CONFIG.near_detector.n_events,
        energy_max=CONFIG.grid.energy_max,
    message:
        "Drawing near-detector events"
    script:
        "../scripts/near_events.py"
