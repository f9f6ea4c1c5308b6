"""Lepton scattering off nuclei in the impulse approximation: a truth with nuclear physics in it."""
