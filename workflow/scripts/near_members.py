"""What the members of a batch train on: near-detector densities and the fluxes they assume."""

from typing import Any

from nd2fd.detector.smearing import Resolution
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning.near_data import near_data
from nd2fd.physics.density import DensityGrid
from nd2fd.streams import random_stream
from nd2fd.systematics.members import draw_assumptions

snakemake: Any
with Job(snakemake) as job:
    p, nature = job.params, (job.load("truth", Truth), job.load("flux", Flux))
    response = job.load_optional("response", Response)
    detector = (response, Resolution.from_config(p.smearing) if response else Resolution.ideal())
    grid = DensityGrid.from_config(p.setup, p.grid)
    assumptions = draw_assumptions(p.seed, p.nuisance_draws, nature[1], p.systematics)
    streams = [random_stream(p.seed, "near_events", *stream) for stream in p.streams]
    bootstraps = [random_stream(p.seed, "near_bootstrap", *stream) for stream in p.bootstraps]
    progress = job.progress("events", p.n_events * len(streams))
    common = (*nature, *detector, grid, assumptions, p.members)
    job.save(near_data(*common, p.n_events, streams, bootstraps, progress))
