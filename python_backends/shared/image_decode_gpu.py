"""JPEGs to arrays on a card, many at once. The only module that imports nvImageCodec.

What else a picture may be, and what is the matter with one that fails, the processor's path says.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from typing import Any, Final

from python_backends.shared.cuda import Array, Card
from python_backends.shared.image_header import jpeg_segments

logger = logging.getLogger(__name__)

_JPEG_MAGIC: Final = b"\xff\xd8\xff"
_END_OF_IMAGE: Final = b"\xff\xd9"
# Baseline, extended and progressive, with Huffman codes. Source: ITU-T T.81, table B.1.
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
_OTHER_FRAMES: Final = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ADOBE: Final = 0xEE  # it may say that three components are RGB, or two more kinds of CMYK
_BITS: Final = 8
_COMPONENTS: Final = frozenset({1, 3})
# Chroma by the triangle of libjpeg-turbo's default, not repeated; else edges differ by many levels.
_OPTIONS: Final = ":fancy_upsampling=1"


def plain_size(encoded: bytes) -> tuple[int, int] | None:
    """Height and width of a JPEG that the card may try, or None where the processor has to judge.

    That is grey or YCbCr of eight bits, with its end in place: nvJPEG gives a truncated picture a
    grey rest, and the processor's path refuses it. From the header alone; no bytes can crash it.
    """
    if not encoded.startswith(_JPEG_MAGIC) or not encoded.endswith(_END_OF_IMAGE):
        return None
    size = None
    for marker, position in jpeg_segments(encoded):
        if marker == _ADOBE or marker in _OTHER_FRAMES:
            return None
        if marker in _FRAMES:
            bits, components = encoded[position + 4], encoded[position + 9 : position + 10]
            height = int.from_bytes(encoded[position + 5 : position + 7], "big")
            width = int.from_bytes(encoded[position + 7 : position + 9], "big")
            if bits != _BITS or not set(components) <= _COMPONENTS or min(height, width) < 1:
                return None
            size = height, width
    return size


class JpegDecoder:
    """nvImageCodec on one card: nvJPEG, and the card's own decoder where it has one.

    Args:
        codec: nvImageCodec.
        card: Where the pictures go.
    """

    def __init__(self, codec: Any, card: Card) -> None:  # noqa: ANN401 - a module without types
        self._codec = codec
        self._card = card
        kinds = codec.BackendKind
        # Not CPU_ONLY: what the card cannot do is for our own decoders, which may crash.
        backends = [kinds.HW_GPU_ONLY, kinds.GPU_ONLY, kinds.HYBRID_CPU_GPU]
        self._decoder = codec.Decoder(
            device_id=card.number,
            # More made version 0.9 wait for ever for a batch of one, in HYBRID_CPU_GPU.
            max_num_cpu_threads=1,
            backends=[codec.Backend(kind) for kind in backends],
            options=_OPTIONS,
        )
        # Which way up is read by us, the same for both paths.
        self._params = codec.DecodeParams(apply_exif_orientation=False)

    def decode(self, encoded: Sequence[bytes]) -> list[Array | None]:
        """Decode a batch.

        Args:
            encoded: Each has a `plain_size`.

        Returns:
            For each [H, W, 3], uint8, RGB, on the card, as it lies in its file; None of one that
            failed.
        """
        parsed = {item: it for item, data in enumerate(encoded) if (it := self._parse(data))}
        pictures: list[Array | None] = [None] * len(encoded)
        if not parsed:
            return pictures
        images = self._decoder.decode(
            list(parsed.values()), params=self._params, cuda_stream=self._card.stream_address()
        )
        for item, image in zip(parsed, images, strict=True):
            pictures[item] = None if image is None else self._card.take(image)
        return pictures

    def _parse(self, encoded: bytes) -> Any:  # noqa: ANN401 - nvImageCodec's own type
        """One by one, because a batch in which one cannot be parsed fails as a whole."""
        try:
            return self._codec.CodeStream(encoded)
        except (RuntimeError, ValueError):
            return None


def find_decoder(card: Card) -> JpegDecoder | None:
    """One for this card; None where nvImageCodec is not installed."""
    if importlib.util.find_spec("nvidia") is None:
        return None
    try:
        from nvidia import nvimgcodec  # noqa: PLC0415 - only where requirements/gpu.txt is installed
    except ImportError as exc:
        logger.info("JPEGs are decoded on the processor: %s", exc)
        return None
    return JpegDecoder(nvimgcodec, card)
