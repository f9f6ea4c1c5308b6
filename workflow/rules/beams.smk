# Near-detector samples of other beams, for joint fits.
rule beam_flux:
    input:
        unpack(of_beam(PLAN.beam_files)),
    output:
        "<results>/inputs/beams/{beam}.h5",
    log:
        "<logs>/beam_flux/{beam}.log",
    benchmark:
        "<benchmarks>/beam_flux/{beam}.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["beam_flux"],
        setup=section("setup"),
        beam=of_beam(PLAN.beam_section),
    message:
        "Reading the flux of {wildcards.beam}"
    script:
        "../scripts/beam_flux.py"


rule joint_beam:
    input:
        design=of_detector(PLAN.detector_design),
        flux="<results>/inputs/beams/{beam}.h5",
    output:
        temp("<results>/joint/beams/{detector}/{beam}.h5"),
    log:
        "<logs>/joint_beam/{detector}/{beam}.log",
    benchmark:
        "<benchmarks>/joint_beam/{detector}/{beam}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=3000,
    params:
        code=CODE["joint_beam"],
        setup=section("setup"),
        grid=section("grid"),
        smearing=of_detector(PLAN.detector_smearing),
    message:
        "Linear maps in the beam {wildcards.beam}, {wildcards.detector} detectors"
    script:
        "../scripts/joint_beam.py"


rule beam_events:
    input:
        truth="<results>/truth/densities.h5",
        flux="<results>/inputs/beams/{beam}.h5",
    output:
        "<results>/near/beams/{detector}/{beam}.h5",
    log:
        "<logs>/beam_events/{detector}/{beam}.log",
    benchmark:
        "<benchmarks>/beam_events/{detector}/{beam}.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["beam_events"],
        seed=CONFIG.seed,
        n_events=of_beam(PLAN.beam_number),
        setup=section("setup"),
        grid=section("grid"),
        smearing=of_detector(PLAN.detector_smearing),
    message:
        "Near-detector events of {wildcards.beam}, {wildcards.detector} detectors"
    script:
        "../scripts/beam_events.py"


rule read_beam_events:
    input:
        events=of_beam(PLAN.beam_data),
    output:
        "<results>/near/beams/{detector}/{beam}.h5",
    log:
        "<logs>/read_beam_events/{detector}/{beam}.log",
    benchmark:
        "<benchmarks>/read_beam_events/{detector}/{beam}.tsv"
    wildcard_constraints:
        beam="|".join(PLAN.beams_of_files) or "-",
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=1500,
    params:
        code=CODE["read_near_events"],
        setup=section("setup"),
        grid=section("grid"),
        reading=of_beam(PLAN.beam_reading),
        n_events=of_beam(PLAN.beam_number),
        section=lambda wildcards: f"joint.beams.{wildcards.beam}",
    message:
        "Reading near-detector events of {wildcards.beam}"
    script:
        "../scripts/read_near_events.py"


ruleorder: read_beam_events > beam_events
