"""The model step of a stand-in for a native backend: one network, one inference per batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from python_backends.shared import triton_io


class Network(Protocol):
    """What an engine makes of a model file."""

    def infer(
        self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> list[NDArray[Any]]:
        """Outputs in the order asked for; axis 0 of every array is the batch."""


class NetworkStep(ABC):
    """What Triton calls; which engine it is, a subclass says."""

    takes_card_arrays = False  # whether what lies on a card may stay there; set by open_network

    @abstractmethod
    def open_network(self, config: triton_io.ModelConfig) -> Network:
        """Load what a configuration names.

        Raises:
            ModelAssetError: its file is missing, or a parameter asks for what this stand-in cannot
                do. What the engine raises goes through to Triton, which refuses the load with it.
        """

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load the network."""
        self._config = triton_io.ModelConfig.from_arguments(args)
        self._network = self.open_network(self._config)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer a batch of requests with one inference."""
        return triton_io.answer_requests(
            requests,
            inputs=self._config.inputs,
            outputs=self._config.outputs,
            step=self._infer,
            takes_card_arrays=self.takes_card_arrays,
        )

    def _infer(self, *arrays: NDArray[Any]) -> list[NDArray[Any]]:
        feeds = {spec.name: array for spec, array in zip(self._config.inputs, arrays, strict=True)}
        return self._network.infer(feeds, [spec.name for spec in self._config.outputs])
