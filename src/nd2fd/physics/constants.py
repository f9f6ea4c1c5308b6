"""Physical constants and unit conversions.

Natural units (GeV) unless said; values from the Review of Particle Physics,
Phys. Rev. D 110 (2024) 030001.
"""

G_FERMI = 1.1663788e-5
"""Fermi constant [GeV⁻²]."""

M_W = 80.3692
"""W boson mass [GeV]."""

MUON_MASS = 0.1056583755
"""Muon mass [GeV]."""

ARGON_MASS = 37.2247242
"""Mass of the ⁴⁰Ar nucleus [GeV]."""

ARGON_A = 40
"""Mass number of argon."""

ARGON_Z = 18
"""Atomic number of argon."""

NUCLEON_MASS = ARGON_MASS / ARGON_A
"""M = M_A / A [GeV], the mass in the per-nucleon Bjorken x (arXiv:2301.07715)."""

GEV_M2_TO_CM2 = 3.893793721e-28
"""(ħc)²: one GeV⁻² in cm²."""
