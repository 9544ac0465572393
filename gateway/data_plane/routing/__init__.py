"""From the name that a caller uses to the release that answers; decided in memory."""
