"""A tokenizer that knows five words and brings every text to eight tokens."""

from __future__ import annotations

from tokenizers import Tokenizer, models, pre_tokenizers, processors

LENGTH = 8
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "green", "blue", "sky", "word")


def small_tokenizer(length: int = LENGTH, *, padding: bool = True) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(length)
    if padding:
        tokenizer.enable_padding(pad_id=0, pad_token="[PAD]", length=length)
    return tokenizer
