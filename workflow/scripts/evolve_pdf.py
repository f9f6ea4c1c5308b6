"""Evolve the embedded initial condition of CT18NNLO into an LHAPDF-format set."""

from pathlib import Path
from typing import Any

from nd2fd.pdf.evolution import evolve_to_lhapdf
from nd2fd.stage import Stage

snakemake: Any

with Stage(snakemake) as stage:
    evolve_to_lhapdf(Path(snakemake.output.info).parent)
