"""Front page of the report, and pages of its figures."""

from pathlib import Path
from typing import Any

import yaml

from nd2fd.io.job import Job
from nd2fd.report.pages import report_pages

snakemake: Any

with Job(snakemake) as job:
    numbers, clone = Path(job.input.numbers).read_text("utf-8"), Path(__file__).resolve().parents[2]
    configuration = yaml.safe_dump(job.params.config, sort_keys=False, allow_unicode=True)
    made = (job.input.figures, job.params.sources, Path(job.output.front).parents[1])
    for name, page in report_pages(numbers, *made, configuration, clone).items():
        job.save_text(name, page)
