rule joint_design:
    input:
        unpack(of_detector(PLAN.detector_response)),
        flux="<results>/inputs/flux.h5",
    output:
        temp("<results>/joint/designs/{detector}.h5"),
    log:
        "<logs>/joint_design/{detector}.log",
    benchmark:
        "<benchmarks>/joint_design/{detector}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=5000,
    params:
        code=CODE["joint_design"],
        setup=section("setup"),
        nodes=section("nodes"),
        near_grid=section("grid"),
        grid={**section("grid"), "n_energy": CONFIG.far_detector.n_energy},
        smearing=of_detector(PLAN.detector_smearing),
        oscillation=section("oscillation"),
        sin2_theta23=PLAN.joint_range("sin2_theta23"),
        dm2_32=PLAN.joint_range("dm2_32"),
        octant=PLAN.true_octant,
        true_point=PLAN.true_octant_point,
        intervals=CONFIG.joint.intervals,
        pulls=of_detector(PLAN.design_pulls),
        sizes=of_detector(PLAN.design_sizes),
    message:
        "Linear maps of joint fits, {wildcards.detector} detectors"
    script:
        "../scripts/joint_design.py"


rule learn_splines:
    input:
        unpack(of_ensemble(PLAN.start)),
        near=of_batch(partial(PLAN.near_data, kind="splines")),
        design=of_ensemble(PLAN.spline_design),
    output:
        "<results>/splines/{ensemble}/{batch}.h5",
    log:
        "<logs>/learn_splines/{ensemble}/{batch}.log",
    benchmark:
        "<benchmarks>/learn_splines/{ensemble}/{batch}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=3000,
    params:
        code=CODE["learn_splines"],
        price=CONFIG.joint.price,
    message:
        "Splines of {wildcards.ensemble}, batch {wildcards.batch}"
    script:
        "../scripts/learn_splines.py"


rule joint_off_axis:
    input:
        design=of_detector(PLAN.detector_design),
        flux="<results>/inputs/flux.h5",
    output:
        temp("<results>/joint/off_axis/{detector}/{angle}.h5"),
    log:
        "<logs>/joint_off_axis/{detector}/{angle}.log",
    benchmark:
        "<benchmarks>/joint_off_axis/{detector}/{angle}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=3000,
    params:
        code=CODE["joint_off_axis"],
        setup=section("setup"),
        grid=section("grid"),
        smearing=of_detector(PLAN.detector_smearing),
    message:
        "Linear maps at {wildcards.angle} mrad, {wildcards.detector} detectors"
    script:
        "../scripts/joint_off_axis.py"


rule joint_fit:
    input:
        unpack(of_joint_fit(PLAN.joint_response)),
        unpack(of_joint_fit(PLAN.joint_near_data)),
        unpack(of_joint_fit(PLAN.joint_off_axis)),
        unpack(of_joint_fit(PLAN.joint_beams)),
        **PLAN.known_files,
        design=of_joint_fit(PLAN.joint_design),
        events=of_joint_fit(PLAN.joint_far_data),
        flux="<results>/inputs/flux.h5",
    output:
        "<results>/joint/fits/{fit}.h5",
    log:
        "<logs>/joint_fit/{fit}.log",
    benchmark:
        "<benchmarks>/joint_fit/{fit}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=3000,
    params:
        code=CODE["joint_fit"],
        seed=CONFIG.seed,
        near_events=of_joint_fit(PLAN.joint_near_events),
        setup=section("setup"),
        near_grid=section("grid"),
        grid={**section("grid"), "n_energy": CONFIG.far_detector.n_energy},
        smearing=of_joint_fit(PLAN.joint_smearing),
        oscillation=section("oscillation"),
        sin2_theta23=PLAN.joint_range("sin2_theta23"),
        dm2_32=PLAN.joint_range("dm2_32"),
        octant=PLAN.true_octant,
        price=CONFIG.joint.price,
        pulls=of_joint_fit(PLAN.chosen_pulls),
        points=CONFIG.regions.points,
    message:
        "Joint fit of near and far detector: {wildcards.fit}"
    script:
        "../scripts/joint_fit.py"


rule joint_toys:
    input:
        unpack(of_joint_fit(PLAN.joint_response)),
        design=of_joint_fit(PLAN.joint_design),
        fit="<results>/joint/fits/{fit}.h5",
        flux="<results>/inputs/flux.h5",
    output:
        "<results>/joint/toys/{fit}.h5",
    log:
        "<logs>/joint_toys/{fit}.log",
    benchmark:
        "<benchmarks>/joint_toys/{fit}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=3000,
    params:
        code=CODE["joint_toys"],
        n_toys=of_joint_fit(PLAN.n_toys),
        toy_mixing=PLAN.toy_mixing,
        seed=CONFIG.seed,
        setup=section("setup"),
        grid={**section("grid"), "n_energy": CONFIG.coverage.n_energy},
        smearing=of_joint_fit(PLAN.joint_smearing),
        oscillation=section("oscillation"),
        sin2_theta23=PLAN.joint_range("sin2_theta23"),
        dm2_32=PLAN.joint_range("dm2_32"),
        octant=PLAN.true_octant,
        price=CONFIG.joint.price,
        pulls=of_joint_fit(PLAN.chosen_pulls),
    message:
        "Toys of {wildcards.fit} for thresholds"
    script:
        "../scripts/joint_toys.py"


rule joint_coverage_block:
    input:
        unpack(of_joint_fit(PLAN.joint_response)),
        unpack(of_joint_fit(PLAN.joint_off_axis)),
        **PLAN.spectra_files,
        design=of_joint_fit(PLAN.joint_design),
        truth="<results>/truth/densities.h5",
    output:
        "<results>/joint/coverage/{fit}/{block}.h5",
    log:
        "<logs>/joint_coverage_block/{fit}/{block}.log",
    benchmark:
        "<benchmarks>/joint_coverage_block/{fit}/{block}.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=3000,
    params:
        code=CODE["joint_coverage_block"],
        experiments=of_joint_block(PLAN.joint_experiments),
        seed=CONFIG.seed,
        near_events=of_joint_fit(PLAN.joint_near_events),
        n_events=CONFIG.far_detector.n_events,
        setup=section("setup"),
        near_grid=section("grid"),
        grid={**section("grid"), "n_energy": CONFIG.coverage.n_energy},
        smearing=of_joint_fit(PLAN.joint_smearing),
        oscillation=section("oscillation"),
        sin2_theta23=PLAN.joint_range("sin2_theta23"),
        dm2_32=PLAN.joint_range("dm2_32"),
        octant=PLAN.true_octant,
        price=CONFIG.joint.price,
        pulls=of_joint_fit(PLAN.chosen_pulls),
        true_point=PLAN.true_octant_point,
    message:
        "Pseudo-experiments with {wildcards.fit}, block {wildcards.block}"
    script:
        "../scripts/joint_coverage_block.py"


rule joint_coverage:
    input:
        unpack(of_joint_fit(PLAN.joint_toys)),
        blocks=of_joint_fit(PLAN.joint_coverage_blocks),
    output:
        "<results>/joint/coverage/{fit}.h5",
    log:
        "<logs>/joint_coverage/{fit}.log",
    benchmark:
        "<benchmarks>/joint_coverage/{fit}.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["joint_coverage"],
        true_point=PLAN.true_octant_point,
    message:
        "Coverage of {wildcards.fit}"
    script:
        "../scripts/joint_coverage.py"
