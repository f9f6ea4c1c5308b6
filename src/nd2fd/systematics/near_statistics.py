"""Finite number of near-detector events."""

from nd2fd.systematics.systematic import Systematic

SYSTEMATIC = Systematic(
    name="near_statistics",
    noun="ND events",
    plural="ND events",
    prior="ensembles.NAME.near_events events drawn from the true density",
    at_near="the sample of events",
    at_far="nothing",
    drawn_by=("near_members",),
    needs_network=True,
    needs_near_events=True,
)
