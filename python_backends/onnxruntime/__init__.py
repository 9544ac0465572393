"""Stand-in for Triton's native ONNX Runtime backend, where that one is absent."""
