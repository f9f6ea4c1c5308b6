"""What figures of analyses of leptons share: their results by label, and colours."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from nd2fd.figures.style import ACCENT, FURTHER, LEARNED, SECOND, TRUTH
from nd2fd.io.job import Job
from nd2fd.io.schemas.leptons import LeptonFit

COLOURS: Final = (LEARNED, ACCENT, SECOND, *FURTHER)
"""Of analyses, in their order; the known cross section is black."""

_KNOWN, _ANALYSED = 0, 1
"""Places of the dimension `model`."""


class Drawn(NamedTuple):
    """What is drawn for one cross section: fit, place in its dimension `model`, how."""

    fit: LeptonFit
    model: int
    color: str
    label: str


def known_and_learned(fits: Mapping[str, LeptonFit]) -> list[Drawn]:
    """The known cross section, of which the first analysis knows, then those learned."""
    first = next(iter(fits.values()))
    return [
        Drawn(first, _KNOWN, TRUTH, "known cross section"),
        *(
            Drawn(fit, _ANALYSED, color, label)
            for (label, fit), color in zip(fits.items(), COLOURS, strict=False)
        ),
    ]


def load_fits(job: Job) -> Mapping[str, LeptonFit]:
    """By label."""
    return {
        label: job.load(f"{name}_lepton_fit", LeptonFit)
        for name, label in job.params.analyses.items()
    }
