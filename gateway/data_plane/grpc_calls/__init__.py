"""gRPC calls over asyncio: HTTP/2 as far as unary calls to a server need it."""
