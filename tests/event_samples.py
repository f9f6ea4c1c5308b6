"""A sample of the toy's events, and files of it in every format."""

import h5py
import numpy as np
import pyhepmc
import pytest
import uproot

import toy
from nd2fd.cross_sections.closure import closure_events
from nd2fd.events.files.reading import EventSource
from nd2fd.events.weighted_histogram import fill_histograms

SETUP = toy.SETUP


MUON_MASS = SETUP.lepton_mass


SHAPE = (12, 14)


N = 2000


DEFAULT = {"data_unit": None, "beam_direction": None}


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(5)
    return closure_events(toy.structure_functions, toy.inputs()[0], None, SETUP, N, rng)


@pytest.fixture(scope="module")
def sample(events):
    """The toy's events as columns, with azimuths, and a neutrino along the third axis."""
    phi = np.random.default_rng(6).uniform(0, 2 * np.pi, N)
    momentum = np.sqrt(events.e_lepton**2 - MUON_MASS**2)
    transverse = momentum * np.sqrt(1 - events.cos_theta**2)
    return {
        "e_lepton": events.e_lepton,
        "cos_theta": events.cos_theta,
        "px": transverse * np.cos(phi),
        "py": transverse * np.sin(phi),
        "pz": momentum * events.cos_theta,
        "e_nu": events.energy,
        "weight": np.ones(N),
        "pdg": np.full(N, 14),
        "target": np.full(N, 1000180400),
        "lepton_pdg": np.full(N, 13),
        "cc": np.ones(N, dtype=int),
    }


def changed(sample, n=None, **columns):
    """The first n events, with some of one column changed, as column={index: value}."""
    made = {name: np.array(values[:n]) for name, values in sample.items()}
    for name, values in columns.items():
        if values is None:
            del made[name]
            continue
        for i, value in values.items():
            made[name][i] = value
    return made


def write_csv(path, sample, preface=(), names=None):
    names = names or list(sample)
    rows = [",".join(repr(v.item()) for v in row) for row in zip(*sample.values(), strict=True)]
    path.write_text("\n".join([*preface, ",".join(names), *rows]) + "\n")


def write_hdf5(path, sample, units=None, **attributes):
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        for name, values in sample.items():
            file[name] = values
            if units and name in ("e_lepton", "px", "py", "pz", "e_nu"):
                file[name].attrs["units"] = units


def gst_branches(sample):
    names = {
        "El": "e_lepton", "pxl": "px", "pyl": "py", "pzl": "pz", "Ev": "e_nu", "cc": "cc",
        "neu": "pdg", "tgt": "target", "fspl": "lepton_pdg", "wght": "weight",
    }  # fmt: skip
    branches = {b: sample[name] for b, name in names.items() if name in sample}
    branches["cc"] = branches["cc"].astype(bool)
    zero = np.zeros(len(branches["Ev"]))
    return branches | {"pxv": zero, "pyv": zero, "pzv": branches["Ev"], "Q2": zero}


def write_gst(path, sample):
    with uproot.recreate(path) as file:
        file.mktree("gst", {k: v.dtype for k, v in gst_branches(sample).items()})
        file["gst"].extend(gst_branches(sample))


def write_nuisance(path, sample, number=np.float64):
    names = {
        "ELep": "e_lepton", "CosLep": "cos_theta", "Enu_true": "e_nu", "PDGnu": "pdg",
        "tgt": "target", "PDGLep": "lepton_pdg", "Weight": "weight",
    }  # fmt: skip
    branches = {b: sample[name] for b, name in names.items() if name in sample}
    for name in ("ELep", "CosLep", "Enu_true"):
        branches[name] = branches[name].astype(number)
    branches["cc"] = sample["cc"].astype(np.int8)
    branches["fScaleFactor"] = np.full(len(sample["cc"]), 1e-42)
    with uproot.recreate(path) as file:
        file.mktree("FlatTree_VARS", {k: v.dtype for k, v in branches.items()})
        file["FlatTree_VARS"].extend(branches)


def write_hepmc3(path, sample, unit=1.0, attributes=None, target_status=20, names=("CV", "other")):
    run = pyhepmc.GenRunInfo()
    weighted = "weight" in sample
    if weighted:
        run.weight_names = list(names)
    for name, value in (attributes or {}).items():
        run.attributes[name] = value
    with pyhepmc.open(path, "w", precision=17) as file:
        for i in range(len(sample["px"])):
            s = {name: values[i].item() for name, values in sample.items()}
            kind = pyhepmc.Units.MomentumUnit
            event = pyhepmc.GenEvent(kind.MEV if unit == 1e3 else kind.GEV)
            event.run_info = run
            if weighted:
                event.weights = [s["weight"] if name == "CV" else 7.0 for name in names]
            vertex = pyhepmc.GenVertex()
            nu = (0.0, 0.0, unit * s["e_nu"], unit * s["e_nu"])
            vertex.add_particle_in(pyhepmc.GenParticle(nu, s["pdg"], 4))
            vertex.add_particle_in(
                pyhepmc.GenParticle((0, 0, 0, 37.2 * unit), s["target"], target_status)
            )
            p = tuple(unit * s[name] for name in ("px", "py", "pz", "e_lepton"))
            pdg = s["lepton_pdg"] if s["cc"] else 14
            vertex.add_particle_out(pyhepmc.GenParticle(p, pdg, 1))
            vertex.add_particle_out(pyhepmc.GenParticle((0.1, 0, 0, 1), 2212, 1))
            event.add_vertex(vertex)
            file.write(event)


WRITERS = {
    "CSV": (write_csv, "csv"),
    "HDF5": (write_hdf5, "h5"),
    "GENIE gst": (write_gst, "root"),
    "NUISANCE flat tree": (write_nuisance, "root"),
    "HepMC3": (write_hepmc3, "hepmc3"),
}


every_format = pytest.mark.parametrize("name", WRITERS)


def written(folder, name, sample, **options):
    write, suffix = WRITERS[name]
    path = folder / f"events.{suffix}"
    write(path, sample, **options)
    return path


def read(path, setup=SETUP, **section):
    """All events of a file in one, and the tally."""
    source = EventSource.open(path, DEFAULT | section, setup)
    parts = list(source.parts(lambda done, note: None))
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("e_lepton", "cos_theta", "weight", "e_nu", "pdg", "target")
        if getattr(parts[0], name) is not None
    }
    return joined, source


def histogram(path, setup=SETUP, **section):
    source = EventSource.open(path, DEFAULT | section, setup)
    (made,) = fill_histograms(source.parts(lambda done, note: None), setup, SHAPE)
    return made
