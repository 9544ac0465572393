"""The command line of Triptych and what it drives."""
