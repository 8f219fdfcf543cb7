"""The kinds of task that an evaluation is broken down by, read from a task's `source`. The one place that knows how."""

from __future__ import annotations

import json
from typing import Any

STRATUM_KEYS = ("mutation", "kind", "repo")
"""In provenance, the first of these that is there names the stratum: the injected bug, else the repository."""


def stratum_of(source: str) -> str:
    """The stratum of a task's `source`; "" if it names none.

    toy/comparison                                      → comparison
    {"kind": "off-by-one", "module": "heapq", …}        → off-by-one
    {"repo": "owner/name", "commit": …}                 → owner/name
    """
    if source.startswith("{"):
        provenance = _provenance(source)
        return next((str(provenance[key]) for key in STRATUM_KEYS if provenance.get(key)), "")
    return source.partition("/")[2]


def pair_of(source: str) -> str:
    """What the two tasks of a pair share, from the `pair` of their `source`; "" if there is none.

    {"pair": "owner/name@1f3a…/parse", "repo": …}       → owner/name@1f3a…/parse
    """
    return str(_provenance(source).get("pair") or "") if source.startswith("{") else ""


def _provenance(source: str) -> dict[str, Any]:
    try:
        provenance = json.loads(source)
    except ValueError:
        return {}
    return provenance if isinstance(provenance, dict) else {}
