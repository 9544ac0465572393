"""Resize a part of a picture: with SIMD where cykooz-resizer has the filter, else with Pillow."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from python_backends.shared.image_geometry import Region

try:
    import cykooz_resizer
except ImportError:  # no wheel for this machine, as for Linux on ARM: Pillow does it all
    cykooz_resizer = None

# The same kernels as Pillow's under other names. Of the others, two are not there and BOX is left
# out because it decides otherwise where an edge falls on the middle of a pixel.
_QUICK_FILTERS: Final = {
    Image.Resampling.BILINEAR: "bilinear",
    Image.Resampling.BICUBIC: "catmull_rom",
    Image.Resampling.LANCZOS: "lanczos3",
}


def resize_region(
    pixels: NDArray[np.uint8],
    region: Region,
    size: tuple[int, int],
    resize_filter: Image.Resampling,
) -> NDArray[np.uint8]:
    """Resize one part of a picture; what lies around it counts where the filter reaches over.

    Args:
        pixels: [H, W, 3], RGB, or [H, W], grey; uint8.
        region: Which part.
        size: Height and width of what is made of it.
        resize_filter: How.

    Returns:
        [*size, 3] or [*size], uint8: what Pillow makes of the whole picture, or one level off; of
        noise a few pixels in a hundred million are two off (more of them where Pillow does it,
        because its box has edges of 32 bits only). BICUBIC and LANCZOS can be more where they
        overshoot black or white: Pillow goes along rows first and cuts off what is beyond before it
        goes along columns.
    """
    if cykooz_resizer is None or resize_filter not in _QUICK_FILTERS:
        box = (region.left, region.top, region.right, region.bottom)
        image = Image.fromarray(pixels)
        return np.asarray(image.resize(size[::-1], resize_filter, box=box))
    return _resize_quickly(pixels, region, size, _QUICK_FILTERS[resize_filter])


def _resize_quickly(
    pixels: NDArray[np.uint8], region: Region, size: tuple[int, int], filter_name: str
) -> NDArray[np.uint8]:
    rows, columns = region.bottom - region.top, region.right - region.left
    options = cykooz_resizer.ResizeOptions(
        cykooz_resizer.ResizeAlg.convolution(cykooz_resizer.FilterType[filter_name]),
        crop_box=cykooz_resizer.CropBox(region.left, region.top, columns, rows),
        use_alpha=False,
    )
    kind = cykooz_resizer.PixelType.U8 if pixels.ndim == 2 else cykooz_resizer.PixelType.U8x3
    source = cykooz_resizer.ImageData(pixels.shape[1], pixels.shape[0], kind, pixels.tobytes())
    target = cykooz_resizer.ImageData(size[1], size[0], kind)
    cykooz_resizer.Resizer().resize(source, target, options)
    made = np.frombuffer(target.get_buffer(), np.uint8)
    return made.reshape(*size, *pixels.shape[2:])
