"""What a worker does with jobs: takes chunks, asks Triton when there is room, records answers."""
