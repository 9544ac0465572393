"""Find the configuration of a release that answers most under a bound on latency."""
