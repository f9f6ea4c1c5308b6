rule evolve_pdf:
    output:
        info="<results>/pdf/ct18nnlo_embedded/ct18nnlo_embedded.info",
        grid="<results>/pdf/ct18nnlo_embedded/ct18nnlo_embedded_0000.dat",
    log:
        "<logs>/evolve_pdf.log",
    benchmark:
        "<benchmarks>/evolve_pdf.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["evolve_pdf"],
    message:
        "Evolving the embedded CT18NNLO initial condition"
    script:
        "../scripts/evolve_pdf.py"


rule prepare_flux:
    input:
        **PLAN.flux_files,
    output:
        "<results>/inputs/flux.h5",
    log:
        "<logs>/prepare_flux.log",
    benchmark:
        "<benchmarks>/prepare_flux.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    params:
        code=CODE["prepare_flux"],
        setup=section("setup"),
        flux=section("flux"),
        has_far=PLAN.has_far,
    message:
        "Reading the fluxes"
    script:
        "../scripts/prepare_flux.py"


rule detector_response:
    output:
        "<results>/inputs/response.h5",
    log:
        "<logs>/detector_response.log",
    benchmark:
        "<benchmarks>/detector_response.tsv"
    localrule: True
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=2000,
    params:
        code=CODE["detector_response"],
        setup=section("setup"),
        grid=section("grid"),
        smearing=section("smearing"),
    message:
        "Detector response from the lepton's resolution"
    script:
        "../scripts/detector_response.py"
