"""What figures of analyses of leptons share: their results by label, and colours."""

from collections.abc import Mapping
from typing import Final

from nd2fd.figures.style import ACCENT, FURTHER, LEARNED, SECOND
from nd2fd.io.job import Job
from nd2fd.io.schemas.leptons import LeptonFit

COLOURS: Final = (LEARNED, ACCENT, SECOND, *FURTHER)
"""Of analyses, in their order; the known cross section is black."""

KNOWN, ANALYSED = 0, 1
"""Places of the dimension `model`."""


def load_fits(job: Job) -> Mapping[str, LeptonFit]:
    """By label."""
    return {
        label: job.load(f"{name}_lepton_fit", LeptonFit)
        for name, label in job.params.analyses.items()
    }
