"""Figure 9: the octants of θ23."""

from typing import Any

from nd2fd.figures import fig8, fig9
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import FIT, INTERVALS

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    names = fig8.CURVES
    figure = fig9.draw(
        {name: stage.read(name, INTERVALS) for name in names},
        {name: stage.read_members(f"{name}_fits", FIT) for name in names},
        snakemake.params.true_point,
    )
    save(figure, snakemake.output)
