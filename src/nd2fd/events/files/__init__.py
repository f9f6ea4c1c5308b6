"""Event files: one reader for each format, and what all of them have in common."""
