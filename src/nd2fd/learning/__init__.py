"""Neural structure functions and their training."""
