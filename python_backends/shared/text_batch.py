"""A batch of texts -> token ids, attention mask and states. One bad text fails alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from python_backends.shared.contract import Status
from python_backends.shared.errors import (
    InvalidInput,
    ModelAssetError,
    TextTooLarge,
    UndecodableText,
)

STATUS_OF: Final[dict[type[InvalidInput], Status]] = {
    UndecodableText: Status.UNDECODABLE,
    TextTooLarge: Status.TOO_LARGE,
}


class TextEncoder:
    """A tokenizer with truncation and padding to a fixed length.

    Args:
        tokenizer: Truncates and pads by itself.
        max_tokens: The fixed length.
        max_text_bytes: UTF-8 bytes accepted per text; what lies beyond the truncation is read too,
            so this bounds the time that one text may take.

    Raises:
        ModelAssetError: the tokenizer does not bring texts to that length.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int, max_text_bytes: int) -> None:
        self._tokenizer = tokenizer
        self._max_text_bytes = max_text_bytes
        # What stands in the place of a refused text: a real input, so that no mask is all zero.
        self._blank = tokenizer.encode("")
        lengths = {len(self._blank.ids), len(tokenizer.encode("word " * max_tokens).ids)}
        if lengths != {max_tokens}:
            raise ModelAssetError(
                f"tokenizer.json makes {sorted(lengths)} tokens, config.pbtxt says {max_tokens}"
            )

    @classmethod
    def from_file(cls, file: Path, *, max_tokens: int, max_text_bytes: int) -> TextEncoder:
        """Read tokenizer.json.

        Raises:
            ModelAssetError: it cannot be read, or does not fit.
        """
        try:
            tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
        except Exception as exc:  # the library raises plain Exception for a damaged file
            raise ModelAssetError(f"cannot read the tokenizer: {exc}") from exc
        return cls(tokenizer, max_tokens=max_tokens, max_text_bytes=max_text_bytes)

    def encode_texts(
        self, texts: NDArray[Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
        """Tokenize every text of a batch.

        Args:
            texts: [N, 1], object, each element the UTF-8 bytes of one text.

        Returns:
            Token ids [N, L] and attention mask [N, L] (1 token, 0 padding), int64; and states
            [N, 1], uint8, each a contract.Status: TRUNCATED where a text had more than L tokens.
        """
        status = np.full((len(texts), 1), Status.OK, np.uint8)
        readable: dict[int, str] = {}
        for item in range(len(texts)):
            try:
                readable[item] = self._decode(texts[item, 0])
            except InvalidInput as exc:
                status[item] = STATUS_OF[type(exc)]
        encodings = [self._blank] * len(texts)
        batch = self._tokenizer.encode_batch(list(readable.values()))
        for item, encoding in zip(readable, batch, strict=True):
            encodings[item] = encoding
            if encoding.overflowing:
                status[item] = Status.TRUNCATED
        return _stack(encodings, "ids"), _stack(encodings, "attention_mask"), status

    def _decode(self, encoded: bytes) -> str:
        if len(encoded) > self._max_text_bytes:
            raise TextTooLarge(f"{len(encoded)} bytes; at most {self._max_text_bytes} are accepted")
        try:
            return encoded.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise UndecodableText("the bytes are not UTF-8") from exc


def _stack(encodings: list[Encoding], field: str) -> NDArray[np.int64]:
    return np.array([getattr(encoding, field) for encoding in encodings], np.int64)
