"""Section `leptons` of the configuration."""

from types import SimpleNamespace

import pytest

from configurations import planned
from nd2fd.config.leptons import LeptonSection, refuse_unusable
from nd2fd.plan import PlanError
from nd2fd.streams import seeds_of

# Configuration


def refused(truth="quark_parton", **section):
    def check():
        refuse_unusable({"own": LeptonSection(label="own", **section)}, truth, 10.0)

    return check


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (
            refused(structure_functions="three"),
            "near has a sample of electrons, which",
        ),
        (refused(horn_currents=["reverse"]), "reverse, whose events are mostly of antineutrinos"),
        (
            refused(
                truth="quark_parton_transverse",
                antineutrinos="own",
                horn_currents=["forward", "reverse"],
                reverse={"far": "flux.txt"},
            ),
            "far fluxes of both horn currents are normalised together",
        ),
        (refused(far=["tau"]), "'muon' or 'electron'"),
        (refused(near=["muon", "muon"]), "named twice"),
        (refused(parameters={"theta23": 0.0}), "sin2_theta23"),
        (
            refused(antineutrinos="own"),
            "leptons.own.antineutrinos is own: .* quark_parton; use quark_parton_transverse",
        ),
        (
            refused(forward={"near": "/nowhere.txt"}),
            "leptons.own: near muon neutrino flux with forward horn current: .*nowhere.txt",
        ),
        (
            refused(flux_modes="dune_rhc"),
            "leptons.own.flux_modes: flux modes 'dune_rhc' are neither built in .*smooth",
        ),
    ],
)
def test_bad_analyses_are_refused_by_name(check, message):
    with pytest.raises(ValueError, match=message):
        check()


def test_good_analyses_are_not():
    refused()()
    refused(truth="quark_parton_transverse", antineutrinos="own", horn_currents=["reverse"])()
    refused(near=["muon"], far=["muon"], structure_functions="three")()


def test_files_of_modes_are_inputs(tmp_path):
    file = tmp_path / "modes.csv"
    file.write_text("det,k,0-5GeV,5-10GeV\nND,1,0.1,0.1\nFD,1,0.1,0.1\n", encoding="utf-8")
    plan = planned("leptons.yaml", {"leptons": {"both": {"flux_modes": str(file)}}})
    assert plan.lepton_files("both")["fluxes"] == [str(file)]
    assert plan.lepton_files("muons")["fluxes"] == []
    built_in = planned("leptons.yaml", {"leptons": {"both": {"flux_modes": "smooth"}}})
    assert built_in.lepton_files("both")["fluxes"] == []


def test_networks_are_trained_where_they_are_asked_for():
    plan = planned("leptons.yaml", {"leptons": {"muons": {"networks": 2}}})
    streams = plan.lepton_networks("muons")
    seeds = seeds_of(SimpleNamespace(seed=1, streams=streams))
    assert len(set(seeds)) == len(seeds) == 2
    with pytest.raises(PlanError, match=r"leptons\.both\.networks is 0"):
        plan.lepton_networks("both")
    # How many there are concerns no fit, and how members are batched or smoothed no network.
    assert plan.lepton_settings("muons") == planned("leptons.yaml").lepton_settings("muons")
    changed = planned("leptons.yaml", {"training": {"members_per_job": 3, "smoothness": 7.0}})
    assert plan.lepton_training == changed.lepton_training
    assert planned("leptons.yaml", {"training": {"width": 20}}).lepton_training["width"] == 20
