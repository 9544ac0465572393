"""An image is classified through the three containers, none of which has a right to spare."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from benchmarks.chromium import CHROMIUM, FLAGS
from tests import pictures
from tests.containers.container import podman_run
from tests.containers.images import NAMES, image
from tests.containers.three_containers import Stack

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


def test_the_gateway_answers_with_what_triton_says(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.admin_key}", "Content-Type": "image/jpeg"}
    url = f"{stack.gateway.url}/v1/predict/digits"

    answer = httpx.post(url, content=pictures.seven_jpeg(), headers=headers, trust_env=False)

    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"][0]["label"] == "7"


def test_a_job_is_answered_by_the_worker(stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {stack.admin_key}"}
    seven = pictures.seven_jpeg()
    files = [("file", (f"{number}.jpg", seven, "image/jpeg")) for number in range(40)]

    with httpx.Client(base_url=stack.gateway.url, headers=headers, trust_env=False) as client:
        job = client.post("/v1/jobs?alias=digits", files=files)
        assert job.status_code == 202, job.text
        answers = client.get(f"{job.headers['Location']}/results?follow=true", timeout=60)

    lines = [json.loads(line) for line in answers.text.splitlines()]
    assert sorted(line["index"] for line in lines) == list(range(40))
    assert {line["predictions"][0]["label"] for line in lines} == {"7"}


def test_a_click_on_a_sample_goes_through_all_three(stack: Stack) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = chromium.new_page()
        page.goto(stack.ui.url)
        expect(page.get_by_text("All systems ready")).to_be_visible(timeout=20_000)
        page.get_by_role("button", name="Classify seven-blue-paper.jpg").click()

        answer = page.get_by_test_id("stMetric").filter(has_text="Prediction")

        expect(answer).to_contain_text(re.compile(r"Prediction\s*7$"), timeout=20_000)
        chromium.close()


def test_the_supervisor_tells_nothing_without_the_secret(stack: Stack) -> None:
    assert httpx.get(f"{stack.triton.url}/status", trust_env=False).status_code == 401


def test_no_process_is_root_or_has_a_capability(stack: Stack) -> None:
    for container in (*stack.each(), stack.worker):
        status = container.inside("cat", "/proc/1/status").stdout

        assert re.search(r"^Uid:\s+10001\s+10001", status, re.MULTILINE), container.name
        for kind in ("CapPrm", "CapEff", "CapBnd"):
            assert re.search(rf"^{kind}:\s+0+$", status, re.MULTILINE), (container.name, kind)
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE), container.name


def test_no_root_file_system_can_be_written(stack: Stack) -> None:
    for container in (*stack.each(), stack.worker):
        mounts = container.inside("cat", "/proc/mounts").stdout
        (root,) = re.findall(r"^\S+ / \S+ (\S+)", mounts, re.MULTILINE)

        assert "ro" in root.split(","), container.name
        assert container.inside("touch", "/opt/triptych/new").returncode != 0


@pytest.mark.parametrize("name", NAMES)
def test_an_image_holds_neither_build_tools_nor_releases(stack: Stack, name: str) -> None:
    assert stack
    program = (
        "import importlib.util as u, pathlib as p; "
        "tools = ('hatchling', 'uv', 'pip', 'pytest', 'torch'); "
        "print([it for it in tools if u.find_spec(it)]"
        " + list(p.Path('/opt/triptych').rglob('config.pbtxt')))"
    )
    command = ("--rm", "--network=none", "--entrypoint=python", image(name))

    assert podman_run(*command, "-c", program).strip() == "[]"


def test_the_health_check_of_each_image_is_one_that_it_passes(stack: Stack) -> None:
    for container in stack.each():
        kind, *command = container.inspected("Config")["Healthcheck"]["Test"]
        # The ports of this machine may be taken, so that each container was given another one.
        *program, script = command
        here = re.sub(r"http://127\.0\.0\.1:\d+", container.url, script)

        done = container.inside(*program, here)

        assert (kind, done.returncode) == ("CMD", 0), done.stderr


def test_all_end_within_their_grace(stack: Stack) -> None:
    """The last one: nothing runs afterwards."""
    assert stack.worker.stop(75) == 0
    assert stack.ui.stop(30) in {0, 143}
    assert stack.gateway.stop(45) == 0
    assert stack.triton.stop(60) == 0
    assert "Traceback" not in stack.triton.logs()
