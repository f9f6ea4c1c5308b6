# Functions shared by the rules: the checked configuration, and what depends on what.
from pathlib import Path

from snakemake.exceptions import WorkflowError

from nd2fd.code_digest import code_digest
from nd2fd.config import EMBEDDED, ConfigError, validate_config

try:
    CONFIG = validate_config(config)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

FIGURES = ["fig2", "fig3", "fig5", "fig8"]
STYLE = str(Path(workflow.basedir) / "workflow" / "figures.mplstyle")


wildcard_constraints:
    ensemble="[a-z][a-z0-9_]*",
    batch="[0-9]+",


def section(name):
    """A section of the configuration, as plain values."""
    return getattr(CONFIG, name).model_dump(mode="json")


def code(script):
    """Digest of the modules a script uses: a change in any of them reruns its rule."""
    return code_digest(Path(workflow.basedir) / "workflow" / "scripts" / f"{script}.py")


def pdf_set():
    """Info file and grid of the PDF set."""
    if CONFIG.pdf.set == EMBEDDED:
        base = Path("results/pdf/ct18nnlo_embedded")
    else:
        base = Path(CONFIG.pdf.path) / CONFIG.pdf.set
    return {
        "pdf": str(base / f"{base.name}.info"),
        "pdf_grid": str(base / f"{base.name}_{CONFIG.pdf.member:04d}.dat"),
    }


def flux_files():
    """Flux files given by the user; the embedded one is part of the package."""
    files = {"near": CONFIG.flux.near, "far": CONFIG.flux.far}
    return {name: path for name, path in files.items() if path not in (EMBEDDED, None)}


def ensemble(name):
    """Configuration of an ensemble."""
    if name not in CONFIG.ensembles:
        raise WorkflowError(
            f"there is no ensemble {name!r} in the configuration; "
            f"there are {', '.join(CONFIG.ensembles)}"
        )
    return CONFIG.ensembles[name]


def is_known(name):
    """Whether an ensemble uses the true cross section."""
    return ensemble(name).cross_section == "known"


def batches(kind, *names):
    """Files of one kind of the named ensembles: each holds a batch of members."""
    per_job = CONFIG.training.members_per_job
    return [
        f"results/{kind}/{name}/{batch}.h5"
        for name in names
        for batch in range(-(-ensemble(name).size // per_job))
    ]


def members(wildcards):
    """Numbers of the members in a batch."""
    size, per_job = ensemble(wildcards.ensemble).size, CONFIG.training.members_per_job
    first = int(wildcards.batch) * per_job
    if first >= size:
        raise WorkflowError(
            f"ensemble {wildcards.ensemble!r} has no batch {wildcards.batch}: its {size} members "
            f"(ensembles.{wildcards.ensemble}.size) are in batches of {per_job} "
            f"(training.members_per_job), numbered 0 to {(size - 1) // per_job}"
        )
    return list(range(first, min(first + per_job, size)))


def network_streams(wildcards):
    """Names of the random streams of the initial weights of the members in a batch."""
    vary = "network_seed" in ensemble(wildcards.ensemble).vary
    return [[wildcards.ensemble, m] if vary else ["", 0] for m in members(wildcards)]


def training_settings():
    """The section `training` without the size of batches, which is in the list of members."""
    return {k: v for k, v in section("training").items() if k != "members_per_job"}


def cross_section_file(wildcards):
    """Where the cross sections of a batch are: the toy truth, or what its networks learned."""
    members(wildcards)
    if is_known(wildcards.ensemble):
        return "results/truth/densities.h5"
    return f"results/members/{wildcards.ensemble}/{wildcards.batch}.h5"


def learned_ensembles():
    """Names of the ensembles with networks."""
    return [name for name in CONFIG.ensembles if not is_known(name)]


def figures():
    """All figures, as PDF and PNG."""
    return expand("results/figs/{figure}.{ext}", figure=FIGURES, ext=["pdf", "png"])


def true_point():
    """sin²2θ23 and Δm²32 [eV²] at which the far-detector data are made."""
    truth = CONFIG.oscillation
    sin2_2theta23 = 4 * truth.sin2_theta23 * (1 - truth.sin2_theta23)
    return [sin2_2theta23, truth.dm2_31 - truth.dm2_21]
