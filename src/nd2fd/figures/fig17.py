"""Figure 17: the final regions, with all systematic uncertainties."""

from functools import partial

from nd2fd.figures.contours import Curve, draw_column
from nd2fd.figures.style import LEARNED, NEUTRAL, TRUTH

CURVES = {
    "truth": Curve("true cross section, not smeared", NEUTRAL, ":", "+"),
    "truth_smeared": Curve("true cross section, smeared", TRUTH, "--", "+"),
    "systematics": Curve("learned, all systematic uncertainties", LEARNED, "-"),
}

draw = partial(draw_column, CURVES)
