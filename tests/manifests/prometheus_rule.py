"""Write the alerts of deploy/monitoring as the object that the Prometheus operator takes.

python -m tests.manifests.prometheus_rule
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from tests.manifests.rendered import KUBERNETES, PROJECT

FILE: Final = KUBERNETES / "base" / "prometheus-rules.yaml"
_NAMESPACE: Final = "triptych"
_HEAD: Final = """\
# The alerts of deploy/monitoring/rules.yml, which is their home, about this namespace. Written by
# `python -m tests.manifests.prometheus_rule`; a test says so when that has to be done again.
"""


def prometheus_rule() -> dict[str, Any]:
    """The object, as rules.yml has it now."""
    rules = (PROJECT / "deploy" / "monitoring" / "rules.yml").read_text(encoding="utf-8")
    # A Prometheus of a whole cluster knows jobs of this name that are not ours.
    rules = rules.replace("up{job=", f'up{{namespace="{_NAMESPACE}", job=')
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "triptych", "labels": {"app.kubernetes.io/part-of": "triptych"}},
        "spec": yaml.safe_load(rules),
    }


if __name__ == "__main__":
    told = yaml.safe_dump(prometheus_rule(), sort_keys=False, width=1000, allow_unicode=True)
    FILE.write_text(_HEAD + told, encoding="utf-8")
