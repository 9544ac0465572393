"""Log lines as JSON, one per line, configured once."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final

from gateway.request_context import request_id

# What every LogRecord has; anything else was given with `extra` and belongs into the line.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "color_message",
}


class JsonFormatter(logging.Formatter):
    """Makes one JSON object per record."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, the request's id, and whatever `extra` held."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id.get():
            line["request_id"] = request_id.get()
        line.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logging() -> None:
    """Send everything to standard error as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # One line per look at the supervisor would drown the requests.
    logging.getLogger("httpx").setLevel(logging.WARNING)
