"""Figure 1: the analysis, as a diagram."""

from typing import Any

from nd2fd.figures import fig1
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage

snakemake: Any

with Stage(snakemake):
    use_style(snakemake.input.style)
    save(fig1.draw(), snakemake.output)
