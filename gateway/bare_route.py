"""A route that hands the request to its function, and the function's response to the client."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, cast

from fastapi import Request, Response
from fastapi.routing import APIRoute


class BareRoute(APIRoute):
    """In OpenAPI like any other; at run time FastAPI resolves, parses and validates nothing.

    For the data plane: what FastAPI would do by itself costs as much as all of our own work, and
    it would read the body before the key is checked. The endpoint takes the request alone and
    describes its parameters with `openapi_extra`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the endpoint itself."""
        return cast(Callable[[Request], Coroutine[Any, Any, Response]], self.endpoint)
