"""How the items of a job come in: forms, archives, lines, sources."""
