"""How many decoders there are, and what each may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from python_backends.shared.cores import usable_cores
from python_backends.shared.image_header import announced_pixels

# More than this hardly pays: the model wants processors, too.
_MOST_PROCESSES: Final = 4
_DEADLINE_MS: Final = 1000
# Measured: what costs most, a lossy WebP of noise, takes 54 ns per pixel; and what is largest, a
# lossless one with transparency, 29 bytes per pixel. An interpreter with its packages maps 100 MB.
_EXTRA_SECONDS_PER_PIXEL: Final = 100e-9
_MEMORY_BYTES_PER_PIXEL: Final = 40
_MEMORY_BYTES_ANYWAY: Final = 256 * 1024 * 1024


@dataclass(frozen=True)
class DecodeLimits:
    """What config.pbtxt says of decoding; only max_pixels has to be there.

    Attributes:
        max_pixels: Width times height allowed per image.
        processes: Decoders that work at once; by default one per processor, four at most.
        deadline_seconds: For one image, in CPU time; large images get more by themselves.
        memory_bytes: Address space of one decoder.
    """

    max_pixels: int
    processes: int
    deadline_seconds: float
    memory_bytes: int

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> DecodeLimits:
        """Read max_pixels, decode_processes, decode_deadline_ms and decode_memory_bytes.

        Raises:
            ValueError: one of them is no whole number above zero, or max_pixels is missing.
        """
        max_pixels = _above_zero(parameters, "max_pixels")
        processors = min(usable_cores(), _MOST_PROCESSES)
        memory_bytes = _MEMORY_BYTES_ANYWAY + _MEMORY_BYTES_PER_PIXEL * max_pixels
        return cls(
            max_pixels=max_pixels,
            processes=_above_zero(parameters, "decode_processes", processors),
            deadline_seconds=_above_zero(parameters, "decode_deadline_ms", _DEADLINE_MS) / 1000,
            memory_bytes=_above_zero(parameters, "decode_memory_bytes", memory_bytes),
        )

    def more_seconds(self, encoded: bytes) -> float:
        """What an image of this size may take beyond the deadline."""
        return _EXTRA_SECONDS_PER_PIXEL * min(announced_pixels(encoded), self.max_pixels)


def _above_zero(parameters: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = parameters.get(name, None if default is None else str(default))
    if text is None:
        raise ValueError(f"config.pbtxt lacks the parameter {name!r}")
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"parameter {name!r} is {text!r}, not a whole number above zero")
    return int(text)
