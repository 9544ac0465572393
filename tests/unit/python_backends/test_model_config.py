from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from python_backends.shared.contract import IMAGE, PIXELS, STATUS, TensorSpec
from python_backends.shared.errors import ModelAssetError
from python_backends.shared.triton_io import ModelConfig
from tests.fakes.fake_pb_utils import LogLine
from tests.unit.python_backends.loading import initialize_arguments

pytestmark = pytest.mark.usefixtures("triton_log")

FOLDER = Path("/models/digits_r1_step")
SIZED_PIXELS = TensorSpec("PIXELS", "UINT8", (28, 30, 3))


def read_config(parameters: dict[str, str] | None = None) -> ModelConfig:
    return ModelConfig.from_arguments(
        initialize_arguments(
            FOLDER, inputs=[IMAGE], outputs=[SIZED_PIXELS, STATUS], parameters=parameters
        )
    )


def test_what_triton_hands_over_is_read_into_the_contracts_own_terms() -> None:
    config = read_config({"max_pixels": "100"})

    assert config == ModelConfig(
        name="digits_r1_step",
        folder=FOLDER,
        version="1",
        inputs=(IMAGE,),
        outputs=(SIZED_PIXELS, STATUS),
        parameters={"max_pixels": "100"},
        max_batch_size=32,
    )


def test_the_instances_are_those_of_all_groups() -> None:
    arguments = initialize_arguments(FOLDER)
    told = json.loads(arguments["model_config"])

    def instances(*counts: int) -> int:
        groups = [{"kind": "KIND_CPU", "count": count} for count in counts]
        config = json.dumps({**told, "instance_group": groups})
        return ModelConfig.from_arguments({**arguments, "model_config": config}).instances

    assert [instances(), instances(1), instances(2, 3)] == [1, 1, 5]


def test_a_parameter_is_text_or_a_whole_number_as_asked() -> None:
    config = read_config({"resize_filter": "bilinear", "max_pixels": "50000000"})

    assert config.text("resize_filter") == "bilinear"
    assert config.whole_number("max_pixels") == 50_000_000


def test_a_missing_parameter_takes_its_default() -> None:
    config = read_config()

    assert config.text("resize_filter", "bicubic") == "bicubic"
    assert config.whole_number("intra_op_thread_count", 0) == 0


def test_a_missing_parameter_without_default_names_model_and_parameter() -> None:
    config = read_config({})

    with pytest.raises(ModelAssetError, match=r"digits_r1_step: .* lacks .*'resize_filter'"):
        config.text("resize_filter")
    with pytest.raises(ModelAssetError, match="'max_pixels'"):
        config.whole_number("max_pixels")


@pytest.mark.parametrize("value", ["", "many", "1.5", "0x10"])
def test_a_parameter_that_is_no_whole_number_is_refused(value: str) -> None:
    with pytest.raises(ModelAssetError, match="digits_r1_step: parameter 'max_pixels' is"):
        read_config({"max_pixels": value}).whole_number("max_pixels")


def test_the_shape_of_an_output_is_what_the_config_fixes() -> None:
    assert read_config().output_shape(PIXELS.name) == (28, 30, 3)


def test_an_output_that_the_config_does_not_declare_is_refused() -> None:
    with pytest.raises(ModelAssetError, match="declares no output LABEL"):
        read_config().output_shape("LABEL")


def test_reading_the_config_sends_pythons_log_to_tritons(triton_log: list[LogLine]) -> None:
    read_config()

    logging.getLogger("python_backends.anything").info("hello")

    assert [line.level for line in triton_log] == ["info"]
    assert triton_log[0].text.endswith("hello")
