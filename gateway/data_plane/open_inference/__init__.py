"""The Open Inference Protocol (KServe v2) over REST, for clients that speak it already."""
