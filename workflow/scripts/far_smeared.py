"""Far-detector events as the detector measures them; those that leave the acceptance are lost."""

from typing import Any

from nd2fd.physics.kinematics import muon_from_density_variables
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.io.schemas import EVENTS
from nd2fd.io.job import Stage
from nd2fd.streams import random_stream

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    events = stage.read("events", EVENTS)
    v1, v2, accepted = smear_events(
        events["v1"],
        events["v2"],
        Resolution.from_config(params.smearing),
        params.energy_max,
        random_stream(params.seed, "far_smeared"),
    )
    v1, v2 = v1[accepted], v2[accepted]
    stage.log.info("measured: %d of %d events", v1.size, accepted.size)
    e_lepton, cos_theta = muon_from_density_variables(v1, v2, params.energy_max)
    stage.write(
        EVENTS,
        {
            "v1": v1,
            "v2": v2,
            "e_lepton": e_lepton,
            "cos_theta": cos_theta,
            "energy": events["energy"][accepted],
        },
    )
