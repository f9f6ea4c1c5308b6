"""Events as text: comments, names of the columns, and one line per event."""

from collections.abc import Iterator
from pathlib import Path

from nd2fd.events.lepton_events import LeptonEvents
from nd2fd.events.writers.sample import COLUMNS, Sample, columns_of

_FORMAT = "%.12g"
"""Of the lepton near the beam, a = E_l - p cosθ keeps five digits or more."""


def write(path: Path, sample: Sample, events: Iterator[LeptonEvents]) -> None:
    """CSV with comments that begin with #."""
    import pandas as pd  # takes half a second

    with path.open("w", encoding="utf-8", newline="\n") as stream:
        for name, value in sample.lines().items():
            stream.write(f"# {name}: {value}\n")
        for name, (unit, meaning) in COLUMNS.items():
            stream.write(f"# {name} [{unit}]: {meaning}\n")
        stream.write(",".join(COLUMNS) + "\n")
        for batch in events:
            table = pd.DataFrame(columns_of(batch))
            table.to_csv(stream, header=False, index=False, float_format=_FORMAT)
