"""`make bench`: what a prediction costs here, beside the bare loop and what users would pick."""
