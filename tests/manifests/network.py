"""What the NetworkPolicies of an overlay let through, after the rules of networking.k8s.io/v1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Final

from tests.manifests.rendered import of_kind

Labels = Mapping[str, str]
# What clusters give to pods: an ipBlock that has it lets out to pods, whatever their labels.
_OF_A_POD: Final = "10.1.2.3"


@dataclass(frozen=True)
class Peer:
    """Somebody who calls, or is called: a pod and its namespace."""

    labels: Labels
    namespace: Labels = field(default_factory=dict)
    """Empty: ours."""
    address: str = _OF_A_POD
    """Another one is of somebody who is no pod, and whom no selector means."""


def may_enter(overlay: str, caller: Peer, target: Labels, port: int) -> bool:
    """Whether a caller gets to a port of a pod of ours."""
    policies = _policies(overlay, target, "Ingress")
    assert policies, "a pod that no policy selects is open to all"
    return any(_lets_through(it.get("ingress", []), "from", caller, port) for it in policies)


def may_leave(overlay: str, source: Labels, target: Peer, port: int) -> bool:
    """Whether a pod of ours gets out to a port of somebody."""
    policies = _policies(overlay, source, "Egress")
    assert policies, "a pod that no policy selects may go everywhere"
    return any(_lets_through(it.get("egress", []), "to", target, port) for it in policies)


def _policies(overlay: str, labels: Labels, direction: str) -> list[dict[str, Any]]:
    specs = [it["spec"] for it in of_kind(overlay, "NetworkPolicy").values()]
    return [
        it for it in specs if direction in it["policyTypes"] and _fits(it["podSelector"], labels)
    ]


def _lets_through(rules: list[dict[str, Any]], side: str, peer: Peer, port: int) -> bool:
    return any(
        any(it.get("port", port) == port for it in rule["ports"])  # without one: all
        and (side not in rule or any(_is_peer(it, peer) for it in rule[side]))
        for rule in rules
    )


def _is_peer(wanted: dict[str, Any], peer: Peer) -> bool:
    """A pod selector alone means pods of ours; with a namespace's both have to fit."""
    if "ipBlock" in wanted:
        return _lies_in(wanted["ipBlock"], peer.address)
    if peer.address != _OF_A_POD:
        return False
    if "namespaceSelector" in wanted:
        is_there = _fits(wanted["namespaceSelector"], peer.namespace)
    else:
        is_there = not peer.namespace
    return is_there and _fits(wanted.get("podSelector", {}), peer.labels)


def _lies_in(block: dict[str, Any], address: str) -> bool:
    inside = [ip_network(it) for it in (block["cidr"], *block.get("except", ()))]
    is_there = [ip_address(address) in it for it in inside]
    return is_there[0] and not any(is_there[1:])


def _fits(selector: dict[str, Any], labels: Labels) -> bool:
    wanted: Labels = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()
