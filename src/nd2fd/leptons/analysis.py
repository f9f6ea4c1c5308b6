"""One analysis of leptons: what is learned at the near detector, and both far-detector models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray

from nd2fd.forward.operator import ForwardOperator
from nd2fd.learning.spline_posterior import SplinePosterior
from nd2fd.leptons.far import FarDetector, channels_of, learned_kernels, true_kernels
from nd2fd.leptons.fisher import Changes, directions, scaled_changes
from nd2fd.leptons.model import LeptonModel
from nd2fd.leptons.near import NearDetector, stacked_map
from nd2fd.leptons.parameters import Parameters
from nd2fd.leptons.samples import LEPTONS, Horn, Lepton, samples
from nd2fd.leptons.spectra import FarSpectra, Line
from nd2fd.physics.structure_functions import FiveStructureFunctions

Array = NDArray[np.float64]

_POINTS = 8
"""Of oscillation probabilities in a cell of E_ν."""

MODELS = ("known", "learned")
"""Cross sections with which the far detector is fitted, in the order of arrays."""


@dataclass(frozen=True)
class LeptonAnalysis:
    """What fits of far-detector data need.

    near
        Near detector.
    near_shares
        Expected shares of its events in the cells, of the true structure functions.
    posterior
        Of the structure functions, from expected contents.
    changes
        Of the learned far-detector contents by θ and all pulls.
    far_map
        Changes of the events in the far cells by coefficients and modes, at their mean and the true
        θ, shape (n_cells, n_parameters).
    ways
        Directions that matter, shape (n_parameters, n_pulls).
    detectors
        Far detector with the known and with the learned cross section.
    n_near, n_far
        Events at the detectors, in all samples.
    parameters
        True θ and constraints.
    """

    near: NearDetector
    near_shares: Array
    posterior: SplinePosterior
    changes: Changes
    far_map: Array
    ways: Array
    detectors: tuple[FarDetector, FarDetector]
    n_near: float
    n_far: float
    parameters: Parameters

    @classmethod
    def prepare(
        cls,
        model: LeptonModel,
        truths: Mapping[bool, FiveStructureFunctions],
        parameters: Parameters,
        line: Line,
        *,
        near: Sequence[Lepton],
        horns: Sequence[Horn],
        far: Sequence[Lepton],
        near_events: float,
        far_muons: float,
        intervals: int,
        price: float,
    ) -> "LeptonAnalysis":
        """Learn from expected near-detector contents, and find the pulls that matter.

        Parameters
        ----------
        model, truths, parameters, line
            Experiment and nature.
        near, far, horns
            Leptons of the samples, and horn currents.
        near_events
            Of all near samples together.
        far_muons
            Expected events of far muons with the first horn current, at the true θ; all other
            samples have their share with it.
        intervals, price
            Of the splines and their prior.
        """
        near_detector = NearDetector.build(model, samples(False, near, horns), intervals)
        shares = near_detector.expected(truths)
        posterior = near_detector.learn(shares, shares, near_events, price)
        of_far = samples(True, far, horns)
        channels = channels_of(of_far, model.helicities)
        cells = (model.far_cells[0], _POINTS, model.setup.energy_max)
        spectra = FarSpectra.build(channels, model.beams, parameters, line, cells)
        known = FarDetector(of_far, spectra, true_kernels(model, truths))
        n_far = far_muons * _ratio_to_muons(model, known, spectra.at(parameters.theta[None])[0])
        mean = near_detector.coefficients(posterior)
        on_nodes = near_detector.basis.on_nodes
        plain = FarDetector(of_far, spectra, learned_kernels(model, on_nodes(mean)[None]))
        shifts = np.stack(
            [
                model.flux_errors.shifts(True, channel.initial, plain.spectra.cell_energy)
                for _, channel in channels
            ]
        )
        of_modes = _by_modes(plain, shifts)
        plain = replace(
            plain, fluxes=_factors(shifts, posterior.modes, np.empty((0, len(of_modes))))
        )
        far_map = np.concatenate([_far_map(model, near_detector, plain), *of_modes], axis=1)
        changes, to_tell = _changes(far_map, plain, n_far)
        ways = directions(changes.of_pulls, to_tell, posterior)
        moved = posterior.root(ways).T
        of_functions = moved[:, : mean.size].reshape(-1, *mean.shape)
        stacked = on_nodes(np.concatenate([mean[None], of_functions]))
        learned = FarDetector(
            of_far,
            spectra,
            learned_kernels(model, stacked),
            _factors(shifts, posterior.modes, moved[:, mean.size :]),
        )
        return cls(
            near_detector,
            shares,
            posterior,
            Changes(changes.of_theta, posterior.whitened(changes.of_pulls)),
            far_map,
            ways,
            (known, learned),
            near_events,
            n_far,
            parameters,
        )

    @property
    def far_contents(self) -> Array:
        """Expected events in the far cells, of the true cross section and θ."""
        known = self.detectors[0]
        spectra = known.spectra.at(self.parameters.theta[None])[0]
        events = known.events(spectra, np.zeros(0))
        return np.asarray(events * (self.n_far / events.sum()))

    @property
    def pulls_of_shares(self) -> Array:
        """Map of a change of the near shares to that of the pulls' centres, (n_pulls, n_cells)."""
        variance = self.near.variance(self.near_shares, self.n_near)
        changes = self.near.changes(self.posterior) / variance[:, None]
        whitened = sl.solve_triangular(self.posterior.factor, changes.T, lower=True)
        return np.asarray(self.ways.T @ whitened)

    @property
    def pulls_of_modes(self) -> Array:
        """Map of the modes about which the fluxes are constrained to the pulls' centres."""
        last = np.eye(len(self.posterior.factor))[:, self.posterior.coefficients.size :]
        whitened = sl.solve_triangular(self.posterior.factor, last, lower=True)
        return np.asarray(self.ways.T @ whitened)


def _ratio_to_muons(model: LeptonModel, known: FarDetector, spectra: Array) -> float:
    """Events of all far samples for one muon of the first horn current."""
    by_channel = known.by_channel_sums(spectra)
    horn = known.samples[0].horn
    muons = [
        events
        for (of_horn, channel), events in zip(known.spectra.channels, by_channel, strict=True)
        if of_horn == horn and channel.final == LEPTONS[0]
    ]
    return float(by_channel.sum() / sum(muons))


def _by_modes(plain: FarDetector, shifts: Array) -> list[Array]:
    """Events of the far samples from each mode at the true θ, shape (n_cells, 1)."""
    at = plain.spectra.at(plain.spectra.parameters.theta[None])[0]
    by_mode = np.moveaxis(shifts, 1, 0)
    return [plain.events(at * shift, np.zeros(0))[:, None] for shift in by_mode]


def _factors(shifts: Array, mean: Array, moved: Array) -> Array | None:
    """`FarDetector.fluxes` of modes at their mean, and moved (n_pulls, n_modes) by the pulls."""
    if not mean.size:
        return None
    of_pulls = np.concatenate([mean[None], moved]) @ shifts
    of_pulls[:, 0] += 1.0
    return np.ascontiguousarray(of_pulls)


def _changes(far_map: Array, detector: FarDetector, n_far: float) -> tuple[Changes, Array]:
    """By θ and by coefficients; and by all θ that are to be told apart."""
    spectra, theta = detector.spectra, detector.spectra.parameters.theta
    other = theta * np.array([1.0, -1.0, 1.0, 1.0])
    others = [np.array([1.0 - theta[0], *theta[1:]]), other]
    others += [theta + np.array([0.0, 0.0, shift, 0.0]) for shift in (np.pi / 2, np.pi, -np.pi / 2)]
    events, by_theta, _ = detector.with_slopes(theta, np.zeros(0))
    elsewhere = np.stack([detector.events(s, np.zeros(0)) for s in spectra.at(np.stack(others))])
    return (
        Changes(
            scaled_changes(events, by_theta, n_far),
            scaled_changes(events, far_map.T, n_far),
        ),
        scaled_changes(events, np.concatenate([by_theta, elsewhere - events]), n_far),
    )


def _far_map(model: LeptonModel, near: NearDetector, plain: FarDetector) -> Array:
    """Events of the far samples from coefficients, (n_cells, n_coefficients), at the true θ."""
    spectra = plain.spectra
    at = plain.moved(spectra.at(spectra.parameters.theta[None]), np.ones(1))[0]
    operators = {
        key: ForwardOperator.build(model.far_grid(*key), model.nodes, five=model.five)
        for key in model.cross_sections
    }
    matrices = []
    for sample in plain.samples:
        of_sample = {}
        for anti in model.helicities:
            flux = sum(
                spectrum
                for (horn, channel), spectrum in zip(spectra.channels, at, strict=True)
                if (horn, channel.final, channel.antineutrino) == (sample.horn, sample.lepton, anti)
            )
            matrix = operators[sample.lepton, anti].event_matrix(np.asarray(flux))
            of_sample[anti] = matrix[model.reached(sample.lepton)]
        matrices.append(of_sample)
    return stacked_map(model, near.basis, matrices)
