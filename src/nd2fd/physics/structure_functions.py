"""What a cross section is made of: structure functions of Bjorken x and Q²."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

StructureFunctions = Callable[[Array, Array], Array]
"""(x, Q² [GeV²]), each of shape (n,) → (W1', W2', W3') of shape (3, n)."""

FiveStructureFunctions = Callable[[Array, Array], Array]
"""(x, Q² [GeV²]), each of shape (n,) → (W1, …, W5) of shape (5, n), whatever the lepton."""

Q2_SCALE = 0.3
"""Q² [GeV²] where nodes (`nd2fd.forward.nodes`) turn from linear to logarithmic, if nothing else is
said."""
