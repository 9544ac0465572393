"""A text pipeline small enough to be written here: each known word votes for a label.

tests/data/word_votes.onnx holds the votes: token ids and mask [N, 16] -> four points per word,
[N, 3]; tokens 4 to 18 are the words below, in order.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from triptych.export.preprocess_steps import TextStep
from triptych.export.release_writer import Draft, GoldenInput, Verdict, staged_release

PROJECT = Path(__file__).resolve().parents[1]
WORDS = {
    "sports": ("match", "team", "goal", "race", "won"),
    "food": ("bread", "salt", "soup", "cook", "oven"),
    "weather": ("snow", "rain", "storm", "cold", "wind"),
}
MAX_TOKENS = 16
MAX_TEXT_BYTES = 1000
# softmax of (4, 0, 0) and (8, 0, 0): one vote, two votes.
ONE_VOTE, TWO_VOTES = 0.964664, 0.999329


def _tokenizer() -> bytes:
    words = ("[PAD]", "[UNK]", "[A]", "[B]", *(word for group in WORDS.values() for word in group))
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(length=MAX_TOKENS, pad_id=0, pad_token="[PAD]")
    return str(tokenizer.to_str()).encode()


def write_word_votes(repository: Path, name: str = "words") -> Path:
    """Write release 1 of it."""
    draft = Draft(
        name=name,
        number=1,
        onnx_model=(PROJECT / "tests/data/word_votes.onnx").read_bytes(),
        labels=tuple(WORDS),
        preprocess=TextStep(MAX_TOKENS, _tokenizer(), MAX_TEXT_BYTES),
        top_k=3,
        max_batch_size=32,
        source={"framework": "none"},
    )
    golden = (
        GoldenInput("rain.txt", b"It may rain", "weather", ONE_VOTE),
        GoldenInput("goal.txt", b"The team scored a goal", "sports", TWO_VOTES),
    )
    with staged_release(repository, draft) as staged:
        now = datetime.now(tz=UTC)
        return staged.publish(Verdict(golden), git_commit="unknown", created=now)


def repository_with_words(target: Path) -> Path:
    """Copy what is shipped, without what somebody built beside it, and add the text pipeline."""
    target.mkdir()
    for folder in (PROJECT / "model_repository").glob("digits_r1*"):
        shutil.copytree(folder, target / folder.name)
    write_word_votes(target)
    return target
