"""What the machine must have, whatever the configuration: a Python that can be started, a GPU."""

import re
import subprocess
import sys
from collections.abc import Callable

from nd2fd.config.reading import ConfigError

_SPECIAL = re.compile(r"[\s'\"`$&;(){}<>|*?#\\]")

_LOOK = """\
import torch
if torch.version.cuda is None and torch.version.hip is None:
    print(f"torch {torch.__version__} is built without CUDA")
elif not torch.cuda.is_available():
    print(f"torch {torch.__version__} finds no device")
"""


def refuse_path_of_python(executable: str = sys.executable) -> None:
    """Refuse a Python whose path the shell would take apart: Snakemake does not quote it.

    Raises
    ------
    ConfigError
        Naming path, character and remedy.
    """
    if found := _SPECIAL.search(executable):
        raise ConfigError(
            f"Snakemake cannot start {executable}: there is {found[0]!r} in its path; move the "
            "clone, or the environment, to a path without"
        )


def torch_without_cuda() -> str:
    """Why torch cannot use CUDA on this machine; empty if it can."""
    done = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def refuse_absent_gpu(
    device: str, trains_here: bool, why_not: Callable[[], str] = torch_without_cuda
) -> None:
    """Refuse to train on a GPU that is not there.

    Parameters
    ----------
    device
        `training.device`.
    trains_here
        Whether something is to be trained on this machine, and not on nodes of a cluster.
    why_not
        `torch_without_cuda`, which takes seconds and is asked last.

    Raises
    ------
    ConfigError
        Naming the key and what torch says.
    """
    if device == "cuda" and trains_here and (reason := why_not()):
        raise ConfigError(
            f"training.device is cuda, and networks are to be trained here, where {reason}; use "
            "training.device: cpu, or a machine with a GPU (docs/cluster.md)"
        )
