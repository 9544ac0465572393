"""Logits in, labels and scores out."""
