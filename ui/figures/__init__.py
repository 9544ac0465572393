"""Samples -> the numbers of the Monitoring page's charts. Pure."""
