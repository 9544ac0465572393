"""The Tritons behind this gateway: which there are, how they do, and who is asked."""
