"""Generated events: what their files hold, read back with the formats' own libraries."""

from functools import cache

import h5py
import numpy as np
import pyhepmc
import pytest

import toy
from chi_squared import follows
from nd2fd.beam.flux import cell_averages
from nd2fd.beam.spectra import far_spectrum
from nd2fd.cross_sections.event_samples import structure_function_model, write_event_file
from nd2fd.cross_sections.models import StructureFunctionModel
from nd2fd.events import generation
from nd2fd.events.files.reading import EventSource
from nd2fd.events.generation import generate
from nd2fd.events.sampling import EventSampler
from nd2fd.events.writers import WRITERS
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.declarations import Provenance
from nd2fd.io.schemas.learned import Networks
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.physics.kinematics import density_variables_from_lepton
from nd2fd.physics.setup import NUCLEI
from workflow_runs import ROOT

GRID = DensityGrid(toy.SETUP, 120, 32, 32, 4)
NODES = NodeGrid.for_setup(toy.SETUP, 48, 48)
FLUX, OSCILLATION = toy.inputs()
PROVENANCE = Provenance("event_file", "c" * 64, 5, {"cross_section": "f" * 64})
N = 12_000


def model(factor=1.0):
    return StructureFunctionModel(NODES, factor * toy.structure_functions(*NODES.x_and_Q2()))


def section(**changes):
    defaults = {"cross_section": "truth", "flux": "near", "flux_format": {}, "number": N}
    return defaults | changes


def write(path, chosen=None, used=None, oscillation=None, grid=GRID):
    done = []
    write_event_file(
        path,
        chosen or section(),
        used or model(),
        (FLUX, oscillation),
        grid,
        PROVENANCE,
        lambda number, note: done.append(number),
    )
    return done


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same sample in all formats."""
    folder = tmp_path_factory.mktemp("events")
    for ending in WRITERS:
        assert write(folder / f"mine.{ending}") == [N]
    return folder


@cache
def expected(detector, structure_functions=toy.structure_functions):
    """Density of (v1, v2), Φ σ in cells of E_ν, and the flux-averaged cross section."""
    spectrum = toy.flux if detector == "near" else far_spectrum(FLUX, OSCILLATION)
    fluxes = cell_averages(spectrum, GRID.n_energy, toy.SETUP.energy_max)[None]
    densities, sigma = event_densities(GRID, structure_functions, fluxes)
    return densities[0], fluxes[0] * sigma, np.average(sigma, weights=fluxes[0])


def agree(columns, detector="near", structure_functions=toy.structure_functions):
    """Whether leptons and neutrino energies follow what is expected."""
    density, energies, _ = expected(detector, structure_functions)
    v1, v2 = density_variables_from_lepton(columns["e_lepton"], columns["cos_theta"], toy.SETUP)
    observed, *_ = np.histogram2d(v1, v2, [np.linspace(0, 1, 33)] * 2)
    by_energy, _ = np.histogram(columns["e_nu"], np.linspace(0, toy.SETUP.energy_max, 41))
    merged = energies.reshape(40, -1).sum(axis=1)
    return follows(observed, density) and follows(by_energy, merged)


def of_hdf5(path):
    with h5py.File(path) as file:
        return {name: file[name][:] for name in file if isinstance(file[name], h5py.Dataset)}


def of_text(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return dict(zip(lines[0].split(","), np.loadtxt(lines[1:], delimiter=",").T, strict=True))


def of_hepmc(path):
    """Four-momenta (n, 4, 4) of neutrino, nucleus, lepton and the rest, and numbers (n, 4)."""
    momenta, numbers, events = [], [], []
    with pyhepmc.open(str(path)) as file:
        for event in file:
            particles = event.particles
            momenta.append([tuple(particle.momentum) for particle in particles])
            numbers.append([(particle.pid, particle.status) for particle in particles])
            events.append((event.event_number, event.weights[0], event.momentum_unit.name))
        info = event.run_info
        attributes = list(event.attributes)
    return np.array(momenta), np.array(numbers), events, info, attributes


def test_endings_are_those_of_the_rule():
    rules = (ROOT / "workflow/rules/common.smk").read_text()
    assert f'format="{"|".join(WRITERS)}"' in rules


def test_hdf5_follows_the_density(files):
    columns = of_hdf5(files / "mine.h5")
    assert agree(columns)
    assert set(columns["pdg"]) == {14}
    assert set(columns["target"]) == {1000180400}
    assert set(columns["weight"]) == {1.0}
    with h5py.File(files / "mine.h5") as file:
        *_, average = expected("near")
        assert file.attrs["flux_averaged_cross_section"] == pytest.approx(average, rel=2e-3)
        flux, edges = file["spectrum/flux"][:], file["spectrum/energy_edges"][:]
        centres = 0.5 * (edges[1:] + edges[:-1])
        assert flux == pytest.approx(toy.flux(centres) / toy.flux(centres).max(), rel=5e-3)


def test_all_formats_hold_the_same_events(files):
    columns, text = of_hdf5(files / "mine.h5"), of_text(files / "mine.csv")
    assert set(text) == set(columns)
    for name, values in columns.items():
        np.testing.assert_allclose(text[name], values, rtol=1e-11)
    momenta, *_ = of_hepmc(files / "mine.hepmc3")
    lepton = momenta[:, 2]
    np.testing.assert_allclose(momenta[:, 0, 3], columns["e_nu"], rtol=1e-15)
    np.testing.assert_allclose(lepton[:, 3], columns["e_lepton"], rtol=1e-15)
    cosine = lepton[:, 2] / np.linalg.norm(lepton[:, :3], axis=1)
    np.testing.assert_allclose(cosine, columns["cos_theta"], rtol=1e-12)


def test_hepmc_conserves_four_momentum(files):
    momenta, numbers, *_ = of_hepmc(files / "mine.hepmc3")
    neutrino, nucleus, lepton, rest = np.moveaxis(momenta, 1, 0)
    np.testing.assert_allclose(neutrino + nucleus, lepton + rest, atol=1e-13)
    np.testing.assert_array_equal(neutrino[:, 2], neutrino[:, 3])
    np.testing.assert_array_equal(nucleus, [[0.0, 0.0, 0.0, NUCLEI["Ar40"].mass]] * N)
    mass2 = lepton[:, 3] ** 2 - (lepton[:, :3] ** 2).sum(axis=1)
    np.testing.assert_allclose(mass2, toy.SETUP.lepton_mass**2, atol=1e-12)
    # What is left weighs at least as much as the nucleus, since x <= 1 < A.
    assert (rest[:, 3] ** 2 > (rest[:, :3] ** 2).sum(axis=1) + nucleus[:, 3] ** 2).all()
    expected_numbers = [(14, 4), (1000180400, 20), (13, 1), (2009900000, 1)]
    assert (numbers == expected_numbers).all()
    azimuth, _ = np.histogram(np.arctan2(lepton[:, 1], lepton[:, 0]), 50)
    assert follows(azimuth, np.ones(50))


def test_hepmc_says_what_nuhepmc_requires(files):
    _, _, events, info, attributes = of_hepmc(files / "mine.hepmc3")
    assert events == [(number, 1.0, "GEV") for number in range(N)]
    assert info.weight_names == ["CV"]
    assert [tool.name for tool in info.tools] == ["nd2fd"]
    said = info.attributes
    assert [int(str(said[f"NuHepMC.Version.{part}"])) for part in ("Major", "Minor", "Patch")] == [
        1,
        0,
        0,
    ]
    for kind, used in (("Process", [700]), ("VertexStatus", [1]), ("ParticleStatus", [1, 4, 20])):
        assert said[f"NuHepMC.{kind}IDs"].astype(list[int]) == used
        for number in used:
            assert said[f"NuHepMC.{kind}Info[{number}].Name"].astype(str)
            assert said[f"NuHepMC.{kind}Info[{number}].Description"].astype(str)
    assert said["NuHepMC.Units.CrossSection.Unit"].astype(str) == "pb"
    average = said["NuHepMC.FluxAveragedTotalCrossSection"].astype(float)
    assert average == pytest.approx(0.01 * expected("near")[2], rel=2e-3)
    edges = said["NuHepMC.Beam[14].Histogram.BinEdges"].astype(list[float])
    content = said["NuHepMC.Beam[14].Histogram.BinContent"].astype(list[float])
    assert len(edges) == len(content) + 1 == GRID.n_energy + 1
    assert said["NuHepMC.Conventions"].astype(list[str])[0] == "G.C.2"
    assert set(attributes) == {"signal_process_id", "lab_pos", "tot_xs"}


def other(x, Q2):
    """Another cross section than the truth, in another unit."""
    return 3.0 * toy.structure_functions(x, Q2) * (1.2 - x) * (1.0 + 0.3 * np.log1p(Q2))


def networks():
    """Members 4 and 5 of an ensemble: the truth, and another."""
    values = [f(*NODES.x_and_Q2()) for f in (toy.structure_functions, other)]
    small, whole = np.zeros((2, 1)), np.zeros(1, dtype=np.int64)
    return Networks(
        member=np.array([4, 5]),
        xi=NODES.xi,
        tau=NODES.tau,
        x_max=np.array(NODES.x_max),
        Q2_max=np.array(NODES.Q2_max),
        structure_functions=np.stack(values),
        layer_sizes=whole,
        weights=small,
        loss=small,
        test_step=whole,
        test_loss=small,
        best_step=np.zeros(2, dtype=np.int64),
    )


def test_learned_cross_section_is_that_of_its_member(tmp_path):
    """In the flux of the far detector, from which it did not learn."""
    chosen = section(cross_section="seeds/5", flux="far")
    write(tmp_path / "far.h5", chosen, structure_function_model(networks(), 5), OSCILLATION)
    columns = of_hdf5(tmp_path / "far.h5")
    assert agree(columns, "far", other)
    assert not agree(columns, "far")
    with h5py.File(tmp_path / "far.h5") as file:
        ratio = expected("far", other)[2] / expected("near", other)[2]
        assert file.attrs["flux_averaged_cross_section"] == pytest.approx(ratio, rel=2e-3)
        assert file.attrs["cross_section_unit"] == "average over the near flux"


def test_any_flux_of_a_file(tmp_path):
    """All neutrinos between 2 and 3 GeV."""
    energy = np.array([1.95, 2.0, 2.5, 3.0, 3.05])
    table = np.stack([energy, [0.0, 1.0, 1.0, 1.0, 0.0]], axis=1)
    np.savetxt(tmp_path / "flux.txt", table)
    layout = {"energies": "points", "content": "per_gev"}
    chosen = section(flux=str(tmp_path / "flux.txt"), flux_format=layout, number=2000)
    write(tmp_path / "other.h5", chosen)
    energies = of_hdf5(tmp_path / "other.h5")["e_nu"]
    assert (energies > 1.95).all()
    assert (energies < 3.05).all()


def test_what_is_negative_is_counted_and_gives_no_events(tmp_path):
    slightly = model()
    slightly.values[:, NODES.x_and_Q2()[0] > 0.8] *= -1.0
    write(tmp_path / "few.h5", section(number=2000), slightly)
    with h5py.File(tmp_path / "few.h5") as file:
        assert 1e-6 < file.attrs["negative_share"] < 0.01
    for source, allowed in (("truth", "0.01"), ("seeds/5", "0.05")):
        chosen = section(number=2000, cross_section=source)
        with pytest.raises(
            ValueError, match=rf"negative for 1 of the events .allowed is {allowed}"
        ):
            write(tmp_path / "none.h5", chosen, model(-1.0))
    assert not list(tmp_path.glob("*none*"))


def test_equal_inputs_give_equal_bytes(tmp_path, files):
    for ending in WRITERS:
        again = tmp_path / f"mine.{ending}"
        write(again)
        assert again.read_bytes() == (files / again.name).read_bytes()


def test_an_error_on_the_way_leaves_no_file(tmp_path):
    def fail(done, note):
        raise OSError(28, "No space left on device")

    arguments = (section(number=10), model(), (FLUX, None), GRID, PROVENANCE, fail)
    with pytest.raises(OSError, match=r"No space.*mine.hepmc3"):
        write_event_file(tmp_path / "mine.hepmc3", *arguments)
    assert not list(tmp_path.iterdir())


def test_nuclei_are_hit_in_proportion_to_their_nucleons():
    """Water: 2 of 18 nucleons are protons, which are no nuclei."""
    setup = toy.setup(target={"O16": 1, "H1": 2})
    structure_functions = toy.structure_functions_of(setup)
    sampler = EventSampler.build(toy.flux, structure_functions, setup, (32, 16, 16))
    batches = generate(sampler, 30_000, np.random.default_rng(3))
    target = np.concatenate([events.target for events in batches])
    numbers, counts = np.unique(target, return_counts=True)
    assert list(numbers) == [2212, 1000080160]
    assert follows(counts, [2.0, 16.0])


def test_a_nucleus_smaller_than_bjorken_x_is_not_hit():
    rng = np.random.default_rng(1)
    setup = toy.setup(target={"O16": 1, "H1": 2}, x_max=2.0)
    numbers = generation._hit(np.repeat([0.5, 1.5], 1000), setup, rng)
    assert set(numbers[:1000]) == {2212, 1000080160}
    assert set(numbers[1000:]) == {1000080160}
    alone = toy.setup(target={"H1": 2, "H2": 1}, x_max=3.0)
    with pytest.raises(ValueError, match=r"Bjorken x of an event is 2.5.*has 2 nucleons"):
        generation._hit(np.array([0.5, 2.5]), alone, rng)


def test_antineutrinos_make_antileptons(tmp_path):
    setup = toy.setup(antineutrino=True)
    grid = DensityGrid(setup, 40, 16, 16, 2)
    values = toy.structure_functions_of(setup)(*NODES.x_and_Q2())
    used = StructureFunctionModel(NODES, values)
    write(tmp_path / "anti.hepmc3", section(number=50), used, grid=grid)
    _, numbers, *_ = of_hepmc(tmp_path / "anti.hepmc3")
    assert (numbers[:, [0, 2], 0] == [-14, -13]).all()


@pytest.mark.parametrize("ending", WRITERS)
def test_our_own_readers_read_all_formats(files, ending):
    settings = {"data_unit": None, "beam_direction": None}
    source = EventSource.open(files / f"mine.{ending}", settings, toy.SETUP)
    parts = list(source.parts(lambda done, note: None))
    columns = of_hdf5(files / "mine.h5")
    assert source.tally.selected == source.tally.read == N
    for name, values in columns.items():
        read = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_allclose(read, values, rtol=1e-9, err_msg=name)
