from __future__ import annotations

import re

import pytest

from python_backends.shared.image_transform import (
    ImageTransform,
    NoResize,
    Resize,
    ResizeFilter,
    ShortestEdge,
    Stretch,
)
from triptych.errors import OptionInvalid
from triptych.export.image_options import FIELDS, ImageInput, read_image_input
from triptych.export.normalisation import Normalisation


def read(**given: object) -> ImageInput:
    return read_image_input({"size": 224, **given}, is_channels_first=True)


def test_the_size_alone_is_enough() -> None:
    image = read()

    assert image.transform == ImageTransform(224, 224, ResizeFilter.BILINEAR)
    assert image.normalisation == Normalisation.of((0.0,) * 3, (1.0,) * 3)


def test_everything_can_be_said() -> None:
    image = read(
        size="192x256",
        resize="256",
        filter="bicubic",
        rescale="0.5",
        mean="0.1,0.2,0.3",
        std="2",
        channels="bgr",
        layout="nhwc",
    )

    assert image.transform == ImageTransform(192, 256, ResizeFilter.BICUBIC, ShortestEdge(256))
    assert image.normalisation == Normalisation.of(
        (0.1, 0.2, 0.3),
        (2.0, 2.0, 2.0),
        rescale=0.5,
        channels=(2, 1, 0),
        is_channels_first=False,
    )


@pytest.mark.parametrize(
    ("given", "resize"),
    [
        ("stretch", None),
        ("none", NoResize()),
        ("256", ShortestEdge(256)),
        (256, ShortestEdge(256)),
        ("256x300", Stretch(256, 300)),
        ("256X300", Stretch(256, 300)),
    ],
)
def test_there_are_four_ways_to_resize(given: object, resize: Resize | None) -> None:
    assert read(resize=given).transform.resize == resize


@pytest.mark.parametrize("name", ResizeFilter.__members__)
def test_every_filter_has_a_name_in_lower_or_upper_case(name: str) -> None:
    assert read(filter=name).transform.resize_filter is ResizeFilter[name]
    assert read(filter=name.lower()).transform.resize_filter is ResizeFilter[name]


@pytest.mark.parametrize(
    ("is_usual", "given", "expected"),
    [(True, {}, True), (False, {}, False), (True, {"layout": "nhwc"}, False),
     (False, {"layout": "NCHW"}, True)],
)  # fmt: skip
def test_the_layout_is_the_frameworks_unless_it_is_said(
    is_usual: bool, given: dict[str, object], expected: bool
) -> None:
    image = read_image_input({"size": 8, **given}, is_channels_first=is_usual)

    assert image.normalisation.is_channels_first is expected


def test_grey_networks_have_one_mean_and_grey_pictures() -> None:
    image = read(channels="gray", mean="0.13", std="0.3")

    assert image.transform.is_grayscale
    assert image.normalisation == Normalisation.of((0.13,), (0.3,), channels=(0,))


@pytest.mark.parametrize("mean", [[0.1, 0.2, 0.3], (0.1, 0.2, 0.3), "0.1, 0.2, 0.3"])
def test_numbers_per_channel_come_as_a_list_of_yaml_or_as_an_option(mean: object) -> None:
    assert read(mean=mean, std=1).normalisation == Normalisation.of((0.1, 0.2, 0.3), (1.0,) * 3)


def test_a_network_that_fixes_its_size_needs_none_said_and_takes_no_other() -> None:
    own = read_image_input({}, is_channels_first=True, own_size=(24, 32))
    same = read_image_input({"size": "24x32"}, is_channels_first=True, own_size=(24, 32))

    assert own == same
    assert (own.transform.height_pixels, own.transform.width_pixels) == (24, 32)
    with pytest.raises(OptionInvalid, match=r"size is '32x24', but the network takes 24x32\."):
        read_image_input({"size": "32x24"}, is_channels_first=True, own_size=(24, 32))


def test_without_any_size_the_sentence_says_what_to_give() -> None:
    with pytest.raises(OptionInvalid, match=r"give --size, e\.g\. 224\.$"):
        read_image_input({}, is_channels_first=True)


def test_an_unknown_field_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(OptionInvalid, match=f"no 'sise'; it has {', '.join(FIELDS)}"):
        read(sise=1)


@pytest.mark.parametrize(
    ("field", "given", "words"),
    [
        ("size", "0", "write 224, or height x width"),
        ("size", "", "write 224, or height x width"),
        ("size", "big", "write 224, or height x width"),
        ("size", "1x2x3", "write 224, or height x width"),
        ("size", "-224", "write 224, or height x width"),
        ("size", "224xlarge", "write 224, or height x width"),
        ("size", [224, 224], "write 224, or height x width"),
        ("resize", "0", "it is stretch, none, 256"),
        ("resize", "crop", "it is stretch, none, 256"),
        ("resize", "0x5", "it is stretch, none, 256"),
        ("resize", "1x2x3", "it is stretch, none, 256"),
        ("resize", "256xlarge", "it is stretch, none, 256"),
        ("filter", "sharpest", "it is one of nearest"),
        ("rescale", "a lot", "it is a number"),
        ("rescale", "0", "every pixel the same"),
        ("rescale", "nan", "a finite number"),
        ("rescale", "inf", "a finite number"),
        ("mean", "a", "it is a number"),
        ("mean", "nan", "a finite number"),
        ("mean", "0.1,0.2", "one number, or one for each channel"),
        ("std", "1,0,1", "one number, or one for each channel"),
        ("std", "0", "one number, or one for each channel"),
        ("std", "1,1,1,1", "one number, or one for each channel"),
        ("channels", "rgba", "it is one of rgb, bgr, gray"),
        ("layout", "chwn", "it is one of nchw, nhwc"),
    ],
)
def test_what_makes_no_sense_is_named_with_what_would(
    field: str, given: object, words: str
) -> None:
    with pytest.raises(OptionInvalid, match=f"^{field} is {re.escape(repr(given))}.*{words}"):
        read(**{field: given})
