"""Fits of the oscillation parameters to far-detector events, with each cross section of a batch."""

import logging
from collections.abc import Callable, Sequence

import numpy as np

from nd2fd.cross_sections.models import CrossSectionModel
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.fits import Fits
from nd2fd.statistics.bootstrap import bootstrap_counts
from nd2fd.statistics.far_analysis import FarAnalysis, stacked
from nd2fd.systematics.members import Assumptions

_LOG = logging.getLogger(__name__)


def fit_members(
    analysis: FarAnalysis,
    models: Sequence[CrossSectionModel],
    assumptions: Assumptions,
    members: Sequence[int],
    events: Events,
    n_replicas: int,
    rng: np.random.Generator,
    progress: Callable[[int, str], None],
) -> Fits:
    """Fit the same bootstrap replicas with every member.

    Differences between members are then those of the cross sections and assumptions alone.

    Parameters
    ----------
    analysis
        How events are analysed.
    models, assumptions, members
        Cross section and assumption of each member, and its number in the ensemble.
    events
        As measured.
    n_replicas, rng
        Number of bootstrap replicas, and what draws them.
    progress
        Called with (members so far, note).
    """
    counts = bootstrap_counts(events.v1.size, n_replicas, rng).astype(np.float64)
    nominal = None
    of_members = []
    densities = analysis.densities(models, assumptions.of_members)
    for member, density, assumption in zip(members, densities, assumptions.of_members, strict=True):
        if assumption.calibrations:
            measured, inside = analysis.look_up(events.v1, events.v2, assumption)
        else:
            if nominal is None:
                nominal = analysis.look_up(events.v1, events.v2, assumption)
            measured, inside = nominal
        replicas, best = analysis.fit(density, measured, counts[:, inside])
        estimates = replicas.estimates(analysis.octant)
        at_boundary = replicas.ends_at_boundary(analysis.octant)
        ((best_mixing, best_mass),) = best.estimates(analysis.octant)
        if at_boundary.any():
            _LOG.warning(
                "member %d: %d of %d replicas end at an edge of the fit ranges, sin2_theta23 %s "
                "or dm2_32 %s eV2: their spread is cut (fits.sin2_theta23, fits.dm2_32)",
                member,
                at_boundary.sum(),
                n_replicas,
                analysis.sin2_theta23,
                analysis.dm2_32,
            )
        of_members.append(
            {
                "sin2_2theta23": estimates[:, 0],
                "dm2_32": estimates[:, 1],
                "octant_sin2_theta23": replicas.sin2_theta23,
                "octant_dm2_32": replicas.dm2_32,
                "octant_log_likelihood": replicas.log_likelihood,
                "at_boundary": at_boundary,
                "best_sin2_2theta23": best_mixing,
                "best_dm2_32": best_mass,
                "best_octant_sin2_theta23": best.sin2_theta23[0],
                "best_octant_dm2_32": best.dm2_32[0],
                "best_octant_log_likelihood": best.log_likelihood[0],
            }
        )
        progress(len(of_members), f"best fit dm2_32 {best_mass:.4e} eV2")
    return Fits(member=np.array(members), **assumptions.recorded(), **stacked(of_members))
