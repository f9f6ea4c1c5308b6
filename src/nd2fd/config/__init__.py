"""The configuration: one typed model per section, checked before anything runs.

Values live in `config/config.yaml` alone; the models say what is allowed and why. The JSON schema
`config/schema.json` and the table `docs/configuration.md` are generated from them
(`python -m nd2fd.config`) and tested to be in sync.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from nd2fd.cross_sections.pdf.sets import set_files
from nd2fd.beam.flux import read_flux_table
from nd2fd.beam.modes import read_flux_modes

EMBEDDED = "embedded"
"""Value of `pdf.set`, `flux.near` and `flux.uncertainty` that selects what the package ships."""

FIGURE_ENSEMBLES = (
    "truth",
    "truth_smeared",
    "nominal",
    "seeds",
    "nd30m",
    "nd3m",
    "smeared",
    "flux_truth",
    "flux",
    "systematics",
    "flow",
)
"""Ensembles that figures and tables show; others can be added."""

COVERAGE_ENSEMBLES = ("truth", "systematics")
"""Ensembles whose coverage a figure shows."""

EnsembleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class ConfigError(ValueError):
    """The configuration is not usable; the message names key, value and what is allowed."""


def key(description: str, source: str, *, unit: str = "", **bounds: Any) -> Any:
    """A required key: its meaning, where its default comes from (paper, choice, …) and its unit."""
    return Field(
        description=description, json_schema_extra={"source": source, "unit": unit}, **bounds
    )


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] >= limits[1]:
        raise ValueError("the first limit must be below the second")
    return limits


def _both_octants(limits: tuple[float, float]) -> tuple[float, float]:
    if not 0.0 < limits[0] < 0.5 < limits[1] < 1.0:
        raise ValueError("must lie in (0, 1) and contain 0.5, so that both octants are fitted")
    return limits


def _usable(check: Callable[[], object]) -> None:
    """Turn a missing file into the kind of error that pydantic collects."""
    try:
        check()
    except FileNotFoundError as error:
        raise ValueError(str(error)) from None


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
MixingRange = Annotated[Range, AfterValidator(_both_octants)]


class Section(BaseModel):
    """Base of all sections: no unknown keys, no silent conversions of strings to numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class PdfSection(Section):
    """Parton distributions of the toy truth."""

    set: str = key(
        "`embedded` (CT18NNLO from fitted coefficients at 1.295 GeV, evolved by HOPPET at NNLO) or "
        "the name of an LHAPDF set in `pdf.path`",
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
            _usable(lambda: set_files(Path(str(self.path)) / self.set, self.member))
        return self


class FluxSection(Section):
    """Neutrino fluxes."""

    near: str = key(
        "`embedded` (DUNE ν_μ, forward horn current) or a text file with columns E flux, or the "
        "seven of DUNE's tables (E, ν_e, ν_μ, ν_τ and the antineutrinos)",
        "paper",
    )
    far: str | None = key(
        "Unoscillated far-detector flux, same formats; null: the near one, the toy of the paper",
        "paper",
    )
    uncertainty: str = key(
        "`embedded` (ten smooth modes with DUNE's sizes and correlations) or a file of modes: "
        "fractional shifts in bins of E_ν, ND and FD, one standard deviation each",
        "DUNE's modes: paper; embedding: choice",
    )
    remove_normalisation: bool = key(
        "Whether modes lose the part that only scales the ND flux; densities do not see it",
        "choice",
    )

    @field_validator("near", "far")
    @classmethod
    def _is_a_flux(cls, path: str | None) -> str | None:
        if path is not None and path != EMBEDDED:
            _usable(lambda: read_flux_table(path))
        return path


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
    n_v1: int = key("Cells in v1 = sqrt(a/M)", "choice", ge=8, le=512)
    n_v2: int = key("Cells in v2 = sqrt(b/(2 E_max))", "choice", ge=8, le=512)
    subsamples: int = key("Points per cell along v1 and v2 (cell averages)", "choice", ge=1, le=8)
    energy_max: float = key(
        "E_max: end of the spectrum and scale of v2", "paper", unit="GeV", gt=1, le=10
    )


class NodesSection(Section):
    """Node grid of the structure functions in (√x, log-like Q²)."""

    n_xi: int = key("Nodes along ξ = √x", "choice", ge=8, le=256)
    n_tau: int = key("Nodes along τ(Q²)", "choice", ge=8, le=256)


class SmearingSection(Section):
    """Resolution of the muon measurement, Gaussian, at both detectors of smeared ensembles."""

    energy_resolution: float = key(
        "Standard deviation of E_l in units of E_l; 0: none", "paper", ge=0, le=0.5
    )
    angle_resolution: float = key(
        "Standard deviation of θ; 0: none", "paper", unit="degree", ge=0, le=30
    )


class TrainingSection(Section):
    """The network and how it is trained. The paper's setting is `config/paper.yaml`."""

    optimizer: Literal["adam", "lbfgs", "varpro"] = key(
        "Optimiser; `varpro`: L-BFGS on the hidden layers, the last one solved exactly",
        "adam: paper; varpro: choice",
    )
    activation: Literal["leaky_relu", "silu"] = key(
        "Activation function", "leaky_relu: paper; silu: choice"
    )
    precision: Literal["float32", "float64"] = key("Floating-point type", "choice")
    hidden_layers: int = key("Hidden layers", "paper", ge=1, le=16)
    width: int = key("Neurons per hidden layer", "paper", ge=1, le=1024)
    evaluations: int = key(
        "Evaluations of loss and gradient (for adam: steps)",
        "10,000 for adam: paper",
        ge=1,
        le=1_000_000,
    )
    weighting: Literal["uniform", "poisson"] = key(
        "Weights of a histogram's cells in the loss; `poisson`: the inverse variance",
        "uniform: paper; poisson: choice",
    )
    ridge: float = key(
        "`varpro` only: penalty on the last layer, relative to the squared density of W = 1",
        "choice",
        ge=0,
        le=1,
    )
    smoothness: float = key(
        "χ² that a histogram's structure functions pay for their curvature (docs/physics.md)",
        "0: paper; else: choice",
        ge=0,
        le=1e6,
    )
    flux_errors: bool = key(
        "Treat the flux uncertainty as common errors of a histogram's cells, where an ensemble "
        "varies the flux",
        "false: paper; true: choice",
    )
    smoothness_with_flux_errors: float = key(
        "In place of `smoothness` where `flux_errors` applies", "choice", ge=0, le=1e6
    )
    device: Literal["cpu", "cuda"] = key("Where to train", "choice")
    members_per_job: int = key(
        "Members per job: a few on CPUs, where they follow one another; as many as fit on a GPU",
        "choice",
        ge=1,
        le=10_000,
    )


class FlowSection(Section):
    """The normalising flow of ensembles with `model: flow`, and how it is trained."""

    transforms: int = key("Autoregressive spline transformations", "choice", ge=1, le=16)
    bins: int = key("Pieces of each spline", "choice", ge=2, le=64)
    hidden_layers: int = key("Hidden layers of a transformation's network", "choice", ge=1, le=16)
    width: int = key("Neurons per hidden layer", "choice", ge=1, le=1024)
    steps: int = key("Steps of Adam", "choice", ge=1, le=1_000_000)
    learning_rate: float = key("Largest learning rate", "choice", gt=0, le=1)
    cells: int = key("(v1, v2) cells in a step", "choice", ge=1, le=262_144)
    energy_stride: int = key(
        "A step takes every so many-th energy of the grid", "choice", ge=1, le=1024
    )


class NearDetectorSection(Section):
    """A small sample of near-detector events in a file, made on request."""

    n_events: int = key("Events in `results/near/events.h5`", "choice", ge=1, le=100_000_000)


class FarDetectorSection(Section):
    """Far-detector data and the energies of their likelihood."""

    n_events: int = key("Events, 3.5 years of DUNE", "paper", ge=10, le=10_000_000)
    n_energy: int = key("Energies of the likelihood's E_ν integral", "choice", ge=50, le=10_000)


class FitsSection(Section):
    """Maximum-likelihood fits of sin²θ23 and Δm²32 to bootstrap replicas."""

    replicas: int = key(
        "Bootstrap replicas of the far-detector events", "choice", ge=50, le=100_000
    )
    sin2_theta23: MixingRange = key("Range of sin²θ23; must contain 0.5", "choice", strict=False)
    dm2_32: Range = key("Range of Δm²32", "choice", unit="eV²", strict=False)


class RegionsSection(Section):
    """Grids on which confidence regions are drawn."""

    points: int = key("Points per axis", "choice", ge=20, le=1000)


class EnsembleSection(Section):
    """One ensemble: what its members are and what varies between them."""

    cross_section: Literal["known", "learned"] = key(
        "`known`: the toy truth; `learned`: a network per member", "paper"
    )
    model: Literal["structure_functions", "flow"] = key(
        "What a network is of: the three structure functions, or a cross section without them (a "
        "normalising flow, for comparison)",
        "paper",
        default="structure_functions",
    )
    size: int = key("Number of members", "choice", ge=1, le=100_000)
    near_events: int | None = key(
        "ND events; null: infinitely many, and the exact density. All members share one sample "
        "unless `near_statistics` varies",
        "30 M: paper",
        default=None,
        ge=1,
        le=10_000_000_000,
    )
    smeared: bool = key(
        "Whether both detectors measure muons with the resolution of section `smearing`",
        "paper",
        default=False,
    )
    vary: frozenset[Literal["network_seed", "near_statistics", "flux"]] = key(
        "What differs between members: `network_seed`, `near_statistics` (the sample of ND "
        "events), `flux` (a draw from its uncertainty)",
        "paper",
        strict=False,
    )
    sin2_theta23: MixingRange | None = key(
        "Range of sin²θ23 in the fits; null: `fits.sin2_theta23`",
        "choice",
        default=None,
        strict=False,
    )
    dm2_32: Range | None = key(
        "Range of Δm²32 in the fits; null: `fits.dm2_32`",
        "choice",
        unit="eV²",
        default=None,
        strict=False,
    )

    @model_validator(mode="after")
    def _flow_is_a_baseline(self) -> "EnsembleSection":
        if self.model == "flow":
            if self.cross_section == "known":
                raise ValueError("model: flow makes no sense with cross_section: known")
            if others := sorted(self.vary - {"network_seed"}):
                raise ValueError(
                    f"vary: {', '.join(others)} is not possible with model: flow; it can vary "
                    "network_seed alone"
                )
            if self.smeared:
                raise ValueError(
                    "smeared: true is not possible with model: flow, which is trained on muons "
                    "without smearing; use smeared: false"
                )
            if self.near_events is not None:
                raise ValueError(
                    f"near_events is {self.near_events}, but model: flow is trained on the exact "
                    "density; leave it out"
                )
        return self

    @model_validator(mode="after")
    def _members_differ(self) -> "EnsembleSection":
        if self.size > 1 and not self.vary:
            raise ValueError(
                f"size is {self.size}, but vary is empty: all members would be the same; "
                "use size: 1 or say what varies"
            )
        if self.cross_section == "known":
            if learning := sorted(self.vary - {"flux"}):
                raise ValueError(
                    f"vary: {', '.join(learning)} makes no sense with cross_section: known"
                )
            if self.near_events is not None:
                raise ValueError(
                    f"near_events is {self.near_events}, but nothing is learned with "
                    "cross_section: known; leave it out"
                )
        if "near_statistics" in self.vary and self.near_events is None:
            raise ValueError("vary: near_statistics needs near_events, the number of events")
        return self


class CoverageSection(Section):
    """Pseudo-experiments that tell how often regions contain the truth."""

    experiments: dict[EnsembleName, Annotated[int, Field(ge=1, le=1_000_000)]] = key(
        "Pseudo-experiments by ensemble; figure 19 needs `truth` and `systematics`", "choice"
    )
    experiments_per_job: int = key("Pseudo-experiments in one job", "choice", ge=1, le=1_000_000)
    n_energy: int = key("As `far_detector.n_energy`; fewer, for speed", "choice", ge=50, le=10_000)


class FiguresSection(Section):
    """Choices that concern figures only."""

    marginal_grid: int = key("Cells per axis of the grid of figure 3", "paper", ge=16, le=512)


class Config(Section):
    """The whole configuration."""

    seed: int = key("Root seed of all random numbers", "choice", ge=0, lt=2**63)
    pdf: PdfSection
    flux: FluxSection
    oscillation: OscillationSection
    grid: GridSection
    nodes: NodesSection
    smearing: SmearingSection
    training: TrainingSection
    flow: FlowSection
    near_detector: NearDetectorSection
    far_detector: FarDetectorSection
    fits: FitsSection
    regions: RegionsSection
    ensembles: dict[EnsembleName, EnsembleSection] = Field(min_length=1)
    coverage: CoverageSection
    figures: FiguresSection

    @model_validator(mode="after")
    def _modes_cover_the_spectrum(self) -> "Config":
        path = self.flux.uncertainty
        if path != EMBEDDED:
            try:
                _usable(lambda: read_flux_modes(path, self.grid.energy_max))
            except ValueError as error:
                raise ValueError(f"flux.uncertainty: {error}") from None
        return self

    @model_validator(mode="after")
    def _flow_sees_energies(self) -> "Config":
        if self.flow.energy_stride > self.grid.n_energy:
            raise ValueError(
                f"flow.energy_stride is {self.flow.energy_stride}; it must be at most the "
                f"{self.grid.n_energy} energies of the grid (grid.n_energy)"
            )
        return self

    @model_validator(mode="after")
    def _figures_have_their_ensembles(self) -> "Config":
        missing = [name for name in FIGURE_ENSEMBLES if name not in self.ensembles]
        if missing:
            raise ValueError(
                f"ensembles: {', '.join(missing)} missing; figures and tables need "
                f"{', '.join(FIGURE_ENSEMBLES)}"
            )
        return self

    @model_validator(mode="after")
    def _coverage_is_of_ensembles(self) -> "Config":
        numbers = self.coverage.experiments
        if unknown := sorted(numbers.keys() - self.ensembles.keys()):
            raise ValueError(
                f"coverage.experiments: there is no ensemble {', '.join(unknown)}; "
                f"there are {', '.join(self.ensembles)}"
            )
        if missing := [name for name in COVERAGE_ENSEMBLES if name not in numbers]:
            raise ValueError(f"coverage.experiments: {', '.join(missing)} missing; figures need it")
        return self


def refuse_repeated_keys(path: Path | str) -> None:
    """Refuse a YAML file in which a key stands twice: YAML would silently keep the last one.

    Raises
    ------
    ConfigError
        Naming file, key and both lines.
    """

    def walk(node: yaml.Node, above: str) -> None:
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                walk(item, above)
        if isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for name_node, value in node.value:
                name, line = str(name_node.value), name_node.start_mark.line + 1
                if name in lines:
                    raise ConfigError(
                        f"{path}: the key {above}{name} stands twice, in lines {lines[name]} and "
                        f"{line}; a key may stand once"
                    )
                lines[name] = line
                walk(value, f"{above}{name}.")

    if (root := yaml.compose(Path(path).read_text(encoding="utf-8"))) is not None:
        walk(root, "")


def typed_values(given: Any) -> Any:
    """Give values of Snakemake's `--config` their types.

    Snakemake reads `--config 'grid={n_energy: 32}'` with all nested values as text. Numbers are
    read as Python's, which knows 1e-4 where YAML 1.1 asks for 1.0e-4.
    """
    if isinstance(given, Mapping):
        return {name: typed_values(value) for name, value in given.items()}
    if isinstance(given, list):
        return [typed_values(value) for value in given]
    if not isinstance(given, str):
        return given
    try:
        return int(given)
    except ValueError:
        pass
    try:
        return float(given)
    except ValueError:
        pass
    return {"true": True, "false": False, "null": None}.get(given.lower(), given)


def validate_config(raw: Mapping[str, Any]) -> Config:
    """Check a configuration read from YAML.

    Raises
    ------
    ConfigError
        With one line per problem: key, value, and what is allowed.
    """
    try:
        return Config.model_validate(dict(raw))
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    lines = ["the configuration has problems:"]
    for problem in error.errors():
        location = problem["loc"]
        name = ".".join(str(part) for part in location) or "(top level)"
        given = problem["input"]
        shown = "" if isinstance(given, Mapping) else f" = {given!r}"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            allowed = ", ".join(sorted(_fields(location[:-1])))
            message = f"no such key; the keys here are {allowed}"
        elif problem["type"] == "missing":
            shown, message = "", "is missing"
        elif (
            location
            and (field := _fields(location[:-1]).get(str(location[-1])))
            and _allowed(field)
        ):
            message += f" (allowed: {_allowed(field)})"
        lines.append(f"  {name}{shown}: {message}")
    return "\n".join(lines)


def _fields(location: tuple[int | str, ...]) -> dict[str, FieldInfo]:
    """Fields of the model at a location in the configuration; empty where there is no model."""
    model: Any = Config
    for part in location:
        if model == dict[EnsembleName, EnsembleSection]:
            model = EnsembleSection
        else:
            model = model.model_fields[str(part)].annotation
        if not hasattr(model, "model_fields") and model != dict[EnsembleName, EnsembleSection]:
            return {}
    return dict(getattr(model, "model_fields", {}))


def json_schema() -> str:
    """JSON schema of the configuration, as text."""
    return json.dumps(Config.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def markdown_table(defaults: Mapping[str, Any]) -> str:
    """Reference of all keys in Markdown, with the defaults of `config/config.yaml`."""
    lines = [
        "# Configuration",
        "",
        "Generated from `src/nd2fd/config.py` by `make config-docs`. Defaults are those of",
        "`config/config.yaml`; `paper` marks values of arXiv:2412.16303, `choice` ours.",
    ]
    for name, field in Config.model_fields.items():
        model: Any = field.annotation
        values: Mapping[str, Any] = defaults
        prefix, fields = "", {name: field}
        if name == "ensembles":
            model, values = EnsembleSection, defaults["ensembles"]["nominal"]
            prefix = "ensembles.NAME."
        elif isinstance(model, type) and issubclass(model, Section):
            values, prefix = defaults[name], f"{name}."
        if prefix:
            fields = model.model_fields
            lines += ["", f"## {name}", "", str(model.__doc__)]
        lines += [
            "",
            "| key | default | unit | allowed | source | meaning |",
            "|---|---|---|---|---|---|",
        ]
        for field_name, entry in fields.items():
            extra: Any = entry.json_schema_extra
            value = json.dumps(values.get(field_name, entry.default))
            lines.append(
                f"| `{prefix}{field_name}` | `{value}` | {extra['unit']} "
                f"| {_allowed(entry)} | {extra['source']} | {entry.description} |"
            )
    return "\n".join(lines) + "\n"


def _allowed(field: FieldInfo) -> str:
    symbols = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    bounds = [
        f"{symbol} {getattr(item, name)}"
        for item in field.metadata
        for name, symbol in symbols.items()
        if getattr(item, name, None) is not None
    ]
    choices = [
        f"`{value}`"
        for value in getattr(field.annotation, "__args__", ())
        if isinstance(value, str)
    ]
    return ", ".join(bounds or choices)


def main() -> None:
    """Write the generated files, in a checkout's root directory."""
    defaults = yaml.safe_load(Path("config/config.yaml").read_text(encoding="utf-8"))
    Path("config/schema.json").write_text(json_schema(), encoding="utf-8")
    Path("docs/configuration.md").write_text(markdown_table(defaults), encoding="utf-8")


if __name__ == "__main__":
    main()
