"""Far-detector data: events drawn from the toy truth, continuous in energy and muon momentum."""

from pathlib import Path
from typing import Any

from nd2fd.cross_sections.pdf.continuation import parton_densities
from nd2fd.beam.spectra import detector_spectra
from nd2fd.physics.kinematics import muon_from_density_variables
from nd2fd.events.sampling import sample_events
from nd2fd.cross_sections.quark_parton import toy_truth
from nd2fd.io.schemas import EVENTS, FLUX, OSCILLATION
from nd2fd.io.job import Stage
from nd2fd.streams import random_stream

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    structure_functions = toy_truth(
        parton_densities(Path(snakemake.input.pdf).parent, params.member, params.reader)
    )
    _, far_spectrum = detector_spectra(
        stage.read("flux", FLUX), stage.read("oscillation", OSCILLATION)
    )
    energy, v1, v2 = sample_events(
        params.n_events,
        far_spectrum,
        structure_functions,
        params.energy_max,
        random_stream(params.seed, "far_events"),
    )
    e_lepton, cos_theta = muon_from_density_variables(v1, v2, params.energy_max)
    stage.write(
        EVENTS,
        {"v1": v1, "v2": v2, "e_lepton": e_lepton, "cos_theta": cos_theta, "energy": energy},
    )
