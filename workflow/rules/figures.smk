# One rule per figure of the catalogue nd2fd.figures.catalogue, called as the figure.
from nd2fd.figures.catalogue import note

for figure in FIGURES.values():

    rule:
        name:
            figure.name
        input:
            **figure.inputs(PLAN),
            style=STYLE,
        output:
            pdf=f"<results>/figs/{figure.name}.pdf",
            png=report(
                f"<results>/figs/{figure.name}.png",
                caption=Path(PLAN.path(f"report/{figure.name}.rst")).resolve(),
                category=figure.group,
                # One label: of several, Snakemake makes a switch of one that has two values.
                labels={"figure": f"{figure.number}: {figure.title}"},
            ),
            csv=figure.data(PLAN),
        log:
            f"<logs>/{figure.name}.log",
        benchmark:
            f"<benchmarks>/{figure.name}.tsv"
        localrule: True
        conda:
            "../../envs/nd2fd.yaml"
        params:
            **figure.params(PLAN),
            code=CODE[figure.name],
            module=figure.module,
            note=note(PLAN),
        message:
            f"Figure {figure.number}: {figure.title}"
        script:
            "../scripts/figure.py"
