"""Settings of the local stack: the only place that reads TRIPTYCH_ variables."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

from pydantic import Field, FilePath, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from triptych.client.triton_tls import TritonTls

# Where containers find their secrets, as files with the name of the variable in lower case.
_SECRETS: Final = Path("/run/secrets")
# Raised where a secret's file cannot be read by this user, or is no text.
SecretUnreadable = SettingsError
_LAST_PORT: Final = 65535
_PORTS_APART: Final = 10
_PORTS_OF_A_TRITON: Final = (
    "triton_http_port",
    "triton_grpc_port",
    "triton_metrics_port",
    "supervisor_port",
)


class StackSettings(BaseSettings):
    """Where things are and which ports they use; command-line options win over the environment."""

    model_config = SettingsConfigDict(
        env_prefix="TRIPTYCH_",
        frozen=True,
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
    )

    state_dir: Path = Path(".triptych")
    """Everything that a running stack writes: keys, database, logs, serving view."""
    model_repository: Path = Path("model_repository")
    """The releases."""
    examples_dir: Path = Path("examples")
    """Sample pictures for the UI, as <alias>/samples/; may be absent."""
    serving_python: Path | None = None
    """The Python of the serving environment; `export` starts Triton with it. Default: .venv's."""
    triton_http_port: int = Field(default=8000, ge=1, le=65535)
    """Triton's HTTP port."""
    triton_grpc_port: int = Field(default=8001, ge=1, le=65535)
    """Triton's gRPC port."""
    triton_metrics_port: int = Field(default=8002, ge=1, le=65535)
    """Triton's Prometheus port."""
    supervisor_port: int = Field(default=8003, ge=1, le=65535)
    """The supervisor's own HTTP port."""
    supervisor_host: str = "127.0.0.1"
    """Where the supervisor's HTTP listens; elsewhere than on loopback it needs a secret."""
    supervisor_secret: SecretStr | None = None
    """What callers of the supervisor must show as bearer token; none on loopback by default."""
    triton_host: str = "127.0.0.1"
    """Where Triton's three ports listen; a container needs 0.0.0.0."""
    triton_http: bool = True
    """Whether Triton's HTTP port is open; nothing of ours uses it."""
    triton_tls_ca_file: FilePath | None = None
    """Authority whose certificates Triton's gRPC clients must show; with the next two, or none."""
    triton_tls_cert_file: FilePath | None = None
    """Triton's certificate, for servers and for clients: the supervisor shows it to Triton."""
    triton_tls_key_file: FilePath | None = None
    """Its key, without a password."""
    triton_tls_name: str | None = None
    """The name that the certificate bears; by default the address at which Triton is reached."""
    triton_index: int = Field(default=0, ge=0, le=99)
    """Which of the Tritons of a state folder this one is; `up` sets it, and ports 10 apart."""
    tritons: int = Field(default=1, ge=1, le=16)
    """How many Tritons `up` runs side by side, on ports 10 apart."""
    gateway_port: int = Field(default=8080, ge=1, le=65535)
    """The gateway's port."""
    gateway_workers: int = Field(default=1, ge=1, le=64)
    """How many processes the gateway answers with; more than one need a Redis."""
    ui_port: int = Field(default=8501, ge=1, le=65535)
    """The UI's port."""
    max_image_bytes: int = Field(default=20 * 1024 * 1024, ge=1)
    """Largest request body; gateway and UI are told the same number."""
    start_timeout_seconds: float = Field(default=60.0, gt=0)
    """How long a start may take before it counts as failed."""
    canary_interval_seconds: float = Field(default=1.0, gt=0)
    """Pause between two canary inferences."""
    canary_timeout_seconds: float = Field(default=2.0, gt=0)
    """Deadline of one canary inference."""
    drain_seconds: float = Field(default=1.5, ge=0)
    """Before Triton is stopped: how long others may take to notice; 0 means no drain."""
    quiet_seconds: float = Field(default=10.0, ge=0)
    """How long nobody must have asked anything before a restart that only does good."""
    unload_quiet_seconds: float = Field(default=10.0, ge=0)
    """How long nobody must have asked a release anything before it is unloaded."""
    restart_backoff_seconds: float = Field(default=1.0, gt=0)
    """Wait before the second start of a Triton that keeps ending; it doubles up to a minute."""
    traces_kept: int = Field(default=1000, ge=1)
    """How many of Triton's traces the supervisor remembers."""
    traces_max_bytes: int = Field(default=32 * 1024 * 1024, ge=1024 * 1024)
    """About how much memory those may take."""
    exit_timeout_seconds: int = Field(default=5, ge=1)
    """How long Triton may finish requests in flight when it is told to stop."""

    plan_build_seconds: float = Field(default=1800.0, ge=0)
    """How long building one TensorRT plan may take; 0 wants no plans."""

    @model_validator(mode="after")
    def _refuse_ports_that_do_not_exist(self) -> Self:
        if max(self._of_triton(self.tritons - 1).values()) > _LAST_PORT:
            raise ValueError(f"{self.tritons} Tritons reach beyond port {_LAST_PORT}")
        return self

    @model_validator(mode="after")
    def _refuse_tls_in_part(self) -> Self:
        files = (self.triton_tls_ca_file, self.triton_tls_cert_file, self.triton_tls_key_file)
        if any(files) and not all(files):
            raise ValueError(
                "TRIPTYCH_TRITON_TLS_CA_FILE, _CERT_FILE and _KEY_FILE are set together or not "
                "at all"
            )
        return self

    @property
    def triton_tls(self) -> TritonTls | None:
        """How this machine reaches Triton's gRPC; None is plain text."""
        ca, cert, key = self.triton_tls_ca_file, self.triton_tls_cert_file, self.triton_tls_key_file
        if ca is None or cert is None or key is None:
            return None
        # Not resolved: Kubernetes renews a file by having a link lead to another one.
        return TritonTls(ca.absolute(), cert.absolute(), key.absolute(), self.triton_tls_name)

    @property
    def stop_seconds(self) -> float:
        """How long a supervisor may need: the drain, a canary, Triton's own exit, some slack."""
        return self.drain_seconds + self.canary_timeout_seconds + self.exit_timeout_seconds + 8

    @property
    def desired_file(self) -> Path:
        """Which releases were loaded and unloaded by hand."""
        return self.state_dir / f"desired{self.triton_suffix}.json"

    @property
    def log_dir(self) -> Path:
        """One log file per process."""
        return self.state_dir / "logs"

    @property
    def serving_dir(self) -> Path:
        """What Triton is given as its model repository: links to releases."""
        return self.state_dir / f"serving{self.triton_suffix}"

    @property
    def backends_dir(self) -> Path:
        """What Triton is given as its backends."""
        return self.state_dir / f"backends{self.triton_suffix}"

    @property
    def plans_dir(self) -> Path:
        """TensorRT plans, a cache that all Tritons of a state folder share."""
        return self.state_dir / "plans"

    @property
    def triton_suffix(self) -> str:
        """Ends the names of files of one Triton; of the first it is empty."""
        return f"-{self.triton_index}" if self.triton_index else ""

    def for_triton(self, index: int) -> StackSettings:
        """The settings of one of several Tritons, 0 being the first: ports lie 10 apart."""
        moved = {**self._of_triton(index), "triton_index": index, "tritons": 1}
        return self.model_copy(update=moved)

    def each_triton(self) -> list[StackSettings]:
        """The settings of every Triton that `up` runs, the first one's first."""
        return [self.for_triton(index) for index in range(self.tritons)]

    def _of_triton(self, index: int) -> dict[str, int]:
        return {name: getattr(self, name) + _PORTS_APART * index for name in _PORTS_OF_A_TRITON}

    @property
    def admin_key_file(self) -> Path:
        """The first admin key, mode 0600, made by the gateway."""
        return self.state_dir / "admin.key"

    @property
    def ui_key_file(self) -> Path:
        """The UI's own key, which may predict and nothing else, mode 0600, made by the gateway."""
        return self.state_dir / "ui.key"

    def ports(self, *, with_ui: bool) -> dict[str, int]:
        """The ports that a start needs, by the option that changes each."""
        ports = {
            _option(name, index): port
            for index in range(self.tritons)
            for name, port in self._of_triton(index).items()
        }
        ports["--gateway-port"] = self.gateway_port
        return {**ports, "--ui-port": self.ui_port} if with_ui else ports

    def to_environment(self) -> dict[str, str]:
        """The variables that make another process see the same settings."""
        found: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            if value is not None:
                found[f"TRIPTYCH_{name.upper()}"] = str(value)
        return found


def _option(field: str, index: int) -> str:
    option = f"--{field.replace('_', '-')}"
    return f"{option} (Triton {index} is {_PORTS_APART * index} above it)" if index else option
