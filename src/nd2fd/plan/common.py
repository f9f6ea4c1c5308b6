"""What plans of ensembles and of joint fits share, and what belongs to neither."""

from collections.abc import Iterable
from os.path import normpath
from pathlib import Path
from typing import Any

from nd2fd.beam.builtin import BEAMS
from nd2fd.beam.builtin_modes import BUILT_IN_MODES
from nd2fd.config.fields import Section
from nd2fd.config.model import Config
from nd2fd.cross_sections.truths import TRUTHS
from nd2fd.statistics.fit_ranges import mass_range, mixing_range, widened_mass, widened_mixing
from nd2fd.statistics.octants import Octant, octant_of, sin2_2theta

FIT_RANGES = {"sin2_theta23": (mixing_range, widened_mixing), "dm2_32": (mass_range, widened_mass)}
"""How the range of a fitted parameter follows from the truth, and how it is made wider."""


DETECTORS = {False: "exact", True: "smeared"}
"""What files of linear maps call their detectors, by whether they smear."""


class PlanError(ValueError):
    """What was asked for does not exist; the message says what does."""


class CommonPlan:
    """What a configuration makes that belongs to no ensemble and no joint fit."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def path(self, name: str) -> str:
        """Path of a file in the results folder."""
        return normpath(f"{self.config.results}/{name}")

    @property
    def has_far(self) -> bool:
        """Whether there is a far detector; without one nothing is fitted."""
        return self.config.far_detector is not None

    @property
    def has_truth(self) -> bool:
        """Whether a cross section is known that data can be drawn from and compared with."""
        return self.config.truth.model is not None

    @property
    def known_files(self) -> dict[str, str]:
        """The truth, for what compares with it, where there is one."""
        return {"truth": self.path("truth/densities.h5")} if self.has_truth else {}

    def lacks(self, files: Iterable[str | list[str]]) -> bool:
        """Whether the truth is among files, and there is none."""
        return not self.has_truth and self.path("truth/densities.h5") in files

    def files_of_truth(self) -> dict[str, str]:
        """What the truth is made from; PlanError where there is none."""
        if not self.has_truth:
            raise PlanError(
                "truth.model is null: there is no cross section from which events could be drawn "
                "or with which learned ones could be compared"
            )
        return self.truth_files | self.spectra_files

    @property
    def pdf_files(self) -> dict[str, str]:
        """Info file and grid of the PDF set, if the truth needs one."""
        model, pdf = self.config.truth.model, self.config.pdf
        if model is None or not TRUTHS[model].needs_pdf:
            return {}
        if pdf.path is None:
            base = Path(self.path("pdf/ct18nnlo_embedded"))
        else:
            base = Path(pdf.path, pdf.set)
        return {
            "pdf": str(base / f"{base.name}.info"),
            "pdf_grid": str(base / f"{base.name}_{pdf.member:04d}.dat"),
        }

    @property
    def truth_files(self) -> dict[str, str]:
        """What the truth is computed from: its table, or the PDF set, or nothing."""
        model = self.config.truth.model
        if model is not None and TRUTHS[model].tabulated:
            return {"table": self.path("truth/table.h5")}
        return self.pdf_files

    @property
    def table_files(self) -> dict[str, str]:
        """What the table of a tabulated truth is made from."""
        table = self.config.truth.table
        return self.pdf_files if table is None else {"table": table}

    @property
    def flux_files(self) -> dict[str, str]:
        """Flux files given by the user; built-in beams are part of the package."""
        flux = self.config.flux
        far = flux.far if self.has_far else None
        files = {"near": flux.near, "far": far, "uncertainty": flux.uncertainty}
        built_in = {*BEAMS, *BUILT_IN_MODES}
        return {
            role: path for role, path in files.items() if path is not None and path not in built_in
        }

    @property
    def spectra_files(self) -> dict[str, str]:
        """Fluxes and, if there is a far detector, what oscillation makes of them."""
        files = {"flux": self.path("inputs/flux.h5")}
        if self.has_far:
            files["oscillation"] = self.path("inputs/oscillation.h5")
        return files

    # Events from files.

    @property
    def near_file(self) -> str | None:
        """The file of ND events; None if they are drawn."""
        return self.config.near_detector.data

    @property
    def far_file(self) -> str | None:
        """The file of FD events; None if they are drawn, or there is no far detector."""
        far = self.config.far_detector
        return None if far is None else far.data

    def reading(self, detector: str) -> dict[str, Any]:
        """How the file of events of a detector, a section, is read."""
        section = self.section(detector)
        return {name: section[name] for name in ("data_unit", "beam_direction")}

    # Parameters.

    def section(self, name: str) -> dict[str, Any]:
        """A section of the configuration, as plain values; without optional keys that say nothing.

        Else artifacts would change with every key that becomes known.
        """
        values = self.config.model_dump(mode="json", include={name})[name]
        section = getattr(self.config, name)
        fields = type(section).model_fields if isinstance(section, Section) else {}
        return {
            key: value
            for key, value in values.items()
            if key not in fields
            or fields[key].is_required()
            or getattr(section, key) != fields[key].default
        }

    @property
    def true_point(self) -> list[float]:
        """sin²2θ23 and Δm²32 [eV²] at which the far-detector data are made."""
        sin2_theta23, dm2_32 = self.true_octant_point
        return [sin2_2theta(sin2_theta23), dm2_32]

    @property
    def true_octant_point(self) -> list[float]:
        """The same with sin²θ23, which tells the octants apart."""
        truth = self.config.oscillation
        return [truth.sin2_theta23, truth.dm2_31 - truth.dm2_21]

    @property
    def true_octant(self) -> Octant:
        """The octant of θ23 in which fits give sin²2θ23."""
        return octant_of(self.config.oscillation.sin2_theta23)

    # Of ensembles and joint fits, by what they are.

    def _smearing(self, smeared: bool) -> dict[str, Any]:
        return self.section("smearing") if smeared else {}

    def _response(self, smeared: bool) -> dict[str, str]:
        return {"response": self.path("inputs/response.h5")} if smeared else {}

    def _design(self, smeared: bool) -> str:
        return self.path(f"joint/designs/{DETECTORS[smeared]}.h5")

    def _far_data(self, smeared: bool) -> str:
        # What is measured is smeared already.
        drawn_and_smeared = smeared and self.far_file is None
        return self.path(f"far/{'smeared' if drawn_and_smeared else 'events'}.h5")

    def _fit_range(self, parameter: str, factor: float) -> list[float]:
        far = self.config.far_detector
        if far is None:
            raise PlanError("without a far detector (far_detector: null) nothing is fitted")
        truth = dict(zip(("sin2_theta23", "dm2_32"), self.true_octant_point, strict=True))
        from_truth, widened = FIT_RANGES[parameter]
        limits = getattr(self.config.fits, parameter)
        if limits is None:
            limits = from_truth(truth[parameter], far.n_events)
        return list(widened(limits, truth[parameter], factor))


def experiments_of_block(name: str, block: int, total: int, per_job: int) -> list[int]:
    """Numbers of the pseudo-experiments in a block of an ensemble or a joint fit.

    Raises PlanError if there are not so many blocks.
    """
    first = block * per_job
    if first >= total:
        raise PlanError(
            f"coverage of {name!r} has no block {block}: its {total} experiments are in "
            f"blocks of {per_job}, numbered 0 to {(total - 1) // per_job}"
        )
    return list(range(first, min(first + per_job, total)))
