"""One module per figure, and the style they share."""
