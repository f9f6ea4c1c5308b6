"""Figure 15: the uncertainty of the flux shape, with the true and with learned cross sections."""

from functools import partial

from nd2fd.figures.contours import Curve, draw_column
from nd2fd.figures.style import LEARNED, SECOND, TRUTH

CURVES = {
    "truth": Curve("true flux, true cross section", TRUTH, "--", "+"),
    "flux_truth": Curve("drawn fluxes, true cross section", SECOND, "-."),
    "flux": Curve("drawn fluxes, learned cross sections", LEARNED, "-"),
}

draw = partial(draw_column, CURVES)
