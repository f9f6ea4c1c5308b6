"""One thread per test process, as in the workflow's training jobs: tests run side by side."""

import torch

torch.set_num_threads(1)
