"""What this gateway knows of itself: traffic of the last hour, health of its parts."""
