"""Figure 3: one-dimensional marginals at both detectors."""

from typing import Any

from nd2fd.artifacts import read_artifact
from nd2fd.figures import fig3
from nd2fd.figures.style import save, use_style
from nd2fd.schemas import MARGINALS
from nd2fd.stage import Stage

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    (truth,) = (read_artifact(path, MARGINALS).data for path in snakemake.input.truth)
    members = [read_artifact(path, MARGINALS).data for path in snakemake.input.members]
    figure = fig3.draw(truth, members)
    save(figure, snakemake.output)
