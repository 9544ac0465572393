"""Requests and answers that OpenAPI shows: of digits_r1 and topics_r1, shortened."""

from __future__ import annotations

from typing import Any, Final

# A seven, 16 by 16 pixels.
_SEVEN: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQAAAAA3iMLMAAAAJUlEQVR42mP4/58BiA7wg9D/8wz/"
    "54ORPQj9qwehP/9B6D8UAQBP/RoLdtFPfQAAAABJRU5ErkJggg=="
)
_ID: Final = "6f1d0c1e9a3b4c5d8e7f60718293a4b5"
_TIMING: Final = {"total_ms": 6.2, "triton_ms": 4.9}
_DIGITS: Final = {"request_id": _ID, "alias": "digits", "release": "digits_r1"}
_TOPICS: Final = {"request_id": _ID, "alias": "topics", "release": "topics_r1"}
_IS_SEVEN: Final = [{"label": "7", "score": 0.9905}, {"label": "0", "score": 0.0037}]

PREDICTED: Final[dict[str, Any]] = {
    "image": {
        "summary": "One image",
        "value": {**_DIGITS, "predictions": _IS_SEVEN, "timing": _TIMING},
    },
    "form": {
        "summary": "A form of two, one of which is no image",
        "value": {
            **_DIGITS,
            "results": [
                {"filename": "seven.jpg", "predictions": _IS_SEVEN},
                {
                    "filename": "notes.txt",
                    "error": {
                        "code": "undecodable_image",
                        "message": "the bytes are not a whole JPEG, PNG or WebP",
                    },
                },
            ],
            "timing": _TIMING,
        },
    },
    "text": {
        "summary": "One text, of which only the first part was read",
        "value": {
            **_TOPICS,
            "predictions": [{"label": "weather", "score": 0.97}, {"label": "sport", "score": 0.01}],
            "truncated": True,
            "timing": _TIMING,
        },
    },
}


def _input(name: str, element: str) -> dict[str, Any]:
    tensor = {"name": name, "datatype": "BYTES", "shape": [1, 1], "data": [element]}
    return {"inputs": [tensor]}


INFER: Final[dict[str, Any]] = {
    "image": {"summary": "One image, as base64 (digits)", "value": _input("IMAGE", _SEVEN)},
    "text": {
        "summary": "One text, as it is (topics)",
        "value": _input("TEXT", "It may rain tonight."),
    },
}
_LABELS: Final = ["7", "1", "6", "0", "3", "4", "2", "9", "8", "5"]
_SCORES: Final = [0.9511, 0.0323, 0.004, 0.0037, 0.0026, 0.0024, 0.0016, 0.0009, 0.0008, 0.0007]
INFERRED: Final[dict[str, Any]] = {
    "model_name": "digits",
    "model_version": "1",
    "parameters": {"release": "digits_r1"},
    "outputs": [
        {"name": "LABEL", "datatype": "BYTES", "shape": [1, 10], "data": _LABELS},
        {"name": "SCORE", "datatype": "FP32", "shape": [1, 10], "data": _SCORES},
        {"name": "STATUS", "datatype": "UINT8", "shape": [1, 1], "data": [0]},
    ],
}
SERVER: Final[dict[str, Any]] = {
    "name": "triptych",
    "version": "0.1.0",
    "extensions": ["binary_tensor_data", "model_configuration", "statistics"],
}
LIVE: Final[dict[str, Any]] = {"live": True}
READY: Final[dict[str, Any]] = {"ready": True}
METADATA: Final[dict[str, Any]] = {
    "name": "digits",
    "versions": ["1"],
    "platform": "ensemble",
    "inputs": [
        {
            "name": "IMAGE",
            "datatype": "BYTES",
            "shape": [-1, 1],
            "parameters": {
                "content": "one encoded image per element: JPEG, PNG or WebP",
                "json_strings": "base64",
            },
        }
    ],
    "outputs": [
        {"name": "LABEL", "datatype": "BYTES", "shape": [-1, 10]},
        {"name": "SCORE", "datatype": "FP32", "shape": [-1, 10]},
        {"name": "STATUS", "datatype": "UINT8", "shape": [-1, 1]},
    ],
}
CONFIGURATION: Final[dict[str, Any]] = {
    "name": "digits",
    "max_batch_size": 32,
    "input": [{"name": "IMAGE", "data_type": "TYPE_STRING", "dims": [1]}],
    "output": [
        {"name": "LABEL", "data_type": "TYPE_STRING", "dims": [10]},
        {"name": "SCORE", "data_type": "TYPE_FP32", "dims": [10]},
        {"name": "STATUS", "data_type": "TYPE_UINT8", "dims": [1]},
    ],
}
STATISTICS: Final[dict[str, Any]] = {
    "model_stats": [
        {
            "name": "digits",
            "version": "1",
            "last_inference": 1795367167093,
            "inference_count": 82,
            "execution_count": 81,
            "inference_stats": {
                "success": {"count": 81, "ns": 1081016498},
                "fail": {"count": 0, "ns": 0},
                "queue": {"count": 81, "ns": 223287},
                "compute_input": {"count": 81, "ns": 8138178},
                "compute_infer": {"count": 81, "ns": 994822721},
                "compute_output": {"count": 81, "ns": 58175430},
                "cache_hit": {"count": 0, "ns": 0},
                "cache_miss": {"count": 0, "ns": 0},
            },
            "batch_stats": [],
            "response_stats": {},
            "memory_usage": [],
        }
    ]
}
