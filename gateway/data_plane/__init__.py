"""The request path: predict, the way to Triton, its health."""
