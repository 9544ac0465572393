"""Automatic rollouts: their record, who drives them, and what administers them."""
