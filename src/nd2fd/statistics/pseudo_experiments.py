"""Pseudo-experiments: which members' regions contain the truth, with new far-detector data each.

Every experiment has new far-detector events and new bootstrap replicas, the same for all members.
Where members differ in the flux nature's far flux is drawn, too. Their near-detector events stay
those that they learned from, of the nominal flux (docs/studies/paper-rule.md says what that does).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.spectra import far_spectrum
from nd2fd.cross_sections.models import CrossSectionModel, cross_section_models, interpolated
from nd2fd.detector.smearing import smear_events
from nd2fd.events.sampling import EventSampler
from nd2fd.io.schemas.coverage import Coverage, CoverageBlock
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.io.schemas.truth import Truth
from nd2fd.statistics.bootstrap import draw_counts
from nd2fd.statistics.coverage import contains_truth, ensemble_contains, redrawn_members
from nd2fd.statistics.drawn_flux import leptons_of_drawn_flux
from nd2fd.statistics.ensemble import N_SIGMAS
from nd2fd.statistics.far_analysis import FarAnalysis, stacked
from nd2fd.statistics.far_density import ExactDensity, SmearedDensity, SurvivalShapes
from nd2fd.statistics.member_fits import fit_members
from nd2fd.statistics.member_likelihoods import NODES_TOLERANCE, MemberLikelihoods
from nd2fd.statistics.octants import sin2_2theta
from nd2fd.streams import random_stream
from nd2fd.systematics.members import calibrated
from nd2fd.systematics.systematic import Assumption

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Progress = Callable[[int, str], None]

_MEMBERS_TOGETHER = 50
"""Members whose cross sections are evaluated together: they share kinematics and interpolation."""


@dataclass(frozen=True)
class PseudoData:
    """What makes the data of pseudo-experiments.

    truth, flux, oscillation
        Nature.
    n_events, n_replicas
        Far-detector events, and bootstrap replicas of them.
    seed
        Root seed.
    draw_flux
        Whether nature's far flux is drawn from its uncertainty; else it is the nominal one.
    """

    truth: Truth
    flux: Flux
    oscillation: Oscillation
    n_events: int
    n_replicas: int
    seed: int
    draw_flux: bool = False

    def sampler(self, analysis: FarAnalysis) -> EventSampler:
        """Draws events from nature."""
        spectrum = far_spectrum(self.flux, self.oscillation)
        return EventSampler.build(spectrum, interpolated(self.truth), analysis.detector.grid.setup)

    def modes(self, experiment: int) -> Array | None:
        """Nature's z of each mode of the flux, shape (n_modes,); None: all are zero."""
        if not self.draw_flux:
            return None
        assert self.flux.far_modes is not None
        rng = random_stream(self.seed, "coverage_flux", "", experiment)
        return rng.standard_normal(len(self.flux.far_modes))

    def events(
        self, sampler: EventSampler, analysis: FarAnalysis, experiment: int
    ) -> tuple[Array, Array]:
        """(v1, v2) of new far-detector events, as they are measured."""
        rng = random_stream(self.seed, "coverage_events", "", experiment)
        modes = self.modes(experiment)
        if modes is None:
            batches = list(sampler.batches(self.n_events, rng))
            v1, v2 = (np.concatenate([getattr(b, name) for b in batches]) for name in ("v1", "v2"))
        else:
            v1, v2 = leptons_of_drawn_flux(sampler, self.flux, modes, self.n_events, rng)
        detector = analysis.detector
        v1, v2, kept = smear_events(v1, v2, detector.resolution, detector.grid.setup, rng)
        return v1[kept], v2[kept]

    def counts(self, n_events: int, experiment: int) -> Single:
        """How often each sample holds each event, shape (n_replicas + 1, n_events).

        The last one is that of the events themselves. In the precision of what is made of it.
        """
        rng = random_stream(self.seed, "coverage_bootstrap", "", experiment)
        counts = np.ones((self.n_replicas + 1, n_events), dtype=np.float32)
        draw_counts(counts[:-1], rng)
        return counts


def pseudo_experiments(
    analysis: FarAnalysis,
    data: PseudoData,
    models: Sequence[CrossSectionModel],
    assumptions: Sequence[Assumption],
    experiments: Sequence[int],
    true_point: Sequence[float],
    progress: Progress,
) -> CoverageBlock:
    """Which members' regions contain the truth.

    Parameters
    ----------
    analysis
        How events are analysed.
    data
        What makes the data.
    models, assumptions
        Cross section and assumption of each member.
    experiments
        Numbers of the pseudo-experiments; they name the random streams.
    true_point
        True sin²2θ23 and Δm²32 [eV²].
    progress
        Called with (experiments so far, note).
    """
    # One set of nodes in θ for all members and experiments, chosen with a cell of the truth as an
    # event: a learned cross section may do anything in cells that have no events.
    (true_model,) = cross_section_models(data.truth, 1)
    nodes = analysis.theta_nodes_of_cells(true_model, Assumption(data.flux), NODES_TOLERANCE)
    # For smeared events the sum over E_ν is done here, once for all experiments.
    shapes = SurvivalShapes.of(nodes.survival)
    densities: list[ExactDensity | SmearedDensity] = []
    for first in range(0, len(models), _MEMBERS_TOGETHER):
        part = slice(first, first + _MEMBERS_TOGETHER)
        for density in analysis.densities(models[part], assumptions[part]):
            if isinstance(density, SmearedDensity):
                density = density.at_theta(shapes)
            densities.append(density)
        progress(0, f"cross section {len(densities)} of {len(models)} in cells")
    if not analysis.detector.resolution.is_ideal:
        # Columns stand for the nodes in θ themselves.
        nodes = replace(nodes, survival=np.eye(len(nodes.survival)))
    likelihoods = MemberLikelihoods.tabulate(densities, analysis.detector, nodes, data.n_events)

    # Members without a calibration of their own see the events as they are measured.
    views: dict[Any, list[int]] = {}
    for member, assumption in enumerate(assumptions):
        views.setdefault(assumption.calibrations, []).append(member)
    sampler, results = data.sampler(analysis), []
    for experiment in experiments:
        v1, v2 = data.events(sampler, analysis, experiment)
        counts = data.counts(v1.size, experiment)
        theta = np.empty((len(models), len(counts), 2))
        for members in views.values():
            seen_v1, seen_v2, inside = calibrated(
                v1, v2, assumptions[members[0]], analysis.detector.grid.setup
            )
            seen = counts if inside.all() else counts[:, inside]
            weights = likelihoods.weights(seen_v1[inside], seen_v2[inside], seen, members)
            theta[members] = fit_members(weights, likelihoods.polynomials, analysis.octant)
        estimates = np.stack([sin2_2theta(theta[:, :, 0]), theta[:, :, 1]], axis=2)
        # A copy: views would keep all replicas of all experiments.
        replicas, best = estimates[:, :-1], estimates[:, -1].copy()
        results.append(
            {
                "contained": contains_truth(replicas, np.array(true_point)),
                "best_sin2_2theta23": best[:, 0],
                "best_dm2_32": best[:, 1],
                "sigma_sin2_2theta23": replicas[:, :, 0].std(axis=1),
                "sigma_dm2_32": replicas[:, :, 1].std(axis=1),
            }
        )
        if data.draw_flux:
            results[-1]["true_mode"] = data.modes(experiment)
        progress(len(results), f"{v1.size} events")
    return CoverageBlock(
        experiment=np.array(experiments), n_sigma=np.array(N_SIGMAS), **stacked(results)
    )


def coverage_of(
    blocks: CoverageBlock, true_point: Sequence[float], rng: np.random.Generator
) -> Coverage:
    """How often the ensemble's regions contain the truth, over all pseudo-experiments.

    `blocks` are the joined pseudo-experiments, `true_point` sin²2θ23 and Δm²32 [eV²], and `rng`
    draws other members for each experiment.
    """
    n_experiments = len(blocks.contained)
    coverage = ensemble_contains(blocks.contained).mean(axis=0)
    redrawn = ensemble_contains(redrawn_members(blocks.contained, rng)).mean(axis=0)
    return Coverage(
        n_sigma=blocks.n_sigma,
        n_experiments=np.array(n_experiments),
        coverage=coverage,
        error=np.sqrt(coverage * (1.0 - coverage) / n_experiments),
        redrawn=redrawn,
        members=blocks.contained.mean(axis=(0, 1)),
        best_sin2_2theta23=blocks.best_sin2_2theta23.mean(axis=1),
        best_dm2_32=blocks.best_dm2_32.mean(axis=1),
        sigma_sin2_2theta23=blocks.sigma_sin2_2theta23.mean(axis=1),
        sigma_dm2_32=blocks.sigma_dm2_32.mean(axis=1),
        true_sin2_2theta23=np.array(true_point[0]),
        true_dm2_32=np.array(true_point[1]),
    )
