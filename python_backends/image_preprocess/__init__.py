"""Encoded image in, fixed-size pixels out."""
