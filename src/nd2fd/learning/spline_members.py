"""Members of an ensemble whose structure functions are splines, learned in closed form."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.splines import SplineBasis
from nd2fd.io.schemas.joint import JointDesign
from nd2fd.io.schemas.learned import Splines
from nd2fd.io.schemas.near import NearData
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import adapt, learn_counts
from nd2fd.learning.start import Start

Progress = Callable[[int, str], None]


def spline_members(
    near: NearData,
    design: JointDesign,
    price: float,
    progress: Progress,
    learned_before: Splines | None = None,
) -> Splines:
    """Learn the structure functions of each member.

    A member assumes the flux with the modes z that were drawn for it. Where the flux varies, modes
    are learned with the structure functions, as far as they differ from z by the flux's error.

    Parameters
    ----------
    near
        What the members learn from.
    design
        Of the members' detector (`nd2fd.statistics.joint_design`).
    price
        Of the prior (`nd2fd.learning.spline_posterior`).
    progress
        Called with (members so far, note).
    learned_before
        Of another nucleus; takes the place of the prior with a price.

    Raises
    ------
    ValueError
        If what was learned before does not reach as far as the nodes.
    ImproperPosteriorError
        If the histogram of a member does not determine its structure functions.
    """
    nodes = NodeGrid.of(design)
    basis = SplineBasis(nodes, design.splines, design.bends)
    nominal = SplineDesign(design.near_cells, design.near, design.near_modes)
    start = None if learned_before is None else Start.of(learned_before, nodes)
    assumed = near.flux_parameters
    posteriors = []
    for member, density in enumerate(near.density):
        if assumed is None:
            of_member = replace(nominal, modes=nominal.modes[:0])
        else:
            # Events are linear in the flux.
            changes = np.tensordot(assumed[member], nominal.modes, 1)
            of_member = replace(nominal, nominal=nominal.nominal + changes)
        n_measured = float(near.n_events) * near.acceptance[member]
        counts = density * (n_measured / density.sum())
        squares = None if near.squares is None else near.squares[member]
        posteriors.append(
            learn_counts(of_member, basis, counts, price, squares)
            if start is None
            else adapt(of_member, basis, counts, start)
        )
        progress(member + 1, f"χ² {posteriors[-1].chi2:.0f}")
    fitted = None
    if assumed is not None:
        fitted = assumed + np.stack([posterior.modes for posterior in posteriors])
    return Splines(
        member=near.member,
        xi=design.xi,
        tau=design.tau,
        x_max=design.x_max,
        Q2_max=design.Q2_max,
        Q2_scale=design.Q2_scale,
        structure_functions=basis.on_nodes(np.stack([p.coefficients for p in posteriors])),
        fitted_flux_parameters=fitted,
        **{
            name: np.array([getattr(posterior, name) for posterior in posteriors])
            for name in ("strength", "chi2", "paid", "effective_parameters")
        },
    )
