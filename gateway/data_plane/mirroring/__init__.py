"""Copies of requests for shadows: what another release would have answered, at nobody's expense."""
