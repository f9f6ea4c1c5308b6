"""Far-detector events of the toy, and their kernel with pulls."""

import numpy as np
import pytest

import toy
from nd2fd.detector.response import response_matrix
from nd2fd.detector.smearing import Resolution
from nd2fd.events.sampling import sample_events
from nd2fd.forward.nodes import NodeGrid
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.far_density import FarDetector
from nd2fd.statistics.far_kernel import FarSpectra, far_kernel
from nd2fd.statistics.likelihood import log_density

SETUP = toy.SETUP


FLUX, OSCILLATION = toy.inputs()


GRID = DensityGrid(SETUP, 80, 24, 24, 2)


NODES = NodeGrid.for_setup(SETUP, 24, 24)


RANGES = ((0.36, 0.64), (2.1e-3, 2.8e-3))


SURVIVAL = toy.EXPERIMENT.survival_scan(GRID.energy)


TRUE_POINT = (0.47, 2.438e-3)


RESOLUTION = Resolution(0.08, 0.05)


def nothing(*_):
    pass


def far_flux():
    return np.interp(GRID.energy, FLUX.energy, FLUX.far)


def modes():
    return np.stack([np.interp(GRID.energy, FLUX.energy, m) for m in FLUX.far_modes])


SPECTRA = FarSpectra.build(SURVIVAL, far_flux(), modes(), *RANGES)


def functions():
    """A cross section, and changes of it by a few per cent."""
    values = toy.structure_functions(*NODES.x_and_Q2()).reshape(3, 24, 24)
    xi, tau = NODES.xi[:, None], NODES.tau
    ripples = [0.05 * np.cos(3 * xi + 2 * tau), 0.05 * (xi - 0.4) + 0 * tau, 0.04 * np.sin(5 * tau)]
    return np.stack([values, *(values * ripple for ripple in ripples)])


def sampled(n, seed, survival=(0.47, 2.438e-3)):
    rng = np.random.default_rng(seed)
    energy = np.linspace(0.0, 10.0, 4001)[1:]
    at = toy.EXPERIMENT.survival_scan(energy)(*(np.array([v]) for v in survival))[0]
    return sample_events(
        n,
        lambda e: np.interp(e, FLUX.energy, FLUX.far) * np.interp(e, energy, at),
        toy.structure_functions,
        SETUP,
        rng,
    )


def detector(resolution):
    if resolution.is_ideal:
        return FarDetector.exact(GRID)
    acceptance = np.asarray(response_matrix(GRID, resolution).sum(axis=0))
    return FarDetector(GRID, resolution, acceptance)


@pytest.fixture(scope="module")
def events():
    sample = sampled(400, 1)
    return sample.v1, sample.v2


@pytest.fixture(scope="module")
def kernel(events):
    return far_kernel(NODES, functions(), SPECTRA, detector(Resolution.ideal()), *events)


def brute_force(theta, amplitudes, z, events, resolution=None):
    """−2 ln L, from the likelihood with one cross section: kernel and totals of W and flux."""
    from nd2fd.cross_sections.models import StructureFunctionModel

    values = functions()
    model = StructureFunctionModel(NODES, values[0] + np.tensordot(amplitudes, values[1:], 1))
    far = detector(resolution or Resolution.ideal())
    flux = far_flux() * (1 + np.asarray(z) @ modes())
    (density,) = far.densities([model], [flux])
    kernel = density.kernel(far.look_up(*events))
    survival = SURVIVAL(*(np.array([v]) for v in theta))
    return -2 * log_density(kernel, density.totals, survival, floor=0.0).sum()
