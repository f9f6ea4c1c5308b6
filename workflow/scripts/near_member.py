"""What a member trains on: the near-detector density and the flux it assumes."""

from typing import Any

from nd2fd.schemas import NEAR, TRUTH
from nd2fd.stage import Stage

snakemake: Any

with Stage(snakemake) as stage:
    truth = stage.read("truth", TRUTH)
    stage.write(
        NEAR,
        {
            "v1": truth["v1"],
            "v2": truth["v2"],
            "density": truth["near"],
            "energy": truth["energy"],
            "flux": truth["near_flux"],
            "n_events": 0,
        },
    )
