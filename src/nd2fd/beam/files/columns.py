"""Which column, histogram or variable of a file is the flux of the wanted neutrinos."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.files.layout import UnclearLayoutError

Array = NDArray[np.float64]

Neutrinos = tuple[str, bool]
"""Lepton that they make ("electron", "muon" or "tau"), and whether they are antineutrinos."""

DUNE = "dune"
"""Value of `column` for the order below."""

DUNE_ORDER: tuple[Neutrinos, ...] = tuple(
    (lepton, anti) for anti in (False, True) for lepton in ("electron", "muon", "tau")
)
"""Columns 2 to 7 of DUNE's and GLoBES' flux files."""

_SYMBOLS = {("electron", False): "ν_e", ("muon", False): "ν_μ", ("tau", False): "ν_τ"}
_SYMBOLS |= {(lepton, True): "ν̄" + s[1:] for (lepton, _), s in _SYMBOLS.items()}

_SPECIES = re.compile(
    r"(?:nu|ν)(?:[\W_]|bar)*(mu|μ|tau|τ|e)(?=$|[^a-z]|b(?![a-z])|bar|anti|flux|hist)"
)
_WORDS = re.compile(r"(muon|electron|tau)[\W_]+(?:anti)?neutrino")
_ANTI = re.compile(r"bar|anti|~|[\u0304\u0305]|(?:^|[^a-z])a(?=nu)|(?:mu|e|tau)b(?![a-z])")
_LEPTON = {"mu": "muon", "μ": "muon", "tau": "tau", "τ": "tau", "e": "electron"}


_MOST_LISTED = 12


def symbol(neutrinos: Neutrinos) -> str:
    """ν_μ, ν̄_e and so on."""
    return _SYMBOLS[neutrinos]


def neutrinos_in(name: str) -> Neutrinos | None:
    """The neutrinos that a name is of, such as numu_bar, anti-nue or h_nu_mu; None for others."""
    text = re.sub(r"[\\{}$]", "", unicodedata.normalize("NFKD", name).lower())
    if match := _WORDS.search(text):
        return match[1], "anti" in text
    if match := _SPECIES.search(re.sub(r"[\u0304\u0305]", "", text)):
        return _LEPTON[match[1]], bool(_ANTI.search(text))
    return None


@dataclass(frozen=True)
class Columns:
    """What may be the flux in a file.

    file
        The file, as messages name it.
    names
        Names by number; empty where they have none.
    values
        Values of the column of a number.
    kind
        What a column is called there. Histograms have no numbers that a user sees.
    """

    file: str
    names: Mapping[int, str]
    values: Callable[[int], Array]
    kind: Literal["column", "histogram"] = "column"

    def listed(self, *numbers: int) -> str:
        """Numbers and names of some, or of all, for messages."""
        chosen = list(numbers or self.names)
        shown = [self._shown(number) for number in chosen[:_MOST_LISTED]]
        if len(chosen) > _MOST_LISTED:
            shown.append(f"{len(chosen) - _MOST_LISTED} more")
        return f"{self.kind}{'s' * (len(chosen) > 1)} {', '.join(shown)}"

    def _shown(self, number: int) -> str:
        name = self.names[number]
        if self.kind == "histogram":
            return name
        return f"{number} ({name})" if name else f"{number}"


def choose(
    columns: Columns,
    wanted: Neutrinos,
    column: int | str | None,
    *,
    contamination: bool = False,
) -> int:
    """The number of the flux's column.

    Parameters
    ----------
    columns
        Those that may be the flux.
    wanted
        The neutrinos of the setup.
    column
        The key: a number, which is believed; a name; `dune`; or None.
    contamination
        Whether those of the other helicity may be more.

    Raises
    ------
    UnclearLayoutError
        It is not clear which.
    ValueError
        There is no such column; it is of other neutrinos; or a beam of antineutrinos (neutrinos) is
        asked for the neutrinos (antineutrinos) in it.
    """
    file, names = columns.file, columns.names
    if isinstance(column, int):
        if column not in names or columns.kind == "histogram":
            raise ValueError(f"{file}: there is no {column} to choose; it has {columns.listed()}")
        return column
    of = {number: neutrinos_in(name) for number, name in names.items()}
    if column == DUNE and DUNE not in names.values():
        of = _dune(columns, of)
        chosen = next(number for number, found in of.items() if found == wanted)
    elif column is not None:
        chosen = _named(columns, column)
    else:
        fitting = [number for number, found in of.items() if found == wanted]
        if len(names) == 1:
            (chosen,) = names
        elif len(fitting) == 1:
            (chosen,) = fitting
        else:
            raise UnclearLayoutError(_which(columns, wanted))
    if of[chosen] not in (None, wanted):
        raise ValueError(
            f"{file}: {columns.listed(chosen)} is of {symbol(of[chosen] or wanted)}, the setup of "
            f"{symbol(wanted)}: change setup.helicity or column"
        )
    if not contamination:
        _refuse_contamination(columns, chosen, of)
    return chosen


def _dune(columns: Columns, of: Mapping[int, Neutrinos | None]) -> dict[int, Neutrinos | None]:
    if list(columns.names) != list(range(2, 8)):
        raise ValueError(
            f"{columns.file}: column is {DUNE}, which needs seven columns (E, ν_e, ν_μ, ν_τ, ν̄_e, "
            f"ν̄_μ, ν̄_τ); beside energies it has {columns.listed()}"
        )
    for (number, found), expected in zip(of.items(), DUNE_ORDER, strict=True):
        if found not in (None, expected):
            raise ValueError(
                f"{columns.file}: column is {DUNE}, but the header calls column {number} "
                f"{columns.names[number]!r}, not {symbol(expected)}"
            )
    return dict(zip(columns.names, DUNE_ORDER, strict=True))


def _named(columns: Columns, column: str) -> int:
    exact = [number for number, name in columns.names.items() if name == column]
    if len(exact) == 1:
        return exact[0]
    if exact:
        raise ValueError(
            f"{columns.file}: {len(exact)} columns are called {column!r}; give a number"
        )
    raise ValueError(f"{columns.file}: there is no {column!r}; it has {columns.listed()}")


def _refuse_contamination(
    columns: Columns, chosen: int, of: Mapping[int, Neutrinos | None]
) -> None:
    this = of[chosen]
    if this is None:
        return
    partners = [number for number, found in of.items() if found == (this[0], not this[1])]
    if columns.kind == "histogram":  # of many, the one whose name differs by the sign alone
        alone = _without_sign(columns.names[chosen])
        partners = [n for n in partners if _without_sign(columns.names[n]) == alone]
    for number in partners:
        ours, theirs = (float(np.sum(columns.values(n))) for n in (chosen, number))
        if ours < theirs:
            raise ValueError(
                f"{columns.file}: there are {ours / theirs:.2g} times as many "
                f"{symbol(this)} as {_SYMBOLS[this[0], not this[1]]}: a contamination of their "
                "beam? Change setup.helicity, or the file (the number of a column is believed)"
            )


def _without_sign(name: str) -> str:
    text = unicodedata.normalize("NFKD", name).lower()
    return re.sub(r"bar|anti|[~\u0304\u0305\W_]|a(?=nu)|(?<=mu)b(?![a-z])", "", text)


def _which(columns: Columns, wanted: Neutrinos) -> str:
    how = "its name" if columns.kind == "histogram" else "its number or name"
    if list(columns.names) == list(range(2, 8)):
        how += f", or {DUNE} if their order is that of DUNE's and GLoBES' files"
    return (
        f"{columns.file}: which is the flux of {symbol(wanted)}? Give column: {how}; it has "
        f"{columns.listed()}"
    )
