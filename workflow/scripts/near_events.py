"""A small sample of near-detector events, continuous in energy and muon momentum."""

from functools import partial
from typing import Any

from nd2fd.forward.nodes import NodeGrid
from nd2fd.beam.flux import FluxTable, interpolate_flux
from nd2fd.physics.kinematics import muon_from_density_variables
from nd2fd.events.sampling import sample_events
from nd2fd.io.schemas import EVENTS, FLUX, TRUTH
from nd2fd.io.job import Stage
from nd2fd.streams import random_stream

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    truth, flux = stage.read("truth", TRUTH), stage.read("flux", FLUX)
    nodes = NodeGrid(truth["xi"].size, truth["tau"].size)
    energy, v1, v2 = sample_events(
        params.n_events,
        partial(interpolate_flux, FluxTable(flux["energy"], flux["near"])),
        partial(nodes.interpolate, truth["structure_functions"]),
        params.energy_max,
        random_stream(params.seed, "near_event_file"),
    )
    e_lepton, cos_theta = muon_from_density_variables(v1, v2, params.energy_max)
    stage.write(
        EVENTS,
        {"v1": v1, "v2": v2, "e_lepton": e_lepton, "cos_theta": cos_theta, "energy": energy},
    )
