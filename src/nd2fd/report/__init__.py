"""What the results are quoted as: numbers with provenance, captions, report, gallery."""
