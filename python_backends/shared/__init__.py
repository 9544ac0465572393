"""Pure steps and Triton I/O that the backends import."""
