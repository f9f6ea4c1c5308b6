"""Front page and captions of the report."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from nd2fd.io.job import Stage
from nd2fd.report.captions import FIGURES
from nd2fd.report.images import small_png
from nd2fd.report.numbers import from_json
from nd2fd.report.pages import caption_page, front_page

# Those whose versions may change a result.
PROGRAMS = ("nd2fd", "snakemake", "numpy", "scipy", "torch", "zuko", "HOPPET", "neopdf-hep", "h5py")

snakemake: Any

with Stage(snakemake) as stage:
    numbers = from_json(Path(snakemake.input.numbers).read_text(encoding="utf-8"))
    images = {
        name: small_png(Path(path))
        for name, path in zip(FIGURES, snakemake.input.figures, strict=True)
    }
    versions = {"Python": platform.python_version()} | {name: version(name) for name in PROGRAMS}
    configuration = yaml.safe_dump(snakemake.params.config, sort_keys=False, allow_unicode=True)
    for name in FIGURES:
        stage.write_text(name, caption_page(name, numbers))
    stage.write_text("front", front_page(numbers, images, versions, configuration))
