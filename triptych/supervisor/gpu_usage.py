"""What Triton's own metrics say of GPUs: how busy each is, and its memory."""

from __future__ import annotations

import logging
import re
from typing import Final

from triptych.errors import CallFailed
from triptych.stack.loopback_http import ask

logger = logging.getLogger(__name__)

_METRICS: Final = (
    "nv_gpu_utilization",
    "nv_gpu_memory_used_bytes",
    "nv_gpu_memory_total_bytes",
)
GPU_FIELDS: Final = ("utilisation", "memory_used_bytes", "memory_total_bytes")
_LINE: Final = re.compile(rf'^({"|".join(_METRICS)})\{{gpu_uuid="([^"]+)"\}} (\S+)$', re.MULTILINE)
_TIMEOUT_SECONDS: Final = 1.0

GpuRows = dict[str, tuple[float, ...]]


def read_gpus(exposition: str) -> GpuRows:
    """By UUID: utilisation (0 to 1), bytes used, bytes in all; a GPU that lacks one is left out."""
    found: dict[str, dict[str, float]] = {}
    for metric, uuid, value in _LINE.findall(exposition):
        found.setdefault(uuid, {})[metric] = float(value)
    return {
        uuid: tuple(it[metric] for metric in _METRICS)
        for uuid, it in found.items()
        if len(it) == len(_METRICS)
    }


def ask_for_gpus(metrics_url: str) -> GpuRows:
    """Ask Triton; none where it does not answer."""
    try:
        answer = ask("GET", metrics_url, timeout_seconds=_TIMEOUT_SECONDS)
        return read_gpus(answer.body.decode(errors="replace"))
    except (CallFailed, ValueError) as exc:
        logger.debug("no word of GPUs: %s", exc)
        return {}
