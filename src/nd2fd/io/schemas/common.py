"""Names that schemas share."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

PLANE: Final = ("v1", "v2")
NODES: Final = ("structure_function", "xi", "tau")

# Files of an ensemble hold a batch of its members, along their first dimension.
MEMBER_NUMBER: Final = "number of the member in its ensemble"
FLUX_PARAMETERS: Final = "size of each flux mode in the assumed flux"
