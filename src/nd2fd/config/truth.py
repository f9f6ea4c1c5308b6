"""The truth, tried out before anything runs: half a second where it is not the embedded one."""

from pathlib import Path

from nd2fd.config.fields import usable
from nd2fd.config.model import Config
from nd2fd.config.reading import ConfigError
from nd2fd.cross_sections.truths import TRUTHS, PdfMember, true_structure_functions
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
    model, pdf = config.truth.model, None
    if TRUTHS[model].needs_pdf:
        if config.pdf.path is None:
            return
        pdf = PdfMember(Path(config.pdf.path, config.pdf.set), config.pdf.member, config.pdf.reader)
    setup = Setup.from_config(config.setup.model_dump(mode="json"))
    try:
        usable(lambda: true_structure_functions(model, setup, pdf))
    except (ValueError, ImportError, RuntimeError) as error:
        raise ConfigError(
            f"the configuration has problems:\n  {'pdf' if pdf else 'truth.model'}: {error}"
        ) from None
