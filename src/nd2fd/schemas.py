"""The artifacts of the workflow, one schema each: what every file under ``results/`` holds.

Columns: name, dtype, units, dims, description. Raise a schema's version with every change. Two
values along ``edge`` are the lower and the upper edge, along ``octant`` the lower and the upper
octant.
"""

from typing import Final

from nd2fd.artifacts import Dataset, Schema

REAL: Final = "float64"
INTEGER: Final = "int64"
BOOLEAN: Final = "bool"

SCALAR = ()
MODES = ("mode", "energy")
PLANE = ("v1", "v2")
MEMBER_PLANE = ("member", *PLANE)
NODES = ("structure_function", "xi", "tau")
ANGLE_MASS = ("n_sigma", "sin2_2theta23", "dm2_32")
OCTANT_MASS = ("n_sigma", "sin2_theta23", "dm2_32")
REPLICAS = ("member", "replica")
BY_OCTANT = ("member", "replica", "octant")
EDGES = ("n_sigma", "edge")
OCTANT_EDGES = ("n_sigma", "octant", "edge")

# Files of an ensemble hold a batch of its members, along their first dimension.
MEMBERS = Dataset("member", INTEGER, "1", ("member",), "number of the member in its ensemble")
FLUX_PARAMETERS = Dataset(
    "flux_parameters", REAL, "1", ("member", "mode"), "size of each flux mode in the assumed flux"
)

# inputs/flux.h5
FLUX = Schema(
    "flux",
    2,
    (
        Dataset(
            "energy", REAL, "GeV", ("energy",), "neutrino energy; the flux is linear in between"
        ),
        Dataset("near", REAL, "1/(area GeV POT)", ("energy",), "muon-neutrino flux at the ND"),
        Dataset("far", REAL, "1/(area GeV POT)", ("energy",), "unoscillated flux at the FD"),
        Dataset("near_modes", REAL, "1", MODES, "fractional shift of the ND flux, 1 sigma"),
        Dataset("far_modes", REAL, "1", MODES, "fractional shift of the FD flux, 1 sigma"),
    ),
)

# inputs/oscillation.h5
OSCILLATION = Schema(
    "oscillation",
    1,
    (
        Dataset("energy", REAL, "GeV", ("energy",), "neutrino energy"),
        Dataset("survival_probability", REAL, "1", ("energy",), "P(numu to numu) at the truth"),
    ),
)

# inputs/response.h5
RESPONSE = Schema(
    "response",
    1,
    (
        Dataset("v1", REAL, "1", ("v1",), "v1, cell centres"),
        Dataset("v2", REAL, "1", ("v2",), "v2, cell centres"),
        Dataset("indptr", INTEGER, "1", ("row",), "CSR: first entry of each measured cell"),
        Dataset("indices", INTEGER, "1", ("entry",), "CSR: true cell of each entry"),
        Dataset(
            "data", REAL, "1", ("entry",), "CSR: P(measured in this cell, given the true cell)"
        ),
        Dataset("acceptance", REAL, "1", PLANE, "P(measured in any cell), by true cell"),
    ),
)

# truth/densities.h5
TRUTH = Schema(
    "truth",
    1,
    (
        Dataset("v1", REAL, "1", ("v1",), "v1 = sqrt((E_l - p cos theta)/M), cell centres"),
        Dataset("v2", REAL, "1", ("v2",), "v2 = sqrt((E_l + p cos theta)/(2 E_max)), cell centres"),
        Dataset("energy", REAL, "GeV", ("energy",), "neutrino energy"),
        Dataset("near_flux", REAL, "1/(area GeV POT)", ("energy",), "ND flux, cell averages"),
        Dataset("near", REAL, "1", PLANE, "ND event density per dv1 dv2, unit integral"),
        Dataset("far", REAL, "1", PLANE, "FD event density per dv1 dv2, unit integral"),
        Dataset("sigma_total", REAL, "1e-38 cm2", ("energy",), "cross section per nucleon"),
        Dataset("xi", REAL, "1", ("xi",), "nodes in sqrt(x)"),
        Dataset("tau", REAL, "1", ("tau",), "nodes in log(1 + Q2/0.3) / log(1 + 20/0.3)"),
        Dataset("structure_functions", REAL, "1", NODES, "true W1', W2', W3' on the nodes"),
    ),
)

# near/{ensemble}/{batch}.h5
NEAR = Schema(
    "near",
    3,
    (
        MEMBERS,
        Dataset("v1", REAL, "1", ("v1",), "v1, cell centres"),
        Dataset("v2", REAL, "1", ("v2",), "v2, cell centres"),
        Dataset("density", REAL, "1", MEMBER_PLANE, "ND event density per dv1 dv2, unit integral"),
        Dataset("energy", REAL, "GeV", ("energy",), "neutrino energy"),
        Dataset(
            "flux", REAL, "1/(area GeV POT)", ("member", "energy"), "ND flux the training assumes"
        ),
        FLUX_PARAMETERS,
        Dataset(
            "flux_errors",
            REAL,
            "1/(area GeV POT)",
            ("flux_mode", "energy"),
            "change of the ND flux by one standard deviation of each mode, where it is uncertain",
            optional=True,
        ),
        Dataset("n_events", INTEGER, "1", SCALAR, "events the histogram stands for, 0 if exact"),
        Dataset("acceptance", REAL, "1", ("member",), "fraction of the events that is measured"),
    ),
)

# members/{ensemble}/{batch}.h5
MEMBER = Schema(
    "member",
    3,
    (
        MEMBERS,
        Dataset("xi", REAL, "1", ("xi",), "nodes in sqrt(x)"),
        Dataset("tau", REAL, "1", ("tau",), "nodes in log(1 + Q2/0.3) / log(1 + 20/0.3)"),
        Dataset(
            "structure_functions",
            REAL,
            "1",
            ("member", *NODES),
            "learned W1', W2', W3' on the nodes",
        ),
        Dataset("layer_sizes", INTEGER, "1", ("layer",), "units per layer, input to output"),
        Dataset(
            "weights", REAL, "1", ("member", "weight"), "per layer: weights (out, in) flat, biases"
        ),
        Dataset("loss", REAL, "1", ("member", "step"), "training loss", finite=False),
        Dataset("test_step", INTEGER, "1", ("test",), "steps of the test loss"),
        Dataset(
            "test_loss",
            REAL,
            "1",
            ("member", "test"),
            "loss of the 3-D cross section, closure",
            finite=False,
        ),
        Dataset("best_step", INTEGER, "1", ("member",), "step whose weights are kept here"),
    ),
)

# flows/{ensemble}/{batch}.h5
FLOW = Schema(
    "flow",
    1,
    (
        MEMBERS,
        Dataset("energy_max", REAL, "GeV", SCALAR, "end of the spectrum, scale of the flow's box"),
        Dataset("transforms", INTEGER, "1", SCALAR, "autoregressive spline transformations"),
        Dataset("bins", INTEGER, "1", SCALAR, "pieces of each spline"),
        Dataset("hidden_layers", INTEGER, "1", SCALAR, "of a transformation's network"),
        Dataset("width", INTEGER, "1", SCALAR, "neurons per hidden layer"),
        Dataset("steps", INTEGER, "1", SCALAR, "steps of the training"),
        Dataset("learning_rate", REAL, "1", SCALAR, "largest learning rate"),
        Dataset("cells", INTEGER, "1", SCALAR, "(v1, v2) cells in a step"),
        Dataset("energy_stride", INTEGER, "1", SCALAR, "a step takes every so many-th energy"),
        Dataset(
            "weights", REAL, "1", ("member", "weight"), "log of the scale, then as PyTorch has them"
        ),
        Dataset(
            "loss", REAL, "1", ("member", "step"), "training loss, estimated from a step's cells"
        ),
        Dataset("final_loss", REAL, "1", ("member",), "loss of these weights, from all cells"),
    ),
)

# predictions/{ensemble}/{batch}.h5
PREDICTION = Schema(
    "prediction",
    1,
    (
        MEMBERS,
        Dataset("v1", REAL, "1", ("v1",), "v1, cell centres"),
        Dataset("v2", REAL, "1", ("v2",), "v2, cell centres"),
        Dataset("energy", REAL, "GeV", ("energy",), "neutrino energy"),
        Dataset("near", REAL, "1", MEMBER_PLANE, "ND event density per dv1 dv2, unit integral"),
        Dataset("far", REAL, "1", MEMBER_PLANE, "FD event density per dv1 dv2, unit integral"),
        Dataset("sigma_total", REAL, "1", ("member", "energy"), "cross section, ND flux average 1"),
    ),
)

# marginals/{ensemble}/{batch}.h5
MARGINALS = Schema(
    "marginals",
    1,
    (
        MEMBERS,
        *(
            dataset
            for name, units in (
                ("energy", "GeV"),
                ("e_lepton", "GeV"),
                ("cos_theta", "1"),
                ("v1", "1"),
                ("v2", "1"),
            )
            for dataset in (
                Dataset(name, REAL, units, (name,), "bin centres"),
                Dataset(
                    f"near_{name}",
                    REAL,
                    f"1/({units})",
                    ("member", name),
                    "ND density, unit integral",
                ),
                Dataset(
                    f"far_{name}",
                    REAL,
                    f"1/({units})",
                    ("member", name),
                    "FD density, unit integral",
                ),
            )
        ),
    ),
)

# slices/{ensemble}/{batch}.h5
SLICES = Schema(
    "slices",
    1,
    (
        MEMBERS,
        Dataset("v1", REAL, "1", ("v1",), "v1, cell centres"),
        Dataset("v2", REAL, "1", ("v2",), "v2, cell centres"),
        Dataset("energy", REAL, "GeV", ("energy",), "neutrino energy of each slice"),
        Dataset(
            "density",
            REAL,
            "1",
            ("member", "energy", *PLANE),
            "cross section per dv1 dv2 at fixed energy, unit integral",
        ),
    ),
)

# truth/weights.h5
WEIGHTS = Schema(
    "weights",
    1,
    (
        Dataset("xi", REAL, "1", ("xi",), "nodes in sqrt(x)"),
        Dataset("tau", REAL, "1", ("tau",), "nodes in log(1 + Q2/0.3) / log(1 + 20/0.3)"),
        Dataset("near", REAL, "1", NODES, "weights of W' on the nodes in the number of ND events"),
        Dataset("far", REAL, "1", NODES, "the same at the FD; with the true W' both sum to one"),
    ),
)

# near/events.h5, far/events.h5, and far/smeared.h5: as measured, but for the energy
EVENTS = Schema(
    "events",
    1,
    (
        Dataset("v1", REAL, "1", ("event",), "v1"),
        Dataset("v2", REAL, "1", ("event",), "v2"),
        Dataset("e_lepton", REAL, "GeV", ("event",), "muon energy"),
        Dataset("cos_theta", REAL, "1", ("event",), "cosine of the muon's angle to the beam"),
        Dataset("energy", REAL, "GeV", ("event",), "true neutrino energy"),
    ),
)

# fits/{ensemble}/{batch}.h5
FIT = Schema(
    "fit",
    2,
    (
        MEMBERS,
        FLUX_PARAMETERS,
        Dataset("sin2_2theta23", REAL, "1", REPLICAS, "octant-blind estimate, bootstrap"),
        Dataset("dm2_32", REAL, "eV2", REPLICAS, "estimate that goes with sin2_2theta23"),
        Dataset("octant_sin2_theta23", REAL, "1", BY_OCTANT, "estimate in each octant"),
        Dataset("octant_dm2_32", REAL, "eV2", BY_OCTANT, "estimate in each octant"),
        Dataset("octant_log_likelihood", REAL, "1", BY_OCTANT, "its log-likelihood"),
        Dataset("at_boundary", BOOLEAN, "1", REPLICAS, "better octant ends at the range's edge"),
        Dataset(
            "best_sin2_2theta23", REAL, "1", ("member",), "estimate from the events themselves"
        ),
        Dataset("best_dm2_32", REAL, "eV2", ("member",), "estimate from the events themselves"),
        Dataset(
            "best_octant_sin2_theta23", REAL, "1", ("member", "octant"), "estimate from the events"
        ),
        Dataset(
            "best_octant_dm2_32", REAL, "eV2", ("member", "octant"), "estimate from the events"
        ),
        Dataset(
            "best_octant_log_likelihood", REAL, "1", ("member", "octant"), "its log-likelihood"
        ),
    ),
)

# intervals/{ensemble}.h5
INTERVALS = Schema(
    "intervals",
    1,
    (
        Dataset("n_sigma", REAL, "1", ("n_sigma",), "confidence levels"),
        Dataset("sin2_2theta23", REAL, "1", ("sin2_2theta23",), "axis"),
        Dataset("sin2_theta23", REAL, "1", ("sin2_theta23",), "axis, both octants"),
        Dataset("dm2_32", REAL, "eV2", ("dm2_32",), "axis"),
        Dataset("member_fraction", REAL, "1", ANGLE_MASS, "fraction of regions with the point"),
        Dataset("mask", BOOLEAN, "1", ANGLE_MASS, "point is inside the ensemble's region"),
        Dataset("octant_member_fraction", REAL, "1", OCTANT_MASS, "the same in sin2_theta23"),
        Dataset("octant_mask", BOOLEAN, "1", OCTANT_MASS, "the same in sin2_theta23"),
        Dataset("interval_sin2_2theta23", REAL, "1", EDGES, "NaN if empty", finite=False),
        Dataset("interval_dm2_32", REAL, "eV2", EDGES, "NaN if empty", finite=False),
        Dataset(
            "interval_sin2_theta23",
            REAL,
            "1",
            OCTANT_EDGES,
            "by octant, NaN if empty",
            finite=False,
        ),
    ),
)

BY_REGION = ("n_sigma", "region")

# coverage/{ensemble}/{block}.h5
COVERAGE_BLOCK = Schema(
    "coverage_block",
    1,
    (
        Dataset("experiment", INTEGER, "1", ("experiment",), "number of the pseudo-experiment"),
        Dataset("n_sigma", REAL, "1", ("n_sigma",), "confidence levels"),
        Dataset(
            "contained",
            BOOLEAN,
            "1",
            ("experiment", "member", *BY_REGION),
            "member's region holds the truth; regions: both, sin2_2theta23, dm2_32",
        ),
        Dataset("best_sin2_2theta23", REAL, "1", ("experiment", "member"), "estimate"),
        Dataset("best_dm2_32", REAL, "eV2", ("experiment", "member"), "estimate"),
        Dataset(
            "sigma_sin2_2theta23", REAL, "1", ("experiment", "member"), "spread of the replicas"
        ),
        Dataset("sigma_dm2_32", REAL, "eV2", ("experiment", "member"), "spread of the replicas"),
    ),
)

# coverage/{ensemble}.h5
COVERAGE = Schema(
    "coverage",
    1,
    (
        Dataset("n_sigma", REAL, "1", ("n_sigma",), "confidence levels"),
        Dataset("n_experiments", INTEGER, "1", SCALAR, "number of pseudo-experiments"),
        Dataset("coverage", REAL, "1", BY_REGION, "fraction of regions that hold the truth"),
        Dataset("error", REAL, "1", BY_REGION, "binomial standard error"),
        Dataset("redrawn", REAL, "1", BY_REGION, "the same, members redrawn per experiment"),
        Dataset("members", REAL, "1", BY_REGION, "the same for the regions of single members"),
        Dataset("best_sin2_2theta23", REAL, "1", ("experiment",), "mean over members"),
        Dataset("best_dm2_32", REAL, "eV2", ("experiment",), "mean over members"),
        Dataset("sigma_sin2_2theta23", REAL, "1", ("experiment",), "mean over members"),
        Dataset("sigma_dm2_32", REAL, "eV2", ("experiment",), "mean over members"),
        Dataset("true_sin2_2theta23", REAL, "1", SCALAR, "truth"),
        Dataset("true_dm2_32", REAL, "eV2", SCALAR, "truth"),
    ),
)

SCHEMAS = (
    FLUX,
    OSCILLATION,
    RESPONSE,
    TRUTH,
    NEAR,
    MEMBER,
    FLOW,
    PREDICTION,
    MARGINALS,
    SLICES,
    WEIGHTS,
    EVENTS,
    FIT,
    INTERVALS,
    COVERAGE_BLOCK,
    COVERAGE,
)
