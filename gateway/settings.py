"""Settings of the gateway: the only place that reads GATEWAY_ variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    """Where Triton is, what may be asked of it, and where keys live."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True)

    host: str = "127.0.0.1"
    """Address to listen on; loopback unless you mean it."""
    port: int = Field(default=8080, ge=1, le=65535)
    """Port to listen on."""
    triton_url: str = "127.0.0.1:8001"
    """Triton's gRPC address."""
    supervisor_url: str = "http://127.0.0.1:8003"
    """The supervisor of that Triton; it says which releases are ready."""
    state_dir: Path = Path(".triptych")
    """Where the first keys, the hash secret and the SQLite database lie."""
    database_url: SecretStr | None = None
    """The control plane's database, `postgresql://…`; SQLite in `state_dir` by default."""
    redis_url: SecretStr | None = None
    """`redis://…`, where several gateways share their rate limits; each has its own by default."""
    max_image_bytes: int = Field(default=20 * 1024 * 1024, ge=1)
    """Largest encoded image, alone or as one file of a multipart body."""
    max_body_bytes: int = Field(default=100 * 1024 * 1024, ge=1)
    """Largest multipart body as a whole; a JSON body also has a bound of its own."""
    body_silence_seconds: float = Field(default=30.0, gt=0)
    """Longest pause while a body arrives; a client that vanished must not keep its place."""
    max_in_flight: int = Field(default=256, ge=1)
    """Requests admitted at once; must stay below the max_queue_size of every preprocess step."""
    inference_timeout_seconds: float = Field(default=10.0, gt=0)
    """Deadline of one call to Triton."""
    status_interval_seconds: float = Field(default=0.5, gt=0)
    """Pause between two looks at the supervisor's /status and at the counter of key changes."""
    status_max_age_seconds: float = Field(default=5.0, gt=0)
    """A supervisor's word older than this counts as silence."""
    docs_enabled: bool = True
    """Whether /docs and /openapi.json are served."""

    @property
    def effective_database_url(self) -> str:
        """The database to use."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.state_dir / 'triptych.db'}"
