"""What tests of numbers share."""

from types import SimpleNamespace

import numpy as np

from nd2fd.report.numbers import Number


def number(value, uncertainty=None, unit="1", spec=".3f"):
    return Number(value, unit, spec, "toy", (("toy", "x"),), uncertainty)


# A twenty-fifth of the events is below 1.5 GeV, a fortieth above 9 GeV.
CELLS = np.linspace(0.05, 9.95, 100)


WINDOW = SimpleNamespace(
    energy=CELLS,
    near_flux=np.select([CELLS < 1.5, CELLS < 9.0], [0.04 / 15, 0.935 / 75], 0.025 / 10) / CELLS,
    sigma_total=CELLS,
)


def toy_intervals(radius):
    mixing, mass = np.linspace(0.9, 1.0, 401), np.linspace(2.3e-3, 2.6e-3, 301)
    distance = np.hypot((mixing[:, None] - 0.95) / 0.01, (mass - 2.45e-3) / 4e-5)
    return SimpleNamespace(
        n_sigma=np.array([1.0, 2.0]),
        sin2_2theta23=mixing,
        dm2_32=mass,
        mask=np.stack([distance < radius, distance < 2 * radius]),
        interval_sin2_2theta23=np.array([[0.94, 0.96], [np.nan, np.nan]]),
        interval_dm2_32=np.array([[2.41e-3, 2.49e-3], [2.37e-3, 2.53e-3]]),
    )


def toy_fits(best_mixing, best_mass, spread):
    """Two replicas of each member, one on either side of its best fit."""
    sides = np.array([-1.0, 1.0])
    return SimpleNamespace(
        member=np.arange(len(best_mass)),
        best_sin2_2theta23=np.array(best_mixing),
        best_dm2_32=np.array(best_mass),
        sin2_2theta23=np.array(best_mixing)[:, None] + 10 * spread * sides,
        dm2_32=np.array(best_mass)[:, None] + spread * sides,
        at_boundary=np.zeros((len(best_mass), 2), dtype=bool),
    )


def half_widths(mass):
    return SimpleNamespace(
        interval_sin2_2theta23=np.array([[0.95, 0.99]]),
        interval_dm2_32=np.array([[2e-3 - mass, 2e-3 + mass]]),
    )


TOY_FITS = {
    "known": toy_fits([0.98], [2.4e-3], 1e-5),
    "two": toy_fits([0.98, 0.98], [2.42e-3, 2.44e-3], 2e-5),
}


TOY_REGIONS = {"known": half_widths(1e-5), "two": half_widths(4e-5)}
