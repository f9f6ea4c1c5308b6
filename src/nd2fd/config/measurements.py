"""Published cross sections whose structure functions are learned."""

from typing import Literal

from pydantic import field_validator, model_validator

from nd2fd.config.fields import Section, key
from nd2fd.measurements.readers import READERS
from nd2fd.physics.setup import NUCLEI, Setup, Target


class MeasurementSection(Section):
    """A measured cross section in bins; results are `results/measurements/NAME.h5`, and figure 22.

    Structure functions are learned from it alone, without flux, networks or detectors of the other
    sections (docs/method/measurements.md).
    """

    reader: str = key(f"One of {', '.join(READERS)} (docs/howto/measurement.md)", "choice")
    path: str = key(
        "Folder, or file, relative to where Snakemake runs or absolute", "choice", min_length=1
    )
    label: str = key("What figures call it", "choice", min_length=1)
    target: str = key(
        f"Composition, as `C12 + H1`, of nuclei {', '.join(NUCLEI)}", "of the measurement"
    )
    lepton: Literal["muon", "electron"] = key(
        "Outgoing lepton", "of the measurement", default="muon"
    )
    helicity: Literal["neutrino", "antineutrino"] = key(
        "What the beam is of", "of the measurement", default="neutrino"
    )
    energy_max: float = key(
        "Largest E_ν, not below the last bin, or the end of the flux",
        "of the measurement",
        unit="GeV",
        ge=0.5,
        le=50,
    )
    x_max: float = key("Largest Bjorken x", "choice", default=2.0, ge=1, le=3)
    nodes: int = key(
        "Nodes of the structure functions, along ξ and along τ", "choice", default=64, ge=16, le=256
    )
    intervals: int = key(
        "Intervals of the splines, along ξ and along τ", "choice", default=14, ge=8, le=40
    )
    strength: float | None = key(
        "Strength λ of the smoothness prior; null: of the largest marginal likelihood",
        "choice",
        default=None,
        gt=0,
        le=1e6,
    )
    normalisation_error: float = key(
        "Relative error of the scale that all bins share and that the covariance contains; it is "
        "taken proportional to the fit, not to the data",
        "of the measurement",
        default=0.0,
        ge=0,
        lt=1,
    )

    @field_validator("reader")
    @classmethod
    def _is_registered(cls, reader: str) -> str:
        if reader not in READERS:
            raise ValueError(f"there is no such reader; there are {', '.join(READERS)}")
        return reader

    @model_validator(mode="after")
    def _has_a_setup(self) -> "MeasurementSection":
        Setup(
            Target.parse(self.target),
            self.lepton,
            self.helicity == "antineutrino",
            self.energy_max,
            self.x_max,
        )
        return self
