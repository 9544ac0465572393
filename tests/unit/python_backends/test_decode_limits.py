from __future__ import annotations

import pytest

from python_backends.image_preprocess.decode_limits import DecodeLimits
from tests.fakes.fake_cores import fake_cores


@pytest.mark.parametrize(("cores", "decoders"), [(1, 1), (3, 3), (16, 4)])
def test_there_is_a_decoder_for_each_core_and_four_at_most(
    monkeypatch: pytest.MonkeyPatch, cores: int, decoders: int
) -> None:
    fake_cores(monkeypatch, cores)

    assert DecodeLimits.from_parameters({"max_pixels": "100"}).processes == decoders
