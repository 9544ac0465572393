from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from python_backends.shared.contract import Task
from tests.unit.triptych.pixel_network import PURE, answers, refuse
from triptych.errors import OptionInvalid
from triptych.export.exporter import keep_golden
from triptych.export.golden_inputs import TEXTS, Item, builtin_items, read_items


def test_pictures_of_every_format_are_found_in_folders_of_folders(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.PNG", "cats/c.webp", "cats/d.jpeg", "notes.txt", "e.gif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())

    items = read_items(tmp_path, Task.IMAGE_CLASSIFICATION)

    assert items == [
        Item("a.PNG", b"a.PNG"),
        Item("b.jpg", b"b.jpg"),
        Item("cats-c.webp", b"cats/c.webp"),
        Item("cats-d.jpeg", b"cats/d.jpeg"),
    ]


def test_each_line_of_a_text_file_is_an_input_and_empty_ones_are_none(tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("first\n\n  \nzweiter Satz, größer\n", "utf-8")
    (tmp_path / "one.txt").write_text("alone\n")
    (tmp_path / "picture.jpg").touch()

    items = read_items(tmp_path, Task.TEXT_CLASSIFICATION)

    assert items == [
        Item("many-001.txt", b"first"),
        Item("many-002.txt", "zweiter Satz, größer".encode()),
        Item("one.txt", b"alone"),
    ]


def test_inputs_of_equal_names_in_two_folders_stay_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.txt").write_text("one\ntwo\n")
        (tmp_path / folder / "same.jpg").touch()

    for task in Task:
        names = [item.name for item in read_items(tmp_path, task)]
        assert len(names) == len(set(names)), names


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (Task.IMAGE_CLASSIFICATION, "holds no JPEG, PNG or WebP files"),
        (Task.TEXT_CLASSIFICATION, "holds no .txt files with a text on each line"),
    ],
)
def test_a_folder_without_inputs_is_refused(tmp_path: Path, task: Task, words: str) -> None:
    (tmp_path / "empty.txt").write_text("\n \n")

    with pytest.raises(OptionInvalid, match=words):
        read_items(tmp_path, task)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionInvalid, match=f"There is no folder {tmp_path}/absent"):
        read_items(tmp_path / "absent", Task.IMAGE_CLASSIFICATION)


def test_a_text_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("größer".encode("latin-1"))

    with pytest.raises(OptionInvalid, match=r"latin\.txt is not UTF-8"):
        read_items(tmp_path, Task.TEXT_CLASSIFICATION)


def test_the_built_in_pictures_have_all_formats_and_sizes_and_are_the_same_every_time() -> None:
    items = builtin_items(Task.IMAGE_CLASSIFICATION)

    pictures = {item.name: Image.open(io.BytesIO(item.encoded)) for item in items}
    assert {picture.format for picture in pictures.values()} == {"JPEG", "PNG", "WEBP"}
    assert {picture.mode for picture in pictures.values()} == {"RGB", "L"}
    assert pictures["tall.webp"].size == (180, 560)
    assert pictures["tiny.png"].size == (8, 8)
    assert len({item.encoded for item in items}) == len(items)
    assert items == builtin_items(Task.IMAGE_CLASSIFICATION)


def test_the_built_in_texts_are_different_sentences() -> None:
    items = builtin_items(Task.TEXT_CLASSIFICATION)

    assert [item.encoded.decode() for item in items] == list(TEXTS)
    assert len({item.name for item in items}) == len(set(TEXTS)) == 20


def pictures(count: int) -> list[Item]:
    return [Item(f"{number:02d}.png", b"picture") for number in range(count)]


def test_canaries_replay_as_many_different_labels_as_there_are() -> None:
    many_reds_and_one_blue = PURE[[0] * 20 + [2]]

    kept = keep_golden(pictures(21), answers(many_reds_and_one_blue))

    assert len(kept) == 12
    assert [item.label for item in kept].count("blue") == 1
    blue = next(item for item in kept if item.label == "blue")
    assert (blue.file_name, blue.encoded) == ("20.png", b"picture")
    assert blue.score == pytest.approx(answers(PURE).scores[2, 0], abs=1e-6)


def test_an_answer_that_could_turn_over_is_replayed_only_if_there_is_nothing_clearer() -> None:
    logits = [[5.0, 4.99, 0.0], *[[5.0, 0.0, 0.0]] * 12]
    pixels = np.zeros((13, 3), np.uint8)

    kept = keep_golden(pictures(13), answers(pixels, np.array(logits)))

    assert "00.png" not in {item.file_name for item in kept}
    assert len(keep_golden(pictures(1), answers(pixels[:1], np.array(logits[:1])))) == 1


def test_a_large_file_is_replayed_only_if_there_are_few_others() -> None:
    large = [Item("00.png", bytes(1_000_001)), *pictures(13)[1:]]
    served = answers(np.repeat(PURE[:1], 13, axis=0))

    kept = keep_golden(large, served)

    assert len(kept) == 12
    assert "00.png" not in {item.file_name for item in kept}


def test_what_was_refused_is_never_replayed() -> None:
    served = refuse(answers(PURE), 1)

    assert [item.file_name for item in keep_golden(pictures(3), served)] == ["00.png", "02.png"]
    with pytest.raises(OptionInvalid, match="refused every golden input"):
        keep_golden(pictures(3), refuse(refuse(served, 0), 2))


def test_one_label_is_as_clear_as_its_score() -> None:
    served = answers(PURE)
    top_1 = replace(served, labels=served.labels[:, :1], scores=served.scores[:, :1])

    assert len(keep_golden(pictures(3), top_1)) == 3
