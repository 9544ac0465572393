"""Triton Python-based backends: each folder with a model.py is a backend by that name."""
