"""Telling somebody's server that a job has ended, and nobody else's."""
