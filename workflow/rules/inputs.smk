rule evolve_pdf:
    output:
        info="results/pdf/ct18nnlo_embedded/ct18nnlo_embedded.info",
        grid="results/pdf/ct18nnlo_embedded/ct18nnlo_embedded_0000.dat",
    log:
        "results/logs/evolve_pdf.log",
    benchmark:
        "results/benchmarks/evolve_pdf.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=code("evolve_pdf"),
    message:
        "Evolving the embedded CT18NNLO initial condition"
    script:
        "../scripts/evolve_pdf.py"


rule prepare_flux:
    input:
        **flux_files(),
    output:
        "results/inputs/flux.h5",
    log:
        "results/logs/prepare_flux.log",
    benchmark:
        "results/benchmarks/prepare_flux.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=code("prepare_flux"),
        flux=section("flux"),
        energy_max=CONFIG.grid.energy_max,
    message:
        "Reading the fluxes"
    script:
        "../scripts/prepare_flux.py"


rule tabulate_oscillation:
    output:
        "results/inputs/oscillation.h5",
    log:
        "results/logs/tabulate_oscillation.log",
    benchmark:
        "results/benchmarks/tabulate_oscillation.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=code("tabulate_oscillation"),
        oscillation=section("oscillation"),
        energy_max=CONFIG.grid.energy_max,
    message:
        "Tabulating the survival probability at the truth"
    script:
        "../scripts/tabulate_oscillation.py"


rule detector_response:
    output:
        "results/inputs/response.h5",
    log:
        "results/logs/detector_response.log",
    benchmark:
        "results/benchmarks/detector_response.tsv"
    conda:
        "../../envs/nd2fd.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("detector_response"),
        grid=section("grid"),
        smearing=section("smearing"),
    message:
        "Detector response from the muon's resolution"
    script:
        "../scripts/detector_response.py"
