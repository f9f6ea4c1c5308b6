"""The numbers that captions, documentation and papers quote.

Names are paths such as ``nominal/dm2_32/shift``: what it is of, of which quantity, which property.
A number that does not exist, as the scatter of one member or an edge of an empty interval, has no
entry. One that should exist but is not defined, as a shift in units of an error that is zero, has
an entry that says why.

Percentages are numbers in %, mass splittings in 1e-3 eV², shifts in σ_stat, the spread of the
bootstrap replicas with the known cross section.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

NOT_DEFINED = "not defined"
"""Stands for the value of a number that is not defined."""


@dataclass(frozen=True)
class Number:
    """A quoted number.

    Attributes
    ----------
    value : float
        The number, in `unit`; NaN where it is not defined.
    unit : str
        Unit; "1" if dimensionless.
    spec : str
        Format specification with which value and uncertainty are quoted.
    description : str
        What it is.
    sources : tuple of (str, str)
        Input of the rule `numbers_table`, and dataset or column in it.
    uncertainty : float, optional
        One standard deviation, in `unit`; None if there is none, or if it is not finite.
    interval : (float, float), optional
        Its 68 % interval in place of the uncertainty, where the two sides differ so much that one
        standard deviation would lead beyond what is possible.
    undefined : str, optional
        Why the value is not defined. Of a value that is not finite something is always said.
    """

    value: float
    unit: str
    spec: str
    description: str
    sources: tuple[tuple[str, str], ...]
    uncertainty: float | None = None
    undefined: str | None = None
    interval: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            why = self.undefined or f"it came out as {self.value}"
            object.__setattr__(self, "undefined", why)
            object.__setattr__(self, "value", math.nan)
        elif self.undefined is not None:
            raise ValueError(f"the number has a value, {self.value}, but {self.undefined}")
        if self.uncertainty is not None and not math.isfinite(self.uncertainty):
            object.__setattr__(self, "uncertainty", None)

    def __format__(self, spec: str) -> str:
        """As quoted; ``{:±}`` adds uncertainty or interval, ``{:word}`` "1 word" or "2 words".

        Any other specification replaces `spec`.
        """
        if self.undefined is not None:
            return NOT_DEFINED
        value = quote(self.value, self.spec)
        if len(spec) > 1 and spec.isalpha():
            return f"{value} {spec}" if self.value == 1 else f"{value} {spec}s"
        if spec != "±":
            return quote(self.value, spec) if spec else value
        if self.interval is not None:
            low, high = (quote(edge, self.spec) for edge in self.interval)
            return f"{value} ({low} to {high})"
        error = self.uncertainty
        return value if error is None else f"{value} ± {quote(error, self.spec)}"


Numbers = dict[str, Number]


def quote(value: float, spec: str) -> str:
    """A formatted number; with ``#.2g``, two significant digits without a positive exponent.

    What rounds to zero has no sign.
    """
    text = format(value, spec).removesuffix(".")
    if float(text) == 0.0:
        text = text.replace("-", "")
    return f"{value:.0f}" if "e+" in text else text


_LATEX_UNITS = {
    "1": "",
    "%": r"\%",
    "1e-3 eV2": r"10^{-3}\,\mathrm{eV}^2",
    "1e6 events": "10^6",
    "sigma_stat": r"\sigma_\mathrm{stat}",
}


def as_latex(numbers: Mapping[str, Number]) -> str:
    r"""LaTeX macros: ``\ndfd{NAME}``, ``\ndfderror{NAME}`` and ``\ndfdunit{NAME}``."""
    lines = [
        r"% \ndfd{NAME} is a number of numbers.json, \ndfderror{NAME} its error, \ndfdunit{NAME}",
        r"% its unit; a NAME that does not exist is an error.",
    ]
    for macro, kind in (("ndfd", "value"), ("ndfderror", "error"), ("ndfdunit", "unit")):
        lines += [
            rf"\DeclareRobustCommand{{\{macro}}}[1]{{\ifcsname ndfd:{kind}:#1\endcsname",
            rf"\ensuremath{{\csname ndfd:{kind}:#1\endcsname}}\else",
            rf"\PackageError{{nd2fd}}{{numbers.json has no {kind} of #1}}{{}}\fi}}",
        ]
    for name, number in numbers.items():
        value = _latex(f"{number}") if number.undefined is None else r"\mathrm{not\ defined}"
        entries = {"value": value, "unit": _LATEX_UNITS.get(number.unit, "")}
        if number.uncertainty is not None:
            entries["error"] = _latex(quote(number.uncertainty, number.spec))
        if number.interval is not None:
            low, high = (quote(edge - number.value, "+" + number.spec) for edge in number.interval)
            entries["error"] = rf"{{}}^{{{high}}}_{{{low}}}"
        lines += [
            rf"\expandafter\def\csname ndfd:{kind}:{name}\endcsname{{{text}}}"
            for kind, text in entries.items()
        ]
    return "\n".join(lines) + "\n"


def _latex(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa}\times10^{{{int(exponent)}}}" if exponent else text
