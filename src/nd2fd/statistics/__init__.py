"""Likelihoods, bootstrap fits and confidence regions."""
