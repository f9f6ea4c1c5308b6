"""Initial weights of the networks."""

from nd2fd.systematics.systematic import Systematic

SYSTEMATIC = Systematic(
    name="network_seed",
    noun="network seed",
    plural="network seeds",
    prior="random initial weights",
    at_near="which of the cross sections that fit equally well is found",
    at_far="nothing else",
    drawn_by=("train_members", "train_flows"),
    needs_network=True,
)
