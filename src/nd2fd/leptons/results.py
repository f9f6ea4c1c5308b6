"""What is kept of an analysis of leptons: structure functions, densities, errors and profiles."""

from collections.abc import Callable, Mapping

import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray

from nd2fd.io.schemas.leptons import LeptonFit
from nd2fd.leptons.analysis import LeptonAnalysis
from nd2fd.leptons.axes import axis
from nd2fd.leptons.fisher import Changes, errors, scaled_changes
from nd2fd.leptons.likelihood import FarLikelihood
from nd2fd.leptons.profiles import (
    best,
    cp_violation,
    curve,
    expected_data,
    interpolated,
    other_ordering,
    region,
)
from nd2fd.physics.cross_section import measurable_combinations
from nd2fd.physics.structure_functions import FiveStructureFunctions

Array = NDArray[np.float64]
Progress = Callable[[int, str], None]

_N_MIXINGS, _N_MASSES = 25, 21
_PHASES = np.linspace(0.0, 2.0 * np.pi, 25)
_FINER = 4
"""Steps of curves and regions in one between fits."""

_ORDERINGS = (1.0, -1.0)
_TRUE_PHASES = np.linspace(0.0, 2.0 * np.pi, 37)


def lepton_fit(
    analysis: LeptonAnalysis,
    truths: Mapping[bool, FiveStructureFunctions],
    progress: Progress,
) -> LeptonFit:
    """All that figures and numbers need."""
    near, model, posterior = analysis.near, analysis.near.model, analysis.posterior
    nodes = model.nodes
    data = [expected_data(analysis, k) for k in (0, 1)]
    # What is learned tells less: its ends are farther.
    mixings = axis(data[::-1], "sin2_theta23", _N_MIXINGS)
    masses = axis(data[::-1], "dm2_32", _N_MASSES, _ORDERINGS)
    theta = analysis.parameters.theta
    found = [best(of_data, theta) for of_data in data]
    progress(1, "best fits")
    axes = {"sin2_theta23": mixings, "delta_cp": _PHASES, "dm2_32": masses}
    finer = {name: _finer(values) for name, values in axes.items()}
    muons = [expected_data(analysis, k, only="muon") for k in (0, 1)]
    of_muons, other_phases, other_masses = (
        np.stack([interpolated(curve(of, n, at, sign), [at], [finer[n]]) for of in likelihoods])
        for likelihoods, n, at, sign in (
            (muons, "sin2_theta23", mixings, 1.0),
            # Far from the minimum there are no steep slopes.
            (data, "delta_cp", _PHASES[::2], -1.0),
            (data, "dm2_32", masses[::2], -1.0),
        )
    )
    progress(2, "curves")
    of_phase, of_mass = (
        np.stack([_region(of, ("sin2_theta23", name), axes, finer) for of in data])
        for name in ("delta_cp", "dm2_32")
    )
    progress(3, "regions")
    violation = np.stack([cp_violation(analysis, k, _TRUE_PHASES) for k in (0, 1)])
    at = _TRUE_PHASES[::3]
    ordering = np.stack(
        [interpolated(other_ordering(analysis, k, at), [at], [_TRUE_PHASES]) for k in (0, 1)]
    )
    progress(4, "sensitivities")
    known, learned = analysis.detectors
    spectra = known.spectra.at(theta[None])[0]
    by_channel = known.by_channel_sums(spectra)
    far_true, far_learned = (
        _far_density(analysis, events)
        for events in (
            known.events(spectra, np.zeros(0)),
            learned.events(spectra, np.zeros(learned.n_pulls)),
        )
    )
    x, Q2 = nodes.x_and_Q2()
    sets = [False] if model.shared else list(model.helicities)
    return LeptonFit(
        **nodes.stored,
        structure_functions=model.related(near.basis.on_nodes(near.coefficients(posterior))),
        structure_function_errors=_errors_on_nodes(analysis),
        true_structure_functions=_scaled(
            analysis, np.stack([_on_nodes(analysis, truths, a, x, Q2) for a in sets])
        ),
        weights=near.weights.reshape(*near.weights.shape[:-1], nodes.n_xi, nodes.n_tau),
        near_true=_near_density(analysis, analysis.near_shares),
        near_learned=_near_density(analysis, near.changes(posterior) @ posterior.mean),
        far_true=far_true,
        far_learned=far_learned,
        channels=np.array(
            [
                (horn == "reverse", c.initial == "electron", c.final == "electron", c.antineutrino)
                for horn, c in known.spectra.channels
            ],
            dtype=np.int64,
        ),
        channel_events=by_channel * (analysis.n_far / by_channel.sum()),
        errors=np.stack([_known_errors(analysis), errors(analysis.changes, analysis.parameters)]),
        best=np.stack([minimum.theta for minimum in found]),
        best_value=np.array([minimum.value for minimum in found]),
        sin2_theta23=finer["sin2_theta23"],
        octant=np.stack([of_muons, of_phase.min(axis=2)], axis=1),
        delta_cp=finer["delta_cp"],
        delta_curve=np.stack([of_phase.min(axis=1), other_phases], axis=1),
        size_of_dm2_32=finer["dm2_32"],
        mass_curve=np.stack([of_mass.min(axis=1), other_masses], axis=1),
        region=of_phase,
        mass_region=of_mass,
        true_delta_cp=_TRUE_PHASES,
        cp_violation=violation,
        ordering=ordering,
        chi2=np.array(posterior.chi2),
        paid=np.array(posterior.paid),
        effective_parameters=np.array(posterior.effective_parameters),
        electron_ratio_error=electron_ratio(analysis),
    )


def _finer(axis: Array) -> Array:
    return np.linspace(axis[0], axis[-1], _FINER * (axis.size - 1) + 1)


def _region(
    data: FarLikelihood,
    names: tuple[str, str],
    axes: Mapping[str, Array],
    finer: Mapping[str, Array],
) -> Array:
    """At the points of finer axes, which of Δm²32 have the size."""
    sign = np.sign(data.parameters.theta[1]) if names[1] == "dm2_32" else 1.0
    table = region(data, names, (axes[names[0]], sign * axes[names[1]]))
    return interpolated(table, [axes[name] for name in names], [finer[name] for name in names])


def _known_errors(analysis: LeptonAnalysis) -> Array:
    known = analysis.detectors[0]
    events, by_theta, _ = known.with_slopes(analysis.parameters.theta, np.zeros(0))
    of_theta = scaled_changes(events, by_theta, analysis.n_far)
    return errors(Changes(of_theta, np.empty((len(of_theta), 0))), analysis.parameters)


def _on_nodes(
    analysis: LeptonAnalysis,
    truths: Mapping[bool, FiveStructureFunctions],
    antineutrino: bool,
    x: Array,
    Q2: Array,
) -> Array:
    """True W1, …, W5, or the three combinations of the only lepton, (n_functions, n_xi, n_tau)."""
    model, five = analysis.near.model, truths[antineutrino]
    if model.five:
        return five(x, Q2)
    return measurable_combinations(five, model.setup_of(model.leptons[0], antineutrino))(x, Q2)


def _scaled(analysis: LeptonAnalysis, true: Array) -> Array:
    """In the unit of what is learned, of which near events do not tell the scale."""
    weights = analysis.near.weights.sum(axis=0)
    return np.asarray(true / (weights * true.reshape(weights.shape)).sum())


def _errors_on_nodes(analysis: LeptonAnalysis) -> Array:
    """Posterior standard deviations, shape (n_sets, 3 or 5, n_xi, n_tau)."""
    near, factor = analysis.near, analysis.posterior.factor
    inverse = sl.solve_triangular(factor, np.eye(len(factor)), lower=True)
    n = near.basis.n_splines
    of_functions = [
        np.linalg.norm(near.basis.matrix @ inverse[:, first : first + n].T, axis=1)
        for first in range(0, analysis.posterior.coefficients.size, n)
    ]
    model = near.model
    shape = (model.n_sets, model.n_functions, model.nodes.n_xi, model.nodes.n_tau)
    # No function is a sum of several that are learned.
    return model.related(np.stack(of_functions).reshape(shape))


def _near_density(analysis: LeptonAnalysis, shares: Array) -> Array:
    near = analysis.near
    n_v = near.model.near_cells[1]
    density = np.zeros(len(near.samples) * near.n_cells)
    density[near.design.cells] = shares
    return density.reshape(len(near.samples), n_v, n_v)


def _far_density(analysis: LeptonAnalysis, events: Array) -> Array:
    """Shares of the events in all cells, from those in cells that events can reach."""
    model, n_v = analysis.near.model, analysis.near.model.far_cells[1]
    of_samples = analysis.detectors[0].samples
    density, first = np.zeros((len(of_samples), n_v * n_v)), 0
    for k, sample in enumerate(of_samples):
        reached = model.reached(sample.lepton)
        density[k, reached] = events[first : first + reached.size]
        first += reached.size
    return (density / events.sum()).reshape(len(of_samples), n_v, n_v)


def electron_ratio(analysis: LeptonAnalysis) -> Array:
    """Error and bias of ln(far electrons / far muons) at the true θ; zero without either."""
    model = analysis.near.model
    of_samples = analysis.detectors[0].samples
    sizes = [model.reached(sample.lepton).size for sample in of_samples]
    is_electron = np.array([s.lepton == "electron" for s in of_samples])
    if is_electron.all() or not is_electron.any():
        return np.zeros(2)
    chosen = np.repeat(is_electron, sizes)
    of_coefficients = [analysis.far_map[which].sum(axis=0) for which in (chosen, ~chosen)]
    known = analysis.posterior.coefficients.ravel()
    electrons, muons = (row[: known.size] @ known for row in of_coefficients)
    change = of_coefficients[0] / electrons - of_coefficients[1] / muons
    error = np.linalg.norm(analysis.posterior.whitened(change[None]))
    true = analysis.far_contents
    true_ratio = true[chosen].sum() / true[~chosen].sum()
    return np.array([error, np.log(electrons / muons / true_ratio)])
