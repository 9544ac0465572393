"""One module per kind of checkpoint; each imports its framework, so none is imported early."""
