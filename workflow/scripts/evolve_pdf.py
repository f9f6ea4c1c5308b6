"""Evolve the embedded initial condition of CT18NNLO into an LHAPDF-format set."""

from pathlib import Path

from snakemake.script import Snakemake

from nd2fd.pdf.evolution import evolve_to_lhapdf
from nd2fd.stage import Stage

snakemake: Snakemake

with Stage(snakemake) as stage:
    evolve_to_lhapdf(Path(snakemake.output.info).parent)
