"""Fluxes, their uncertainty, and the spectra at both detectors."""
