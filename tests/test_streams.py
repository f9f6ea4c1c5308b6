"""Random streams: equal for equal names, independent for others."""

import numpy as np
import pytest

from nd2fd.streams import random_stream, stream_seed


def test_a_stream_does_not_depend_on_others_or_their_order():
    alone = random_stream(7, "fits", "seeds", 3).random(5)
    streams = {i: random_stream(7, "fits", "seeds", i) for i in (9, 3, 0)}
    streams[0].random(1000)
    np.testing.assert_array_equal(streams[3].random(5), alone)


def test_streams_are_the_same_in_every_run_and_on_every_machine():
    rng = random_stream(20241216, "far_detector", "nominal", 4)
    assert rng.integers(2**63, size=2).tolist() == [8930587267012296661, 8746681857677433567]
    assert stream_seed(20241216, "far_detector", "nominal", 4) == 1577500461856075675


@pytest.mark.parametrize(
    "key",
    [
        (2, "ab", "c", 0),
        (1, "a", "bc", 0),
        (1, "abc", "", 0),
        (1, "", "abc", 0),
        (1, "c", "ab", 0),
        (1, "ab", "c", 1),
    ],
)
def test_different_keys_give_different_streams(key):
    reference = (1, "ab", "c", 0)
    assert stream_seed(*key) != stream_seed(*reference)
    ours, theirs = random_stream(*key).random(4000), random_stream(*reference).random(4000)
    assert abs(np.corrcoef(ours, theirs)[0, 1]) < 5 / np.sqrt(4000)


def test_seeds_fill_63_bits():
    seeds = np.array([stream_seed(1, "training", "seeds", i) for i in range(200)])
    assert seeds.min() >= 0
    fraction = np.mean([(seeds >> bit) & 1 for bit in range(63)], axis=1)
    assert (abs(fraction - 0.5) < 0.2).all()
    assert len(set(seeds.tolist())) == 200


@pytest.mark.parametrize(("root_seed", "member"), [(-1, 0), (1, -1)])
def test_negative_numbers_are_refused(root_seed, member):
    with pytest.raises(ValueError, match="non-negative"):
        random_stream(root_seed, "fits", "seeds", member)
