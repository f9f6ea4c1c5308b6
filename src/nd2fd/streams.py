"""Random streams: one root seed, one independent stream per (stage, ensemble, member).

A stream is found by its name, not by the order in which streams are asked for, so that a member of
an ensemble does not depend on how many others run, or when.
"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_DRAW = -1
"""Stands for the number of a draw where nothing is drawn and the value is the nominal one."""


def _seed_sequence(
    root_seed: int, stage: str, ensemble: str, member: int
) -> np.random.SeedSequence:
    # Python's own hash of a string changes from run to run, a SHA-256 digest does not. Digests have
    # equal lengths, so ("ab", "c") and ("a", "bc") are different keys.
    digests = [hashlib.sha256(name.encode()).digest() for name in (stage, ensemble)]
    words = np.frombuffer(b"".join(digests), dtype="<u4").tolist()
    return np.random.SeedSequence(root_seed, spawn_key=(*words, member))


def random_stream(
    root_seed: int, stage: str, ensemble: str = "", member: int = 0
) -> np.random.Generator:
    """Random generator of one member of one ensemble in one stage.

    Parameters
    ----------
    root_seed
        Seed of the whole workflow, not negative.
    stage, ensemble
        Names; equal names give equal streams on every machine.
    member
        Number of the member, not negative.

    Raises
    ------
    ValueError
        If `root_seed` or `member` is negative.
    """
    # PCG64 by name: `numpy.random.default_rng` is free to change its bit generator.
    return np.random.Generator(np.random.PCG64(_seed_sequence(root_seed, stage, ensemble, member)))


def nuisance_draw(
    root_seed: int, systematic: str, number: int, n_parameters: int
) -> NDArray[np.float64]:
    """Standard normal parameters z of a systematic's draw of that number, shape (n_parameters,)."""
    return random_stream(root_seed, systematic, "", number).standard_normal(n_parameters)


def stream_seed(root_seed: int, stage: str, ensemble: str = "", member: int = 0) -> int:
    """Seed of 63 bits for a generator outside NumPy, such as `torch.manual_seed`.

    Parameters and errors are those of `random_stream`.
    """
    state = _seed_sequence(root_seed, stage, ensemble, member).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def seeds_of(params: Any) -> list[int]:
    """Seeds of the initial weights of a batch's networks: `seed` and `streams` of its job."""
    return [stream_seed(params.seed, "network", *stream) for stream in params.streams]
