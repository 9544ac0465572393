"""Reduce a CustomResourceDefinition to what a test needs: which fields there are, and of what kind.

python -m tests.manifests.reduce_crd CRD.yaml OWNER/PROJECT VERSION > schemas/NAME.json

Words, defaults, the status and what only the API server can judge (CEL rules) are left out, and
what lies deeper than our manifests go. A field that the CRD does not know is refused, where the API
server would drop it without a word.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import yaml

_KEPT: Final = (
    "type",
    "enum",
    "required",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
    "maxLength",
)
_DEEPEST: Final = 2
# Here our manifests go deeper.
_OPEN_PATHS: Final = ("advanced", "target", "data", "dataFrom", "selector", "groups")

Schema = dict[str, Any]


def reduce_crd(crd: Schema, project: str, version: str) -> Schema:
    """The JSON schema of the version that is stored."""
    (stored,) = [it for it in crd["spec"]["versions"] if it["storage"]]
    spec = stored["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return {
        "$comment": f"Reduced by reduce_crd.py from the CRD {crd['metadata']['name']} of "
        f"github.com/{project} {version} (Apache-2.0)",
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"enum": [f"{crd['spec']['group']}/{stored['name']}"]},
            "kind": {"enum": [crd["spec"]["names"]["kind"]]},
            "metadata": {"type": "object"},
            "spec": _reduced(spec, levels=_DEEPEST),
        },
    }


def _reduced(schema: Schema, levels: int) -> Schema:
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    found: Schema = {name: schema[name] for name in _KEPT if name in schema}
    if levels < 0 and "properties" in schema:
        return {"type": "object"}
    if "properties" in schema:
        found["additionalProperties"] = False
        found["properties"] = {
            name: _reduced(it, 9 if name in _OPEN_PATHS else levels - 1)
            for name, it in sorted(schema["properties"].items())
        }
    elif isinstance(schema.get("additionalProperties"), dict):
        found["additionalProperties"] = _reduced(schema["additionalProperties"], levels)
    if "items" in schema:
        found["items"] = _reduced(schema["items"], levels)
    return found


if __name__ == "__main__":
    file, project, version = sys.argv[1:]
    crd = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps(reduce_crd(crd, project, version), indent=1) + "\n")
