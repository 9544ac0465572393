"""What a connection may cost and how it ends: HTTP, TLS, headers, limits."""
