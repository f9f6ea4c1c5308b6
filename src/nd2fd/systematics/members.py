"""What the members of a batch assume."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.io.schemas.inputs import Flux
from nd2fd.physics.kinematics import density_variables_from_lepton, lepton_from_density_variables
from nd2fd.physics.setup import Setup
from nd2fd.streams import NO_DRAW, nuisance_draw
from nd2fd.systematics import SYSTEMATICS
from nd2fd.systematics.systematic import Assumption

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class Assumptions(NamedTuple):
    """What each member of a batch assumes.

    of_members : one for each member
    parameters : z of each systematic by name, shape (n_members, n_parameters); zero for NO_DRAW
    """

    of_members: list[Assumption]
    parameters: dict[str, Array]

    def recorded(self) -> dict[str, Any]:
        """Parameters as the datasets `flux_parameters` and `nuisance_parameters` of a file."""
        flux = self.parameters["flux"]
        others = [z for name, z in self.parameters.items() if name != "flux" and z.any()]
        return {
            "flux_parameters": flux if flux.size else None,
            "nuisance_parameters": np.concatenate(others, axis=1) if others else None,
        }


def draw_assumptions(
    root_seed: int,
    draws: Mapping[str, Sequence[int]],
    flux: Flux,
    sizes: Mapping[str, float],
    fitted_flux: Array | None = None,
) -> Assumptions:
    """Draw the nuisance parameters of the members of a batch, and apply them.

    A draw has the same number in every ensemble, so that ensembles with known and with learned
    cross section can be compared draw by draw.

    Parameters
    ----------
    root_seed
        Of the workflow.
    draws
        By systematic, the number of the draw of each member, or NO_DRAW for the nominal value.
    flux
        Nominal fluxes and their modes.
    sizes
        Configuration section `systematics`.
    fitted_flux
        What the near detector has made of the drawn parameters of the flux, and takes their place,
        shape (n_members, n_parameters); None: nothing.
    """
    n_members = len(next(iter(draws.values())))
    of_members = [Assumption(flux)] * n_members
    parameters = {}
    for name, numbers in draws.items():
        systematic = SYSTEMATICS[name]
        assert systematic.n_parameters is not None
        assert systematic.assume is not None
        n_parameters = systematic.n_parameters(flux)
        z = np.zeros((n_members, n_parameters))
        for member, number in enumerate(numbers):
            if number != NO_DRAW:
                if name == "flux" and fitted_flux is not None:
                    z[member] = fitted_flux[member]
                else:
                    z[member] = nuisance_draw(root_seed, name, number, n_parameters)
                of_members[member] = systematic.assume(of_members[member], z[member], sizes)
        parameters[name] = z
    return Assumptions(of_members, parameters)


def calibrated(
    v1: Array, v2: Array, assumption: Assumption, setup: Setup
) -> tuple[Array, Array, BoolArray]:
    """Measured events as the analysis takes them.

    `v1` and `v2` have shape (n_events,). Returns them after the calibrations, and which events have
    a momentum and lie in the unit square still; values of the others mean nothing.
    """
    if not assumption.calibrations:
        return v1, v2, np.ones(v1.size, dtype=np.bool_)
    e_lepton, cos_theta = lepton_from_density_variables(v1, v2, setup)
    for calibrate in assumption.calibrations:
        e_lepton, cos_theta = calibrate(e_lepton, cos_theta)
    has_momentum = e_lepton > setup.lepton_mass
    v1, v2 = density_variables_from_lepton(
        np.maximum(e_lepton, setup.lepton_mass), np.clip(cos_theta, -1.0, 1.0), setup
    )
    return v1, v2, has_momentum & (v1 < 1.0) & (v2 < 1.0)
