"""Systematics as pulls: what data are expected where a nuisance parameter is not zero.

An assumption with parameter z says how the analysis takes what was measured: events at (v1, v2) as
events at w = w_z(v1, v2), measured with a resolution r_z. So the density of what is measured is

    p_z(v) = p(w_z(v); r_z) |∂w_z / ∂v|,

and nature with z moves what it measured by the inverse of w_z, to first order w_-z.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nd2fd.detector.lattice import area_density
from nd2fd.detector.smearing import Resolution
from nd2fd.io.schemas.inputs import Flux
from nd2fd.physics.kinematics import lepton_from_density_variables
from nd2fd.physics.setup import Setup
from nd2fd.systematics import SYSTEMATICS
from nd2fd.systematics.members import calibrated
from nd2fd.systematics.systematic import Assumption

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

FLUX = "flux"
"""The systematic whose parameters are modes of the flux, in which densities are linear."""

_STEP = 1e-4
"""Of the differences in E, in units of it, and in θ that give the Jacobian of a calibration."""


@dataclass(frozen=True)
class Nature:
    """A detector that is not what the analysis takes it for without a pull.

    analysed
        What the analysis has to assume to be right.
    inverse
        Its calibrations are the inverse ones, to first order.
    """

    analysed: Assumption
    inverse: Assumption

    def resolution(self, nominal: Resolution) -> Resolution:
        """The resolution."""
        energy, angle = self.analysed.resolution_factors
        return Resolution(energy * nominal.energy, angle * nominal.angle)

    def measured_at(self, e_lepton: Array, cos_theta: Array) -> tuple[Array, Array]:
        """Energy and cosine of the angle that are measured where nominally these are; broadcast."""
        for calibrate in self.inverse.calibrations:
            e_lepton, cos_theta = calibrate(e_lepton, cos_theta)
        return e_lepton, cos_theta

    @property
    def is_calibrated(self) -> bool:
        """Whether leptons are measured elsewhere at all."""
        return bool(self.analysed.calibrations)


@dataclass(frozen=True)
class Pull:
    """One nuisance parameter.

    name
        Of its systematic.
    up, middle, down
        Nature where it is one standard deviation above, zero, and below.
    """

    name: str
    up: Nature
    middle: Nature
    down: Nature


def nature(values: Mapping[str, Array], flux: Flux, sizes: Mapping[str, float]) -> Nature:
    """Detectors whose nuisance parameters have values z, (n_parameters,) by systematic."""
    assumed = []
    for sign in (1.0, -1.0):
        assumption = Assumption(flux)
        # In the order of the registry, as members of ensembles.
        for name in [name for name in SYSTEMATICS if name in values]:
            assume = SYSTEMATICS[name].assume
            assert assume is not None
            assumption = assume(assumption, sign * values[name], sizes)
        assumed.append(assumption)
    return Nature(*assumed)


def detector_pulls(names: Sequence[str], flux: Flux, sizes: Mapping[str, float]) -> list[Pull]:
    """All nuisance parameters of these systematics but those of the flux.

    Parameters
    ----------
    names
        Systematics, in any order; the pulls are in that of the registry.
    flux
        Nominal fluxes.
    sizes
        Configuration section `systematics`.
    """
    pulls = []
    for name in [name for name in SYSTEMATICS if name in names and name != FLUX]:
        for unit in np.eye(n_parameters(name, flux)):
            found = [nature({name: z * unit}, flux, sizes) for z in (1.0, 0.0, -1.0)]
            pulls.append(Pull(name, *found))
    return pulls


def n_parameters(name: str, flux: Flux) -> int:
    """Number of nuisance parameters of a systematic that has some."""
    number = SYSTEMATICS[name].n_parameters
    assert number is not None
    return number(flux)


def measured_events(
    v1: Array, v2: Array, found: Nature, setup: Setup
) -> tuple[Array, Array, BoolArray]:
    """Where events, nominally measured at (v1, v2), (n,), are measured, and which of them at all.

    The resolution is another matter.
    """
    return calibrated(v1, v2, found.inverse, setup)


def analysed_at(v1: Array, v2: Array, found: Nature, setup: Setup) -> tuple[Array, Array, Array]:
    """w_z of (v1, v2), shape (n,), where the right analysis takes leptons for, and |∂w_z / ∂v|.

    Where it takes them for impossible the Jacobian is zero, and the values mean nothing.
    """
    if not found.is_calibrated:
        return v1, v2, np.ones(v1.size)
    w1, w2, possible = calibrated(v1, v2, found.analysed, setup)
    e_lepton, cos_theta = lepton_from_density_variables(v1, v2, setup)
    theta = np.arccos(np.clip(cos_theta, -1.0, 1.0))
    new_energy, new_theta, ratio = analysed_leptons(e_lepton, theta, found)
    old, new = area_density(e_lepton, theta, setup), area_density(new_energy, new_theta, setup)
    possible &= old > 0.0
    # The area is that of d ln E dθ.
    ratio *= new / new_energy
    return w1, w2, np.divide(ratio, old / e_lepton, np.zeros(v1.size), where=possible)


def analysed_leptons(e_lepton: Array, theta: Array, found: Nature) -> tuple[Array, Array, Array]:
    """E' [GeV] and θ' that the right analysis takes measured leptons for, and |∂(E', θ')/∂(E, θ)|.

    All of shape (n,).
    """

    def moved(energy: Array, angle: Array) -> tuple[Array, Array]:
        cos_theta = np.cos(angle)
        for calibrate in found.analysed.calibrations:
            energy, cos_theta = calibrate(energy, cos_theta)
        return energy, np.arccos(np.clip(cos_theta, -1.0, 1.0))

    step = _STEP * e_lepton
    # Angles do not pass 0 and π, where they would come back.
    low, high = np.maximum(theta - _STEP, 0.0), np.minimum(theta + _STEP, np.pi)
    up, down = moved(e_lepton + step, theta), moved(e_lepton - step, theta)
    right, left = moved(e_lepton, high), moved(e_lepton, low)
    by_energy = [(u - d) / (2.0 * step) for u, d in zip(up, down, strict=True)]
    by_angle = [(r - le) / (high - low) for r, le in zip(right, left, strict=True)]
    determinant = by_energy[0] * by_angle[1] - by_energy[1] * by_angle[0]
    return *moved(e_lepton, theta), np.abs(determinant)
