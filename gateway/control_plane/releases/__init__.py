"""Which releases are wanted in memory, and asking supervisors to see to it."""
