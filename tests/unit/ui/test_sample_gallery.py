from __future__ import annotations

from pathlib import Path

import pytest

from ui.components.sample_gallery import MOST_SAMPLES, find_samples, read_sample


@pytest.fixture
def examples_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "examples" / "digits" / "samples"
    folder.mkdir(parents=True)
    for name in ("seven.jpg", "one.png", "two.WEBP", "labels.csv"):
        (folder / name).write_bytes(b"picture")
    return tmp_path / "examples"


def test_samples_are_the_pictures_in_order_of_their_names(examples_dir: Path) -> None:
    names = [file.name for file in find_samples(examples_dir, "digits")]

    assert names == ["one.png", "seven.jpg", "two.WEBP"]


def test_without_a_folder_there_are_no_samples(examples_dir: Path) -> None:
    assert find_samples(None, "digits") == ()
    assert find_samples(examples_dir, "flowers") == ()


@pytest.mark.parametrize("alias", ["../examples/digits", "/etc", "..", ".", ""])
def test_an_alias_cannot_lead_out_of_the_folder(examples_dir: Path, alias: str) -> None:
    assert find_samples(examples_dir / "digits", alias) == ()


def test_a_gallery_stays_a_gallery(tmp_path: Path) -> None:
    folder = tmp_path / "digits" / "samples"
    folder.mkdir(parents=True)
    for number in range(MOST_SAMPLES + 5):
        (folder / f"{number:03}.png").touch()

    assert len(find_samples(tmp_path, "digits")) == MOST_SAMPLES


def test_a_sample_that_has_gone_is_not_read(examples_dir: Path) -> None:
    file = find_samples(examples_dir, "digits")[0]
    file.unlink()

    assert read_sample(file) is None
