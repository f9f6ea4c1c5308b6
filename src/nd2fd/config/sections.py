"""The sections of the configuration, one typed model each: what is allowed, and why."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from nd2fd.beam.builtin import BEAMS
from nd2fd.beam.builtin_modes import BUILT_IN_MODES
from nd2fd.config.event_files import EventDataSection
from nd2fd.config.fields import (
    EMBEDDED,
    EnsembleName,
    MassRange,
    MixingRange,
    Section,
    WithoutNulls,
    key,
    usable,
)
from nd2fd.cross_sections.pdf.sets import read_metadata
from nd2fd.cross_sections.truths import TRUTHS
from nd2fd.physics.setup import NUCLEI, Target
from nd2fd.physics.structure_functions import Q2_SCALE


class SetupSection(Section):
    """What kinematics and cross section need to know: what is hit, by what, and what comes out."""

    target: str = key(
        f"Composition, as `2 H1 + O16`, of nuclei {', '.join(NUCLEI)}",
        "paper",
    )
    lepton: Literal["muon", "electron"] = key(
        "Outgoing lepton; `electron` only without a far detector", "paper"
    )
    helicity: Literal["neutrino", "antineutrino"] = key("What the beam is of", "paper")
    energy_max: float = key(
        "E_max: end of the spectrum and scale of v2", "paper", unit="GeV", ge=0.5, le=50
    )
    x_max: float = key(
        "Largest Bjorken x; above 1 for nucleons that move in the nucleus", "paper", ge=1, le=3
    )

    @field_validator("target")
    @classmethod
    def _is_a_target(cls, target: str) -> str:
        Target.parse(target)
        return target


class TruthSection(Section):
    """The known cross section from which events are made."""

    model: str | None = key(
        f"One of {', '.join(TRUTHS)}; null: none is known, events are those of files "
        "(docs/howto/events-without-truth.md)",
        "paper",
    )
    table: str | None = key(
        "File of structure functions of `model: table` (docs/method/nuclear-truth.md); null for "
        "all others",
        "choice",
        default=None,
    )

    @field_validator("model")
    @classmethod
    def _is_registered(cls, model: str | None) -> str | None:
        if model is not None and model not in TRUTHS:
            raise ValueError(f"there is no such truth; there are {', '.join(TRUTHS)}")
        return model

    @model_validator(mode="after")
    def _table_is_that_of_the_model(self) -> "TruthSection":
        if self.model == "table" and self.table is None:
            raise ValueError("truth.model is table: truth.table must name its file")
        if self.model != "table" and self.table is not None:
            raise ValueError(
                f"truth.table is {self.table!r}, but truth.model is {self.model}: use "
                "truth.model: table, or truth.table: null"
            )
        return self


class PdfSection(Section):
    """Parton distributions of a truth that needs them."""

    set: str = key(
        "`embedded` (CT18NNLO from fitted coefficients at 1.295 GeV, evolved by HOPPET at NNLO) or "
        "the name of an LHAPDF set of a free proton in `pdf.path` (docs/method/truth.md)",
        "CT18NNLO: paper; embedding: choice",
    )
    path: str | None = key("Directory that holds the LHAPDF set; null for `embedded`", "choice")
    member: int = key("Member of the set; 0 is the central one", "paper", ge=0)
    reader: Literal["neopdf", "lhapdf"] = key(
        "Library that reads LHAPDF grids; `lhapdf` must be importable (conda-forge)", "choice"
    )

    @model_validator(mode="after")
    def _set_exists(self) -> "PdfSection":
        if self.set == EMBEDDED:
            if self.path is not None or self.member != 0:
                raise ValueError("pdf.set is embedded: pdf.path must be null and pdf.member 0")
        elif self.path is None:
            raise ValueError(
                f"pdf.path is null, but pdf.set is {self.set!r}: give the directory that holds the "
                "set, or use pdf.set: embedded"
            )
        else:
            usable(lambda: read_metadata(Path(str(self.path)) / self.set, self.member))
        return self


class FormatSection(Section):
    """What a flux file does not say itself; null: what it says, or a question."""

    column: int | str | None = key(
        "The flux: number of its column (energies are 1), its name, that of a ROOT histogram or of "
        "a HEPData variable, or `dune` for DUNE's and GLoBES' seven columns",
        "choice",
        default=None,
    )
    unit: Literal["GeV", "MeV"] | None = key(
        "Of the energies; null: GeV where the file names none", "choice", default=None
    )
    energies: Literal["points", "lower_edges", "low_high"] | None = key(
        "Energies are `points` (bin centres, or a curve), `lower_edges` of bins, or two columns",
        "choice",
        default=None,
    )
    content: Literal["per_gev", "per_bin"] | None = key(
        "Flux per unit of energy (whatever the unit), or integrals over bins",
        "choice",
        default=None,
    )


class FluxSection(Section):
    """Neutrino fluxes and their uncertainty; files are checked against `setup`."""

    near: str = key(
        f"A built-in beam, {', '.join(BEAMS)}, or a file (docs/flux.md): text, CSV, ROOT histogram "
        "or HEPData YAML",
        "paper",
    )
    far: str | None = key(
        "Unoscillated far-detector flux, likewise; null: the near one, the toy of the paper",
        "paper",
    )
    near_format: FormatSection = key("How to read a file `near`", "choice")
    far_format: FormatSection = key("How to read a file `far`", "choice")
    uncertainty: str | None = key(
        f"Built-in modes, {', '.join(BUILT_IN_MODES)} (docs/flux.md), a file of modes (fractional "
        "shifts in bins of E_ν, ND and FD, one standard deviation each), or null: none",
        "DUNE's modes: paper; embedding: choice",
    )
    remove_normalisation: bool = key(
        "Whether modes lose the part that only scales the ND flux; densities do not see it",
        "choice",
    )

    @field_validator("near", "far", "uncertainty")
    @classmethod
    def _has_its_new_name(cls, given: str | None) -> str | None:
        if given == EMBEDDED:
            raise ValueError("what is embedded is called dune_fhc now")
        return given


class OscillationSection(Section):
    """True oscillation parameters and the baseline."""

    baseline: float = key("Distance of the far detector", "paper", unit="km", gt=0)
    matter_density: float = key("Mean density along the baseline", "choice", unit="g/cm³", ge=0)
    electron_fraction: float = key("Electrons per nucleon Y_e", "choice", ge=0, le=1)
    sin2_theta12: float = key("sin²θ12", "choice: NuFIT 6.0", ge=0, le=1)
    sin2_theta13: float = key("sin²θ13", "choice: NuFIT 6.0", ge=0, le=1)
    sin2_theta23: float = key("sin²θ23", "choice: NuFIT 6.0", ge=0, le=1)
    delta_cp: float = key("δ_CP", "choice: NuFIT 6.0, 212°", unit="rad", ge=-6.3, le=6.3)
    dm2_21: float = key("Δm²21", "choice: NuFIT 6.0", unit="eV²", gt=0, lt=1e-3)
    dm2_31: float = key(
        "Δm²31; negative for inverted ordering", "choice: NuFIT 6.0", unit="eV²", gt=-1e-2, lt=1e-2
    )

    @model_validator(mode="after")
    def _masses_are_ordered(self) -> "OscillationSection":
        if 0 <= self.dm2_31 <= self.dm2_21:
            raise ValueError(
                f"oscillation.dm2_31 = {self.dm2_31}: must be < 0 (inverted ordering) or above "
                f"oscillation.dm2_21 = {self.dm2_21} (normal ordering)"
            )
        return self


class GridSection(Section):
    """Quadrature grid of the event densities."""

    n_energy: int = key("Cells in E_ν", "choice", ge=8, le=1024)
    n_v1: int = key("Cells in v1 = sqrt(a/(M x_max))", "choice", ge=8, le=512)
    n_v2: int = key("Cells in v2 = sqrt(b/(2 E_max))", "choice", ge=8, le=512)
    subsamples: int = key("Points per cell along v1 and v2 (cell averages)", "choice", ge=1, le=8)


class NodesSection(Section):
    """Node grid of the structure functions in (√(x/x_max), log-like Q²)."""

    n_xi: int = key("Nodes along ξ = √(x/x_max)", "choice", ge=8, le=256)
    n_tau: int = key("Nodes along τ(Q²)", "choice", ge=8, le=256)
    Q2_scale: float = key(
        "Where τ turns from linear to logarithmic in Q²; 0.02 for truths with quasi-elastic events "
        "(docs/studies/nuclear.md)",
        "choice",
        unit="GeV²",
        default=Q2_SCALE,
        ge=1e-4,
        le=10,
    )


class SmearingSection(Section):
    """Resolution of the muon measurement, Gaussian, at both detectors of smeared ensembles."""

    energy_resolution: float = key(
        "Standard deviation of E_l in units of E_l; 0: none", "paper", ge=0, le=0.5
    )
    angle_resolution: float = key(
        "Standard deviation of θ; 0: none", "paper", unit="degree", ge=0, le=30
    )


class NearDetectorSection(EventDataSection):
    """Near-detector events, drawn or from a file."""

    n_events: int = key(
        "Events in `results/near/events.h5`, a small sample made on request. With `data`: selected "
        "events of that file (of weighted ones the effective number), in place of the "
        "`near_events` of ensembles and joint fits; a run says it where another number stands",
        "choice",
        ge=1,
        le=10_000_000_000,
    )


class FarDetectorSection(EventDataSection):
    """Far-detector data and the energies of their likelihood."""

    n_events: int = key(
        "Events; 3.5 years of DUNE. With `data`: selected events of that file; a run says it where "
        "another number stands",
        "paper",
        ge=10,
        le=10_000_000,
    )
    n_energy: int = key("Energies of the likelihood's E_ν integral", "choice", ge=50, le=10_000)


class FitsSection(Section):
    """Maximum-likelihood fits of sin²θ23 and Δm²32 to bootstrap replicas."""

    replicas: int = key(
        "Bootstrap replicas of the far-detector events", "choice", ge=50, le=100_000
    )
    sin2_theta23: MixingRange | None = key(
        "Range of sin²θ23; must contain 0.5 and the truth; null: 0.09 beyond the truth and its "
        "mirror image about 0.5, more below 6200 far-detector events",
        "choice",
        strict=False,
    )
    dm2_32: MassRange | None = key(
        "Range of Δm²32; must contain the truth, and not 0; null: 10 % about the truth, more below "
        "6200 far-detector events",
        "choice",
        unit="eV²",
        strict=False,
    )


class RegionsSection(Section):
    """Grids on which confidence regions are drawn."""

    points: int = key("Points per axis", "choice", ge=20, le=1000)


class CoverageSection(Section):
    """Pseudo-experiments that tell how often regions contain the truth."""

    experiments: Annotated[
        dict[EnsembleName, Annotated[int, Field(ge=1, le=1_000_000)]], WithoutNulls
    ] = key("Pseudo-experiments by ensemble; null takes an ensemble out", "choice")
    experiments_per_job: int = key("Pseudo-experiments in one job", "choice", ge=1, le=1_000_000)
    n_energy: int = key("As `far_detector.n_energy`; fewer, for speed", "choice", ge=50, le=10_000)
    draw_flux: bool = key(
        "Whether nature's far flux is drawn from its uncertainty, where members differ in the "
        "flux (ND events stay those of the nominal flux); false: it is the nominal one, about "
        "which the members' fluxes scatter",
        "paper",
    )


class FiguresSection(Section):
    """Choices that concern figures only."""

    marginal_grid: int = key("Cells per axis of the grid of figure 3", "paper", ge=16, le=512)
