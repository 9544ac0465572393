"""Networks of well-known shapes with random weights: for export and timing only."""
