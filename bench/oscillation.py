"""Oscillation probabilities: NuFast on arrays against packages from PyPI.

Every package computes P(ν_μ → ν_μ) at the same energies for the same oscillation parameters, in
the pieces that suit it best: all at once here, elsewhere one call per parameter set or so.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.harness import Comparison, Contestant, Target, Task, take_turns
from bench.inputs import EXPERIMENT
from nd2fd.physics.oscillation import probabilities, survival_probability
from nd2fd.physics.oscillation_parameters import OscillationParameters

Array = NDArray[np.float64]

_BASELINE = EXPERIMENT.baseline
_ELECTRON_FRACTION = 0.5
_DENSITY = EXPERIMENT.rho_ye / _ELECTRON_FRACTION
_N_ENERGY = 1000
_THETAS_PER_CALL = 100
"""Of NuOscProbExact, which shares each call among its threads."""

_TRUTH = EXPERIMENT.truth
_THETA12, _THETA13 = (
    float(np.arcsin(np.sqrt(s2))) for s2 in (_TRUTH.sin2_theta12, _TRUTH.sin2_theta13)
)


@dataclass(frozen=True)
class Scan:
    """Oscillation parameters θ (n_theta,) and energies [GeV] (n_energy,) that they are seen at."""

    sin2_theta23: Array
    dm2_31: Array
    energy: Array

    @classmethod
    def of_points(cls, n_points: int) -> "Scan":
        """θ across the range of the fits, 1,000 energies each."""
        n_theta = n_points // _N_ENERGY
        return cls(
            np.linspace(0.38, 0.62, n_theta),
            np.linspace(2.6e-3, 2.4e-3, n_theta),
            np.linspace(0.5, 10.0, _N_ENERGY),
        )

    @property
    def parameters(self) -> OscillationParameters:
        """All θ, along the first of two axes."""
        return replace(
            _TRUTH,
            sin2_theta23=self.sin2_theta23[:, None],
            dm2_31=self.dm2_31[:, None],
        )

    def task(self, run: Callable[[], Array]) -> Task:
        """Report the largest difference from NuFast of what `run` gives, (n_theta, n_energy)."""

        def summary(survival: Array) -> dict[str, float]:
            expected = survival_probability(
                self.parameters, self.energy, _BASELINE, EXPERIMENT.rho_ye
            )
            return {"largest_difference": float(abs(survival - expected).max())}

        return Task(run, summary)


def nd2fd_survival(n_points: int) -> Task:
    """One channel."""
    scan = Scan.of_points(n_points)
    return scan.task(
        lambda: survival_probability(scan.parameters, scan.energy, _BASELINE, EXPERIMENT.rho_ye)
    )


def nd2fd_probabilities(n_points: int) -> Task:
    """All nine channels, all kept."""
    scan = Scan.of_points(n_points)

    def run() -> Array:
        nine = probabilities(scan.parameters, scan.energy, _BASELINE, EXPERIMENT.rho_ye)
        return nine[..., 1, 1]

    return scan.task(run)


def nuoscprobexact(n_points: int) -> Task:
    """NuOscProbExact (arXiv:1904.12391): all nine channels, all kept; compiled by Numba."""
    import globaldefs
    import hamiltonians3nu
    import oscprob3nu

    scan = Scan.of_points(n_points)
    baseline = _BASELINE * globaldefs.CONV_KM_TO_INV_EV
    # √2 G_F N_e [eV] for ρ Y_e in g/cm³.
    potential = 7.6324e-14 * EXPERIMENT.rho_ye
    s12, s13 = np.sin(_THETA12), np.sin(_THETA13)
    # The Hamiltonians are Hermitian by construction; its documentation says to decline the check.
    oscprob3nu.CHECK_HERMITICITY = False

    def hamiltonians(s23: float, dm2_31: float) -> Any:
        vacuum = hamiltonians3nu.hamiltonian_3nu_vacuum_energy_independent(
            s12, s23, s13, _TRUTH.delta_cp, _TRUTH.dm2_21, dm2_31
        )
        return hamiltonians3nu.hamiltonian_3nu_matter(vacuum, 1e9 * scan.energy, potential)

    def run() -> Array:
        thetas = list(zip(np.sqrt(scan.sin2_theta23), scan.dm2_31, strict=True))
        nine = np.empty((len(thetas), scan.energy.size, 9))
        for start in range(0, len(thetas), _THETAS_PER_CALL):
            some = slice(start, start + _THETAS_PER_CALL)
            stack = np.concatenate([hamiltonians(*theta) for theta in thetas[some]])
            block = oscprob3nu.probabilities_3nu(stack, baseline)
            nine[some] = block.reshape(-1, scan.energy.size, 9)
        return nine[..., 4]

    return scan.task(run)


def nu_waves(n_points: int) -> Task:
    """nu-waves: one channel, by batched eigenvalue decomposition."""
    from nu_waves.hamiltonian import matter
    from nu_waves.models.mixing import Mixing
    from nu_waves.models.spectrum import Spectrum
    from nu_waves.propagation.oscillator import Oscillator

    scan = Scan.of_points(n_points)
    theta23 = np.arcsin(np.sqrt(scan.sin2_theta23))

    def run() -> Array:
        survival = np.empty((scan.dm2_31.size, scan.energy.size))
        for row, angle, dm2_31 in zip(survival, theta23, scan.dm2_31, strict=True):
            hamiltonian = matter.Hamiltonian(
                mixing=Mixing(
                    n_neutrinos=3,
                    mixing_angles={(1, 2): _THETA12, (1, 3): _THETA13, (2, 3): angle},
                    dirac_phases={(1, 3): _TRUTH.delta_cp},
                ),
                spectrum=Spectrum(
                    n_neutrinos=3, m_lightest=0.0, dm2={(2, 1): _TRUTH.dm2_21, (3, 1): dm2_31}
                ),
                antineutrino=False,
            )
            hamiltonian.set_constant_density(_DENSITY, _ELECTRON_FRACTION)
            row[:] = Oscillator(hamiltonian=hamiltonian).probability(
                L_km=_BASELINE, E_GeV=scan.energy, flavor_emit=1, flavor_det=1
            )
        return survival

    return scan.task(run)


def nusquids(n_points: int) -> Task:
    """nuSQuIDS (arXiv:2112.13804): density matrix of ν_μ, constant-density shortcut switched on."""
    import nuSQuIDS

    scan = Scan.of_points(n_points)
    theta23 = np.arcsin(np.sqrt(scan.sin2_theta23))
    solver: Any = nuSQuIDS.nuSQUIDS(1e9 * scan.energy, 3, nuSQuIDS.NeutrinoType.neutrino, False)
    solver.Set_MixingAngle(0, 1, _THETA12)
    solver.Set_MixingAngle(0, 2, _THETA13)
    solver.Set_CPPhase(0, 2, _TRUTH.delta_cp)
    solver.Set_SquareMassDifference(1, _TRUTH.dm2_21)
    solver.Set_Body(nuSQuIDS.ConstantDensity(_DENSITY, _ELECTRON_FRACTION))
    solver.Set_AllowConstantDensityOscillationOnlyEvolution(True)
    length = _BASELINE * nuSQuIDS.Const().km
    muon_neutrinos = np.tile([0.0, 1.0, 0.0], (scan.energy.size, 1))

    def run() -> Array:
        survival = np.empty((scan.dm2_31.size, scan.energy.size))
        for row, angle, dm2_31 in zip(survival, theta23, scan.dm2_31, strict=True):
            solver.Set_MixingAngle(1, 2, angle)
            solver.Set_SquareMassDifference(2, dm2_31)
            solver.Set_Track(nuSQuIDS.ConstantDensity.Track(length))
            solver.Set_initial_state(muon_neutrinos, nuSQuIDS.Basis.flavor)
            solver.EvolveState()
            row[:] = [solver.EvalFlavorAtNode(1, i, 0) for i in range(scan.energy.size)]
        return survival

    return scan.task(run)


def oscillation(quick: bool) -> Comparison:
    """Nanoseconds per (E, θ) point."""
    n_points = 100_000 if quick else 1_000_000
    size = {"n_points": n_points}
    one_call = "all θ and energies in one call"
    per_theta = "a call per θ, all energies at once"
    rows = take_turns(
        [
            Contestant("nd2fd, ν_μ → ν_μ", nd2fd_survival, size, one_call),
            Contestant("nd2fd, nine channels", nd2fd_probabilities, size, one_call),
            Contestant(
                "nuoscprobexact, nine channels",
                nuoscprobexact,
                size,
                f"{_THETAS_PER_CALL} θ and all energies in one call; Numba, all threads",
            ),
            Contestant("nu-waves, ν_μ → ν_μ", nu_waves, size, per_theta),
            Contestant(
                "nuSQuIDS, ν_μ → all",
                nusquids,
                size,
                f"{per_theta}; results are read energy by energy",
            ),
        ],
        turns=2 if quick else 5,
    )
    rows = [replace(row, values=[1e9 * t / n_points for t in row.values]) for row in rows]
    survival, nine, *others = rows
    targets = []
    # A package that computes all channels in any case is compared with all nine.
    for other, (name, ours) in zip(
        others,
        (("nuoscprobexact", nine), ("nu-waves", survival), ("nuSQuIDS", nine)),
        strict=True,
    ):
        ratio = other.median / ours.median
        targets.append(
            Target(
                f"NuFast array faster than {name} at {n_points:.0e} points",
                f"{ratio:.2g}×" if other.values else "not measured",
                ratio > 1 if other.values else None,
                f"against {ours.name}" if other.values else other.note,
            )
        )
    return Comparison(
        "oscillation",
        "Oscillation probabilities",
        f"{n_points:.0e} points: {n_points // _N_ENERGY} parameter sets (sin²θ23, Δm²31), "
        f"{_N_ENERGY} energies each; {_BASELINE:.0f} km of constant density. Reported: largest "
        "difference of P(ν_μ → ν_μ) from nd2fd's, which comes from rounded constants of nature.",
        "ns per point",
        rows,
        targets,
    )
