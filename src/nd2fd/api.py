"""The library: what other programs may use, as `import nd2fd`.

From events of two detectors to oscillation parameters in a few lines, with the structure functions
as splines in closed form; docs/tutorials/library.md goes through it. The workflow does the same and
more: networks, ensembles, systematic uncertainties, joint fits.

Units: GeV, GeV², km, eV² for mass splittings, g/cm³. Density variables v1, v2 are in [0, 1).
Structure functions that are learned are known up to a common factor.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.fluxes import read_fluxes
from nd2fd.beam.prepare import prepare_flux
from nd2fd.beam.spectra import detector_fluxes, tabulated_oscillation, unoscillated_far_spectrum
from nd2fd.cross_sections.closure import closure_events
from nd2fd.cross_sections.models import StructureFunctionModel
from nd2fd.events.sampling import histogram_events
from nd2fd.forward.nodes import NodeGrid, reachable_nodes
from nd2fd.forward.operator import ForwardOperator
from nd2fd.forward.splines import SplineBasis
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.inputs import Flux
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import SplinePosterior, learn_counts
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.cross_section import measurable_combinations
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.kinematics import density_variables_from_lepton
from nd2fd.physics.oscillation_parameters import OscillationParameters
from nd2fd.physics.setup import Setup, Target
from nd2fd.physics.structure_functions import FiveStructureFunctions, StructureFunctions
from nd2fd.statistics.bootstrap import ReplicaFits, bootstrap_counts
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import FarDetector
from nd2fd.statistics.fit_ranges import mass_range, mixing_range
from nd2fd.statistics.octants import Octant, octant_of

__all__ = [
    "DensityGrid",
    "Events",
    "Experiment",
    "FarFit",
    "FiveStructureFunctions",
    "Flux",
    "LearnedStructureFunctions",
    "NearDetector",
    "OscillationParameters",
    "Setup",
    "StructureFunctions",
    "Target",
    "beam_flux",
    "density_variables_from_lepton",
    "fit_far_detector",
    "histogram",
    "measurable_combinations",
    "toy_events",
]

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NO_FORMAT = {"column": None, "unit": None, "energies": None, "content": None}
"""Files have to say themselves what is in them."""


def beam_flux(near: str, setup: Setup, far: str | None = None) -> Flux:
    """Fluxes of an experiment, without their uncertainty.

    Parameters
    ----------
    near
        A built-in beam (`nd2fd.beam.builtin.BEAMS`), or the path of a flux file (docs/flux.md).
    setup
        Neutrinos and E_max.
    far
        The same of the far detector, before oscillation; None: that of the near one.

    Raises
    ------
    FileNotFoundError, ValueError
        A flux cannot be read, or is not fit for the setup or for the other one.
    """
    section = {"near": near, "far": far, "near_format": _NO_FORMAT, "far_format": _NO_FORMAT}
    tables = read_fluxes(section, setup, has_far=True)
    return prepare_flux(*tables, None, setup.energy_max, without_normalisation=False)


def toy_events(
    structure_functions: StructureFunctions,
    flux: Flux,
    setup: Setup,
    n_events: int,
    seed: int,
    experiment: Experiment | None = None,
) -> Events:
    """Events of a known cross section: of the far detector with `experiment`, else of the near one.

    Parameters
    ----------
    structure_functions
        (W1', W2', W3')(x, Q²); `measurable_combinations` makes them of W1 … W5.
    flux, setup
        Nature.
    n_events, seed
        Number of events, and what they are drawn with; equal seeds give equal events.
    experiment
        Baseline and oscillation parameters.

    Raises
    ------
    ValueError, RuntimeError
        As `nd2fd.events.sampling.sample_events`.
    """
    oscillation = None
    if experiment is not None:
        oscillation = tabulated_oscillation(experiment, setup.energy_max)
    rng = np.random.default_rng(seed)
    return closure_events(structure_functions, flux, oscillation, setup, n_events, rng)


def histogram(v1: Array, v2: Array, grid: DensityGrid) -> IntArray:
    """Counts of events (n_events,) in the cells of a grid, shape (n_v1, n_v2).

    Raises ValueError if an event is not in the unit square.
    """
    return histogram_events([(v1, v1, v2)], grid.n_v1, grid.n_v2)


@dataclass(frozen=True)
class NearDetector:
    """The operator A(Φ) of a near detector that measures leptons exactly, with splines for W_i'.

    grid
        Cells of the histogram, and neutrino energies of the sums.
    basis
        The splines, on nodes in x and Q².
    design
        Density in the cells as a linear map of the splines' coefficients.
    """

    grid: DensityGrid
    basis: SplineBasis
    design: SplineDesign

    @classmethod
    def build(
        cls, grid: DensityGrid, flux: Flux, n_nodes: int = 64, n_intervals: int = 16
    ) -> "NearDetector":
        """From flux and grid.

        Parameters
        ----------
        grid
            The sums must be exact far below the errors of the histogram: for 30 million events in
            96 × 96 cells, 576 energies and 3 subsamples (docs/studies/joint-fit.md).
        flux
            Its uncertainty is not taken into account.
        n_nodes, n_intervals
            Of either variable: nodes between which structure functions are interpolated, and
            intervals of the splines.
        """
        nodes = NodeGrid.for_setup(grid.setup, n_nodes, n_nodes)
        operator = ForwardOperator.build(grid, nodes)
        fluxes = detector_fluxes(flux, None, grid)
        basis = SplineBasis.build(
            nodes, n_intervals, reachable_nodes(operator.event_matrices(fluxes), nodes)
        )
        return cls(grid, basis, SplineDesign.build(operator, fluxes, basis, None))

    def learn(
        self, counts: Array | IntArray, price: float = 6.0, squares: Array | None = None
    ) -> "LearnedStructureFunctions":
        """Structure functions from a histogram.

        Parameters
        ----------
        counts
            Events in the cells, shape (n_v1, n_v2); of weighted ones, numbers whose sum is the
            effective number of events.
        price
            What the prior makes structure functions pay for bending, in units of χ²
            (`nd2fd.learning.spline_posterior`).
        squares
            Sums of the squares of the weights in the cells, in any unit, for weighted events.

        Raises
        ------
        ValueError
            The counts have another shape.
        ImproperPosteriorError
            They do not determine the structure functions.
        """
        if counts.shape != (self.grid.n_v1, self.grid.n_v2):
            raise ValueError(
                f"counts have shape {counts.shape}; the grid has {self.grid.n_v1} × "
                f"{self.grid.n_v2} cells"
            )
        posterior = learn_counts(self.design, self.basis, counts, price, squares)
        return LearnedStructureFunctions(self.basis, posterior)


@dataclass(frozen=True)
class LearnedStructureFunctions:
    """(W1', W2', W3')(x, Q²) with their errors; call it as a function of x and Q².

    basis
        The splines.
    posterior
        Of their coefficients.
    """

    basis: SplineBasis
    posterior: SplinePosterior

    def __call__(self, bjorken_x: Array, Q2: Array) -> Array:
        """Posterior mean at points (n,), Q² in GeV²: shape (3, n), in a common unit."""
        return self.basis.nodes.interpolate(self.model.values, bjorken_x, Q2)

    def errors(self, bjorken_x: Array, Q2: Array) -> Array:
        """Posterior standard deviation at points (n,), shape (3, n), in the same unit."""
        values = self.basis.nodes.interpolation_matrix(bjorken_x, Q2) @ self.basis.matrix
        n_functions = len(self.posterior.coefficients)
        maps = np.kron(np.eye(n_functions), values)
        return np.linalg.norm(self.posterior.whitened(maps), axis=1).reshape(n_functions, -1)

    @cached_property
    def model(self) -> StructureFunctionModel:
        """The posterior mean on the nodes."""
        values = self.basis.on_nodes(self.posterior.coefficients)
        return StructureFunctionModel(self.basis.nodes, values)


@dataclass(frozen=True)
class FarFit:
    """Oscillation parameters from far-detector events, by the paper's bootstrap.

    best, replicas
        Fits of the events themselves, and of their bootstrap replicas.
    octant
        In which θ23 is taken to lie.
    """

    best: ReplicaFits
    replicas: ReplicaFits
    octant: Octant

    @property
    def sin2_2theta23(self) -> tuple[float, float]:
        """Best fit of sin²2θ23, and standard deviation of the replicas."""
        return self._estimate(0)

    @property
    def dm2_32(self) -> tuple[float, float]:
        """Best fit of Δm²32 [eV²], and standard deviation of the replicas."""
        return self._estimate(1)

    def _estimate(self, parameter: int) -> tuple[float, float]:
        best = self.best.estimates(self.octant)[0, parameter]
        return float(best), float(self.replicas.estimates(self.octant)[:, parameter].std())


def fit_far_detector(
    learned: LearnedStructureFunctions,
    flux: Flux,
    experiment: Experiment,
    grid: DensityGrid,
    v1: Array,
    v2: Array,
    n_replicas: int = 1000,
    seed: int = 0,
) -> FarFit:
    """Fit sin²θ23 and Δm²32 to events, unbinned, with a learned cross section.

    The errors are those of the events: what the near detector leaves open of the structure
    functions is not in them (joint fits of the workflow have both).

    Parameters
    ----------
    learned
        Structure functions.
    flux
        With that of the far detector before oscillation.
    experiment
        Baseline, and where the fit looks: a range about its sin²θ23 and Δm²32 and, of sin²2θ23, in
        its octant. All other parameters are held at their values.
    grid
        Neutrino energies of the sums, 40 per GeV or so, and cells of the total cross section.
    v1, v2
        Of the events, (n_events,) each (`density_variables_from_lepton`).
    n_replicas, seed
        Number of bootstrap replicas, and what draws them.

    Raises
    ------
    ValueError
        The flux has no far detector, or events are impossible.
    RuntimeError
        A fit does not converge.
    """
    sin2_theta23, dm2_32 = float(experiment.truth.sin2_theta23), float(experiment.truth.dm2_32)
    analysis = FarAnalysis(
        FarDetector.exact(grid),
        experiment.survival_scan(grid.energy),
        mixing_range(sin2_theta23, v1.size),
        mass_range(dm2_32, v1.size),
        octant_of(sin2_theta23),
    )
    (density,) = analysis.detector.densities(
        [learned.model], [unoscillated_far_spectrum(flux)(grid.energy)]
    )
    counts = bootstrap_counts(v1.size, n_replicas, np.random.default_rng(seed))
    replicas, best = analysis.fit(
        density, analysis.detector.look_up(v1, v2), counts.astype(np.float64)
    )
    return FarFit(best, replicas, analysis.octant)
