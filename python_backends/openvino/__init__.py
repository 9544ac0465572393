"""Stand-in for Triton's native OpenVINO backend, where that one is absent."""
