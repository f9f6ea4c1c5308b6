"""The truth, tried out before anything runs: half a second where it is not the embedded one."""

from pathlib import Path

from nd2fd.config.fields import usable
from nd2fd.config.model import Config
from nd2fd.config.reading import ConfigError
from nd2fd.cross_sections.truths import (
    TRUTHS,
    PdfMember,
    table_of_truth,
    true_structure_functions,
)
from nd2fd.physics.setup import Setup


def refuse_unusable_truth(config: Config) -> None:
    """Refuse a PDF set or a truth of which no events can be made.

    The embedded set is not there yet; the jobs that use a truth look at its cross section, too.

    Raises
    ------
    ConfigError
        Naming the section, and what is wrong with the set's files, with the parton densities or
        with the cross section.
    """
    model, pdf, file = config.truth.model, None, config.truth.table
    if model is None:
        return
    if TRUTHS[model].needs_pdf:
        if config.pdf.path is None:
            return
        pdf = PdfMember(Path(config.pdf.path, config.pdf.set), config.pdf.member, config.pdf.reader)
    setup = Setup.from_config(config.setup.model_dump(mode="json"))
    try:
        usable(lambda: _try_out(model, setup, pdf, file))
    except (ValueError, ImportError, RuntimeError) as error:
        where = "pdf" if pdf else "truth.table" if file else "truth.model"
        raise ConfigError(f"the configuration has problems:\n  {where}: {error}") from None


def _try_out(model: str, setup: Setup, pdf: PdfMember | None, file: str | None) -> None:
    if pdf and TRUTHS[model].tabulated:
        # What takes half a minute is left to its job; the parton densities are looked at here.
        from nd2fd.cross_sections.quark_parton import checked_densities

        checked_densities(setup, pdf)
    elif file:
        true_structure_functions(model, setup, None, table_of_truth(model, setup, file))
    else:
        true_structure_functions(model, setup, pdf)
