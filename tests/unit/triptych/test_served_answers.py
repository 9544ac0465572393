"""How the exporter asks the light environment: a stand-in Python, which is not Triton, answers."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from python_backends.shared.contract import Task
from triptych.errors import EnvironmentUnfit, StartFailed
from triptych.export.served_answers import ServedAnswers, ask_engines, ask_served, serving_python
from triptych.routing import ReleaseName

RELEASE = ReleaseName("digits", 1)
ANSWER = """
import sys
from pathlib import Path
import numpy as np
module, name, repository, release, task, items, answers, *engines = sys.argv[1:]
assert (module, name) == ("-m", "triptych.export.replay"), sys.argv
read = [file.read_bytes().decode() for file in sorted(Path(items).iterdir())]
count = len(read)
features = (
    {"PIXELS": np.full((count, 2, 2, 3), 7, np.uint8)}
    if task == "image-classification"
    else {"INPUT_IDS": np.ones((count, 4), np.int64), "ATTENTION_MASK": np.eye(count, 4)}
)
for engine in ("default", *engines):
    if engine == "broken":
        Path(answers, "broken.txt").write_text("there is no such backend")
        continue
    np.savez(
        Path(answers, engine),
        LABEL=np.array([[f"{repository} {release} {item} {engine}"] for item in read]),
        SCORE=np.ones((count, 1), np.float32),
        LOGITS=np.zeros((count, 3), np.float32),
        STATUS=np.zeros((count, 1), np.uint8),
        **features,
    )
"""


@pytest.fixture
def python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A serving Python that answers as replay does; a test may write another script into it."""
    stand_in = tmp_path / "python"
    write_script(stand_in, ANSWER)
    use(monkeypatch, stand_in)
    return stand_in


def write_script(stand_in: Path, text: str) -> None:
    stand_in.write_text(f"#!{sys.executable}\n{text}")
    stand_in.chmod(0o755)


def use(monkeypatch: pytest.MonkeyPatch, python: Path) -> None:
    """As in the export environment, where there is no Triton."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setenv("TRIPTYCH_SERVING_PYTHON", str(python))


@pytest.mark.usefixtures("python")
def test_pictures_go_out_in_their_order_and_the_steps_tensors_come_back() -> None:
    items = [f"picture {number}".encode() for number in range(12)]

    served = ask_served(Path("/models"), RELEASE, Task.IMAGE_CLASSIFICATION, items)

    asked = [f"/models digits_r1 picture {number} default" for number in range(12)]
    assert served.labels[:, 0].tolist() == asked
    assert (served.scores.shape, served.logits.shape) == ((12, 1), (12, 3))
    assert served.status.tolist() == [[0]] * 12
    (pixels,) = served.features
    assert (pixels.shape, pixels.dtype.name) == ((12, 2, 2, 3), "uint8")


@pytest.mark.usefixtures("python")
def test_texts_have_two_tensors_in_the_order_of_the_networks_inputs() -> None:
    served = ask_served(Path("/models"), RELEASE, Task.TEXT_CLASSIFICATION, [b"a", b"b"])

    ids, mask = served.features
    assert ids.tolist() == [[1] * 4] * 2
    assert mask.tolist() == np.eye(2, 4).tolist()


@pytest.mark.usefixtures("python")
def test_each_engine_answers_for_itself_or_says_why_it_cannot() -> None:
    own, others = ask_engines(
        Path("/models"), RELEASE, Task.IMAGE_CLASSIFICATION, [b"a"], ["openvino", "broken"]
    )

    assert own.labels.tolist() == [["/models digits_r1 a default"]]
    assert set(others) == {"openvino", "broken"}
    assert isinstance(others["openvino"], ServedAnswers)
    assert others["openvino"].labels.tolist() == [["/models digits_r1 a openvino"]]
    assert others["broken"] == "there is no such backend"


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("sys.exit('Triton said no')", "The release cannot be served: Triton said no"),
        (
            "sys.stderr.write('first\\nlast\\n\\n'); sys.exit(1)",
            "The release cannot be served: last",
        ),
        ("sys.exit(3)", "The release cannot be served: no reason given"),
    ],
)
def test_the_last_words_of_a_triton_that_does_not_serve_are_the_sentence(
    python: Path, script: str, sentence: str
) -> None:
    write_script(python, f"import sys\n{script}")

    with pytest.raises(StartFailed) as told:
        ask_served(Path("/models"), RELEASE, Task.IMAGE_CLASSIFICATION, [b""])

    assert str(told.value) == sentence


def test_where_triton_is_installed_it_is_started_with_this_very_python() -> None:
    assert serving_python() == Path(sys.executable)


def test_without_a_serving_environment_the_sentence_says_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, tmp_path / "absent")

    with pytest.raises(EnvironmentUnfit, match=r"absent is not there\..*`make setup`.*TRIPTYCH_"):
        serving_python()


def test_unless_it_is_named_the_serving_environment_lies_beside_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.delenv("TRIPTYCH_SERVING_PYTHON", raising=False)

    assert serving_python() == Path(__file__).resolve().parents[3] / ".venv" / "bin" / "python"


def test_whoever_replays_is_told_when_the_exporter_dies(python: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    write_script(
        python,
        "import ctypes, pathlib, sys\n"
        "signal = ctypes.c_int()\n"
        "ctypes.CDLL(None).prctl(2, ctypes.byref(signal))\n"  # PR_GET_PDEATHSIG
        f"pathlib.Path({str(told)!r}).write_text(str(signal.value))\n"
        "sys.exit('enough')\n",
    )

    with pytest.raises(StartFailed, match="enough"):
        ask_served(Path("/models"), RELEASE, Task.IMAGE_CLASSIFICATION, [b""])

    assert told.read_text() == str(int(signal.SIGTERM))
