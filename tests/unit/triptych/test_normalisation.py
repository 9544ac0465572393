from __future__ import annotations

import numpy as np
import pytest

from triptych.export.normalisation import Normalisation

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 3), np.uint8)


def test_it_is_torchvisions_formula_channel_by_channel() -> None:
    values = Normalisation.of(MEAN, STD).apply(PIXELS)

    expected = (PIXELS / 255 - MEAN) / STD
    assert values.dtype == np.float32
    assert values.shape == (2, 3, 3, 5)
    np.testing.assert_allclose(values, expected.transpose(0, 3, 1, 2), atol=1e-5)


def test_swapped_channels_are_normalised_in_the_networks_order() -> None:
    swapped = Normalisation.of((0, 0.5, 1), (1, 1, 1), channels=(2, 1, 0))

    values = swapped.apply(PIXELS)

    np.testing.assert_allclose(values[:, 0], PIXELS[..., 2] / 255, atol=1e-6)
    np.testing.assert_allclose(values[:, 2], PIXELS[..., 0] / 255 - 1, atol=1e-6)


def test_a_network_without_colour_gets_one_channel() -> None:
    grey = np.repeat(PIXELS[..., :1], 3, axis=-1)

    values = Normalisation.of((0.0,), (1.0,), channels=(0,)).apply(grey)

    assert values.shape == (2, 1, 3, 5)
    np.testing.assert_allclose(values[:, 0], grey[..., 1] / 255, atol=1e-6)


def test_a_factor_of_ones_own_replaces_the_usual_one() -> None:
    plain = Normalisation.of((0,) * 3, (1,) * 3, rescale=1.0, is_channels_first=False)

    np.testing.assert_array_equal(plain.apply(PIXELS), PIXELS.astype(np.float32))


@pytest.mark.parametrize("is_channels_first", [True, False])
@pytest.mark.parametrize("channels", [(0, 1, 2), (2, 1, 0), (0,)])
def test_undoing_brings_the_pixels_back_in_the_networks_order(
    channels: tuple[int, ...], is_channels_first: bool
) -> None:
    normalisation = Normalisation(
        channels,
        scale=(0.017, 0.018, 0.019)[: len(channels)],
        offset=(-2.1, 0.3, 1.0)[: len(channels)],
        is_channels_first=is_channels_first,
    )

    pixels = normalisation.undo(normalisation.apply(PIXELS))

    np.testing.assert_allclose(pixels, PIXELS[..., list(channels)], atol=1e-3)


def test_as_many_means_as_deviations_are_needed() -> None:
    with pytest.raises(ValueError, match="zip"):
        Normalisation.of((0.5,), (0.2, 0.2, 0.2))
