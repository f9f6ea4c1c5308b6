"""One module per figure, and the style they share."""

import os

# Before matplotlib is imported, which refuses a backend that it does not know.
os.environ["MPLBACKEND"] = "agg"
