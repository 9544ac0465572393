"""The model `digits`: handwritten digits, trained in minutes on a laptop's CPU."""
