"""Python SDK: direct gRPC and gateway REST."""
