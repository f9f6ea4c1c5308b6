"""Nuisance parameters by name."""
