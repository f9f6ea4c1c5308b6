"""What the members of a batch train on: near-detector densities and the fluxes they assume."""

from typing import Any

import numpy as np

from nd2fd.schemas import NEAR, TRUTH
from nd2fd.stage import Stage

snakemake: Any

with Stage(snakemake) as stage:
    truth = stage.read("truth", TRUTH)
    members = np.array(snakemake.params.members)
    stage.write(
        NEAR,
        {
            "member": members,
            "v1": truth["v1"],
            "v2": truth["v2"],
            "density": np.repeat(truth["near"][None], members.size, axis=0),
            "energy": truth["energy"],
            "flux": np.repeat(truth["near_flux"][None], members.size, axis=0),
            "n_events": 0,
        },
    )
