"""Settings of the gateway: the only place that reads GATEWAY_ variables."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Final, NamedTuple, Self

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

# Where containers find their secrets, as files with the name of the variable in lower case.
_SECRETS: Final = Path("/run/secrets")
# Raised where a secret's file cannot be read by this user, or is no text.
SecretUnreadable = SettingsError
# As a browser sends it: scheme, host, perhaps a port, and no path.
_ORIGIN: Final = re.compile(r"https?://[^/\s]+")


class BodyPatience(NamedTuple):
    """How long a body may take to arrive."""

    silence_seconds: float
    total_seconds: float


class GatewaySettings(BaseSettings):
    """Where Triton is, what may be asked of it, and where keys live."""

    model_config = SettingsConfigDict(
        env_prefix="GATEWAY_",
        frozen=True,
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
    )

    host: str = "127.0.0.1"
    """Address to listen on; loopback unless you mean it."""
    port: int = Field(default=8080, ge=1, le=65535)
    """Port to listen on."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes that answer; each is a gateway of its own, so that more than one need a Redis."""
    shutdown_seconds: float = Field(default=30.0, gt=0)
    """How long what is in flight may take when the gateway, or one worker, ends."""
    triton_urls: Annotated[tuple[str, ...], NoDecode] = ("127.0.0.1:8001",)
    """gRPC addresses of all Tritons, HOST:PORT, comma separated; dns:///NAME:PORT is one server
    per address of the name, which is resolved anew each second."""
    triton_tls_ca_file: Path | None = None
    """Authority of Triton's certificates, PEM; with the next two the gateway calls Triton by mutual
    TLS and not otherwise."""
    triton_tls_cert_file: Path | None = None
    """The certificate that the gateway shows to Triton, PEM."""
    triton_tls_key_file: Path | None = None
    """Its key, PEM, not encrypted."""
    triton_tls_name: str | None = None
    """The name that Triton's certificate bears; by default the host of its address, which behind
    dns:/// is a number."""
    supervisor_urls: Annotated[tuple[str, ...], NoDecode] = ("http://127.0.0.1:8003",)
    """The supervisor of each of them, in the same order; it says which releases are ready."""
    supervisor_secret: SecretStr | None = None
    """What supervisors ask for that do not listen on loopback alone."""
    state_dir: Path = Path(".triptych")
    """Where the first keys, the hash secret and the SQLite database lie."""
    database_url: SecretStr | None = None
    """The control plane's database, `postgresql://…`; SQLite in `state_dir` by default."""
    redis_url: SecretStr | None = None
    """`redis://…`, where several gateways share rate limits and answers; each has its own by
    default."""
    max_image_bytes: int = Field(default=20 * 1024 * 1024, ge=1)
    """Largest encoded image, alone or as one file of a multipart body."""
    max_body_bytes: int = Field(default=100 * 1024 * 1024, ge=1)
    """Largest multipart body as a whole; a JSON body also has a bound of its own."""
    body_silence_seconds: float = Field(default=30.0, gt=0)
    """Longest pause while a body arrives; a client that vanished must not keep its place."""
    max_items: int = Field(default=256, ge=1)
    """Files or texts in one request; Triton is asked in batches of the size that it takes."""
    max_admitted: int = Field(default=512, ge=1)
    """Requests that may be here at once, reading, waiting or being answered."""
    max_admitted_bytes: int = Field(default=256 * 1024 * 1024, ge=1)
    """Bytes that their bodies may have together; one key may hold two thirds of both."""
    max_in_flight: int = Field(default=256, ge=1)
    """Most calls to Triton at once for one release, however fast it answers; must stay below the
    max_queue_size of every preprocess step."""
    latency_tolerance: float = Field(default=6.0, ge=1)
    """How many times its unloaded latency a call may take before fewer are made at once."""
    inference_timeout_seconds: float = Field(default=10.0, gt=0)
    """Time for a request that asks for none, from its complete body to Triton's answer."""
    max_inference_timeout_seconds: float = Field(default=60.0, gt=0)
    """The most that a request may ask for."""
    recovery_patience_seconds: float = Field(default=8.0, ge=0)
    """How long a request waits for a server that is healed or started again, when no other has
    its release; never longer than its own time."""
    harmful_bytes_kept: int = Field(default=0, ge=0)
    """Most bytes of items that ended a stub to keep in `state_dir`/harmful, for whoever mends the
    decoder; 0 keeps none, because what people send is private."""
    status_interval_seconds: float = Field(default=0.5, gt=0)
    """Pause between two looks at the supervisor's /status; half of it between two looks at the
    counters of changes of keys and routes."""
    status_max_age_seconds: float = Field(default=5.0, gt=0)
    """A supervisor's word older than this counts as silence."""
    trace_sample_ratio: float = Field(default=0.01, ge=0, le=1)
    """Share of the requests that are traced without being asked for."""
    traces_kept: int = Field(default=1000, ge=1)
    """How many traced requests this gateway can still tell the waterfall of."""
    otlp_url: str | None = None
    """Where spans of traced requests are exported to, http://COLLECTOR:4318/v1/traces."""
    docs_enabled: bool = True
    """Whether /docs and /openapi.json are served."""

    # Shadows.
    shadow_in_flight: int = Field(default=4, ge=1)
    """Requests whose copies may be at a shadow at once; what is more is dropped, as are all while
    callers wait."""
    shadow_items_kept: int = Field(default=0, ge=0)
    """Of how many items per alias on which a shadow disagrees to keep the bytes, for whoever looks
    at them; 0 keeps none, because what people send is private."""

    # Jobs.
    job_storage_url: str | None = None
    """Where items of jobs lie until they are answered: file:///FOLDER or s3://BUCKET/PREFIX, which
    gateway and worker both reach; jobs/ in `state_dir` by default."""
    job_sources: dict[str, str] = {}
    """Folders and prefixes of which jobs may be made, JSON: {"photos": "file:///data/photos"}."""
    job_max_items: int = Field(default=1_000_000, ge=1)
    """Most items of one job."""
    job_max_bytes: int = Field(default=10 * 1024**3, ge=1)
    """Largest body of one job, and the most that an archive may unpack to."""
    job_upload_seconds: float = Field(default=3600.0, gt=0)
    """How long the body of a job may take to arrive."""
    jobs_per_key: int = Field(default=10, ge=1)
    """Jobs of one key that have not ended."""
    job_bytes_per_key: int = Field(default=20 * 1024**3, ge=1)
    """Bytes of items and answers that one key may have in store."""
    job_kept_seconds: float = Field(default=7 * 86400.0, gt=0)
    """How long a job and its answers are kept after its end; its items go at once."""
    job_bytes_kept: int = Field(default=50 * 1024**3, ge=1)
    """Bytes of jobs that have ended; what is more, the oldest first, goes before its time."""
    webhooks_allowed: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts and networks that webhooks may call although their addresses are private."""

    # The transport.
    max_header_bytes: int = Field(default=32 * 1024, ge=1024)
    """Largest request line and headers together."""
    header_seconds: float = Field(default=10.0, gt=0)
    """How long headers may take, and how long a connection may idle."""
    max_connections: int = Field(default=2000, ge=1)
    """Connections open at once; one more is told so and closed."""
    body_seconds: float = Field(default=120.0, gt=0)
    """How long a whole body may take, however steadily it arrives."""
    tls_cert_file: Path | None = None
    """Certificate chain, PEM; with `tls_key_file` the gateway speaks TLS and nothing else."""
    tls_key_file: Path | None = None
    """Private key, PEM, not encrypted, readable by its owner alone."""
    tls_client_ca_file: Path | None = None
    """Authorities, PEM; clients must then show a certificate of theirs."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages a browser lets in: a comma separated list or JSON."""
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    """A second port that answers /metrics without a key."""
    metrics_host: str = "127.0.0.1"
    """Address of that port."""

    # The answer cache.
    cache_bytes: int = Field(default=0, ge=0)
    """Memory for answers that were given before; 0 turns the cache off."""
    cache_ttl_seconds: float = Field(default=300.0, gt=0)
    """How long such an answer may be given again."""
    cache_shared: bool = False
    """Whether keys of different owners may get each other's answers."""

    @field_validator(
        "cors_origins", "triton_urls", "supervisor_urls", "webhooks_allowed", mode="before"
    )
    @classmethod
    def _split_list(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("cors_origins")
    @classmethod
    def _refuse_what_is_no_origin(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is no origin; write it as https://shop.example")
        return value

    def of_one_worker(self) -> Self:
        """What one of the workers may take, so that all of them together take what is set."""
        if self.workers == 1:
            return self
        share = {
            "max_admitted": max(1, self.max_admitted // self.workers),
            "max_in_flight": max(1, self.max_in_flight // self.workers),
            "max_connections": max(1, self.max_connections // self.workers),
            "shadow_in_flight": max(1, self.shadow_in_flight // self.workers),
            # One key gets two thirds of it, and the largest body has to fit in there.
            "max_admitted_bytes": max(
                self.max_admitted_bytes // self.workers,
                min(self.max_admitted_bytes, -(-self.max_body_bytes * 3 // 2)),
            ),
        }
        return self.model_copy(update=share)

    @property
    def body_patience(self) -> BodyPatience:
        """How long a body may take to arrive."""
        return BodyPatience(self.body_silence_seconds, self.body_seconds)

    @property
    def is_tls(self) -> bool:
        """Whether the gateway speaks TLS."""
        return self.tls_cert_file is not None or self.tls_key_file is not None

    @property
    def effective_database_url(self) -> str:
        """The database to use."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.state_dir / 'triptych.db'}"
