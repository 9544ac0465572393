from __future__ import annotations

from ui.written_text import WrittenText


def test_a_text_keeps_out_of_what_may_be_logged() -> None:
    assert "secret" not in repr(WrittenText("a secret"))


def test_the_same_text_is_the_same_question_and_another_is_not() -> None:
    assert WrittenText("a").digest == WrittenText("a").digest
    assert WrittenText("a").digest != WrittenText("b").digest


def test_half_a_character_can_be_sent_and_is_for_the_gateway_to_refuse() -> None:
    assert WrittenText("\ud83d").data == b'{"text": "\\ud83d"}'
