"""Files of fluxes: text, CSV, ROOT histograms, HEPData tables; what each must say to be read."""
