"""The numbers that captions and README quote, with their provenance, and as LaTeX macros."""

from typing import Any

import h5py
import numpy as np
import pandas as pd

from nd2fd.io.artifacts import sha256_of_file
from nd2fd.io.job import Stage
from nd2fd.io.schemas import (
    COVERAGE,
    EVENTS,
    FIT,
    FLUX,
    INTERVALS,
    MARGINALS,
    NEAR,
    PREDICTION,
    SLICES,
    TRUTH,
    WEIGHTS,
)
from nd2fd.report import density_numbers, fit_numbers
from nd2fd.report.numbers import as_json, as_latex

snakemake: Any


def record(path: str) -> dict[str, Any]:
    """Checksum of a file, and where an artifact comes from."""
    described: dict[str, Any] = {"sha256": sha256_of_file(path)}
    if path.endswith(".h5"):
        with h5py.File(path) as file:
            for key in ("schema", "producer", "config_sha256", "seed"):
                value = file.attrs[key]
                described[key] = value.item() if isinstance(value, np.integer) else value
    return described


with Stage(snakemake) as stage:
    params = snakemake.params
    truth, response = stage.read("densities", TRUTH), stage.read_response()
    assert response is not None
    oscillation, systematics, learning = (
        pd.read_csv(snakemake.input[name]) for name in ("oscillation", "systematics", "learning")
    )
    numbers = fit_numbers.setting_numbers(
        stage.read("far_events", EVENTS),
        stage.read_members("truth_fits", FIT),
        params.true_sin2_theta23,
        params.true_point,
    )
    numbers |= fit_numbers.oscillation_numbers(oscillation, systematics)
    intervals = {name: stage.read(f"{name}_intervals", INTERVALS) for name in params.ensembles}
    for ensemble in params.ensembles:
        numbers |= fit_numbers.region_numbers(ensemble, intervals[ensemble])
    for ensemble, reference in params.references.items():
        numbers |= fit_numbers.overlap_numbers(
            ensemble, reference, intervals[ensemble], intervals[reference]
        )
    numbers |= density_numbers.learning_numbers(learning)
    for ensemble in ("truth", "nominal"):
        numbers |= fit_numbers.octant_numbers(ensemble, stage.read_members(f"{ensemble}_fits", FIT))
    for ensemble in ("truth", "systematics"):
        numbers |= fit_numbers.coverage_numbers(
            ensemble, stage.read(f"{ensemble}_coverage", COVERAGE)
        )
    numbers |= density_numbers.share_numbers(truth, stage.read("weights", WEIGHTS))
    true_marginals, marginals = (
        stage.read_members(f"{ensemble}_marginals", MARGINALS) for ensemble in ("truth", "seeds")
    )
    numbers |= density_numbers.marginal_numbers("seeds", true_marginals, marginals)
    true_slices = stage.read("truth_slices", SLICES)
    for ensemble in ("nominal", "flow"):
        slices = stage.read(f"{ensemble}_slices", SLICES)
        numbers |= density_numbers.slice_numbers(ensemble, true_slices, slices)
    for ensemble in ("nd30m", "nd3m"):
        near = stage.read(f"{ensemble}_near", NEAR)
        prediction = stage.read(f"{ensemble}_prediction", PREDICTION)
        numbers |= density_numbers.noise_numbers(ensemble, truth, near, prediction)
    numbers |= density_numbers.smearing_numbers(truth, response)
    numbers |= density_numbers.flux_numbers(stage.read("flux", FLUX))

    paths = {
        name: [files] if isinstance(files, str) else list(files)
        for name, files in snakemake.input.items()
    }
    records = {path: record(path) for files in paths.values() for path in files}
    paths["configuration"] = ["configuration"]
    records["configuration"] = {"sha256": params.config_sha256}
    stage.write_text("json", as_json(numbers, paths, records, params.seed))
    stage.write_text("latex", as_latex(numbers))
