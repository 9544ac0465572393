"""Forms that the tables had, oldest first. Forward only: the way back is a backup."""
