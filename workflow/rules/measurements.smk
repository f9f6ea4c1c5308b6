rule measurement:
    input:
        files=of_measurement(PLAN.measurement_files),
    output:
        "<results>/measurements/{measurement}.h5",
    log:
        "<logs>/measurement/{measurement}.log",
    benchmark:
        "<benchmarks>/measurement/{measurement}.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["measurement"],
        reading=of_measurement(PLAN.measurement_reading),
    message:
        "Measurement {wildcards.measurement}, as published"
    script:
        "../scripts/measurement.py"


rule measurement_fit:
    input:
        measurement="<results>/measurements/{measurement}.h5",
    output:
        "<results>/measurements/{measurement}/fit.h5",
    log:
        "<logs>/measurement_fit/{measurement}.log",
    benchmark:
        "<benchmarks>/measurement_fit/{measurement}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=2000,
    params:
        code=CODE["measurement_fit"],
        setup=of_measurement(PLAN.measurement_setup),
        settings=of_measurement(PLAN.measurement_settings),
    message:
        "Structure functions of {wildcards.measurement}"
    script:
        "../scripts/measurement_fit.py"


rule measurement_transfer:
    input:
        measurement="<results>/measurements/{measurement}.h5",
        source="<results>/measurements/{source}.h5",
    output:
        "<results>/measurements/{measurement}/from_{source}.h5",
    log:
        "<logs>/measurement_transfer/{measurement}_from_{source}.log",
    benchmark:
        "<benchmarks>/measurement_transfer/{measurement}_from_{source}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=2000,
    params:
        code=CODE["measurement_transfer"],
        setup=of_measurement(PLAN.measurement_setup),
        settings=of_measurement(PLAN.measurement_settings),
        source_setup=of_source(PLAN.measurement_setup),
        source_settings=of_source(PLAN.measurement_settings),
    message:
        "{wildcards.measurement} from the structure functions of {wildcards.source}"
    script:
        "../scripts/measurement_transfer.py"
