"""What needs a known cross section: refused where there is none (`truth.model: null`).

What is only compared with it drops out instead: `CommonPlan.known_files`, `Figure.inputs`.
"""

from collections.abc import Iterator, Mapping

from nd2fd.config.ensembles import EnsembleSection
from nd2fd.config.event_files import EventDataSection
from nd2fd.config.events import EventSampleSection
from nd2fd.config.joint import JointFitSection
from nd2fd.config.sections import CoverageSection


def needs_of_truth(
    near: EventDataSection,
    far: EventDataSection | None,
    ensembles: Mapping[str, EnsembleSection],
    coverage: CoverageSection,
    joint_fits: Mapping[str, JointFitSection],
    events: Mapping[str, EventSampleSection],
) -> Iterator[str]:
    """Keys whose values need a truth, each with the reason and what to write instead."""
    if near.data is None:
        yield "near_detector.data is null, events would be drawn; give a file"
    if far is not None and far.data is None:
        yield "far_detector.data is null, events would be drawn; give a file or far_detector: null"
    for name, ensemble in ensembles.items():
        where = f"ensembles.{name}"
        if ensemble.cross_section == "known":
            yield f"{where}.cross_section is known; use {where}: null"
        elif ensemble.model == "flow":
            yield f"{where}.model is flow, trained on its Asimov density; use {where}: null"
        elif ensemble.near_events is None:
            yield (
                f"{where}.near_events is null, its Asimov density; use {where}: null, or any "
                "number, which stands for the events of the file"
            )
    if far is not None:
        for name in coverage.experiments:
            where = f"coverage.experiments.{name}"
            yield f"{where} = {coverage.experiments[name]}, which are drawn; use null"
        for name, fit in joint_fits.items():
            if fit.experiments is not None:
                where = f"joint.fits.{name}.experiments"
                yield f"{where} = {fit.experiments}, which are drawn; use null"
    for name, sample in events.items():
        if sample.cross_section == "truth":
            yield f"events.{name}.cross_section is truth; use a member or a joint fit"
