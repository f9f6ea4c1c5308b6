"""Known cross sections by name: the truths of closure tests.

A truth is a function of the setup and, where it needs one, a PDF set; or a table, which takes
longer to make and has a rule of its own. It is imported when it is asked for, so that the names
cost nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from nd2fd.cross_sections.interpolation import interpolated_table
from nd2fd.events.positivity import refuse_negative
from nd2fd.io.schemas.truth import StructureFunctionTable
from nd2fd.physics.cross_section import measurable_combinations
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import FiveStructureFunctions, StructureFunctions


class PdfMember(NamedTuple):
    """Directory of a PDF set, number of its member, and the library that reads it."""

    set_directory: Path
    member: int
    reader: Literal["neopdf", "lhapdf"]

    @classmethod
    def of_job(
        cls, info: str | None, member: int, reader: Literal["neopdf", "lhapdf"]
    ) -> "PdfMember | None":
        """From the path of the set's .info file, where there is one."""
        return None if info is None else cls(Path(info).parent, member, reader)


@dataclass(frozen=True)
class TruthModel:
    """A truth.

    builder
        ``module:function`` of (setup, PDF member or None) that gives (W1, …, W5)(x, Q²), those of
        the setup's target and helicity, whatever its lepton.
    needs_pdf
        Whether the function takes a PDF member.
    antineutrinos
        Whether it may be used for antineutrinos: their cross section is nowhere negative.
    tabulated
        Whether the function gives a `StructureFunctionTable` instead, from (setup, PDF member or
        path of the user's table).
    """

    builder: str
    needs_pdf: bool
    antineutrinos: bool = True
    tabulated: bool = False


TRUTHS: Final[Mapping[str, TruthModel]] = {
    "quark_parton": TruthModel(
        "nd2fd.cross_sections.quark_parton:truth_from_pdf", needs_pdf=True, antineutrinos=False
    ),
    "quark_parton_transverse": TruthModel(
        "nd2fd.cross_sections.quark_parton:transverse_truth_from_pdf", needs_pdf=True
    ),
    "impulse": TruthModel(
        "nd2fd.cross_sections.impulse.targets:impulse_table", needs_pdf=True, tabulated=True
    ),
    "table": TruthModel(
        "nd2fd.cross_sections.tables:table_from_file", needs_pdf=False, tabulated=True
    ),
}
"""Values of the configuration key `truth.model`."""


def table_of_truth(name: str, setup: Setup, source: PdfMember | str) -> StructureFunctionTable:
    """The table of a tabulated truth, from a PDF member or from the user's file.

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As the truth's builder.
    """
    table: StructureFunctionTable = _builder(name)(setup, source)
    return table


def five_structure_functions(
    name: str,
    setup: Setup,
    pdf: PdfMember | None,
    table: StructureFunctionTable | None = None,
) -> FiveStructureFunctions:
    """The (W1, …, W5)(x, Q²) of a truth in `TRUTHS`, those of neutrinos or of antineutrinos.

    Tabulated truths need their `table`, and no PDF member.

    Raises
    ------
    FileNotFoundError, ImportError
        As the truth's builder, for a PDF set or a library that is not there.
    ValueError
        As the builder, or where the setup's lepton has a cross section that is negative somewhere,
        or no number.
    """
    if TRUTHS[name].tabulated:
        if table is None:
            raise ValueError(f"truth {name} needs its table")
        five = interpolated_table(table, antineutrino=setup.antineutrino)
    else:
        five = _builder(name)(setup, pdf)
    try:
        refuse_negative(measurable_combinations(five, setup), setup)
    except ValueError as error:
        source = f" with {pdf.set_directory}, member {pdf.member}" if pdf else ""
        raise ValueError(f"truth {name}{source}: {error}") from None
    return five


def true_structure_functions(
    name: str,
    setup: Setup,
    pdf: PdfMember | None,
    table: StructureFunctionTable | None = None,
) -> StructureFunctions:
    """The (W1', W2', W3')(x, Q²) of the setup's lepton, of a truth in `TRUTHS`.

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As `five_structure_functions`.
    """
    return measurable_combinations(five_structure_functions(name, setup, pdf, table), setup)


def _builder(name: str) -> Any:
    module, function = TRUTHS[name].builder.split(":")
    return getattr(import_module(module), function)
