"""One module per form of the tables."""
