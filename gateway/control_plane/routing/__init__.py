"""What aliases mean: the record of it, its changes, and who may make which."""
