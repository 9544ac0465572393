"""Encoded bytes -> upright RGB array. Pure: bytes in, array out."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from python_backends.shared.errors import ImageTooLarge, UndecodableImage, UnsupportedFormat

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
_EXIF_SEARCH_BYTES: Final = 64 * 1024
# 16-bit greys arrive as 0 to 65535; the training pictures were 8 bit.
_SIXTEEN_BIT_MODES: Final = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})


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
    try:
        if encoded.startswith(_JPEG_MAGIC):
            pixels = _decode_plain_jpeg(encoded, max_pixels)
            if pixels is not None:
                return pixels
        _refuse_known_formats(encoded)
        return _decode_with_pillow(encoded, max_pixels)
    except _PILLOW_ERRORS as exc:
        raise UndecodableImage("the bytes are not a whole JPEG, PNG or WebP") from exc


def _decode_plain_jpeg(encoded: bytes, max_pixels: int) -> NDArray[np.uint8] | None:
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
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(encoded, colorspace="RGB")
    except _SIMPLEJPEG_ERRORS:
        return None
    if b"Exif\x00\x00" in encoded[:_EXIF_SEARCH_BYTES]:
        with _open(encoded, ("JPEG",)) as image:
            return _turn_upright(pixels, _exif_orientation(image))
    return pixels


def _exif_orientation(image: Image.Image) -> int:
    """Read the orientation tag, 1 (upright) where it is missing or unreadable.

    Not ImageOps.exif_transpose: it writes the other tags anew, and damaged ones make that fail.
    """
    try:
        orientation = image.getexif().get(0x0112, 1)
    except _PILLOW_ERRORS:
        return 1
    return orientation if isinstance(orientation, int) else 1


def _turn_upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation; source: EXIF 2.32, tag 0x0112, "row 0 is ..., column 0 is ...".

    Args:
        pixels: [H, W, 3], uint8, RGB.
        orientation: 1 to 8; anything else counts as 1.

    Returns:
        The same pixels, [H, W, 3] or [W, H, 3].
    """
    if orientation in {5, 6, 7, 8}:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _refuse_known_formats(encoded: bytes) -> None:
    for magic, name in _REFUSED_MAGIC.items():
        if encoded.startswith(magic):
            raise UnsupportedFormat(f"{name} is not taken; send a JPEG, PNG or WebP")
    if encoded[4:8] == b"ftyp":
        raise UnsupportedFormat("HEIC and AVIF are not taken; send a JPEG, PNG or WebP")


def _decode_with_pillow(encoded: bytes, max_pixels: int) -> NDArray[np.uint8]:
    with _open(encoded, _PILLOW_FORMATS) as image:
        _check_size(image.width, image.height, max_pixels)
        pixels = np.asarray(_to_rgb(image))
        return _turn_upright(pixels, _exif_orientation(image))


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
