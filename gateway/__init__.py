"""The thin front door: authenticate, validate, route."""
