"""ResNet-50 in fp16 for the benchmark of a card: the same answers, but for the shorter numbers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime

from benchmarks.gpu_network import halve
from benchmarks.networks import INPUT, OUTPUT, SIZE_PIXELS, tiny


def test_a_halved_network_takes_and_answers_floats_and_differs_little() -> None:
    network = tiny()
    pixels = np.random.default_rng(0).normal(0, 1, (2, 3, SIZE_PIXELS, SIZE_PIXELS))
    feeds = {INPUT: pixels.astype(np.float32)}

    answers = []
    for model in (network.SerializeToString(), halve(network).SerializeToString()):
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        (logits,) = session.run([OUTPUT], feeds)
        answers.append(logits)

    assert answers[1].dtype == np.float32
    np.testing.assert_allclose(answers[1], answers[0], atol=0.01 * np.abs(answers[0]).max())
    weights = {onnx.TensorProto.DataType.Name(it.data_type) for it in network.graph.initializer}
    assert weights == {"FLOAT16"}
