from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from python_backends.shared.contract import Status
from python_backends.shared.errors import InvalidInput, ModelAssetError
from python_backends.shared.image_batch import STATUS_OF as IMAGE_STATUS_OF
from python_backends.shared.text_batch import STATUS_OF, TextEncoder
from tests.unit.python_backends.small_tokenizer import LENGTH, small_tokenizer

BLANK = [2, 3, 0, 0, 0, 0, 0, 0]
BLANK_MASK = [1, 1, 0, 0, 0, 0, 0, 0]


def texts(*items: bytes) -> NDArray[np.object_]:
    """As Triton hands BYTES [1] over: [N, 1], object."""
    batch = np.empty((len(items), 1), np.object_)
    batch[:, 0] = items
    return batch


def encoder(max_text_bytes: int = 1000) -> TextEncoder:
    return TextEncoder(small_tokenizer(), max_tokens=LENGTH, max_text_bytes=max_text_bytes)


def test_texts_become_ids_with_padding_that_the_mask_hides() -> None:
    ids, mask, status = encoder().encode_texts(texts(b"red sky", b"blue"))

    assert ids.tolist() == [[2, 4, 7, 3, 0, 0, 0, 0], [2, 6, 3, 0, 0, 0, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0]]
    assert status.tolist() == [[Status.OK], [Status.OK]]
    assert [array.dtype.name for array in (ids, mask, status)] == ["int64", "int64", "uint8"]


def test_a_text_of_exactly_the_length_is_whole_and_one_word_more_is_cut() -> None:
    exact, longer = b"red " * (LENGTH - 2), b"red " * (LENGTH - 1)

    ids, mask, status = encoder().encode_texts(texts(exact, longer))

    assert ids.tolist() == [[2, 4, 4, 4, 4, 4, 4, 3]] * 2
    assert mask.tolist() == [[1] * LENGTH] * 2
    assert status[:, 0].tolist() == [Status.OK, Status.TRUNCATED]


def test_each_bad_text_fails_alone_and_blank_stands_in_its_place() -> None:
    ids, mask, status = encoder(max_text_bytes=20).encode_texts(
        texts(b"red", b"\xff\xfe", b"blue " * 5, "größer".encode("latin-1"), b"sky")
    )

    assert status[:, 0].tolist() == [
        Status.OK,
        Status.UNDECODABLE,
        Status.TOO_LARGE,
        Status.UNDECODABLE,
        Status.OK,
    ]
    assert ids[1:4].tolist() == [BLANK] * 3
    assert mask[1:4].tolist() == [BLANK_MASK] * 3  # a mask of zeros would divide by zero in a mean
    assert ids[0].tolist() == [2, 4, 3, 0, 0, 0, 0, 0]
    assert ids[4].tolist() == [2, 7, 3, 0, 0, 0, 0, 0]


def test_bytes_are_counted_not_characters() -> None:
    _, _, status = encoder(max_text_bytes=6).encode_texts(texts("ñññ".encode(), "ññññ".encode()))

    assert status[:, 0].tolist() == [Status.OK, Status.TOO_LARGE]


def test_a_batch_of_nothing_but_bad_texts_is_answered() -> None:
    ids, mask, status = encoder().encode_texts(texts(b"\xff", b"\xff"))

    assert ids.tolist() == [BLANK] * 2
    assert mask.tolist() == [BLANK_MASK] * 2
    assert status[:, 0].tolist() == [Status.UNDECODABLE] * 2


@pytest.mark.parametrize("text", [b"", b"   ", b"\n\t"])
def test_an_empty_text_is_a_text(text: bytes) -> None:
    ids, mask, status = encoder().encode_texts(texts(text))

    assert (ids.tolist(), mask.tolist()) == ([BLANK], [BLANK_MASK])
    assert status[:, 0].tolist() == [Status.OK]


@pytest.mark.parametrize("text", ["東京 \U0001f600", "a\x00b", "\ufeffred", "unknown"])
def test_words_that_nobody_knows_are_no_fault_of_the_text(text: str) -> None:
    ids, _, status = encoder().encode_texts(texts(text.encode()))

    assert ids.shape == (1, LENGTH)
    assert 1 in ids
    assert status[:, 0].tolist() == [Status.OK]


def test_an_item_is_the_same_alone_and_in_a_batch() -> None:
    items = [b"red", b"red green blue sky word red green blue", b"\xff", b""]
    together = encoder().encode_texts(texts(*items))

    alone = [encoder().encode_texts(texts(item)) for item in items]

    for column in range(3):
        expected = np.concatenate([answer[column] for answer in alone])
        np.testing.assert_array_equal(together[column], expected)


def test_a_tokenizer_that_does_not_pad_is_refused() -> None:
    with pytest.raises(ModelAssetError, match=r"makes \[2, 8\] tokens, config\.pbtxt says 8"):
        TextEncoder(small_tokenizer(padding=False), max_tokens=LENGTH, max_text_bytes=100)


def test_a_tokenizer_of_another_length_is_refused() -> None:
    with pytest.raises(ModelAssetError, match=r"makes \[8\] tokens, config\.pbtxt says 16"):
        TextEncoder(small_tokenizer(), max_tokens=16, max_text_bytes=100)


def test_a_tokenizer_that_does_not_truncate_is_refused() -> None:
    tokenizer = small_tokenizer()
    tokenizer.no_truncation()

    with pytest.raises(ModelAssetError, match=r"makes \[8, 10\] tokens"):
        TextEncoder(tokenizer, max_tokens=LENGTH, max_text_bytes=100)


def test_a_tokenizer_is_read_back_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_text(small_tokenizer().to_str())

    read = TextEncoder.from_file(file, max_tokens=LENGTH, max_text_bytes=100)

    ids, mask, status = read.encode_texts(texts(b"red sky"))
    assert ids.tolist() == [[2, 4, 7, 3, 0, 0, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 1, 0, 0, 0, 0]]
    assert status.tolist() == [[Status.OK]]


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff"])
def test_a_damaged_file_is_named_a_fault_of_the_model(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_bytes(content)

    with pytest.raises(ModelAssetError, match="cannot read the tokenizer"):
        TextEncoder.from_file(file, max_tokens=LENGTH, max_text_bytes=100)


def test_images_and_texts_have_a_status_for_every_kind_of_bad_input() -> None:
    assert set(STATUS_OF) | set(IMAGE_STATUS_OF) == set(InvalidInput.__subclasses__())
