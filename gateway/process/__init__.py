"""The processes of a gateway: a parent that holds the socket, workers that answer."""
