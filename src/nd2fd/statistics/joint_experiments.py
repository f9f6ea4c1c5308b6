"""Pseudo-experiments of the joint fit: nature's flux, near and far events are all drawn.

Expectations of the near detector are linear in the flux modes: those of the nominal flux and of
each mode make those of any flux. Far-detector events of a drawn flux are those of the nominal one,
accepted in proportion to the ratio of the fluxes at their energy. Densities are tabulated once, in
coordinates that hold for all experiments (`nd2fd.statistics.joint_analysis.PullBasis` about the
posterior from expected events), on a lattice of measured leptons, relative to that of the centre.
Where detectors are drawn, too, what is expected is computed for each of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.flux import FluxTable
from nd2fd.beam.spectra import far_spectrum
from nd2fd.cross_sections.models import interpolated
from nd2fd.detector.measured_density import cell_contents, measured_density
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.events.lepton_density import LeptonDensity
from nd2fd.events.sampling import EventSampler
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.io.schemas.joint import JointCoverage, JointCoverageBlock, JointToys, OffAxisDesign
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning.near_data import draw_histogram, expected_contents
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.drawn_flux import leptons_of_drawn_flux
from nd2fd.statistics.ensemble import N_SIGMAS
from nd2fd.statistics.far_analysis import stacked
from nd2fd.statistics.far_kernel import FarKernel
from nd2fd.statistics.feldman_cousins import thresholds_at
from nd2fd.statistics.joint_analysis import JointAnalysis, PullBasis, octant_starts
from nd2fd.statistics.joint_design import with_modes
from nd2fd.statistics.joint_likelihood import JointLikelihood
from nd2fd.statistics.octants import sin2_2theta
from nd2fd.statistics.off_axis import off_axis_samples
from nd2fd.statistics.profile_regions import contains
from nd2fd.statistics.profiles import Profile
from nd2fd.statistics.pull_tables import PullTables
from nd2fd.streams import random_stream
from nd2fd.systematics.pulls import Nature, measured_events, n_parameters, nature

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
Progress = Callable[[int, str], None]


@dataclass(frozen=True)
class JointData:
    """What makes the data of pseudo-experiments.

    truth, flux, oscillation
        Nature, with the nominal flux and the modes of its uncertainty.
    near_events, far_events
        Numbers of events, lost ones included.
    seed
        Root seed.
    sizes
        Configuration section `systematics`.
    """

    truth: Truth
    flux: Flux
    oscillation: Oscillation
    near_events: int
    far_events: int
    seed: int
    sizes: Mapping[str, float] = field(default_factory=dict)

    def near_contents(self, resolution: Resolution, grid: DensityGrid) -> Array:
        """Probabilities of measured events in cells, of the nominal flux and their changes.

        Shape (1 + n_modes, n_v1, n_v2); unit of the nominal flux's true events.
        """
        fluxes = with_modes(self.flux.near, self.flux.near_modes)
        # A flux is positive, its change is not.
        fluxes[1:] += fluxes[0]
        true = cell_contents(self._measured(fluxes[0], Resolution.ideal(), grid), grid)
        contents = np.stack(
            [cell_contents(self._measured(flux, resolution, grid), grid) for flux in fluxes]
        )
        contents[1:] -= contents[0]
        return contents / max(true.sum(), contents[0].sum())

    def near_probability(
        self, modes: Array, found: Nature, resolution: Resolution, grid: DensityGrid
    ) -> Array:
        """Probabilities of measured events in cells with other detectors; (n_v1, n_v2)."""
        shift = np.zeros_like(self.flux.near)
        if modes.size:
            assert self.flux.near_modes is not None
            shift = modes @ self.flux.near_modes
        varied = replace(self.flux, near=self.flux.near * np.maximum(1.0 + shift, 0.0))
        return expected_contents(self.truth, varied, resolution, grid, found)

    def nuisance(self, names: Sequence[str], experiment: int) -> dict[str, Array]:
        """Nature's parameters of systematics other than the flux, by their names."""
        return {
            name: random_stream(self.seed, "joint_coverage", name, experiment).standard_normal(
                n_parameters(name, self.flux)
            )
            for name in names
        }

    def _measured(self, flux: Array, resolution: Resolution, grid: DensityGrid) -> Any:
        table = FluxTable(self.flux.energy, flux)
        lepton = LeptonDensity.build(table, interpolated(self.truth), grid.setup)
        return measured_density(lepton, resolution, grid)

    def far_sampler(self, grid: DensityGrid) -> EventSampler:
        """Draws far-detector events of the nominal flux."""
        spectrum = far_spectrum(self.flux, self.oscillation)
        return EventSampler.build(spectrum, interpolated(self.truth), grid.setup)

    def far_leptons(
        self,
        sampler: EventSampler,
        modes: Array,
        resolution: Resolution,
        grid: DensityGrid,
        rng: np.random.Generator,
        found: Nature | None = None,
    ) -> tuple[Array, Array]:
        """(v1, v2) of measured events, the flux having the given modes (n_modes,); or none.

        `found` is the detector, where it is not the nominal one.
        """
        v1, v2 = leptons_of_drawn_flux(sampler, self.flux, modes, self.far_events, rng)
        actual = resolution if found is None else found.resolution(resolution)
        v1, v2, kept = smear_events(v1, v2, actual, grid.setup, rng)
        v1, v2 = v1[kept], v2[kept]
        if found is not None:
            v1, v2, kept = measured_events(v1, v2, found, grid.setup)
            v1, v2 = v1[kept], v2[kept]
        return v1, v2


def joint_experiments(
    analysis: JointAnalysis,
    grid: DensityGrid,
    data: JointData,
    experiments: Sequence[int],
    true_point: Sequence[float],
    progress: Progress,
    angles: Sequence[OffAxisDesign] = (),
) -> JointCoverageBlock:
    """Joint fits, and how far −2 ln L is above its minimum at the truth.

    Parameters
    ----------
    analysis
        How data are analysed.
    grid
        Cells of the near-detector histograms.
    data
        What makes the data.
    experiments
        Numbers of the pseudo-experiments; they name the random streams.
    true_point
        True sin²θ23 and Δm²32 [eV²].
    progress
        Called with (experiments so far, note).
    angles
        Maps of near-detector samples at angles to the beam axis.
    """
    resolution, truth_point = analysis.far_analysis.detector.resolution, np.array(true_point)
    contents = data.near_contents(resolution, grid)
    n_modes = len(analysis.spectra.modes)
    energy_max = grid.setup.energy_max
    samples = off_axis_samples(angles, data.truth, data.flux, data.near_events, energy_max)
    analysis = replace(analysis, off_axis=tuple(sample.design for sample in samples))
    near = [(contents, data.near_events)]
    for sample in samples:
        of_angle = replace(data, flux=sample.flux).near_contents(resolution, grid)
        near.append((of_angle, sample.n_events))
    first, *others = [n * np.maximum(c[0], 0.0) for c, n in near]
    expected = analysis.learn(first, off_axis=others)
    basis = analysis.pull_basis(expected, data.far_events)
    # That of drawn events is nearly the same.
    analysis = replace(analysis, strength=expected.strength)
    progress(0, f"{len(basis.structure_functions) - 1} directions")
    tables = PullTables.build(analysis, basis, data.truth.structure_functions[None])
    sampler, starts = data.far_sampler(grid), octant_starts(analysis.far_analysis)
    names = list(dict.fromkeys(pull.name for pull, _ in analysis.pulls))
    results = []
    for experiment in experiments:
        rng = random_stream(data.seed, "joint_coverage", "", experiment)
        modes = rng.standard_normal(n_modes)
        drawn = data.nuisance(names, experiment)
        found = nature(drawn, data.flux, data.sizes) if names else None
        if found is None:
            counts = [_drawn(c[: 1 + n_modes], modes, n, rng) for c, n in near]
        else:
            probability = data.near_probability(modes, found, resolution, grid)
            counts = [draw_histogram(probability, data.near_events, rng)]
        posterior = analysis.learn(counts[0], off_axis=counts[1:])
        v1, v2 = data.far_leptons(sampler, modes, resolution, grid, rng, found)
        kernel = tables.kernel(v1, v2)
        of_detectors = np.concatenate([np.empty(0), *drawn.values()])
        known = kernel[tables.n_learned :]
        if found is not None:
            known = known.combined(np.append(1.0, of_detectors)[None])
        likelihoods = [
            _learned(analysis, basis, posterior, kernel[: tables.n_learned]),
            JointLikelihood.build(analysis.spectra, known, modes, np.empty((n_modes, 0))),
        ]
        profiles = [Profile.of(likelihood, starts) for likelihood in likelihoods]
        best = np.stack([profile.best.theta for profile in profiles])
        results.append(
            {
                "tests": np.stack([p.tests(truth_point) for p in profiles]),
                "best_sin2_theta23": best[:, 0],
                "best_dm2_32": best[:, 1],
                "half_width_dm2_32": np.array([p.half_width_dm2_32() for p in profiles]),
                "mode_mean": posterior.modes,
                "mode_error": posterior.mode_errors,
                "true_mode": np.append(modes, of_detectors),
            }
        )
        progress(len(results), f"{v1.size} far-detector events")
    return JointCoverageBlock(experiment=np.array(experiments), **stacked(results))


def _drawn(contents: Array, modes: Array, n_events: int, rng: np.random.Generator) -> IntArray:
    """Near-detector counts with a drawn flux."""
    probability = np.maximum(np.tensordot(np.append(1.0, modes), contents, 1), 0.0)
    probability *= contents[0].sum() / max(probability.sum(), contents[0].sum())
    return draw_histogram(probability, n_events, rng)


def _learned(
    analysis: JointAnalysis, basis: PullBasis, posterior: Any, kernel: FarKernel
) -> JointLikelihood:
    """Likelihood whose pulls are those of a posterior."""
    mean, root = basis.at(posterior)
    n = mean.size
    weights = np.zeros((1 + n, 1 + n))
    weights[0] = np.append(1.0, mean)
    weights[1:, 1:] = root.T
    return JointLikelihood.build(
        analysis.spectra,
        kernel.combined(weights),
        basis.modes + basis.mode_changes @ mean,
        basis.mode_changes @ root,
    )


def joint_coverage_of(
    blocks: JointCoverageBlock, toys: JointToys | None, true_point: Sequence[float]
) -> JointCoverage:
    """How often regions contain the truth, over all pseudo-experiments.

    `blocks` are the joined pseudo-experiments, `toys` those of all points that thresholds are taken
    from besides Wilks', if any, and `true_point` is sin²θ23 and Δm²32 [eV²].
    """
    n_experiments = len(blocks.experiment)
    coverage = contains(blocks.tests).mean(axis=0)
    calibrated = None
    if toys is not None:
        limits = thresholds_at(toys, np.array(true_point[:1]))[..., 0].swapaxes(0, 1)
        calibrated = (blocks.tests[:, :, None] < limits).mean(axis=0)
    return JointCoverage(
        n_sigma=np.array(N_SIGMAS),
        n_experiments=np.array(n_experiments),
        coverage=coverage,
        error=np.sqrt(coverage * (1.0 - coverage) / n_experiments),
        calibrated=calibrated,
        best_sin2_2theta23=sin2_2theta(blocks.best_sin2_theta23),
        best_dm2_32=blocks.best_dm2_32,
        half_width_dm2_32=blocks.half_width_dm2_32,
        mode_pull=(blocks.mode_mean - blocks.true_mode) / blocks.mode_error,
        true_sin2_2theta23=np.array(sin2_2theta(true_point[0])),
        true_dm2_32=np.array(true_point[1]),
    )
