"""Keys and routes: what an operator changes, never on the request path."""
