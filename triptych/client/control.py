"""What administers routes, releases, rollouts and jobs, answers as plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from triptych.client.errors import Refused
from triptych.client.gateway import GatewayConnection
from triptych.client.gateway_http import ask_in_json, ask_routes
from triptych.client.job_calls import ask_cancel, ask_job, ask_jobs

# Loading, replaying and waiting for quiet have deadlines of their own in the supervisor.
_ORDER_SECONDS: Final = 320.0


class ControlConnection(GatewayConnection):
    """One gateway, one key that may administer. Every call may raise CallFailed."""

    def routes(self) -> list[dict[str, Any]]:
        """What every alias means; each is a RouteDescription."""
        found: list[dict[str, Any]] = self._send(ask_routes())["routes"]
        return found

    def find_route(self, alias: str) -> dict[str, Any] | None:
        """What an alias means, if anything."""
        try:
            return self.route(alias)
        except Refused as exc:
            if exc.status == 404:
                return None
            raise

    def set_route(self, alias: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Let an alias mean something else, whatever it meant; the body is a NewRoute."""
        ask = ask_in_json("PUT", f"/v1/routes/{alias}", body)
        return self._send(replace(ask, headers={**ask.headers, "If-Match": "*"}))

    def promote(self, alias: str, release: str | None, reason: str) -> dict[str, Any]:
        """Give all traffic to one release; None where the route leaves no choice."""
        body = {"reason": reason, **({"release": release} if release else {})}
        return self._call("POST", f"/v1/routes/{alias}/promote", json_body=body)

    def roll_back(self, alias: str, reason: str) -> dict[str, Any]:
        """Bring back what an alias meant before."""
        return self._call("POST", f"/v1/routes/{alias}/rollback", json_body={"reason": reason})

    def history(self, alias: str, limit: int) -> list[dict[str, Any]]:
        """What an alias has meant, newest first."""
        path = f"/v1/routes/{alias}/history?limit={limit}"
        found: list[dict[str, Any]] = self._call("GET", path)["changes"]
        return found

    def releases(self) -> list[dict[str, Any]]:
        """Every release on a disk or in memory."""
        found: list[dict[str, Any]] = self._call("GET", "/v1/admin/releases")["releases"]
        return found

    def load_release(
        self, release: str, reason: str = "", engine: str | None = None
    ) -> dict[str, Any]:
        """Have every Triton load and prove a release, or run it on another engine."""
        wanted = {} if engine is None else {"engine": engine}
        return self._order(release, "load", {"reason": reason, **wanted})

    def unload_release(self, release: str, reason: str = "") -> dict[str, Any]:
        """Have every Triton unload a release that nobody asks any more."""
        return self._order(release, "unload", {"reason": reason})

    def _order(self, release: str, what: str, body: Mapping[str, object]) -> dict[str, Any]:
        ask = ask_in_json("POST", f"/v1/admin/releases/{release}/{what}", body)
        return self._send(replace(ask, timeout_seconds=_ORDER_SECONDS))

    def start_rollout(self, body: Mapping[str, object]) -> dict[str, Any]:
        """Begin a rollout; the body is a NewRollout."""
        return self._call("POST", "/v1/admin/rollouts", json_body=body)

    def rollouts(self, alias: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """Rollouts, newest first."""
        query = urlencode({**({"alias": alias} if alias else {}), "limit": limit})
        found: list[dict[str, Any]] = self._call("GET", f"/v1/admin/rollouts?{query}")["rollouts"]
        return found

    def rollout(self, rollout_id: str) -> dict[str, Any]:
        """One rollout with its steps and decisions."""
        return self._call("GET", f"/v1/admin/rollouts/{rollout_id}")

    def change_rollout(self, rollout_id: str, what: str, reason: str) -> dict[str, Any]:
        """Pause, resume or abort one."""
        path = f"/v1/admin/rollouts/{rollout_id}/{what}"
        return self._call("POST", path, json_body={"reason": reason})

    def jobs(self, limit: int) -> list[dict[str, Any]]:
        """Jobs of all tenants, newest first; each is a JobDescription."""
        found: list[dict[str, Any]] = self._send(ask_jobs(limit))["jobs"]
        return found

    def job(self, job_id: str) -> dict[str, Any]:
        """How one job stands."""
        return self._send(ask_job(job_id))

    def cancel_job(self, job_id: str) -> dict[str, Any]:
        """End a job, if it has not ended."""
        return self._send(ask_cancel(job_id))
