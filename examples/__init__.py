"""Trained models to serve, each made from scratch by one script."""
