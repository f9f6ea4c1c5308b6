"""Evolve the embedded initial condition of CT18NNLO into an LHAPDF-format set."""

import os
from pathlib import Path
from typing import Any

from nd2fd.cross_sections.pdf.evolution import evolve_to_lhapdf
from nd2fd.io.job import Job

snakemake: Any

with Job(snakemake), Path(snakemake.log[0]).open("a") as log:
    # HOPPET's Fortran prints its banner on the standard output of the process.
    os.dup2(log.fileno(), 1)
    evolve_to_lhapdf(Path(snakemake.output.info).parent)
