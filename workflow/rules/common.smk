# Functions shared by the rules: the checked configuration, and what depends on what.
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from nd2fd.io.digest import code_digest
from nd2fd.config import (
    EMBEDDED,
    ConfigError,
    refuse_repeated_keys,
    typed_values,
    validate_config,
)
from nd2fd.report import captions
from nd2fd.streams import NO_DRAW

try:
    for path in workflow.configfiles:
        refuse_repeated_keys(path)
    # Snakemake reads nested values of --config as text.
    update_config(config, typed_values(workflow.config_settings.config))
    CONFIG = validate_config(config)
except ConfigError as error:
    raise WorkflowError(str(error)) from None

FIGURES = list(captions.FIGURES)
# Systematic uncertainties, and the fit with the known cross section that each is compared with.
SYSTEMATICS = {
    "seeds": "truth",
    "nd30m": "truth",
    "nd3m": "truth",
    "smeared": "truth_smeared",
    "flux_truth": "truth",
    "flux": "truth",
    "systematics": "truth_smeared",
}
# Folders of the networks, by what they are of.
LEARNED = {"structure_functions": "members", "flow": "flows"}
# Conda environment of the rules that train; relative to the file of the rule.
TRAINING_ENV = (
    f"../../envs/nd2fd{'-cuda' if CONFIG.training.device == 'cuda' else ''}.yaml"
)
STYLE = str(Path(workflow.basedir) / "workflow" / "figures.mplstyle")


wildcard_constraints:
    ensemble="[a-z][a-z0-9_]*",
    batch="[0-9]+",
    block="[0-9]+",


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
    """Flux files given by the user; the embedded ones are part of the package."""
    files = {
        "near": CONFIG.flux.near,
        "far": CONFIG.flux.far,
        "uncertainty": CONFIG.flux.uncertainty,
    }
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


def near_streams(wildcards):
    """Names of the random streams of the members' ND events; none for an exact density."""
    chosen = ensemble(wildcards.ensemble)
    if chosen.near_events is None:
        return []
    vary = "near_statistics" in chosen.vary
    return [[wildcards.ensemble, m] if vary else ["", 0] for m in members(wildcards)]


def flux_draws(wildcards):
    """Numbers of the flux draws that the members of a batch assume."""
    vary = "flux" in ensemble(wildcards.ensemble).vary
    return [m if vary else NO_DRAW for m in members(wildcards)]


def all_flux_draws(wildcards):
    """The same for all members of an ensemble."""
    chosen = ensemble(wildcards.ensemble)
    return [m if "flux" in chosen.vary else NO_DRAW for m in range(chosen.size)]


def coverage_ensemble(name):
    """Number of pseudo-experiments with an ensemble."""
    ensemble(name)
    if name not in CONFIG.coverage.experiments:
        raise WorkflowError(
            f"coverage.experiments has no number for {name!r}; it has numbers for "
            f"{', '.join(CONFIG.coverage.experiments)}"
        )
    return CONFIG.coverage.experiments[name]


def coverage_blocks(name):
    """Files of all pseudo-experiments with an ensemble."""
    n_blocks = -(-coverage_ensemble(name) // CONFIG.coverage.experiments_per_job)
    return [f"results/coverage/{name}/{block}.h5" for block in range(n_blocks)]


def response_file(wildcards):
    """The detector response, for ensembles with smearing."""
    smeared = ensemble(wildcards.ensemble).smeared
    return {"response": "results/inputs/response.h5"} if smeared else {}


def far_data(wildcards):
    """Far-detector events as an ensemble sees them."""
    name = "smeared" if ensemble(wildcards.ensemble).smeared else "events"
    return f"results/far/{name}.h5"


def pseudo_experiments(wildcards):
    """Numbers of the pseudo-experiments in a block."""
    total = coverage_ensemble(wildcards.ensemble)
    per_job = CONFIG.coverage.experiments_per_job
    first = int(wildcards.block) * per_job
    if first >= total:
        raise WorkflowError(
            f"coverage of {wildcards.ensemble!r} has no block {wildcards.block}: its {total} "
            f"experiments are in blocks of {per_job}, numbered 0 to {(total - 1) // per_job}"
        )
    return list(range(first, min(first + per_job, total)))


def all_cross_sections(wildcards):
    """The files with what the networks of an ensemble learned, where there are any."""
    name, kind = wildcards.ensemble, cross_section_kind(wildcards.ensemble)
    return {} if kind == "known" else {"members": batches(LEARNED[kind], name)}


def training_settings(wildcards):
    """What the section `training` says about an ensemble: other keys of it must retrain nothing."""
    chosen = ensemble(wildcards.ensemble)
    training = section("training")
    smoothness_with_flux_errors = training.pop("smoothness_with_flux_errors")
    # The size of batches is in the list of members.
    del training["members_per_job"]
    if "flux" not in chosen.vary or chosen.near_events is None:
        training["flux_errors"] = False
    elif training["flux_errors"]:
        training["smoothness"] = smoothness_with_flux_errors
    return training


def cross_section_kind(name):
    """What the cross sections of an ensemble are made of: known, structure_functions or flow."""
    return "known" if is_known(name) else ensemble(name).model


def cross_section_file(wildcards):
    """Where the cross sections of a batch are: the toy truth, or what its networks learned."""
    members(wildcards)
    kind = cross_section_kind(wildcards.ensemble)
    if kind == "known":
        return "results/truth/densities.h5"
    return f"results/{LEARNED[kind]}/{wildcards.ensemble}/{wildcards.batch}.h5"


def near_file(kind):
    """Near-detector data of a batch, for the rule that trains networks of a kind."""

    def path(wildcards):
        name = wildcards.ensemble
        actual = cross_section_kind(name)
        if actual == "known":
            raise WorkflowError(
                f"ensemble {name!r} has nothing to train: ensembles.{name}.cross_section is known"
            )
        if actual != kind:
            raise WorkflowError(
                f"there is no results/{LEARNED[kind]}/{name}: ensembles.{name}.model is {actual}, "
                f"whose networks are in results/{LEARNED[actual]}/{name}"
            )
        return f"results/near/{name}/{wildcards.batch}.h5"

    return path


def fit_range(parameter):
    """Range of a parameter in the fits of an ensemble: its own one, or that of all."""

    def limits(wildcards):
        own = getattr(ensemble(wildcards.ensemble), parameter)
        return getattr(CONFIG.fits, parameter) if own is None else own

    return limits


def learned_ensembles():
    """Names of the ensembles with networks."""
    return [name for name in CONFIG.ensembles if not is_known(name)]


def exact_ensembles():
    """Names of the ensembles whose networks train on the exact near-detector density."""
    return [name for name in learned_ensembles() if ensemble(name).near_events is None]


def fit_group(wildcards):
    """On a cluster, the fits of an ensemble of one batch and its regions are one job."""
    one_batch = ensemble(wildcards.ensemble).size <= CONFIG.training.members_per_job
    return f"fit_{wildcards.ensemble}" if one_batch else None


def figures():
    """All figures, as PDF and PNG."""
    return expand("results/figs/{figure}.{ext}", figure=FIGURES, ext=["pdf", "png"])


def in_report(figure):
    """How a figure appears in the report."""
    return {
        "caption": Path(f"results/report/{figure}.rst").resolve(),
        "category": captions.FIGURES[figure].group,
        "labels": {
            "figure": figure.removeprefix("fig"),
            "title": captions.FIGURES[figure].title,
        },
    }


def true_point():
    """sin²2θ23 and Δm²32 [eV²] at which the far-detector data are made."""
    truth = CONFIG.oscillation
    sin2_2theta23 = 4 * truth.sin2_theta23 * (1 - truth.sin2_theta23)
    return [sin2_2theta23, truth.dm2_31 - truth.dm2_21]


def true_octant_point():
    """The same with sin²θ23, which tells the octants apart."""
    return [CONFIG.oscillation.sin2_theta23, true_point()[1]]
