"""One thread per test process, as in the workflow's training jobs: tests run side by side."""

import pytest
import torch

from nd2fd.cross_sections.pdf.evolution import evolve_to_lhapdf

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def pdf_set(tmp_path_factory):
    """Directory of the embedded PDF set."""
    directory = tmp_path_factory.mktemp("pdf") / "ct18nnlo"
    evolve_to_lhapdf(directory)
    return directory
