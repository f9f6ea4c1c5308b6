"""One ensemble: what its members are, what varies between them, and where it is shown."""

from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints, WithJsonSchema, model_validator

from nd2fd.config.fields import EnsembleName, Section, key
from nd2fd.config.labels import contradictions, described
from nd2fd.systematics import PULLS, SYSTEMATICS, VARIED


def _is_registered(name: str) -> str:
    if name not in SYSTEMATICS:
        raise ValueError(f"there is no such systematic; there are {', '.join(SYSTEMATICS)}")
    return name


def _is_varied(name: str) -> str:
    if _is_registered(name) not in VARIED:
        raise ValueError(
            f"members of ensembles cannot differ in {name}, which can only be a pull of joint fits "
            f"(joint.fits.NAME.pulls); they can in {', '.join(VARIED)}"
        )
    return name


def _is_pull(name: str) -> str:
    if _is_registered(name) not in PULLS:
        raise ValueError(
            f"{name} has no nuisance parameter and cannot be a pull; there are {', '.join(PULLS)}"
        )
    return name


SystematicName = Annotated[
    str,
    AfterValidator(_is_registered),
    WithJsonSchema({"type": "string", "enum": list(SYSTEMATICS)}),
]
"""Name in the registry `nd2fd.systematics`."""

VariedName = Annotated[
    str,
    AfterValidator(_is_varied),
    WithJsonSchema({"type": "string", "enum": list(VARIED)}),
]
"""The same, of what members of an ensemble can differ in."""

PullName = Annotated[
    str,
    AfterValidator(_is_pull),
    WithJsonSchema({"type": "string", "enum": list(PULLS)}),
]
"""The same, of what joint fits can have as a pull."""

FigureName = Annotated[str, StringConstraints(pattern=r"^fig[0-9]+$")]


class EnsembleSection(Section):
    """One ensemble: what its members are, what varies between them, and where it is shown."""

    cross_section: Literal["known", "learned"] = key(
        "`known`: the truth; `learned`: a network per member", "paper"
    )
    model: Literal["structure_functions", "splines", "flow"] = key(
        "What is learned: the three structure functions by a network, the same as splines in "
        "closed form (as joint fits do, with their `intervals` and `price`), or a cross section "
        "without them (a normalising flow, for comparison)",
        "paper",
        default="structure_functions",
    )
    size: int = key("Number of members", "choice", ge=1, le=100_000)
    near_events: int | None = key(
        "ND events; null: infinitely many, the Asimov density. All members share one sample "
        "unless `near_statistics` varies",
        "30 M: paper",
        default=None,
        ge=1,
        le=10_000_000_000,
    )
    near_sample: Literal["fresh", "bootstrap"] = key(
        "Where `near_statistics` varies: a `fresh` sample of the truth for each member, or a "
        "`bootstrap` of the one sample that ensembles share which do not vary it, as an experiment "
        "has it",
        "fresh: paper; bootstrap: choice",
        default="fresh",
    )
    smeared: bool = key(
        "Whether both detectors measure muons with the resolution of section `smearing`",
        "paper",
        default=False,
    )
    vary: frozenset[VariedName] = key(
        "What differs between members, of "
        + ", ".join(f"`{name}` ({SYSTEMATICS[name].prior})" for name in VARIED),
        "paper",
        strict=False,
    )
    start: str | None = key(
        "What was learned of another nucleus, a file of `members` or `splines` of another run, as "
        "the ensemble's model has it: networks start from its first member, and either prior is "
        "about it (docs/studies/transfer.md); null: nothing is known before",
        "choice",
        default=None,
        min_length=1,
    )
    fit_range_factor: float = key(
        "How many times as wide as those of section `fits` its fit ranges are, about the truth; "
        "for fits that are far off",
        "choice",
        default=1.0,
        ge=1,
        le=10,
    )
    reference: EnsembleName | None = key(
        "Ensemble with the known cross section that its fits are compared with; null: none",
        "choice",
        default=None,
    )
    shown_in: tuple[FigureName, ...] = key(
        "Figures that show it; a figure without its ensembles is not made",
        "choice",
        default=(),
        strict=False,
    )
    label: str | None = key(
        "Name in the figures' legends, which must not contradict the other keys; null: what these "
        "say",
        "choice",
        default=None,
        min_length=1,
    )

    @property
    def legend(self) -> str:
        """What legends call it."""
        return self.label or described(
            self.cross_section, self.model, self.near_events, self.smeared, self.vary, self.size
        )

    @model_validator(mode="after")
    def _label_is_true(self) -> "EnsembleSection":
        claims = list(contradictions(self.label or "", self.model_dump()))
        if claims:
            raise ValueError(
                f"label: {self.label!r} says {' and '.join(claims)}; leave it out, and legends "
                "say what the other keys do"
            )
        return self

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
                    f"near_events is {self.near_events}, but model: flow is trained on the "
                    "Asimov density; leave it out"
                )
        return self

    @model_validator(mode="after")
    def _start_is_before_events(self) -> "EnsembleSection":
        if self.start is not None and (self.model == "flow" or self.near_events is None):
            raise ValueError(
                f"start is {self.start!r}, from which structure functions are learned from events: "
                "use near_events with cross_section: learned and model: structure_functions or "
                "splines, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _splines_are_learned_from_events(self) -> "EnsembleSection":
        if self.model == "splines":
            if self.cross_section == "known":
                raise ValueError("model: splines makes no sense with cross_section: known")
            if "network_seed" in self.vary:
                raise ValueError(
                    "vary: network_seed is not possible with model: splines, which has no network"
                )
            if self.near_events is None:
                raise ValueError(
                    "near_events is null, but model: splines is learned from events: their number "
                    "says how exact the histogram is"
                )
        return self

    @model_validator(mode="after")
    def _members_differ(self) -> "EnsembleSection":
        if self.size > 1 and not self.vary:
            raise ValueError(
                f"size is {self.size}, but vary is empty: all members would be the same; "
                "use size: 1 or say what varies"
            )
        if self.near_sample == "bootstrap" and "near_statistics" not in self.vary:
            raise ValueError(
                "near_sample is bootstrap, but vary has no near_statistics: all members learn from "
                "the one sample as it is; add near_statistics or leave near_sample out"
            )
        if self.cross_section == "known":
            if learning := sorted(name for name in self.vary if SYSTEMATICS[name].needs_network):
                raise ValueError(
                    f"vary: {', '.join(learning)} makes no sense with cross_section: known"
                )
            if self.near_events is not None:
                raise ValueError(
                    f"near_events is {self.near_events}, but nothing is learned with "
                    "cross_section: known; leave it out"
                )
        elif self.near_events is None:
            for name in sorted(self.vary):
                if SYSTEMATICS[name].needs_near_events:
                    raise ValueError(f"vary: {name} needs near_events, the number of events")
        return self
