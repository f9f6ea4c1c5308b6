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
NUISANCE_PARAMETERS: Final = "other parameters that vary, in the order of the systematics registry"

V1_CELLS: Final = "v1 = sqrt((E_l - p cos theta)/(M x_max)), cell centres"
V2_CELLS: Final = "v2 = sqrt((E_l + p cos theta)/(2 E_max)), cell centres"

XI_NODES: Final = "nodes in sqrt(x / x_max)"
TAU_NODES: Final = "nodes in log(1 + Q2/0.3) / log(1 + Q2_max/0.3)"
X_MAX: Final = "Bjorken x at xi = 1"
Q2_MAX: Final = "Q2 at tau = 1"
Q2_SCALE: Final = "in place of the 0.3 GeV2 of tau"
