"""Where one Triton answers, as this machine reaches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from triptych.client.triton_tls import TritonTls
from triptych.stack.settings import StackSettings

LOOPBACK: Final = "127.0.0.1"
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - told apart here, not bound to


@dataclass(frozen=True)
class TritonAddresses:
    """Where one Triton answers."""

    http: str | None
    """None where it is closed."""
    grpc: str
    metrics: str
    tls: TritonTls | None = None
    """What its gRPC asks for."""

    @classmethod
    def of(cls, settings: StackSettings) -> TritonAddresses:
        """The addresses at which this machine reaches it."""
        host = LOOPBACK if settings.triton_host in _EVERYWHERE else settings.triton_host
        return cls(
            http=f"http://{host}:{settings.triton_http_port}" if settings.triton_http else None,
            grpc=f"{host}:{settings.triton_grpc_port}",
            metrics=f"http://{host}:{settings.triton_metrics_port}/metrics",
            tls=settings.triton_tls,
        )
