"""Three-flavour oscillation probabilities in matter of constant density: the NuFast algorithm.

P. B. Denton and S. J. Parke, arXiv:2405.02400 (published code: NuFast-LBL), as array functions.
With a = 2√2 G_F N_e E, positive for neutrinos and negative for antineutrinos, the matrix

    2 E H = U diag(0, Δm²21, Δm²31) U† + diag(a, 0, 0)

has eigenvalues λ1 < λ2 and λ3, the roots of λ³ − A λ² + B λ − C. Three steps lead to any channel:

1. λ3 from the cubic, or from an approximation improved by Newton's method; then λ1 and λ2 from
   λ1 + λ2 = A − λ3 and λ1 λ2 = C/λ3;
2. the mixing in matter from the eigenvalues alone ("Rosetta", arXiv:1907.02534),
   |V_αi|² = (λi² − S_α λi + T_α) / Π_{j≠i} (λi − λj), where S_α and T_α are the trace and the
   determinant of 2 E H without row and column α;
3. the CP-odd term from the Jarlskog invariant, whose product with Π_{i>j} (λi − λj) does not depend
   on the density (Naumov; Harrison and Scott, hep-ph/9912435).

Parameters, energy, baseline and density broadcast. What does not depend on θ23 and δ, the
trigonometry included, is evaluated on the broadcast of the other inputs only, so a scan is fastest
with one array axis per scanned parameter.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

PHASE_PER_EV2_KM_GEV = 1e-9 / 1.97327e-7 * 1e3 / 4
"""Δm² L / 4E in radians for eV², km and GeV; ħc as rounded in NuFast-LBL."""

MATTER_EV2_PER_DENSITY_GEV = 1.52588e-4
"""a / (ρ Y_e E) in eV² for g/cm³ and GeV, the value of NuFast-LBL."""


_BLOCK = 16384
"""Points evaluated at once."""


def _require(name: str, value: Array, valid: NDArray[np.bool_], allowed: str) -> None:
    """Raise ValueError naming the first element of `value` that is not `valid`."""
    if not np.all(valid):
        first = np.broadcast_to(value, valid.shape)[~valid].flat[0]
        raise ValueError(f"{name} contains {first}; it must be {allowed}")


@dataclass(frozen=True)
class OscillationParameters:
    """Vacuum oscillation parameters; each a float or an array, all broadcasting together.

    Parameters
    ----------
    sin2_theta12, sin2_theta13, sin2_theta23
        sin² of the mixing angles, in [0, 1].
    delta_cp
        CP phase δ [rad].
    dm2_21
        Δm²21 [eV²], positive.
    dm2_31
        Δm²31 [eV²]: above Δm²21 for the normal ordering, negative for the inverted one.

    Raises
    ------
    ValueError
        A parameter is outside its range or not finite.
    """

    sin2_theta12: float | Array
    sin2_theta13: float | Array
    sin2_theta23: float | Array
    delta_cp: float | Array
    dm2_21: float | Array
    dm2_31: float | Array

    def __post_init__(self) -> None:
        for name in ("sin2_theta12", "sin2_theta13", "sin2_theta23"):
            value = np.asarray(getattr(self, name))
            _require(name, value, (value >= 0) & (value <= 1), "in [0, 1]")
        delta, dm2_21 = np.asarray(self.delta_cp), np.asarray(self.dm2_21)
        dm2_31 = np.asarray(self.dm2_31)
        _require("delta_cp", delta, np.isfinite(delta), "finite")
        _require("dm2_21", dm2_21, (dm2_21 > 0) & np.isfinite(dm2_21), "positive and finite")
        _require(
            "dm2_31",
            dm2_31,
            ((dm2_31 < 0) | (dm2_31 > dm2_21)) & np.isfinite(dm2_31),
            "finite, and negative or above dm2_21",
        )

    @property
    def dm2_32(self) -> float | Array:
        """Δm²32 = Δm²31 − Δm²21 [eV²]."""
        return self.dm2_31 - self.dm2_21

    def with_dm2_32(self, dm2_32: float | Array) -> Self:
        """Return the same parameters with Δm²31 set so that Δm²32 is `dm2_32` [eV²]."""
        return replace(self, dm2_31=dm2_32 + self.dm2_21)


NUFIT_6_0 = OscillationParameters(
    sin2_theta12=0.308,
    sin2_theta13=0.02215,
    sin2_theta23=0.470,
    delta_cp=math.radians(212.0),
    dm2_21=7.49e-5,
    dm2_31=2.513e-3,
)
"""Best fit of NuFIT 6.0 (arXiv:2410.05380), normal ordering, IC24 with SK atmospheric data."""


def survival_probability(
    params: OscillationParameters,
    energy: ArrayLike,
    baseline: ArrayLike,
    rho_ye: ArrayLike,
    *,
    antineutrino: bool = False,
    n_newton: int | None = None,
) -> Array:
    """P(ν_μ → ν_μ), or P(ν̄_μ → ν̄_μ): element [1, 1] of `probabilities`, at a fraction of its cost.

    Arguments and errors are those of `probabilities`; the result has the broadcast shape.
    """

    def in_block(params: OscillationParameters, energy: Array, length: Array, rho: Array) -> Array:
        matter = _matter(params, energy, length, rho, antineutrino, n_newton)
        return np.asarray(1.0 - _disappearance(matter, _mixing(matter, _mu_minor(params, matter))))

    return _blockwise(in_block, params, energy, baseline, rho_ye)


def probabilities(
    params: OscillationParameters,
    energy: ArrayLike,
    baseline: ArrayLike,
    rho_ye: ArrayLike,
    *,
    antineutrino: bool = False,
    n_newton: int | None = None,
) -> Array:
    """All nine oscillation probabilities.

    Parameters
    ----------
    params, energy, baseline, rho_ye
        Oscillation parameters, neutrino energy [GeV], baseline L [km], and density times electron
        fraction ρ Y_e [g/cm³]; they broadcast. The density may be negative: P(ν̄) is P(ν) with
        δ → −δ and ρ → −ρ.
    antineutrino
        Whether all the neutrinos are antineutrinos.
    n_newton
        Newton steps that improve an approximate λ3, good for Δm²21 ≪ |Δm²31|; None solves the
        cubic. For DUNE above 0.2 GeV probabilities are within 2e-5 (0 steps), 1e-8 (1 step) and
        rounding (2 steps) of the exact ones.

    Returns
    -------
    ndarray, shape (*broadcast shape, 3, 3)
        P[..., initial, final] in the order e, μ, τ.

    Raises
    ------
    ValueError
        An energy is not positive and finite, a baseline is negative or not finite, a density is
        not finite, or `n_newton` is negative.
    """

    def in_block(params: OscillationParameters, energy: Array, length: Array, rho: Array) -> Array:
        matter = _matter(params, energy, length, rho, antineutrino, n_newton)
        return _all_channels(params, matter)

    return _blockwise(in_block, params, energy, baseline, rho_ye)


def _all_channels(params: OscillationParameters, matter: "_Matter") -> Array:
    """Probabilities of all channels, shape (*broadcast shape, 3, 3)."""
    e = _mixing(matter, _e_minor(params))
    mu = _mixing(matter, _mu_minor(params, matter))
    tau = (1.0 - e[0] - mu[0], 1.0 - e[1] - mu[1], 1.0 - e[2] - mu[2])
    lost_e, lost_mu, lost_tau = (_disappearance(matter, mixing) for mixing in (e, mu, tau))
    # Unitarity: P(μ→e) and P(e→μ) are this mean plus and minus the CP-odd term.
    even = 0.5 * (lost_e + lost_mu - lost_tau)
    odd = _cp_odd(params, matter)
    p_e_mu, p_mu_e = even - odd, even + odd

    result = np.empty((*np.shape(even), 3, 3))
    result[..., 0, 0] = 1.0 - lost_e
    result[..., 0, 1] = p_e_mu
    result[..., 0, 2] = lost_e - p_e_mu
    result[..., 1, 0] = p_mu_e
    result[..., 1, 1] = 1.0 - lost_mu
    result[..., 1, 2] = lost_mu - p_mu_e
    result[..., 2, 0] = lost_e - p_mu_e
    result[..., 2, 1] = lost_mu - p_e_mu
    result[..., 2, 2] = 1.0 - lost_tau
    return result


def _blockwise(
    compute: Callable[..., Array],
    params: OscillationParameters,
    energy: ArrayLike,
    baseline: ArrayLike,
    rho_ye: ArrayLike,
) -> Array:
    """Evaluate in blocks whose temporaries stay in the caches, 1.5 times faster at 1e6 points.

    Blocks are cut along the longest axis on which the eigenvalues vary: along an axis of θ23 or δ
    alone every block would compute the same eigenvalues.
    """
    values = {field.name: np.asarray(getattr(params, field.name)) for field in fields(params)}
    others = [np.asarray(v, np.float64) for v in (energy, baseline, rho_ye)]
    shape = np.broadcast_shapes(*(v.shape for v in (*values.values(), *others)))
    varying = (v for name, v in values.items() if name not in ("sin2_theta23", "delta_cp"))
    lengths = np.broadcast_shapes(*(v.shape for v in (*varying, *others)))
    if math.prod(shape) <= _BLOCK or math.prod(lengths) == 1:
        return compute(params, *others)
    lengths = (1,) * (len(shape) - len(lengths)) + lengths
    axis = lengths.index(max(lengths))
    step = max(1, _BLOCK * shape[axis] // math.prod(shape))

    def cut(value: Array, start: int) -> Array:
        own_axis = value.ndim - len(shape) + axis
        if own_axis < 0 or value.shape[own_axis] == 1:
            return value
        return value[(slice(None),) * own_axis + (slice(start, start + step),)]

    result = None
    for start in range(0, shape[axis], step):
        block = compute(
            replace(params, **{name: cut(v, start) for name, v in values.items()}),
            *(cut(v, start) for v in others),
        )
        if result is None:
            result = np.empty((*shape, *block.shape[len(shape) :]))
        result[(slice(None),) * axis + (slice(start, start + step),)] = block
    assert result is not None
    return result


_Mixing = tuple[Array, Array, Array]  # |V_α1|², |V_α2|², |V_α3|² of a flavour α


class _Matter(NamedTuple):
    """What all channels share: nothing here depends on θ23 or δ."""

    sign: float  # +1 neutrino, -1 antineutrino
    potential: Array  # a [eV²]
    trace: Array  # A = λ1 + λ2 + λ3 [eV²]
    lambda2: Array
    lambda3: Array
    gap21: Array  # λ2 - λ1, and so on
    gap31: Array
    gap32: Array
    sine21: Array  # sin((λ2 - λ1) L / 4E), and so on
    sine31: Array
    sine32: Array


def _matter(
    params: OscillationParameters,
    energy: ArrayLike,
    baseline: ArrayLike,
    rho_ye: ArrayLike,
    antineutrino: bool,
    n_newton: int | None,
) -> _Matter:
    """Eigenvalues of 2 E H and the oscillation phases."""
    energy, baseline, rho_ye = (np.asarray(v, np.float64) for v in (energy, baseline, rho_ye))
    _require("energy", energy, (energy > 0) & np.isfinite(energy), "positive and finite [GeV]")
    _require("baseline", baseline, (baseline >= 0) & np.isfinite(baseline), "finite and >= 0 [km]")
    _require("rho_ye", rho_ye, np.isfinite(rho_ye), "finite [g/cm³]")
    if n_newton is not None and n_newton < 0:
        raise ValueError(f"n_newton is {n_newton}; it must be >= 0, or None for the exact cubic")

    sign = -1.0 if antineutrino else 1.0
    a = sign * MATTER_EV2_PER_DENSITY_GEV * rho_ye * energy
    S, T = _e_minor(params)
    trace = params.dm2_21 + params.dm2_31 + a
    B = params.dm2_21 * params.dm2_31 + a * S
    C = a * T
    if n_newton is None:
        lambda3 = _lambda3_from_cubic(trace, B, C, np.less(params.dm2_31, 0.0))
        n_newton = 1  # removes the rounding of the arccosine where two levels are close
    else:
        lambda3 = _lambda3_approximate(params, a)
    for _ in range(n_newton):
        lambda3 = (lambda3**2 * (2.0 * lambda3 - trace) + C) / (
            lambda3 * (3.0 * lambda3 - 2.0 * trace) + B
        )

    rest = trace - lambda3
    gap21 = np.sqrt(rest**2 - 4.0 * C / lambda3)
    lambda2 = 0.5 * (rest + gap21)
    gap32 = lambda3 - lambda2
    gap31 = gap32 + gap21
    phase = PHASE_PER_EV2_KM_GEV * baseline / energy
    sines = (np.sin(gap * phase) for gap in (gap21, gap31, gap32))
    return _Matter(sign, a, trace, lambda2, lambda3, gap21, gap31, gap32, *sines)


def _lambda3_from_cubic(trace: Array, B: Array, C: Array, inverted: NDArray[np.bool_]) -> Array:
    """Largest root of λ³ − A λ² + B λ − C, or the smallest where the ordering is inverted."""
    spread2 = trace**2 - 3.0 * B
    spread = np.sqrt(spread2)
    cosine = (trace * (trace**2 - 4.5 * B) + 13.5 * C) / (spread2 * spread)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0)) + np.where(inverted, 2.0 * np.pi, 0.0)
    return np.asarray((trace + 2.0 * spread * np.cos(angle / 3.0)) / 3.0)


def _lambda3_approximate(params: OscillationParameters, a: Array) -> Array:
    """λ3 after the rotations by θ23 and θ13 in matter (λ₊ of arXiv:1604.08167)."""
    dm2_ee = params.dm2_31 - params.sin2_theta12 * params.dm2_21
    x = a / dm2_ee
    root = np.sqrt((1.0 - x) ** 2 + 4.0 * params.sin2_theta13 * x)
    return np.asarray(params.dm2_31 + 0.5 * dm2_ee * (x - 1.0 + root))


def _e_minor(params: OscillationParameters) -> tuple[float | Array, float | Array]:
    """S_e [eV²] and T_e [eV⁴], which know nothing of the matter potential."""
    u2, u3 = (1.0 - params.sin2_theta13) * params.sin2_theta12, params.sin2_theta13
    h_ee = params.dm2_21 * u2 + params.dm2_31 * u3
    return params.dm2_21 + params.dm2_31 - h_ee, params.dm2_21 * params.dm2_31 * (1.0 - u2 - u3)


def _mu_minor(params: OscillationParameters, matter: _Matter) -> tuple[Array, Array]:
    """S_μ [eV²] and T_μ [eV⁴]."""
    s2_12, s2_13, s2_23 = params.sin2_theta12, params.sin2_theta13, params.sin2_theta23
    interference = 2.0 * _root_of_angles(params) * np.cos(params.delta_cp)
    u2 = (1.0 - s2_12) * (1.0 - s2_23) + s2_12 * s2_13 * s2_23 - interference
    u3 = (1.0 - s2_13) * s2_23
    h_mu_mu = params.dm2_21 * u2 + params.dm2_31 * u3
    h_tau_tau = _e_minor(params)[0] - h_mu_mu
    determinant_in_vacuum = params.dm2_21 * params.dm2_31 * (1.0 - u2 - u3)
    return matter.trace - h_mu_mu, determinant_in_vacuum + matter.potential * h_tau_tau


def _root_of_angles(params: OscillationParameters) -> Array:
    """s12 c12 s23 c23 s13: the Jarlskog invariant in vacuum is this times c13² sin δ."""
    s2_12, s2_23 = params.sin2_theta12, params.sin2_theta23
    return np.asarray(np.sqrt(s2_12 * (1.0 - s2_12) * s2_23 * (1.0 - s2_23) * params.sin2_theta13))


def _mixing(matter: _Matter, minor: tuple[float | Array, float | Array]) -> _Mixing:
    """|V_αi|² in matter from S_α and T_α; the first from unitarity."""
    S, T = minor
    lambda2, lambda3 = matter.lambda2, matter.lambda3
    v2 = (lambda2 * (S - lambda2) - T) / (matter.gap21 * matter.gap32)
    v3 = (lambda3 * (lambda3 - S) + T) / (matter.gap31 * matter.gap32)
    return 1.0 - v2 - v3, v2, v3


def _disappearance(matter: _Matter, mixing: _Mixing) -> Array:
    """1 − P(α → α) = 4 Σ_{i>j} |V_αi|² |V_αj|² sin²((λi − λj) L / 4E)."""
    v1, v2, v3 = mixing
    return 4.0 * (v1 * (v2 * matter.sine21**2 + v3 * matter.sine31**2) + v2 * v3 * matter.sine32**2)


def _cp_odd(params: OscillationParameters, matter: _Matter) -> Array:
    """Half of P(μ → e) − P(e → μ): −8 J sin21 sin31 sin32 with J in matter, and J → −J for ν̄."""
    dm2_21, dm2_31 = params.dm2_21, params.dm2_31
    jarlskog = _root_of_angles(params) * (1.0 - params.sin2_theta13) * np.sin(params.delta_cp)
    vacuum_gaps = dm2_21 * dm2_31 * (dm2_31 - dm2_21)
    matter_gaps = matter.gap21 * matter.gap31 * matter.gap32
    sines = matter.sine21 * matter.sine31 * matter.sine32
    return -8.0 * matter.sign * jarlskog * vacuum_gaps / matter_gaps * sines
