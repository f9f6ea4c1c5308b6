"""Front page and captions of the report."""

from pathlib import Path
from typing import Any

import yaml

from nd2fd.io.job import Job
from nd2fd.report.images import small_png
from nd2fd.report.numbers_file import numbers_from_json, summary_from_json
from nd2fd.report.pages import caption_page, commit_of, front_page, program_versions

snakemake: Any

with Job(snakemake) as job:
    text = Path(job.input.numbers).read_text(encoding="utf-8")
    numbers, summary = numbers_from_json(text), summary_from_json(text)
    figures = summary.figures
    images = {n: small_png(Path(f)) for n, f in zip(figures, job.input.figures, strict=True)}
    configuration = yaml.safe_dump(job.params.config, sort_keys=False, allow_unicode=True)
    for name, figure in figures.items():
        job.save_text(name, caption_page(name, figure))
    commit = commit_of(Path(__file__).resolve().parents[2])
    page = front_page(numbers, summary, images, program_versions(), commit, configuration)
    job.save_text("front", page)
