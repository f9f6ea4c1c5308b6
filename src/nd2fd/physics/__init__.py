"""Physics of the toy experiment: kinematics, cross section, flux, oscillations."""
