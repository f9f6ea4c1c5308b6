"""Events as HepMC3 after NuHepMC 1.0.0, the convention for neutrinos (arXiv:2310.13211).

An event is neutrino + nucleus at rest → lepton + everything else. Everything else is one
pseudoparticle that carries the rest of the four-momentum, with the number that NuHepMC's convention
P.C.2 has for a remnant: an inclusive cross section does not say what it is. The beam is along z,
the azimuth of the lepton uniform.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from nd2fd.events.lepton_events import LeptonEvents
from nd2fd.events.particle_numbers import lepton_number, neutrino_number, nucleus_number
from nd2fd.events.writers.sample import Sample
from nd2fd.io.extras import extra
from nd2fd.physics.setup import NUCLEI
from nd2fd.streams import random_stream

VERSION: Final = (1, 0, 0)

PROCESS: Final = 700
"""In the block of other processes (E.C.1), charged current."""

REMNANT: Final = 2009900000

_FINAL, _BEAM, _TARGET = 1, 4, 20
"""Status of particles (P.R.1)."""

_PRIMARY = 1
"""Status of the vertex (V.R.1)."""

_CONVENTIONS: Final = ["G.C.2", "G.C.3", "G.C.4", "E.C.1", "E.C.2", "P.C.2"]

_PB: Final = 0.01
"""1e-38 cm² in picobarns."""

_LARGEST_CONTENT: Final = 1e3
"""Of the flux histogram: HepMC3 writes vectors with six digits behind the point."""


def run_info(sample: Sample) -> Any:
    """GenRunInfo of a sample, with all that NuHepMC requires and the conventions it names."""
    info = extra("pyhepmc", "formats").GenRunInfo()
    info.weight_names = ["CV"]
    version = sample.provenance.package_version
    info.tools = [("nd2fd", version, "events of a known or learned inclusive cross section")]
    beam = f"NuHepMC.Beam[{neutrino_number(sample.setup)}]"
    ids = {
        "Process": {
            PROCESS: (
                "CCInclusive",
                "charged current, inclusive: lepton from three effective structure functions of "
                "(x, Q2), the hadrons one pseudoparticle",
            )
        },
        "VertexStatus": {_PRIMARY: ("PrimaryVertex", "the interaction")},
        "ParticleStatus": {
            _FINAL: ("UndecayedPhysicalParticle", "the lepton, and all hadrons as one"),
            _BEAM: ("IncomingBeamParticle", "the neutrino, along z"),
            _TARGET: ("TargetParticle", "the nucleus, at rest"),
        },
    }
    attributes: dict[str, Any] = {
        "NuHepMC.Version.Major": VERSION[0],
        "NuHepMC.Version.Minor": VERSION[1],
        "NuHepMC.Version.Patch": VERSION[2],
        "NuHepMC.Conventions": _CONVENTIONS,
        "NuHepMC.FluxAveragedTotalCrossSection": sample.average * _scale(sample),
        "NuHepMC.Units.CrossSection.Unit": "pb" if sample.absolute else "NearFluxAverage",
        "NuHepMC.Units.CrossSection.TargetScale": "PerNucleon",
        "NuHepMC.AdditionalParticleNumbers": [REMNANT],
        f"NuHepMC.AdditionalParticleNumber[{REMNANT}].Name": "Remnant",
        f"NuHepMC.AdditionalParticleInfo[{REMNANT}].Description": "all hadrons, as one",
        "NuHepMC.Citations.Generator.arXiv": ["2412.16303"],
        f"{beam}.Type": "Histogram",
        f"{beam}.EnergyUnit": "GEV",
        f"{beam}.RateUnit": "Arbitrary",
        f"{beam}.Histogram.BinEdges": sample.energy_edges.tolist(),
        f"{beam}.Histogram.BinContent": (_LARGEST_CONTENT * sample.spectrum).tolist(),
        f"{beam}.Histogram.ContentIsPerWidth": True,
    }
    for kind, entries in ids.items():
        attributes[f"NuHepMC.{kind}IDs"] = list(entries)
        for number, (name, description) in entries.items():
            attributes[f"NuHepMC.{kind}Info[{number}].Name"] = name
            attributes[f"NuHepMC.{kind}Info[{number}].Description"] = description
    for name, value in sample.lines().items():
        attributes[f"NuHepMC.Provenance.nd2fd.{name}"] = str(value)
    for name, value in attributes.items():
        info.attributes[name] = value
    return info


def write(path: Path, sample: Sample, events: Iterator[LeptonEvents]) -> None:
    """HepMC3 text, in GeV."""
    pyhepmc = extra("pyhepmc", "formats")
    setup, info = sample.setup, run_info(sample)
    azimuths = random_stream(sample.provenance.seed, "event_azimuth", sample.name)
    masses = {nucleus_number(name): NUCLEI[name].mass for name, _ in setup.target.nuclei}
    neutrino, lepton = neutrino_number(setup), lepton_number(setup)
    centres = 0.5 * (sample.energy_edges[1:] + sample.energy_edges[:-1])
    number = 0
    with pyhepmc.open(str(path), "w") as file:
        for batch in events:
            assert batch.e_nu is not None
            assert batch.target is not None
            p_lepton = _lepton_momenta(batch, setup.lepton_mass, azimuths)
            sigma = np.interp(batch.e_nu, centres, sample.sigma_total) * _scale(sample)
            target_mass = np.vectorize(masses.__getitem__)(batch.target).astype(np.float64)
            incoming = np.zeros_like(p_lepton)
            incoming[:, 2] = batch.e_nu
            incoming[:, 3] = batch.e_nu + target_mass
            rest = incoming - p_lepton
            columns = (batch.e_nu, batch.target, target_mass, p_lepton, rest, sigma)
            for energy, nucleus, mass, out, hadrons, total in zip(
                *(column.tolist() for column in columns), strict=True
            ):
                event = pyhepmc.GenEvent(pyhepmc.Units.GEV, pyhepmc.Units.CM)
                event.run_info = info
                event.event_number = number
                event.weights = [1.0]
                vertex = pyhepmc.GenVertex((0.0, 0.0, 0.0, 0.0))
                vertex.status = _PRIMARY
                for momentum, particle, status in (
                    ((0.0, 0.0, energy, energy), neutrino, _BEAM),
                    ((0.0, 0.0, 0.0, mass), nucleus, _TARGET),
                ):
                    vertex.add_particle_in(pyhepmc.GenParticle(momentum, particle, status))
                charged = pyhepmc.GenParticle(out, lepton, _FINAL)
                # From the momentum it would be off by rounding.
                charged.generated_mass = setup.lepton_mass
                vertex.add_particle_out(charged)
                vertex.add_particle_out(pyhepmc.GenParticle(hadrons, REMNANT, _FINAL))
                event.add_vertex(vertex)
                event.attributes["signal_process_id"] = PROCESS
                event.attributes["lab_pos"] = [0.0, 0.0, 0.0]
                event.attributes["tot_xs"] = total
                file.write(event)
                number += 1


def _scale(sample: Sample) -> float:
    return _PB if sample.absolute else 1.0


def _lepton_momenta(
    events: LeptonEvents, mass: float, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(px, py, pz, E) [GeV], shape (n, 4)."""
    momentum = np.sqrt(np.maximum(events.e_lepton**2 - mass**2, 0.0))
    transverse = momentum * np.sqrt(np.maximum(1.0 - events.cos_theta**2, 0.0))
    azimuth = 2.0 * np.pi * rng.random(events.n_events)
    return np.stack(
        [
            transverse * np.cos(azimuth),
            transverse * np.sin(azimuth),
            momentum * events.cos_theta,
            events.e_lepton,
        ],
        axis=1,
    )
