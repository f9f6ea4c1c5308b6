"""Table of how well each member learned the cross section."""

from typing import Any

from nd2fd.cross_sections.models import ARTIFACTS
from nd2fd.io.job import Job
from nd2fd.io.schemas.learned import Predictions
from nd2fd.io.schemas.truth import Truth
from nd2fd.report.learning_table import learning_table

snakemake: Any

with Job(snakemake) as job:
    kinds = job.params.models
    models: Any = {
        name: job.load_joined(f"{name}_models", ARTIFACTS[kind]) for name, kind in kinds.items()
    }
    truth = job.load_optional("truth", Truth)
    names = [] if truth is None else list(kinds)
    predictions = {name: job.load_joined(f"{name}_predictions", Predictions) for name in names}
    job.save_table(learning_table(truth, models, predictions))
