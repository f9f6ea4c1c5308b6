"""What legends call an ensemble: what its other keys say, or a label that does not contradict."""

import json
import re
from collections.abc import Collection, Iterator

from nd2fd.systematics import SYSTEMATICS

_CLAIMS = (
    (r"\b(true|known) cross sections?\b", "cross_section", "known"),
    (r"\blearned\b|\bnetworks?\b", "cross_section", "learned"),
    (r"\bflows?\b", "model", "flow"),
    (r"\bsplines?\b", "model", "splines"),
    (r"(?<!not )\bsmeared\b", "smeared", True),
    (r"\bnot smeared\b|\bunsmeared\b", "smeared", False),
    (r"\bseeds?\b", "vary", "network_seed"),
    (r"\bflux(es)?\b", "vary", "flux"),
    (r"\benergy scales?\b", "vary", "muon_energy_scale"),
    (r"\bAsimov\b", "near_events", None),
)
"""Words that say something, and the key and value that it needs."""

_NEAR_EVENTS = r"(?P<number>[\d.]+) ?(?P<scale>[kM]?) ND events"
_SCALES = {"": 1, "k": 1_000, "M": 1_000_000}


def described(
    cross_section: str,
    model: str,
    near_events: int | None,
    smeared: bool,
    vary: Collection[str],
    size: int,
) -> str:
    """The words for an ensemble with these keys."""
    details = ["smeared"] if smeared else []
    if near_events is not None:
        shared = "one sample of " if size > 1 and "near_statistics" not in vary else ""
        details.append(f"{shared}{near_events / 1e6:g} M ND events")
    # Events that vary are told by their number.
    details += [
        systematic.plural
        for name, systematic in SYSTEMATICS.items()
        if name in vary and name != "near_statistics"
    ]
    if cross_section == "known":
        start = "true cross section"
    elif model == "flow":
        start = "normalising flow"
    elif model == "splines":
        start = "splines"
    else:
        start = "learned" if details else "learned cross section"
    return ", ".join([start, *details])


def contradictions(label: str, keys: dict[str, object]) -> Iterator[str]:
    """What a label says that the keys of its ensemble do not, in words."""
    for pattern, key, needed in _CLAIMS:
        value = keys[key]
        found = re.search(pattern, label, re.IGNORECASE)
        holds = needed in value if isinstance(value, frozenset) else value == needed
        if found and not holds:
            yield f"{found[0]!r}, which needs {key}: {json.dumps(needed)}"
    for found in re.finditer(_NEAR_EVENTS, label):
        number = float(found["number"]) * _SCALES[found["scale"]]
        if number != keys["near_events"]:
            yield f"{found[0]!r}, which needs near_events: {number:.0f}"
