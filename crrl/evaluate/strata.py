"""The kinds of task that an evaluation is broken down by, read from a task's `source`. The one place that knows how."""

from __future__ import annotations

from crrl.schema import provenance_of

STRATUM_KEYS = ("mutation", "kind", "repo")
"""In provenance, the first of these that is there names the stratum: the injected bug, else the repository."""


def stratum_of(source: str) -> str:
    """The stratum of a task's `source`; "" if it names none.

    toy/comparison                                      → comparison
    {"kind": "off-by-one", "module": "heapq", …}        → off-by-one
    {"repo": "owner/name", "commit": …}                 → owner/name
    """
    if source.startswith("{"):
        provenance = provenance_of(source)
        return next((str(provenance[key]) for key in STRATUM_KEYS if provenance.get(key)), "")
    return source.partition("/")[2]
