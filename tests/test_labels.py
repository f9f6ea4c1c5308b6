"""Legends say what the keys of an ensemble do, and a label that says something else is refused."""

import pytest

from configurations import planned


def ensemble(**keys):
    base = {"cross_section": "learned", "size": 1, "vary": [], "reference": None, "shown_in": []}
    return planned({"ensembles": {"mine": base | keys}}).ensemble("mine")


SAMPLES = {"size": 2, "near_events": 30_000_000}


@pytest.mark.parametrize(
    ("keys", "legend"),
    [
        ({"cross_section": "known"}, "true cross section"),
        ({"cross_section": "known", "smeared": True}, "true cross section, smeared"),
        ({"cross_section": "known", "size": 2, "vary": ["flux"]}, "true cross section, fluxes"),
        ({}, "learned cross section"),
        ({"size": 2, "vary": ["network_seed"]}, "learned, network seeds"),
        ({**SAMPLES, "vary": ["near_statistics"]}, "learned, 30 M ND events"),
        ({**SAMPLES, "vary": ["flux"]}, "learned, one sample of 30 M ND events, fluxes"),
        ({"near_events": 20_000, "smeared": True}, "learned, smeared, 0.02 M ND events"),
        ({**SAMPLES, "vary": ["muon_energy_scale", "near_statistics"]},
         "learned, 30 M ND events, muon energy scales"),
        ({"model": "flow"}, "normalising flow"),
        ({"model": "splines", "near_events": 2_000_000, "vary": ["near_statistics"]},
         "splines, 2 M ND events"),
        ({"label": "mine"}, "mine"),
        ({**SAMPLES, "vary": ["near_statistics"], "label": "with 30 M ND events"},
         "with 30 M ND events"),
        ({"label": "a network, not smeared"}, "a network, not smeared"),
    ],
)  # fmt: skip
def test_legends_say_what_an_ensemble_is(keys, legend):
    assert ensemble(**keys).legend == legend


@pytest.mark.parametrize(
    ("keys", "claim"),
    [
        ({"label": "true cross section"}, "cross_section: \"known\""),
        ({"cross_section": "known", "label": "Learned"}, "cross_section: \"learned\""),
        ({"label": "a normalising flow"}, "model: \"flow\""),
        ({"label": "learned, smeared"}, "smeared: true"),
        ({"smeared": True, "label": "learned, not smeared"}, "smeared: false"),
        ({"label": "learned, network seeds"}, "vary: \"network_seed\""),
        ({"label": "drawn fluxes"}, "vary: \"flux\""),
        ({"near_events": 1_000_000, "label": "10 M ND events"}, "near_events: 10000000"),
        ({"near_events": 1_000_000, "label": "Asimov"}, "near_events: null"),
        ({"label": "30 M ND events"}, "near_events: 30000000"),
    ],
)  # fmt: skip
def test_a_label_that_says_something_else_is_refused(keys, claim):
    with pytest.raises(ValueError, match=r"ensembles\.mine.*leave it out") as refused:
        ensemble(**keys)
    assert claim in str(refused.value)


def test_words_follow_an_override():
    """As in the report of an issue: one key of a default ensemble changed, its name as before."""
    override = {"ensembles": {"truth": {"cross_section": "learned"}}}
    others = {n: {"reference": None} for n in planned().references if n != "truth"}
    plan = planned({"ensembles": others}, override)
    assert plan.ensemble("truth").legend == "learned cross section"
    unsmeared = {
        "ensembles": {"systematics": {"smeared": False, "reference": "truth"}},
        "joint": {"fits": {"joint_smeared": {"compared_with": None}}},
    }
    assert "smeared" not in planned(unsmeared).ensemble("systematics").legend
