"""Who may come in, and who is next: decided from headers, before a body is read."""
