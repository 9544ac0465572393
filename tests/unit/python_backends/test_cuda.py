from __future__ import annotations

import logging
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from python_backends.shared import cuda
from tests.fakes.fake_cupy import install_fake_cupy


def test_without_cupy_there_is_no_card() -> None:
    assert cuda.find_card(0) is None


def test_a_card_is_found_and_used(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install_fake_cupy(monkeypatch, cards=2)

    card = cuda.find_card(1)

    assert card is not None
    assert (card.number, fake.used) == (1, 1)


def test_a_card_that_is_not_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_cupy(monkeypatch, cards=1)

    assert cuda.find_card(1) is None


def test_a_machine_without_a_driver_has_no_card_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install_fake_cupy(monkeypatch, cards=0)

    with caplog.at_level(logging.INFO):
        assert cuda.find_card(0) is None

    assert "driver version is insufficient" in caplog.text


def test_a_cupy_that_lacks_its_libraries_is_none_and_the_log_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cupy.py").write_text('raise ImportError("libnvrtc.so.12 cannot be opened")\n')
    monkeypatch.syspath_prepend(tmp_path)

    assert cuda.find_card(0) is None

    assert "libnvrtc.so.12" in caplog.text


def test_arrays_go_to_the_card_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    install_fake_cupy(monkeypatch)
    card = cuda.find_card(0)
    assert card is not None
    host = np.arange(3)

    taken = card.take(host)
    host[0] = 9

    assert cuda.is_on_card(taken)
    assert not cuda.is_on_card(host)
    assert cuda.to_host(taken).tolist() == [0, 1, 2]
    assert cuda.to_host(host) is host
    assert card.take(taken) is taken


def test_arrays_are_joined_on_the_card_if_one_of_them_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake: ModuleType = install_fake_cupy(monkeypatch)
    first, second = np.zeros((1, 2)), np.ones((2, 2))

    assert cuda.join([first]) is first
    assert isinstance(cuda.join([first, second]), np.ndarray)
    mixed = cuda.join([first, fake.asarray(second)])
    assert cuda.is_on_card(mixed)
    assert cuda.to_host(mixed).tolist() == [[0, 0], [1, 1], [1, 1]]
