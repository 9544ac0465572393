"""Backend "text_preprocess"."""
