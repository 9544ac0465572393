"""Log lines as JSON, one per line, configured once."""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from time import gmtime, strftime
from typing import Final

from gateway.request_context import request_id

# What every LogRecord has; anything else was given with `extra` and belongs into the line.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "color_message",
}
# json.dumps makes a new one at each call that has an argument of its own.
_encode: Final = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """Makes one JSON object per record."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, the request's id, and whatever `extra` held.

        `extra={"fields": {...}}` is the short way: each request goes it.
        """
        line: dict[str, object] = {
            "time": f"{_second(int(record.created))}.{int(record.msecs):03d}+00:00",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        identifier = request_id.get()
        if identifier:
            line["request_id"] = identifier
        given = vars(record)
        fields = given.get("fields")
        if isinstance(fields, dict):
            line.update(fields)
        else:
            line.update({key: value for key, value in given.items() if key not in _STANDARD})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line)


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))


def configure_logging() -> None:
    """Send everything to standard error as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # One line per look at the supervisor would drown the requests.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
