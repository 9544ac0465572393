"""The JSON of an inference request, field by field: what is not on a list here is refused."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.data_plane.open_inference.infer_request import OUTPUTS, Accepted, WantedOutput
from gateway.data_plane.open_inference.strict_json import load_object, shown
from gateway.errors import InvalidInferRequest
from python_backends.shared.contract import ITEM_OF, Task, TensorSpec

_REQUEST_FIELDS: Final = frozenset({"id", "parameters", "inputs", "outputs"})
_INPUT_FIELDS: Final = frozenset({"name", "datatype", "shape", "parameters", "data"})
_OUTPUT_FIELDS: Final = frozenset({"name", "parameters"})
_BINARY_OUTPUTS: Final = "binary_data_output"
_BINARY_SIZE: Final = "binary_data_size"
_BINARY: Final = "binary_data"
_MAX_ID_CHARACTERS: Final = 256
_OUTPUT_OF: Final = {spec.name: spec for spec in OUTPUTS}


@dataclass(frozen=True, slots=True)
class Header:
    """What the JSON says; the elements themselves may lie behind it."""

    id: str
    count: int
    """How many items there are."""
    outputs: tuple[WantedOutput, ...]
    binary_size: int | None
    """Bytes of the tensor behind the JSON; None where `items` holds the elements."""
    items: tuple[bytes, ...]


def read_header(text: bytes, accepted: Accepted) -> Header:
    """Read the JSON of a request.

    Raises:
        InvalidInferRequest: any part of it is malformed, unknown or not offered here.
    """
    document = load_object(text, max_items=accepted.max_items)
    _check_fields(document, "the request", _REQUEST_FIELDS)
    parameters = _parameters(document, "the request", _BINARY_OUTPUTS)
    is_binary = _flag(parameters, _BINARY_OUTPUTS, default=False)
    tensor = _only_input(document)
    count = _checked_tensor(tensor, ITEM_OF[accepted.task], accepted.max_items)
    size = _binary_size(tensor)
    return Header(
        id=_id(document),
        count=count,
        outputs=_outputs(document, is_binary=is_binary),
        binary_size=size,
        items=() if size is not None else _elements(tensor, count, accepted.task),
    )


def all_outputs(*, is_binary: bool) -> tuple[WantedOutput, ...]:
    """What is answered where a request names no output."""
    return tuple(WantedOutput(spec, is_binary) for spec in OUTPUTS)


def _check_fields(value: dict[str, object], where: str, known: frozenset[str]) -> None:
    unknown = value.keys() - known
    if unknown:
        raise InvalidInferRequest(f"{where} holds the unknown field {shown(min(unknown))}")


def _object(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise InvalidInferRequest(f"{where} is no JSON object")
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidInferRequest(f"{where} is no JSON list")
    return value


def _parameters(owner: dict[str, object], where: str, taken: str) -> dict[str, object]:
    parameters = _object(owner.get("parameters", {}), f"parameters of {where}")
    unknown = parameters.keys() - {taken}
    if unknown:
        raise InvalidInferRequest(
            f"the parameter {shown(min(unknown))} of {where} is not taken here; only {taken} is"
        )
    return parameters


def _flag(parameters: dict[str, object], name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise InvalidInferRequest(f"the parameter {name} is neither true nor false")
    return value


def _id(document: dict[str, object]) -> str:
    value = document.get("id", "")
    if not isinstance(value, str) or len(value) > _MAX_ID_CHARACTERS:
        raise InvalidInferRequest(f"id is no string of at most {_MAX_ID_CHARACTERS} characters")
    _utf8(value, "id")
    return value


def _utf8(value: str, where: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as exc:
        raise InvalidInferRequest(f"{where} holds half a surrogate pair") from exc


def _only_input(document: dict[str, object]) -> dict[str, object]:
    inputs = _list(document.get("inputs"), "inputs")
    if len(inputs) != 1:
        raise InvalidInferRequest(f"the request holds {len(inputs)} inputs; this model has one")
    tensor = _object(inputs[0], "inputs[0]")
    _check_fields(tensor, "inputs[0]", _INPUT_FIELDS)
    return tensor


def _checked_tensor(tensor: dict[str, object], spec: TensorSpec, max_items: int) -> int:
    for field, right in (("name", spec.name), ("datatype", spec.dtype)):
        if tensor.get(field) != right:
            said = tensor.get(field)
            found = shown(said) if isinstance(said, str) else "missing or no string"
            raise InvalidInferRequest(f"{field} of the input is {found}; it must be {right!r}")
    match tensor.get("shape"):
        # true is an integer to Python, and equal to 1.
        case [int(count), 1 as width] if type(count) is type(width) is int:
            if 1 <= count <= max_items:
                return count
    raise InvalidInferRequest(
        f"shape of {spec.name} must be [n, 1]: n items from 1 to {max_items}, one element each"
    )


def _binary_size(tensor: dict[str, object]) -> int | None:
    parameters = _parameters(tensor, "inputs[0]", _BINARY_SIZE)
    if (_BINARY_SIZE in parameters) == ("data" in tensor):
        raise InvalidInferRequest(f"the input needs either data or the parameter {_BINARY_SIZE}")
    if not parameters:
        return None
    size = parameters[_BINARY_SIZE]
    if type(size) is not int or size < 0:
        raise InvalidInferRequest(f"the parameter {_BINARY_SIZE} is no number of bytes")
    return size


def _elements(tensor: dict[str, object], count: int, task: Task) -> tuple[bytes, ...]:
    elements: Sequence[object] = _list(tensor["data"], "data")
    if elements and all(isinstance(row, list) and len(row) == 1 for row in elements):
        elements = [row[0] for row in elements if isinstance(row, list)]
    if len(elements) != count:
        raise InvalidInferRequest(f"data has {len(elements)} elements; shape says {count}")
    return tuple(_element(it, f"data[{place}]", task) for place, it in enumerate(elements))


def _element(value: object, where: str, task: Task) -> bytes:
    if not isinstance(value, str):
        raise InvalidInferRequest(f"{where} is no string")
    if task is Task.TEXT_CLASSIFICATION:
        return _utf8(value, where)
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as exc:
        raise InvalidInferRequest(f"{where} is not base64, which JSON needs for images") from exc


def _outputs(document: dict[str, object], *, is_binary: bool) -> tuple[WantedOutput, ...]:
    asked = _list(document.get("outputs", []), "outputs")
    if not asked:
        return all_outputs(is_binary=is_binary)
    wanted = tuple(_output(it, is_binary=is_binary) for it in asked)
    if len({it.spec.name for it in wanted}) != len(wanted):
        raise InvalidInferRequest("outputs names one of them twice")
    return wanted


def _output(value: object, *, is_binary: bool) -> WantedOutput:
    asked = _object(value, "an entry of outputs")
    _check_fields(asked, "an entry of outputs", _OUTPUT_FIELDS)
    name = asked.get("name")
    spec = _OUTPUT_OF.get(name) if isinstance(name, str) else None
    if spec is None:
        raise InvalidInferRequest(f"an output has no name out of {', '.join(_OUTPUT_OF)}")
    parameters = _parameters(asked, f"output {spec.name}", _BINARY)
    return WantedOutput(spec, _flag(parameters, _BINARY, default=is_binary))
