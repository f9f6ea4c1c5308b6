"""Electrons, muons and their antineutrinos in one fit of both detectors."""
