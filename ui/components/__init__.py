"""Parts of a page: each draws one thing and decides nothing about the service."""
