"""deploy/monitoring as Prometheus' and Alertmanager's own tools judge it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.manifests.prometheus_rule import prometheus_rule
from tests.manifests.rendered import OVERLAYS, of_kind
from tests.real_prometheus import MONITORING


def run(*command: str) -> str:
    """Run it there; it must succeed. What it prints, without what it warns of."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60, cwd=MONITORING
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_configuration_and_rules() -> None:
    said = run("promtool", "check", "config", "prometheus.yml")

    assert "SUCCESS" in said
    assert "FAILED" not in said


def test_each_alert_fires_when_it_has_to_and_only_then() -> None:
    run("promtool", "test", "rules", "rules.test.yml")


def test_amtool_takes_the_example() -> None:
    assert "SUCCESS" in run("amtool", "check-config", "alertmanager.yml")


@pytest.mark.parametrize(
    ("severity", "receiver"), [("page", "pager"), ("ticket", "tickets"), ("other", "tickets")]
)
def test_a_page_goes_to_the_pager_and_all_else_to_tickets(severity: str, receiver: str) -> None:
    route = ("amtool", "config", "routes", "test", "--config.file=alertmanager.yml")

    assert run(*route, f"severity={severity}", "alertname=QueueGrows").split() == [receiver]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_autoscaler_asks_what_is_0_when_nobody_asks_and_nothing_when_nobody_is_scraped(
    overlay: str, tmp_path: Path
) -> None:
    """An empty answer is an error to KEDA, and leaves the pods; 0 would take them away."""
    (scaled,) = of_kind(overlay, "ScaledObject").values()
    triggers = [it["metadata"] for it in scaled["spec"]["triggers"]]
    assert [it["ignoreNullValues"] for it in triggers] == ["false"] * 3
    assert scaled["spec"]["fallback"]["behavior"] == "currentReplicasIfHigher"
    ours = 'namespace="triptych", job='
    idle = [f'up{{{ours}"gateway"}}', f'nv_inference_queue_duration_us{{{ours}"triton"}}']
    busy = [f'triptych_gateway_triton_calls{{{ours}"gateway", pod="{pod}"}}' for pod in "ab"]
    busy += [f'triptych_gateway_queue_duration_seconds_sum{{{ours}"gateway"}}']

    judged: dict[str, tuple[list[dict[str, str]], list[float | None]]] = {
        "nobody is scraped": ([], [None, None, None]),
        "scrapes fail": (told(idle[:1], "0+0x20"), [None, None, None]),
        "nobody asks": (told(idle, "1+0x20"), [0, 0, 0]),
        "many ask": (
            told(idle[:1], "1+0x20")
            + told(busy[:2], "3+0x20")
            + told(busy[2:], "0+30x20")
            + told(idle[1:], "0+75000000x20"),
            [6, 2, 5],
        ),
    }
    for name, (series, wanted) in judged.items():
        file = tmp_path / f"{name.replace(' ', '-')}.yml"
        file.write_text(json.dumps(as_promtool_test(series, triggers, wanted)))
        run("promtool", "test", "rules", str(file))


def told(series: list[str], values: str) -> list[dict[str, str]]:
    return [{"series": it, "values": values} for it in series]


def as_promtool_test(
    series: list[dict[str, str]], triggers: list[dict[str, str]], wanted: Sequence[float | None]
) -> dict[str, object]:
    asked = [
        {
            "expr": trigger["query"],
            "eval_time": "4m",
            "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
        }
        for trigger, value in zip(triggers, wanted, strict=True)
    ]
    return {"tests": [{"interval": "15s", "input_series": series, "promql_expr_test": asked}]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_on_kubernetes_the_alerts_are_the_same(overlay: str) -> None:
    (rendered,) = of_kind(overlay, "PrometheusRule").values()

    again = "python -m tests.manifests.prometheus_rule"
    assert rendered["spec"] == prometheus_rule()["spec"], f"rules.yml has changed: run {again}"
