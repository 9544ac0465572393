"""What each key has asked for, by day."""
