"""Small versions of figures, for pages that show many of them."""

import io
from pathlib import Path

from PIL import Image

_LARGEST = 60_000
"""Bytes."""

_SCALES = (0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4)
_COLORS = 128


def small_png(path: Path) -> bytes:
    """A figure as a PNG of at most 60 kB: the largest, in a palette of 128 colours, that fits.

    Raises
    ------
    ValueError
        Not even 40 % of width and height fit.
    """
    with Image.open(path) as image:
        figure = image.convert("RGB")
    for scale in _SCALES:
        size = round(scale * figure.width), round(scale * figure.height)
        # Median cut, the default, would lose the ends of colour scales, which few pixels have.
        small = figure.resize(size, Image.Resampling.LANCZOS).quantize(
            _COLORS, method=Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE
        )
        buffer = io.BytesIO()
        small.save(buffer, "PNG", optimize=True)
        if buffer.tell() <= _LARGEST:
            return buffer.getvalue()
    raise ValueError(f"{path}: larger than {_LARGEST} bytes even at {_SCALES[-1]:.0%} of its size")
