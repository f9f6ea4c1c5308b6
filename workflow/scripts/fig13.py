"""Figure 13: smearing by the detectors."""

from typing import Any

from nd2fd.figures import fig13
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import FIT, INTERVALS, RESPONSE

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    response = stage.read("response", RESPONSE)
    matrix = stage.read_response()
    assert matrix is not None
    figure = fig13.draw(
        {name: stage.read(name, INTERVALS) for name in fig13.CURVES},
        {name: stage.read_members(f"{name}_fits", FIT) for name in fig13.CURVES},
        snakemake.params.true_point,
        matrix,
        response["v1"],
        response["v2"],
        snakemake.params.energy_max,
    )
    save(figure, snakemake.output)
