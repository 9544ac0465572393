"""What `triptych releases` does with releases on disk and in a running stack; no terminal here."""
