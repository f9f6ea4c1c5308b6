"""A published cross section: values in bins, their covariance, and what a prediction needs."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.measurements import Measurement
from nd2fd.measurements.bins import VARIABLES, Bins
from nd2fd.measurements.covariance import check_covariance
from nd2fd.measurements.forward import cross_section_map, flux_in_bins
from nd2fd.measurements.quadrature import Precision
from nd2fd.physics.setup import NUCLEI, Setup, Target

Array = NDArray[np.float64]

Per = Literal["nucleon", "nucleus", "target"]
"""What a cross section is quoted for: a nucleon, the one nucleus of the target, or all nuclei of
the target as its composition is written."""

_PROJECT_UNIT: Final = 1e-38
"""Of cross sections [cm²]."""

_SCALE_ERROR: Final = 1e-3
"""Of a shape, whose scale means nothing: the covariance has no error of it."""


@dataclass(frozen=True)
class BinnedMeasurement:
    """Flux-averaged d²σ in bins, as published.

    bins
        Those of the values.
    values, covariance
        Shape (n_bins,) and (n_bins, n_bins), in `unit` cm² and its square, per unit of the two
        variables of the bins.
    unit, per
        1e-38 for 1e-38 cm², and what that is for.
    absolute
        Whether the scale means something; without, only the shape is compared.
    flux_edges, flux
        Histogram of the flux that the values are averages over: edges [GeV], (n + 1,), and heights
        per GeV in any unit, (n,).
    smearing, true_bins
        A with values = A · (true values) + noise, shape (n_bins, n_true), and the bins of the true
        values: an additional smearing matrix A_c, where they are those of the values. None: the
        values are unfolded.

    Raises ValueError if these do not fit one another.
    """

    bins: Bins
    values: Array
    covariance: Array
    unit: float
    per: Per
    absolute: bool
    flux_edges: Array
    flux: Array
    smearing: Array | None = None
    true_bins: Bins | None = None

    def __post_init__(self) -> None:
        n = self.bins.n_bins
        if self.values.shape != (n,):
            raise ValueError(f"{self.values.size} values in {n} bins")
        if not np.isfinite(self.values).all():
            k = int(np.argmin(np.isfinite(self.values)))
            raise ValueError(f"bin {k}: the value is {self.values[k]}")
        check_covariance(self.covariance, n)
        if not 0.0 < self.unit < 1e-20:
            raise ValueError(f"unit is {self.unit} cm²; it must be positive, as 1e-38")
        if self.true_bins is not None and self.smearing is None:
            raise ValueError("there are true bins but no smearing matrix")
        n_true = self.predicted_bins.n_bins
        if self.smearing is not None and self.smearing.shape != (n, n_true):
            size = " × ".join(map(str, self.smearing.shape))
            raise ValueError(
                f"smearing matrix is {size}; from {n_true} true to {n} measured bins it must be "
                f"{n} × {n_true}"
            )
        if self.smearing is not None and not np.isfinite(self.smearing).all():
            i, j = np.argwhere(~np.isfinite(self.smearing))[0]
            raise ValueError(f"smearing matrix: {self.smearing[i, j]} in row {i}, column {j}")
        self._check_flux()

    def _check_flux(self) -> None:
        edges, flux = self.flux_edges, self.flux
        if edges.shape != (flux.size + 1,):
            raise ValueError(f"flux: {edges.size} edges of {flux.size} bins")
        if not (np.all(np.diff(edges) > 0.0) and edges[0] >= 0.0):
            raise ValueError("flux: edges must ascend from 0 or above")
        if not (np.isfinite(flux).all() and flux.min() >= 0.0 and flux.sum() > 0.0):
            raise ValueError("flux: heights must be finite, not negative, and not all zero")
        for bins in (self.bins, self.predicted_bins):
            inside = flux_in_bins(edges, flux, bins)
            if inside.min() <= 0.0:
                k = int(np.argmin(inside))
                raise ValueError(
                    f"bin {k}: there is no flux in E_nu from {bins.energy[k, 0]:g} to "
                    f"{bins.energy[k, 1]:g} GeV"
                )

    @property
    def predicted_bins(self) -> Bins:
        """Bins of the true values, which are predicted."""
        return self.bins if self.true_bins is None else self.true_bins

    def nucleons(self, target: Target) -> float:
        """Number of nucleons that the cross section is for; ValueError where that is unclear."""
        if self.per == "nucleon":
            return 1.0
        if self.per == "nucleus" and len(target.nuclei) > 1:
            raise ValueError(
                "the cross section is per nucleus, but the target has several: use per: nucleon "
                "or per: target"
            )
        if self.per == "nucleus":
            return float(NUCLEI[target.nuclei[0][0]].A)
        return float(sum(number * NUCLEI[name].A for name, number in target.nuclei))

    def artifact(self, target: Target) -> Measurement:
        """In the project's unit, 1e-38 cm² per nucleon."""
        factor = self.unit / (_PROJECT_UNIT * self.nucleons(target)) if self.absolute else 1.0
        covariance = self.covariance
        if not self.absolute:
            covariance = covariance + _SCALE_ERROR**2 * np.outer(self.values, self.values)
        return Measurement(
            variables=np.array(list(VARIABLES).index(self.bins.variables)),
            first=self.bins.first,
            second=self.bins.second,
            energy=self.bins.energy,
            values=self.values * factor,
            covariance=covariance * factor**2,
            absolute=np.array(self.absolute),
            flux_edges=self.flux_edges,
            flux=self.flux,
            smearing=self.smearing,
            true_first=None if self.true_bins is None else self.true_bins.first,
            true_second=None if self.true_bins is None else self.true_bins.second,
            true_energy=None if self.true_bins is None else self.true_bins.energy,
        )


def smearing_of_migration(
    migration: Array, measured: Bins, true: Bins, flux_edges: Array, flux: Array
) -> Array:
    """The smearing matrix of values, from one of event numbers.

    `migration` has P(measured in bin i | true in bin j), shape (n_measured, n_true); values are
    averages over the bins, and the numbers of events their integrals.
    """
    if migration.shape != (measured.n_bins, true.n_bins):
        size = " × ".join(map(str, migration.shape))
        raise ValueError(
            f"migration matrix is {size}; from {true.n_bins} true to {measured.n_bins} measured "
            f"bins it must be {measured.n_bins} × {true.n_bins}"
        )
    lost = migration.sum(axis=0)
    if migration.min() < 0.0 or lost.max() > 1.0 + 1e-6:
        k = int(np.argmax(lost))
        raise ValueError(
            f"migration matrix: column {k} sums to {lost[k]:.4g}; columns are probabilities of the "
            "measured bins, not negative, with a sum of at most one"
        )
    content = true.area * flux_in_bins(flux_edges, flux, true)
    width = measured.area * flux_in_bins(flux_edges, flux, measured)
    return migration * content / width[:, None]


def bins_of(measurement: Measurement) -> Bins:
    """Bins of the values."""
    variables = list(VARIABLES)[measurement.variables.item()]
    return Bins(variables, measurement.first, measurement.second, measurement.energy)


def true_bins_of(measurement: Measurement) -> Bins:
    """Bins of the true values, which are predicted."""
    m = measurement
    if m.true_first is None or m.true_second is None or m.true_energy is None:
        return bins_of(m)
    return Bins(list(VARIABLES)[m.variables.item()], m.true_first, m.true_second, m.true_energy)


def true_map(
    measurement: Measurement,
    nodes: NodeGrid,
    setup: Setup,
    precision: Precision | None = None,
) -> Array:
    """True values as a linear map of node values (W1', W2', W3'), shape (n_true, 3 n_nodes).

    Raises ValueError if the bins reach beyond the largest energy of the setup.
    """
    return _map(measurement, true_bins_of(measurement), nodes, setup, precision)


def map_without_energy(measurement: Measurement, nodes: NodeGrid, setup: Setup) -> Array:
    """The same if the cross section in every range of E_ν were its average over all of them."""
    bins = true_bins_of(measurement)
    lepton = np.concatenate([bins.first, bins.second], axis=1)
    _, first, index = np.unique(lepton, axis=0, return_index=True, return_inverse=True)
    of_lepton = bins.take(first)
    limits = [bins.energy.min(), bins.energy.max()]
    whole = np.array(np.broadcast_to(limits, of_lepton.energy.shape))
    of_lepton = Bins(bins.variables, of_lepton.first, of_lepton.second, whole)
    return _map(measurement, of_lepton, nodes, setup, None)[index.reshape(-1)]


def smeared(measurement: Measurement, true: Array) -> Array:
    """Values (n_bins, …) of true values (n_true, …)."""
    return true if measurement.smearing is None else measurement.smearing @ true


def _map(
    measurement: Measurement,
    bins: Bins,
    nodes: NodeGrid,
    setup: Setup,
    precision: Precision | None,
) -> Array:
    end = bins.energy.max()
    if end > setup.energy_max * (1.0 + 1e-9):
        raise ValueError(
            f"bins reach E_nu = {end:g} GeV, beyond energy_max = {setup.energy_max:g} GeV"
        )
    edges, flux = measurement.flux_edges, measurement.flux
    return cross_section_map(bins, edges, flux, nodes, setup, precision).reshape(bins.n_bins, -1)
