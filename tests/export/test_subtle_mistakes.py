"""What would look like a good release and is none; and what looks odd and is good."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
import transformers

from tests.export import checkpoints
from tests.export.export_command import as_arguments, assert_refused, run_export
from tests.export.exported_sources import TRANSFORM, ExportedSources
from tests.unit.triptych.command_line import Ended
from triptych.errors import SourceUnfit
from triptych.export.loaded_model import SourceOptions
from triptych.export.sources.sentence_topics import check_modules, read_pooling

NETWORKS = "torch:tests.export.odd_networks"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "colours.safetensors"
    safetensors.torch.save_file(checkpoints.fitted_colour_net().state_dict(), file)
    return file


def export_network(
    monkeypatch: pytest.MonkeyPatch,
    exports: ExportedSources,
    weights: Path,
    factory: str,
    *options: object,
) -> Ended:
    given = as_arguments(SourceOptions(weights=weights, transform=TRANSFORM), weights.parent)
    golden = ("--golden", exports.pictures)
    models = weights.parent / "models"
    return run_export(monkeypatch, models, f"{NETWORKS}:{factory}", *given, *golden, *options)


def test_a_final_softmax_is_cut_off_and_the_scores_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources, weights: Path
) -> None:
    ended = export_network(monkeypatch, exports, weights, "Probabilities", "--max-batch-size", 4)

    report = json.loads((tmp_path / "models/colours_r1/release.json").read_text())["parity"]
    assert ended.exit_code == 0, ended.errors
    assert report["scores"]["largest"] < 1e-3
    assert report["model_logits"] is None


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("HiddenProbabilities", "answers with probabilities"),
        ("HiddenSigmoid", "ends in a sigmoid"),
        ("OneOutput", "two or more classes"),
        ("leaves", "cannot be called"),
    ],
)
def test_a_network_that_would_be_served_wrongly_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    exports: ExportedSources,
    weights: Path,
    factory: str,
    words: str,
) -> None:
    ended = export_network(monkeypatch, exports, weights, factory)

    assert_refused(ended, weights.parent / "models", words)


def test_a_network_whose_answer_hangs_on_the_rest_of_the_batch_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, exports: ExportedSources, weights: Path
) -> None:
    ended = export_network(monkeypatch, exports, weights, "Neighbours")

    assert ended.exit_code == 3
    assert "NOT promotable" in ended.output


@pytest.mark.parametrize(
    ("labels", "words"), [("red\nred\nblue\n", "twice"), ("red\ngr\x0ben\nblue\n", "4 labels")]
)
def test_labels_that_could_be_mistaken_are_refused(
    monkeypatch: pytest.MonkeyPatch,
    exports: ExportedSources,
    weights: Path,
    labels: str,
    words: str,
) -> None:
    file = weights.parent / "labels.txt"
    file.write_text(labels)

    ended = export_network(monkeypatch, exports, weights, "Probabilities", "--labels", file)

    assert_refused(ended, weights.parent / "models", words)


def test_the_mark_that_some_editors_put_first_is_no_part_of_a_label(
    monkeypatch: pytest.MonkeyPatch, exports: ExportedSources, weights: Path
) -> None:
    file = weights.parent / "labels.txt"
    file.write_bytes(b"\xef\xbb\xbfred\ngreen\nblue\n")

    ended = export_network(monkeypatch, exports, weights, "Probabilities", "--labels", file)

    certificate = json.loads((weights.parent / "models/colours_r1/release.json").read_text())
    assert ended.exit_code == 0, ended.errors
    assert certificate["labels"] == ["red", "green", "blue"]


def test_labels_whose_numbers_have_gaps_are_not_moved_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exports: ExportedSources
) -> None:
    folder = Path(shutil.copytree(exports.source("resnet").source, tmp_path / "resnet"))
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {"1": "red", "2": "green", "3": "blue"}
    (folder / "config.json").write_text(json.dumps(config))

    ended = run_export(monkeypatch, tmp_path / "models", folder)

    assert_refused(ended, tmp_path / "models", "id2label")


def test_a_tokenizer_whose_padding_changes_the_answer_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """GPT-2 counts positions from the left, where this tokenizer pads."""
    torch.manual_seed(0)
    tokens = checkpoints.tokenizer()
    config = transformers.GPT2Config(
        vocab_size=len(tokens),
        n_positions=64,
        n_embd=32,
        n_layer=2,
        n_head=2,
        pad_token_id=tokens.pad_token_id,
        initializer_range=0.5,
        **checkpoints.LABELS,
    )
    model = transformers.GPT2ForSequenceClassification(config)
    model.save_pretrained(tmp_path / "gpt")
    tokens.save_pretrained(tmp_path / "gpt")
    file = tmp_path / "gpt" / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"padding_side": "left"}))
    texts = [checkpoints.sentence(colour, number) for colour in range(3) for number in range(9)]
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "golden.txt").write_text("\n".join(texts))

    golden = ("--golden", tmp_path / "texts")
    ended = run_export(monkeypatch, tmp_path / "models", tmp_path / "gpt", *golden)

    assert ended.exit_code == 3, ended.output
    assert "parity gate: " in ended.output


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("modules.json", [{"type": "sentence_transformers.models.Dense"}]),
        ("sentence_bert_config.json", {"do_lower_case": True}),
        ("config_sentence_transformers.json", {"default_prompt_name": "query"}),
    ],
)
def test_what_a_sentence_encoder_does_besides_is_not_left_out_silently(
    tmp_path: Path, file: str, content: object
) -> None:
    check_modules(tmp_path)  # nothing is said, nothing is wrong
    (tmp_path / file).write_text(json.dumps(content))

    with pytest.raises(SourceUnfit, match="The encoder "):
        check_modules(tmp_path)


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode_max_tokens": True}, None),
        ({"pooling_mode": "lasttoken"}, None),
        ({"word_embedding_dimension": 8}, None),
    ],
)
def test_pooling_is_read_or_refused_and_never_guessed(
    tmp_path: Path, config: dict[str, object], pooling: str | None
) -> None:
    assert read_pooling(tmp_path) == "mean"
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(config))

    if pooling is None:
        with pytest.raises(SourceUnfit, match="pools in a way"):
            read_pooling(tmp_path)
    else:
        assert read_pooling(tmp_path) == pooling
