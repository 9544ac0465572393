"""What a step may raise.

BackendError
  InvalidInput(status)    the item's STATUS; its neighbours are answered
    UndecodableImage, ImageTooLarge, UnsupportedFormat, UndecodableText, TextTooLarge
  ContractBroken          INVALID_ARGUMENT, for that request only
  ModelAssetError         raised while a model loads: it does not load

Anything else is logged in full and answered as INTERNAL without details.
"""

from __future__ import annotations


class BackendError(Exception):
    """Anything a backend raises on purpose."""


class InvalidInput(BackendError):
    """The content of one item is no good; contract.Status says how."""


class UndecodableImage(InvalidInput):
    """The bytes are not a whole image."""


class ImageTooLarge(InvalidInput):
    """The image has more pixels than the pipeline accepts."""


class UnsupportedFormat(InvalidInput):
    """The bytes are an image, of a format that the pipeline does not take."""


class UndecodableText(InvalidInput):
    """The bytes are not UTF-8."""


class TextTooLarge(InvalidInput):
    """The text has more bytes than the pipeline accepts."""


class ContractBroken(BackendError):
    """A request does not fit the tensor contract."""


class ModelAssetError(BackendError):
    """A file or parameter that a model needs is missing or wrong."""
