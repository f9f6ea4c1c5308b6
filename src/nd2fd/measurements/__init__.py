"""Published cross sections in bins: what they are, how they are read, and what they teach."""
