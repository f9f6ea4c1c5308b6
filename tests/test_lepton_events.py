"""Events as event files hold them."""

import numpy as np
import pytest

from nd2fd.events.lepton_events import LeptonEvents


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"differ in shape.*'e_nu': \(2,\)"):
        LeptonEvents(np.ones(3), np.ones(3), np.ones(3), e_nu=np.ones(2))


def test_what_is_not_known_may_be_absent():
    assert LeptonEvents(np.ones(3), np.ones(3), np.ones(3)).n_events == 3
