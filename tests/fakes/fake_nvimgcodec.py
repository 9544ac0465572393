"""A fake of nvImageCodec: libjpeg-turbo's pixels, a given number of levels brighter."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray


class FakeImage:
    """A decoded picture on the card."""

    __cuda_array_interface__ = {"version": 3}  # noqa: RUF012 - as a property of the real one's

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels


class FakeCodec(ModuleType):
    """The module; its decoders remember what they were made with and given."""

    def __init__(self, brighter: int = 0) -> None:
        super().__init__("nvidia.nvimgcodec")
        self.BackendKind = SimpleNamespace(
            HW_GPU_ONLY="hw", GPU_ONLY="gpu", HYBRID_CPU_GPU="hybrid", CPU_ONLY="cpu"
        )
        self.Backend = lambda kind: kind
        self.DecodeParams = lambda **options: options
        self.brighter = brighter
        self.fails_with: Exception | None = None
        self.made_with: dict[str, Any] = {}
        self.batches: list[int] = []

    def Decoder(self, **options: Any) -> FakeCodec:  # noqa: N802 - the real one's name
        self.made_with = options
        return self

    def decode(
        self, encoded: Sequence[bytes], params: Any, cuda_stream: int
    ) -> list[FakeImage | None]:
        assert params == {"apply_exif_orientation": False}
        assert cuda_stream == 0
        if self.fails_with is not None:
            raise self.fails_with
        self.batches.append(len(encoded))
        return [self._decode(stream) for stream in encoded]

    def CodeStream(self, encoded: bytes) -> bytes:  # noqa: N802 - the real one's name
        if b"unreadable" in encoded:
            raise RuntimeError("Unspecified error: could not parse the code stream")
        return encoded

    def _decode(self, image: bytes) -> FakeImage | None:
        try:
            pixels = simplejpeg.decode_jpeg(image)
        except ValueError:
            return None
        return FakeImage(np.minimum(pixels.astype(int) + self.brighter, 255).astype(np.uint8))


def install_fake_nvimgcodec(monkeypatch: pytest.MonkeyPatch, brighter: int = 0) -> FakeCodec:
    codec, package = FakeCodec(brighter), ModuleType("nvidia")
    package.__spec__ = ModuleSpec("nvidia", None)
    monkeypatch.setattr(package, "nvimgcodec", codec, raising=False)
    monkeypatch.setitem(sys.modules, "nvidia", package)
    monkeypatch.setitem(sys.modules, "nvidia.nvimgcodec", codec)
    return codec
