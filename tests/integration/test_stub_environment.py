"""Inside a real stub: the packages are the real ones, and only our Triton's processes are there."""

from __future__ import annotations

import psutil

from benchmarks.local_stack import LocalStack


def stub_of(stack: LocalStack, model: str) -> psutil.Process:
    """The stub that serves one model; its first argument is the model's path."""
    children = psutil.Process(stack.triton["pid"]).children()
    return next(child for child in children if f"/{model}/" in child.cmdline()[1] + "/")


def test_onnxruntime_in_its_stub_is_the_real_package_and_not_our_folder(stack: LocalStack) -> None:
    stub = stub_of(stack, "digits_r1_model")
    mapped = {mapping.path for mapping in stub.memory_maps()}
    assert any("/site-packages/onnxruntime/capi/" in path for path in mapped)


def test_numpy_in_a_stub_is_below_two(stack: LocalStack) -> None:
    stub = stub_of(stack, "digits_r1_preprocess")
    mapped = {mapping.path for mapping in stub.memory_maps()}
    # numpy 2 moved its compiled core to numpy/_core.
    assert any("/site-packages/numpy/core/" in path for path in mapped)
    assert not any("/site-packages/numpy/_core/" in path for path in mapped)
