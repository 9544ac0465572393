"""What jobs need of a cluster: one storage for all, the secret of webhooks, a way out, room."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway.jobs.intake.archives import uploads_folder
from gateway.jobs.runner.chunk_work import CALL_SECONDS
from gateway.jobs.webhooks.public_address import is_public
from gateway.settings import GatewaySettings
from tests.manifests.network import Peer, may_leave
from tests.manifests.rendered import (
    OVERLAYS,
    Manifest,
    keys_of_secrets,
    main_container,
    of_kind,
    plain_environment,
    pods,
    whole_secrets,
)
from tests.rules.test_documentation_in_step import settings_with_defaults

STORAGE: Final = Peer({"app": "minio"}, {"triptych/stores": "true"})
# As obstore reads them; the key itself is told apart from what everybody may read.
OF_S3: Final = {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
# IANA's registry of special-purpose addresses, multicast, what is reserved, and Azure's own.
SPECIAL: Final = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    "168.63.129.16/32",
)
METADATA: Final = "169.254.169.254"
GIBIBYTE: Final = 1024**3

pytestmark = pytest.mark.parametrize("overlay", OVERLAYS)


def labels(overlay: str, name: str) -> dict[str, str]:
    return dict(pods(overlay)[name]["metadata"]["labels"])


def volume(overlay: str, name: str, which: str) -> Manifest:
    (found,) = [it for it in pods(overlay)[name]["spec"]["volumes"] if it["name"] == which]
    return dict(found)


def gateway_settings(overlay: str) -> GatewaySettings:
    told = plain_environment(overlay, main_container(overlay, "gateway"))
    given = {k.removeprefix("GATEWAY_").lower(): it for k, it in told.items()}
    return GatewaySettings.model_validate(given)


def addresses() -> Iterator[str]:
    """Some of everywhere, and both sides of the edges of what is special."""
    for first in range(256):
        yield f"{first}.77.7.7"
    for network in map(ipaddress.IPv4Network, SPECIAL):
        for edge in (int(network[0]), int(network[-1])):
            for number in (edge - 1, edge, edge + 1):
                if 0 <= number < 2**32:
                    yield str(ipaddress.IPv4Address(number))


def test_gateway_and_worker_keep_items_in_the_same_storage_and_nobody_else_knows_it(
    overlay: str,
) -> None:
    """The state folder, which is where they lie by default, is each pod's own."""
    keys = keys_of_secrets(overlay)["job-store"]
    reading = {name for name in pods(overlay) if "job-store" in told_whole(overlay, name)}

    assert keys == {"GATEWAY_JOB_STORAGE_URL", *OF_S3}
    assert "GATEWAY_JOB_STORAGE_URL" in settings_with_defaults()
    assert reading == {"gateway", "worker"}
    assert not any("JOB_STORAGE_URL" in name for name in all_plain(overlay))


def told_whole(overlay: str, name: str) -> list[str]:
    return whole_secrets(main_container(overlay, name))


def all_plain(overlay: str) -> set[str]:
    return {key for it in of_kind(overlay, "ConfigMap").values() for key in it["data"]}


def test_gateway_and_worker_are_told_the_same(overlay: str) -> None:
    """Sources, limits and where webhooks may go: one checks them, the other one acts on them."""
    gateway, worker = (main_container(overlay, name) for name in ("gateway", "worker"))

    assert plain_environment(overlay, gateway) == plain_environment(overlay, worker)


def test_the_worker_is_given_the_secret_of_webhooks_and_no_key(overlay: str) -> None:
    (init,) = pods(overlay)["worker"]["spec"]["initContainers"]
    secret = volume(overlay, "worker", "first-keys")["secret"]
    (mount,) = [it for it in init["volumeMounts"] if it["name"] == "first-keys"]
    targets = {it["mountPath"] for it in init["volumeMounts"] if it["name"] == "state"}

    assert [it["key"] for it in secret["items"]] == ["key-hash.secret"]
    assert init["args"] == [f"{mount['mountPath']}/{it['path']}" for it in secret["items"]]
    assert init["command"] == ["install", "-m", "0600", "-t", *targets]
    assert targets == {str(gateway_settings(overlay).state_dir)}


def test_gateway_and_worker_get_to_every_public_address_and_to_no_other(overlay: str) -> None:
    """Where webhooks may be called, in the code's own words; of the gateway for S3 alone."""
    gateway, worker = labels(overlay, "gateway"), labels(overlay, "worker")

    for address in addresses():
        wanted = is_public(ipaddress.IPv4Address(address))
        there = Peer({}, address=address)
        assert may_leave(overlay, gateway, there, 443) is wanted, address
        assert may_leave(overlay, worker, there, 8443) is wanted, address
        assert not may_leave(overlay, gateway, there, 8443), address


def test_the_storage_of_jobs_is_reached_inside_the_cluster_and_out_of_it(overlay: str) -> None:
    away = Peer({}, address="52.218.0.1")
    for name in ("gateway", "worker"):
        assert may_leave(overlay, labels(overlay, name), away, 443), name
        for port in (443, 9000):
            assert may_leave(overlay, labels(overlay, name), STORAGE, port), name
        assert not may_leave(overlay, labels(overlay, name), Peer({}, address=METADATA), 80)
    assert not may_leave(overlay, labels(overlay, "gateway"), away, 80)
    assert not may_leave(overlay, labels(overlay, "ui"), away, 443)


def test_no_upload_can_have_a_gateway_evicted(overlay: str) -> None:
    """A full disk is ENOSPC, and 503; an emptyDir above its limit ends the pod."""
    settings = gateway_settings(overlay)
    mounts = {
        it["mountPath"]: it["name"] for it in main_container(overlay, "gateway")["volumeMounts"]
    }
    uploads = volume(overlay, "gateway", mounts[str(uploads_folder(settings))])
    claim = uploads["ephemeral"]["volumeClaimTemplate"]["spec"]

    assert "emptyDir" not in uploads
    assert claim["accessModes"] == ["ReadWriteOnce"]
    size = int(claim["resources"]["requests"]["storage"].removesuffix("Gi")) * GIBIBYTE
    assert size > 2 * settings.job_max_bytes
    # And nothing that people send lies beside it.
    assert settings.harmful_bytes_kept == 0
    assert Path(settings.state_dir) in uploads_folder(settings).parents


def test_the_grace_of_the_worker_outlasts_a_call_to_triton(overlay: str) -> None:
    grace = pods(overlay)["worker"]["spec"]["terminationGracePeriodSeconds"]

    assert grace >= CALL_SECONDS + 10


def test_a_job_has_a_core_to_itself(overlay: str) -> None:
    """Less throttles the worker in the middle of a batch, and Triton waits for it."""
    assert float(main_container(overlay, "worker")["resources"]["limits"]["cpu"]) >= 1
