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

# inputs/flux.h5
FLUX = Schema(
    "flux",
    1,
    (
        Dataset(
            "energy", REAL, "GeV", ("energy",), "neutrino energy; the flux is linear in between"
        ),
        Dataset("near", REAL, "1/(area GeV POT)", ("energy",), "muon-neutrino flux at the ND"),
        Dataset("far", REAL, "1/(area GeV POT)", ("energy",), "unoscillated flux at the FD"),
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
    1,
    (
        MEMBERS,
        Dataset("v1", REAL, "1", ("v1",), "v1, cell centres"),
        Dataset("v2", REAL, "1", ("v2",), "v2, cell centres"),
        Dataset("density", REAL, "1", MEMBER_PLANE, "ND event density per dv1 dv2, unit integral"),
        Dataset("energy", REAL, "GeV", ("energy",), "neutrino energy"),
        Dataset(
            "flux", REAL, "1/(area GeV POT)", ("member", "energy"), "ND flux the training assumes"
        ),
        Dataset("n_events", INTEGER, "1", SCALAR, "events in the histogram, 0 if Asimov"),
    ),
)

# members/{ensemble}/{batch}.h5
MEMBER = Schema(
    "member",
    1,
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
            "test_loss", REAL, "1", ("member", "test"), "loss of the 3-D cross section, closure"
        ),
        Dataset(
            "best_step", INTEGER, "1", ("member",), "step of the best training loss, kept here"
        ),
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

# far/events.h5
FAR_EVENTS = Schema(
    "far_events",
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
    1,
    (
        MEMBERS,
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

SCHEMAS = (
    FLUX,
    OSCILLATION,
    TRUTH,
    NEAR,
    MEMBER,
    PREDICTION,
    MARGINALS,
    FAR_EVENTS,
    FIT,
    INTERVALS,
)
