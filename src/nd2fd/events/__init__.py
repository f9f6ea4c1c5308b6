"""Events: drawn from a cross section, or read."""
