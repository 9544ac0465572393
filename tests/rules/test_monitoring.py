"""Alerts, runbook and dashboards say the same, and of metrics that exist."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from gateway.metrics import GatewayMetrics
from tests.integration.alert_drills import DRILLS
from triptych.supervisor.metrics import SupervisorMetrics

PROJECT: Final = Path(__file__).resolve().parents[2]
MONITORING: Final = PROJECT / "deploy" / "monitoring"
DASHBOARDS: Final = sorted((MONITORING / "grafana" / "dashboards").glob("*.json"))


def rules() -> list[dict[str, Any]]:
    told = yaml.safe_load((MONITORING / "rules.yml").read_text(encoding="utf-8"))
    return [rule for group in told["groups"] for rule in group["rules"]]


ALERTS: Final = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def panels() -> list[dict[str, Any]]:
    boards = [json.loads(file.read_text(encoding="utf-8")) for file in DASHBOARDS]
    return [panel for board in boards for panel in board["panels"]]


def runbook() -> dict[str, str]:
    """Entry -> its text."""
    text = (PROJECT / "docs" / "runbook.md").read_text(encoding="utf-8")
    parts = re.split(r"^### (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_urgent_it_is_what_is_so_and_where_to_read_on(name: str) -> None:
    alert = ALERTS[name]

    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"


def test_every_alert_has_an_entry_in_the_runbook_and_nothing_else_has() -> None:
    assert set(runbook()) == set(ALERTS)


@pytest.mark.parametrize("name", sorted(runbook()))
def test_an_entry_says_what_it_means_where_to_look_and_what_to_do(name: str) -> None:
    entry = runbook()[name]

    assert re.findall(r"^- \*\*(\w+)\*\*: .", entry, re.MULTILINE) == [
        "Means",
        "Look",
        "Do",
        "Tried",
    ]


@pytest.mark.parametrize("name", sorted(runbook()))
def test_an_entry_says_by_which_drill_it_was_tried_and_when_or_why_it_was_not(name: str) -> None:
    tried = runbook()[name].partition("- **Tried**: ")[2]
    drill = re.match(r'(\d{4}-\d\d-\d\d), drill "(.+?)": .', tried)
    drills = {it.name: it.fires for it in DRILLS}

    if drill:
        assert date.fromisoformat(drill[1])
        assert name in drills[drill[2]]
    else:
        assert tried.startswith("not by a drill, because ")
        assert not [fires for fires in drills.values() if name in fires]


def test_the_runbook_links_only_to_entries_that_exist() -> None:
    text = (PROJECT / "docs" / "runbook.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(#([\w-]+)\)", text))

    assert linked <= {name.lower() for name in runbook()}


def test_every_alert_is_shown_to_fire_and_not_to_fire() -> None:
    told = yaml.safe_load((MONITORING / "rules.test.yml").read_text(encoding="utf-8"))
    shown: dict[str, set[bool]] = {}
    for test in told["tests"]:
        for asked in test["promql_expr_test"]:
            assert f'"{test["name"]}"' in asked["expr"]
            shown.setdefault(test["name"], set()).add(bool(asked["exp_samples"]))

    assert set(shown) == set(ALERTS)
    assert [name for name, cases in shown.items() if cases != {True, False}] == []


def known_metrics() -> set[str]:
    served = GatewayMetrics().exposition() + SupervisorMetrics().exposition()
    names = set(re.findall(r"^# TYPE (\w+) ", served.decode(), re.MULTILINE))
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    return names | recorded | {f"{name}_{part}" for name in names for part in HISTOGRAM}


HISTOGRAM: Final = ("bucket", "sum", "count")


def expressions() -> dict[str, str]:
    """Where it stands -> the query."""
    found = {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules()}
    for panel in panels():
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


@pytest.mark.parametrize(("where", "expression"), expressions().items())
def test_a_query_names_only_metrics_that_there_are(where: str, expression: str) -> None:
    named = set(re.findall(r"[a-z:]*triptych_\w+(?::\w+)?", expression))

    assert named <= known_metrics(), where


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: str(file.stem))
def test_a_dashboard_is_in_order(file: Path) -> None:
    board = json.loads(file.read_text(encoding="utf-8"))
    numbers = [panel["id"] for panel in board["panels"]]
    titles = [panel["title"] for panel in board["panels"]]

    assert board["uid"] == f"triptych-{file.stem}"
    assert len(set(numbers)) == len(numbers)
    assert len(set(titles)) == len(titles)
    for panel in board["panels"]:
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}
        assert all(target["legendFormat"] for target in panel["targets"])
    assert not list(overlaps([panel["gridPos"] for panel in board["panels"]]))


def overlaps(places: list[dict[str, int]]) -> list[tuple[dict[str, int], dict[str, int]]]:
    """Pairs of panels that lie on each other."""
    return [
        (a, b)
        for number, a in enumerate(places)
        for b in places[:number]
        if a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    ]


def test_dashboards_ask_the_source_that_is_provisioned() -> None:
    file = MONITORING / "grafana" / "provisioning" / "datasources" / "prometheus.yml"
    (source,) = yaml.safe_load(file.read_text(encoding="utf-8"))["datasources"]

    assert (source["uid"], source["type"]) == ("prometheus", "prometheus")
