"""All numbers, from the inputs of a job."""

from typing import Any

import pandas as pd

from nd2fd.io.job import Job
from nd2fd.io.schemas.coverage import Coverage
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.fits import Fits, Intervals
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.io.schemas.joint import JointCoverage, JointFit, JointToys
from nd2fd.io.schemas.learned import Marginals, Predictions, Slices
from nd2fd.io.schemas.leptons import LeptonExperiments, LeptonFit, LeptonNetworks
from nd2fd.io.schemas.measurements import MeasurementFit, MeasurementTransfer
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import NodeWeights, Truth
from nd2fd.report import (
    density_numbers,
    fit_numbers,
    joint_numbers,
    lepton_numbers,
    measurement_numbers,
)
from nd2fd.report.numbers import Numbers
from nd2fd.report.numbers_file import Summary, as_json, record


def all_numbers(job: Job) -> Numbers:
    """The numbers of a job whose inputs and parameters are those of `nd2fd.report.inputs`."""
    numbers = fit_numbers.ensemble_numbers(Summary.from_plain(job.params.summary).ensembles)
    if hasattr(job.input, "far_events"):
        numbers |= _numbers_of_fits(job)
    numbers |= _numbers_of_leptons(job)
    return numbers | _numbers_of_densities(job) | _numbers_of_measurements(job)


def _numbers_of_fits(job: Job) -> Numbers:
    params = job.params
    first = params.ensembles[0]
    numbers = fit_numbers.data_numbers(
        job.load("far_events", Events),
        first,
        job.load_joined(f"{first}_fits", Fits),
        params.true_sin2_theta23,
        params.true_point,
    )
    systematics = job.input_path("systematics")
    numbers |= fit_numbers.oscillation_numbers(
        pd.read_csv(job.input.oscillation),
        None if systematics is None else pd.read_csv(systematics),
    )
    intervals = {name: job.load(f"{name}_intervals", Intervals) for name in params.ensembles}
    for name, regions in intervals.items():
        numbers |= fit_numbers.region_numbers(name, regions)
    for name, reference in params.references.items():
        numbers |= fit_numbers.overlap_numbers(
            name, reference, intervals[name], intervals[reference]
        )
    for name in params.quoted["octants"]:
        numbers |= fit_numbers.octant_numbers(name, job.load_joined(f"{name}_fits", Fits))
    for name in params.quoted["coverage"]:
        numbers |= fit_numbers.coverage_numbers(name, job.load(f"{name}_coverage", Coverage))
    for name, ensemble in params.joint.items():
        fit = job.load(f"{name}_joint", JointFit)
        numbers |= joint_numbers.fit_numbers(name, fit)
        if ensemble is not None:
            numbers |= joint_numbers.ensemble_numbers(name, fit, ensemble, intervals[ensemble])
        if name in params.joint_toys:
            toys = job.load(f"{name}_toys", JointToys)
            numbers |= joint_numbers.toy_numbers(name, fit, toys)
    for name in params.joint_coverage:
        coverage = job.load(f"{name}_joint_coverage", JointCoverage)
        numbers |= joint_numbers.coverage_numbers(name, coverage)
    return numbers


def _numbers_of_leptons(job: Job) -> Numbers:
    numbers: Numbers = {}
    for name in job.params.leptons:
        numbers |= lepton_numbers.fit_numbers(name, job.load(f"{name}_lepton_fit", LeptonFit))
        drawn = job.load(f"{name}_lepton_experiments", LeptonExperiments)
        numbers |= lepton_numbers.experiment_numbers(name, drawn)
    for name in job.params.lepton_networks:
        trained = job.load(f"{name}_lepton_networks", LeptonNetworks)
        numbers |= lepton_numbers.network_numbers(name, trained)
    return numbers


def _numbers_of_measurements(job: Job) -> Numbers:
    numbers: Numbers = {}
    for name in job.params.measurements:
        fit = job.load(f"{name}_fit", MeasurementFit)
        numbers |= measurement_numbers.fit_numbers(name, fit)
    for of, source in job.params.transfers:
        transfer = job.load(f"{of}_from_{source}", MeasurementTransfer)
        numbers |= measurement_numbers.transfer_numbers(of, source, transfer)
    return numbers


def _numbers_of_densities(job: Job) -> Numbers:
    quoted, energy_max = job.params.quoted, job.params.energy_max
    truth = job.load_optional("densities", Truth)
    numbers = {} if truth is None else _numbers_of_truth(job, truth)
    if (learning := job.input_path("learning")) is not None:
        numbers |= density_numbers.learning_numbers(pd.read_csv(learning), truth)
    for name, reference in quoted["marginals"].items():
        known, learned = (
            job.load_joined(f"{which}_marginals", Marginals) for which in (reference, name)
        )
        numbers |= density_numbers.marginal_numbers(name, reference, known, learned)
    for name, reference in quoted["slices"].items():
        true, of_member = (job.load(f"{which}_slices", Slices) for which in (reference, name))
        numbers |= density_numbers.slice_numbers(name, reference, true, of_member)
    flux = job.load("flux", Flux)
    numbers |= density_numbers.spectrum_numbers(flux, energy_max)
    return numbers | density_numbers.flux_numbers(flux)


def _numbers_of_truth(job: Job, truth: Truth) -> Numbers:
    numbers = density_numbers.threshold_numbers(truth)
    numbers |= density_numbers.share_numbers(truth, job.load("weights", NodeWeights))
    for name in job.params.quoted["noise"]:
        near = job.load(f"{name}_near", NearData)
        prediction = job.load(f"{name}_prediction", Predictions)
        numbers |= density_numbers.noise_numbers(name, truth, near, prediction)
    if (response := job.load_optional("response", Response)) is not None:
        numbers |= density_numbers.smearing_numbers(truth, response)
    return numbers


def numbers_file(job: Job, numbers: Numbers) -> str:
    """The numbers of a job with what they were computed from, as JSON."""
    paths = {
        name: [files] if isinstance(files, str) else list(files)
        for name, files in job.input.items()
    }
    records: dict[str, dict[str, Any]] = {
        path: record(path) for files in paths.values() for path in files
    }
    paths["configuration"] = ["configuration"]
    records["configuration"] = {"sha256": job.params.config_sha256}
    summary = Summary.from_plain(job.params.summary)
    return as_json(numbers, summary, paths, records, job.params.seed)
