"""Section `leptons` of the configuration."""

import pytest

from nd2fd.config.leptons import LeptonSection, refuse_unusable

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
