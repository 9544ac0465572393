"""What every server of the comparison is, once it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.process_cpu import tree_cpu_seconds


@dataclass(frozen=True)
class Server:
    """A running server. Its module's `start` is a context manager, and leaving it stops it."""

    http: str
    """host:port of what answers HTTP."""
    pids: tuple[int, ...]
    """The roots of its process trees; together they are all of it."""
    grpc: str = ""
    """host:port of a Triton that answers gRPC."""
    key: str = field(default="", repr=False)
    """What the gateway asks for, or Triton's shared-memory protocol."""

    def cpu_seconds(self) -> float:
        """User and system time so far of every process of it, ended ones too."""
        return sum(map(tree_cpu_seconds, self.pids))
