"""What a detector does to muons."""
