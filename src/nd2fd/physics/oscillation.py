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

The CP-even terms of all channels are one formula. With Δij = (λi − λj) L / 4E, unitarity leaves
only moduli of V,

    P(α→β) = δ_αβ − 4 Σ_i x_i |V_αi|² (δ_αβ − |V_βi|²) + CP-odd,    x_i = sin Δij sin Δik cos Δjk,

where i, j and k differ; sin² Δij = x_i + x_j.

Parameters, energy, baseline and density broadcast. What does not depend on θ23 and δ, the
trigonometry included, is evaluated on the broadcast of the other inputs only, so a scan is fastest
with one array axis per scanned parameter.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nd2fd.physics.oscillation_parameters import OscillationParameters, require

Array = NDArray[np.float64]

PHASE_PER_EV2_KM_GEV = 1e-9 / 1.97327e-7 * 1e3 / 4
"""Δm² L / 4E in radians for eV², km and GeV; ħc as rounded in NuFast-LBL."""

MATTER_EV2_PER_DENSITY_GEV = 1.52588e-4
"""a / (ρ Y_e E) in eV² for g/cm³ and GeV, the value of NuFast-LBL."""


_BLOCK = 16384
"""Points evaluated at once: their temporaries stay in the caches."""

_SCRATCH = 1 << 19
"""Numbers; more than the temporaries of a block hold together."""


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
    points = _Points.checked(params, energy, baseline, rho_ye)
    result = np.empty(points.shape)
    for place, block in _blocks(points):
        matter = _matter(block, antineutrino, n_newton)
        result[place] = 1.0 - _disappearance(matter, _mixing(matter, _mu_minor(block, matter)))
    return result


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
        P[..., initial, final] in the order e, μ, τ. Each channel is contiguous in memory.

    Raises
    ------
    ValueError
        An energy is not positive and finite, a baseline is negative or not finite, a density is
        not finite, or `n_newton` is negative.
    """
    points = _Points.checked(params, energy, baseline, rho_ye)
    result = np.empty((3, 3, *points.shape))
    for place, block in _blocks(points):
        _all_channels(block, _matter(block, antineutrino, n_newton), result[place])
    return np.moveaxis(result, (0, 1), (-2, -1))


class _Points(NamedTuple):
    """Where probabilities are wanted; the arrays broadcast."""

    sin2_theta12: Array
    sin2_theta13: Array
    sin2_theta23: Array
    delta_cp: Array
    dm2_21: Array
    dm2_31: Array
    energy: Array
    baseline: Array
    rho_ye: Array

    @classmethod
    def checked(
        cls,
        params: OscillationParameters,
        energy: ArrayLike,
        baseline: ArrayLike,
        rho_ye: ArrayLike,
    ) -> Self:
        """Points with possible energies, baselines and densities; `params` have been checked."""
        energy, baseline, rho_ye = (np.asarray(v, np.float64) for v in (energy, baseline, rho_ye))
        require("energy", energy, (energy > 0) & np.isfinite(energy), "positive and finite [GeV]")
        require(
            "baseline", baseline, (baseline >= 0) & np.isfinite(baseline), "finite and >= 0 [km]"
        )
        require("rho_ye", rho_ye, np.isfinite(rho_ye), "finite [g/cm³]")
        parameters = (np.asarray(getattr(params, f.name), np.float64) for f in fields(params))
        return cls(*(*parameters, energy, baseline, rho_ye))

    @property
    def shape(self) -> tuple[int, ...]:
        """Broadcast shape."""
        return np.broadcast_shapes(*(v.shape for v in self))


def _blocks(points: _Points) -> Iterator[tuple[tuple[Any, ...], _Points]]:
    """Pieces of about _BLOCK points, with their places in an array whose last axes are theirs.

    Only axes on which the eigenvalues vary are cut: along an axis of θ23 or δ alone every block
    would compute the same eigenvalues.
    """
    # glibc keeps freed memory for later only up to twice the largest piece freed so far. Without
    # this one, each block's temporaries would go back to the system and be paged in anew, which
    # takes longer than the arithmetic.
    np.empty(_SCRATCH)

    shape = points.shape
    any_angle = np.zeros(())
    lengths = points._replace(sin2_theta23=any_angle, delta_cp=any_angle).shape
    lengths = (1,) * (len(shape) - len(lengths)) + lengths
    steps = [max(1, n) for n in shape]
    for axis, length in enumerate(lengths):
        if length > 1:
            steps[axis] = max(1, min(steps[axis], _BLOCK * steps[axis] // math.prod(steps)))

    def cut(value: Array, place: tuple[slice, ...]) -> Array:
        own = zip(place[len(place) - value.ndim :], value.shape, strict=True)
        return value[tuple(piece if n > 1 else slice(None) for piece, n in own)]

    starts = (range(0, n, step) for n, step in zip(shape, steps, strict=True))
    for start in itertools.product(*starts):
        place = tuple(slice(i, i + step) for i, step in zip(start, steps, strict=True))
        yield (..., *place), _Points(*(cut(v, place) for v in points))


def _all_channels(points: _Points, matter: "_Matter", result: Array) -> None:
    """Write the probabilities of all channels to `result`, shape (3, 3, *broadcast shape)."""
    e = _mixing(matter, _e_minor(points))
    mu = _mixing(matter, _mu_minor(points, matter))
    lost_e, lost_mu = _disappearance(matter, e), _disappearance(matter, mu)
    x1, x2, x3 = matter.x
    even = 4.0 * (x1 * e[0] * mu[0] + x2 * e[1] * mu[1] + x3 * e[2] * mu[2])
    odd = _cp_odd(points, matter)
    p_e_mu, p_mu_e = even - odd, even + odd
    p_tau_e, p_tau_mu = lost_e - p_mu_e, lost_mu - p_e_mu  # unitarity

    result[0, 0] = 1.0 - lost_e
    result[0, 1] = p_e_mu
    result[0, 2] = lost_e - p_e_mu
    result[1, 0] = p_mu_e
    result[1, 1] = 1.0 - lost_mu
    result[1, 2] = lost_mu - p_mu_e
    result[2, 0] = p_tau_e
    result[2, 1] = p_tau_mu
    result[2, 2] = 1.0 - p_tau_e - p_tau_mu


_Mixing = tuple[Array, Array, Array]  # |V_α1|², |V_α2|², |V_α3|² of a flavour α


class _Matter(NamedTuple):
    """What all channels share: nothing here depends on θ23 or δ."""

    sign: float  # +1 neutrino, -1 antineutrino
    potential: Array  # a [eV²]
    trace: Array  # A = λ1 + λ2 + λ3 [eV²]
    lambda2: Array
    lambda3: Array
    factor2: Array  # 1 / (λ2 - λ1)(λ3 - λ2)
    factor3: Array  # 1 / (λ3 - λ1)(λ3 - λ2)
    inverse_gaps: Array  # 1 / (λ2 - λ1)(λ3 - λ1)(λ3 - λ2)
    x: tuple[Array, Array, Array]  # sin Δij sin Δik cos Δjk for i = 1, 2, 3
    sines: Array  # sin Δ21 sin Δ31 sin Δ32


def _matter(points: _Points, antineutrino: bool, n_newton: int | None) -> _Matter:
    """Eigenvalues of 2 E H and the oscillation phases."""
    if n_newton is not None and n_newton < 0:
        raise ValueError(f"n_newton is {n_newton}; it must be >= 0, or None for the exact cubic")

    sign = -1.0 if antineutrino else 1.0
    a = sign * MATTER_EV2_PER_DENSITY_GEV * points.rho_ye * points.energy
    S, T = _e_minor(points)
    trace = points.dm2_21 + points.dm2_31 + a
    B = points.dm2_21 * points.dm2_31 + a * S
    C = a * T
    if n_newton is None:
        lambda3 = _lambda3_from_cubic(trace, B, C, points.dm2_31 < 0.0)
        n_newton = 1  # removes the rounding of the arccosine where two levels are close
    else:
        lambda3 = _lambda3_approximate(points, a)
    for _ in range(n_newton):
        lambda3 = (lambda3**2 * (2.0 * lambda3 - trace) + C) / (
            lambda3 * (3.0 * lambda3 - 2.0 * trace) + B
        )

    rest = trace - lambda3
    gap21 = np.sqrt(rest**2 - 4.0 * C / lambda3)
    lambda2 = 0.5 * (rest + gap21)
    gap32 = lambda3 - lambda2
    gap31 = gap32 + gap21
    inverse_gaps = 1.0 / (gap21 * gap31 * gap32)

    # Two tangents suffice: sin² and sin cos of Δ21 and Δ31 are rational in them, and the addition
    # theorem gives what contains Δ32. With AVX-512 NumPy's tangent is 6 times faster than its sine.
    phase = PHASE_PER_EV2_KM_GEV * points.baseline / points.energy
    tan21, tan31 = np.tan(gap21 * phase), np.tan(gap31 * phase)
    sin_cos21, sin_cos31 = tan21 / (1.0 + tan21**2), tan31 / (1.0 + tan31**2)
    sin2_21, sin2_31 = tan21 * sin_cos21, tan31 * sin_cos31
    x1 = sin_cos21 * sin_cos31 + sin2_21 * sin2_31
    return _Matter(
        sign=sign,
        potential=a,
        trace=trace,
        lambda2=lambda2,
        lambda3=lambda3,
        factor2=gap31 * inverse_gaps,
        factor3=gap21 * inverse_gaps,
        inverse_gaps=inverse_gaps,
        x=(x1, sin2_21 - x1, sin2_31 - x1),
        sines=sin_cos21 * sin2_31 - sin2_21 * sin_cos31,
    )


def _lambda3_from_cubic(trace: Array, B: Array, C: Array, inverted: NDArray[np.bool_]) -> Array:
    """Largest root of λ³ − A λ² + B λ − C, or the smallest where the ordering is inverted."""
    spread2 = trace**2 - 3.0 * B
    spread = np.sqrt(spread2)
    cosine = (trace * (spread2 - 1.5 * B) + 13.5 * C) / (spread2 * spread)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0)) + np.where(inverted, 2.0 * np.pi, 0.0)
    # cos(angle / 3) from the tangent of half of it, for the same reason as in `_matter`.
    cosine_of_third = 2.0 / (1.0 + np.tan(angle / 6.0) ** 2) - 1.0
    return np.asarray((trace + 2.0 * spread * cosine_of_third) / 3.0)


def _lambda3_approximate(points: _Points, a: Array) -> Array:
    """λ3 after the rotations by θ23 and θ13 in matter (λ₊ of arXiv:1604.08167)."""
    dm2_ee = points.dm2_31 - points.sin2_theta12 * points.dm2_21
    x = a / dm2_ee
    root = np.sqrt((1.0 - x) ** 2 + 4.0 * points.sin2_theta13 * x)
    return np.asarray(points.dm2_31 + 0.5 * dm2_ee * (x - 1.0 + root))


def _e_minor(points: _Points) -> tuple[Array, Array]:
    """S_e [eV²] and T_e [eV⁴], which know nothing of the matter potential."""
    u2, u3 = (1.0 - points.sin2_theta13) * points.sin2_theta12, points.sin2_theta13
    h_ee = points.dm2_21 * u2 + points.dm2_31 * u3
    return points.dm2_21 + points.dm2_31 - h_ee, points.dm2_21 * points.dm2_31 * (1.0 - u2 - u3)


def _mu_minor(points: _Points, matter: _Matter) -> tuple[Array, Array]:
    """S_μ [eV²] and T_μ [eV⁴]."""
    s2_12, s2_13, s2_23 = points.sin2_theta12, points.sin2_theta13, points.sin2_theta23
    interference = 2.0 * _root_of_angles(points) * np.cos(points.delta_cp)
    u2 = (1.0 - s2_12) * (1.0 - s2_23) + s2_12 * s2_13 * s2_23 - interference
    u3 = (1.0 - s2_13) * s2_23
    h_mu_mu = points.dm2_21 * u2 + points.dm2_31 * u3
    h_tau_tau = _e_minor(points)[0] - h_mu_mu
    determinant_in_vacuum = points.dm2_21 * points.dm2_31 * (1.0 - u2 - u3)
    return matter.trace - h_mu_mu, determinant_in_vacuum + matter.potential * h_tau_tau


def _root_of_angles(points: _Points) -> Array:
    """s12 c12 s23 c23 s13: the Jarlskog invariant in vacuum is this times c13² sin δ."""
    s2_12, s2_23 = points.sin2_theta12, points.sin2_theta23
    return np.asarray(np.sqrt(s2_12 * (1.0 - s2_12) * s2_23 * (1.0 - s2_23) * points.sin2_theta13))


def _mixing(matter: _Matter, minor: tuple[Array, Array]) -> _Mixing:
    """|V_αi|² in matter from S_α and T_α; the first from unitarity."""
    S, T = minor
    lambda2, lambda3 = matter.lambda2, matter.lambda3
    v2 = (lambda2 * (S - lambda2) - T) * matter.factor2
    v3 = (lambda3 * (lambda3 - S) + T) * matter.factor3
    return 1.0 - v2 - v3, v2, v3


def _disappearance(matter: _Matter, mixing: _Mixing) -> Array:
    """1 − P(α → α)."""
    (x1, x2, x3), (v1, v2, v3) = matter.x, mixing
    return 4.0 * (x1 * v1 * (1.0 - v1) + x2 * v2 * (1.0 - v2) + x3 * v3 * (1.0 - v3))


def _cp_odd(points: _Points, matter: _Matter) -> Array:
    """Half of P(μ → e) − P(e → μ): −8 J sin21 sin31 sin32 with J in matter, and J → −J for ν̄."""
    dm2_21, dm2_31 = points.dm2_21, points.dm2_31
    jarlskog = _root_of_angles(points) * (1.0 - points.sin2_theta13) * np.sin(points.delta_cp)
    vacuum_gaps = dm2_21 * dm2_31 * (dm2_31 - dm2_21)
    return -8.0 * matter.sign * jarlskog * vacuum_gaps * matter.inverse_gaps * matter.sines
