"""A gateway whose route compares two releases, and what tests ask of it."""

from __future__ import annotations

from typing import Any

from tests.unit.gateway.running_gateway import Gateway, until


async def set_route(gateway: Gateway, *, shadow: float | None = None, **weights: int) -> None:
    """Let `digits` mean r1 and r2 by weight, perhaps with r2 as a shadow for so many percent."""
    body = {
        "arms": [{"release": f"digits_{it}", "weight": weight} for it, weight in weights.items()],
        "shadow": {"release": "digits_r2", "percent": shadow} if shadow else None,
    }
    headers = {**gateway.admin, "If-Match": "*"}
    answer = await gateway.client.put("/v1/routes/digits", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def predict(gateway: Gateway, content: bytes = b"seven", times: int = 1) -> list[int]:
    """Ask about it so often, one after the other, and give the statuses."""
    return [
        (
            await gateway.client.post("/v1/predict/digits", content=content, headers=gateway.ui)
        ).status_code
        for _ in range(times)
    ]


async def report(gateway: Gateway, path: str, **query: Any) -> dict[str, Any]:
    """A report as it is now."""
    answer = await gateway.client.get(
        f"/v1/admin/{path}/digits/report", params=query, headers=gateway.admin
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def report_with(
    gateway: Gateway, path: str, wanted: dict[str, Any], *, disagreements: int = 0, **query: Any
) -> dict[str, Any]:
    """A report once it holds these values and so many disagreements: it is up to a second behind.

    What was counted is written first, and on what the two disagreed right after that.
    """
    told: dict[str, Any] = {}

    async def is_told() -> bool:
        told.update(await report(gateway, path, **query))
        first = told["arms"][0] if path == "routes" else told
        shown = len(told.get("disagreements", ()))
        is_counted = all(first[name] == value for name, value in wanted.items())
        return is_counted and shown >= disagreements

    try:
        await until(is_told)
    except TimeoutError:
        raise AssertionError(f"{wanted} is not in {told}") from None
    return told


async def copies(gateway: Gateway, outcome: str) -> int:
    """How many copies /metrics tells of."""
    answer = await gateway.client.get("/metrics", headers=gateway.admin)
    name = f'triptych_gateway_shadow_copies_total{{outcome="{outcome}",release="digits_r2"}}'
    values = [line.split()[1] for line in answer.text.splitlines() if line.startswith(name)]
    return int(float(values[0])) if values else 0
