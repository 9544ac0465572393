"""TensorRT plans: built from the ONNX of a release, kept by what they depend on (ADR 31)."""
