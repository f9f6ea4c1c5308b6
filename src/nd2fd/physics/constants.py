"""Physical constants and unit conversions.

Natural units (GeV) unless said; values from the Review of Particle Physics,
Phys. Rev. D 110 (2024) 030001.
"""

G_FERMI = 1.1663788e-5
"""Fermi constant [GeV⁻²]."""

M_W = 80.3692
"""W boson mass [GeV]."""

ELECTRON_MASS = 0.51099895e-3
"""Electron mass [GeV]."""

MUON_MASS = 0.1056583755
"""Muon mass [GeV]."""

PION_MASS = 0.13957039
"""Mass of the charged pion [GeV]."""

ATOMIC_MASS_UNIT = 0.93149410242
"""Unified atomic mass unit u [GeV]."""

GEV_M2_TO_CM2 = 3.893793721e-28
"""(ħc)²: one GeV⁻² in cm²."""
