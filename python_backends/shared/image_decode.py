"""Encoded bytes -> RGB array. Pure: bytes in, array out."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from python_backends.shared.errors import ImageTooLarge, UndecodableImage, UnsupportedFormat
from python_backends.shared.image_geometry import is_lying, turn_upright
from python_backends.shared.image_header import has_exif

# Named, because Pillow knows 43 formats and some of them start programs or read other files.
_PILLOW_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_JPEG_MAGIC: Final = b"\xff\xd8\xff"
_REFUSED_MAGIC: Final = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"\x00\x00\x01\x00": "ICO",
    b"8BPS": "PSD",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"%PDF": "PDF",
}
# What libjpeg-turbo converts to RGB by itself; CMYK and YCCK need Pillow's inversion rules.
_SIMPLEJPEG_COLOURS: Final = frozenset({"RGB", "YCbCr", "Gray"})
# simplejpeg reports broken data as any of these (measured by feeding it damaged files).
_SIMPLEJPEG_ERRORS: Final = (ValueError, KeyError, MemoryError)
# Pillow's decoders and its EXIF reader raise these for damaged data, besides its own OSError.
_PILLOW_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
)
# EXIF sits in an APP1 segment near the start; only files that have one pay for Pillow's parser.
_EXIF: Final = b"Exif\x00\x00"
_EXIF_SEARCH_BYTES: Final = 64 * 1024
# 16-bit greys arrive as 0 to 65535; the training pictures were 8 bit.
_SIXTEEN_BIT_MODES: Final = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
# So many of eight pixels: what libjpeg-turbo has SIMD for. All eight take less than any other.
_EIGHTHS: Final = (1, 2, 4)

# The height and width of an upright picture -> the least height and width that will do.
LeastSize = Callable[[int, int], tuple[float, float]]


@dataclass(frozen=True)
class Decoded:
    """A picture as it lies in its file: not turned upright, and perhaps decoded smaller.

    Attributes:
        pixels: [H, W, 3], uint8, 0 to 255, RGB.
        height: Of the whole picture, upright.
        width: Of the whole picture, upright.
        orientation: What EXIF says, 1 to 8; anything else counts as 1.
        eighths: H and W are so many eighths of the rows and columns in the file, rounded up.
    """

    pixels: NDArray[np.uint8]
    height: int
    width: int
    orientation: int
    eighths: int = 8


def decode_image(encoded: bytes, *, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a JPEG, PNG or WebP, turned upright as its EXIF orientation says.

    Grey, palette and CMYK pictures become RGB; 16-bit ones lose their low byte; transparent ones
    are laid on white, as a browser would show them on a page.

    Args:
        encoded: The file's bytes.
        max_pixels: Width times height allowed; checked in the header, before anything is decoded.

    Returns:
        [H, W, 3], uint8, 0 to 255, RGB.

    Raises:
        ImageTooLarge: the header announces more than `max_pixels`.
        UnsupportedFormat: a known image format, but none of the three.
        UndecodableImage: anything else that is not a whole picture.
    """
    decoded = decode_stored(encoded, max_pixels=max_pixels)
    return np.ascontiguousarray(turn_upright(decoded.pixels, decoded.orientation))


def decode_stored(
    encoded: bytes, *, max_pixels: int, least_size: LeastSize | None = None
) -> Decoded:
    """Decode as `decode_image` does, but leave turning the picture upright to the caller.

    Args:
        encoded: The file's bytes.
        max_pixels: As above; of the whole picture, however small it is decoded.
        least_size: Where given, a JPEG is decoded at an eighth, a quarter or half of its size if
            that is large enough. Each reduced pixel is the mean of those that it stands for, but
            for what lies at the rims of the 8x8 blocks.

    Raises:
        InvalidInput: as above.
    """
    try:
        if encoded.startswith(_JPEG_MAGIC):
            decoded = _decode_plain_jpeg(encoded, max_pixels, least_size)
            if decoded is not None:
                return decoded
        _refuse_known_formats(encoded)
        return _decode_with_pillow(encoded, max_pixels)
    except _PILLOW_ERRORS as exc:
        raise UndecodableImage("the bytes are not a whole JPEG, PNG or WebP") from exc


def _decode_plain_jpeg(
    encoded: bytes, max_pixels: int, least_size: LeastSize | None
) -> Decoded | None:
    """Decode with simplejpeg, or None where Pillow has to judge: CMYK, or data it complains of.

    libjpeg's complaints include harmless ones ("extraneous bytes before marker"), and Pillow draws
    the line where training did: it refuses a truncated file and takes a sloppy one.
    """
    try:
        height, width, colour, _ = simplejpeg.decode_jpeg_header(encoded)
    except _SIMPLEJPEG_ERRORS:
        return None
    _check_size(width, height, max_pixels)
    if colour not in _SIMPLEJPEG_COLOURS:
        return None
    # Older releases search as they always did; no picture is known where it matters.
    is_tagged = _mentions_exif(encoded) if least_size is None else has_exif(encoded)
    orientation = jpeg_orientation(encoded) if is_tagged else 1
    upright = (width, height) if is_lying(orientation) else (height, width)
    eighths = 8 if least_size is None else fewest_eighths(upright, least_size(*upright))
    # simplejpeg takes the smallest size that is not below these; 0 is the picture's own.
    rows, columns = (-(-side * eighths // 8) if eighths < 8 else 0 for side in (height, width))
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            encoded, colorspace="RGB", min_height=rows, min_width=columns
        )
    except _SIMPLEJPEG_ERRORS:
        return None
    return Decoded(pixels, *upright, orientation, eighths)


def fewest_eighths(size: tuple[int, int], least: tuple[float, float]) -> int:
    """How few of eight pixels will do, for both sides: 1, 2, 4 or all 8."""
    for eighths in _EIGHTHS:
        if all(side * eighths >= 8 * needed for side, needed in zip(size, least, strict=True)):
            return eighths
    return 8


def _mentions_exif(encoded: bytes) -> bool:
    return encoded.find(_EXIF, 0, _EXIF_SEARCH_BYTES) >= 0


def jpeg_orientation(encoded: bytes) -> int:
    """The EXIF orientation of a JPEG, 1 (upright) where it is missing or unreadable.

    Raises:
        InvalidInput: Pillow cannot open it at all.
    """
    try:
        with _open(encoded, ("JPEG",)) as image:
            return _exif_orientation(image)
    except _PILLOW_ERRORS as exc:
        raise UndecodableImage("the bytes are not a whole JPEG") from exc


def _exif_orientation(image: Image.Image) -> int:
    """Read the orientation tag, 1 (upright) where it is missing or unreadable.

    Not ImageOps.exif_transpose: it writes the other tags anew, and damaged ones make that fail.
    """
    try:
        orientation = image.getexif().get(0x0112, 1)
    except _PILLOW_ERRORS:
        return 1
    return orientation if isinstance(orientation, int) else 1


def _refuse_known_formats(encoded: bytes) -> None:
    for magic, name in _REFUSED_MAGIC.items():
        if encoded.startswith(magic):
            raise UnsupportedFormat(f"{name} is not taken; send a JPEG, PNG or WebP")
    if encoded[4:8] == b"ftyp":
        raise UnsupportedFormat("HEIC and AVIF are not taken; send a JPEG, PNG or WebP")


def _decode_with_pillow(encoded: bytes, max_pixels: int) -> Decoded:
    with _open(encoded, _PILLOW_FORMATS) as image:
        _check_size(image.width, image.height, max_pixels)
        pixels = np.asarray(_to_rgb(image))
        orientation = _exif_orientation(image)
        height, width = turn_upright(pixels, orientation).shape[:2]
        return Decoded(pixels, height, width, orientation)


@contextmanager
def _open(encoded: bytes, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """Open with Pillow, whose warnings (of large pictures, of damaged metadata) are not ours.

    Raises:
        ImageTooLarge: Pillow's own limit, for a pipeline that accepts more than Pillow does.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(encoded), formats=formats) as image:
                yield image
        except Image.DecompressionBombError as exc:
            raise ImageTooLarge(str(exc)) from exc


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _SIXTEEN_BIT_MODES:
        image = _to_eight_bit(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    picture = image.convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(paper, picture).convert("RGB")


def _to_eight_bit(image: Image.Image) -> Image.Image:
    greys = np.asarray(image)
    eight_bit = Image.fromarray((greys.astype(np.uint32) >> 8).astype(np.uint8))
    transparent = image.info.get("transparency")  # in a PNG, the one grey that is not painted
    if transparent is not None:
        painted = np.where(greys == transparent, 0, 255).astype(np.uint8)
        eight_bit.putalpha(Image.fromarray(painted))
    return eight_bit


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ImageTooLarge(f"{width} x {height} pixels; at most {max_pixels} are accepted")
