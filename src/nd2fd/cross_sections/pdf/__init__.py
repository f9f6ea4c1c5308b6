"""Parton distributions: embedded initial condition, evolution, grids, low-Q2 continuation."""
