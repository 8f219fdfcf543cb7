"""What kind of task a row is, read from its source."""

from __future__ import annotations

import json

import pytest

from crrl.data.sources import toy
from crrl.evaluate.strata import stratum_of


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("toy/comparison", "comparison"),
        ("toy", ""),
        ("made for this test", ""),
        ("", ""),
        (json.dumps({"source": "mutations", "kind": "off-by-one", "function": "heappush"}), "off-by-one"),
        (json.dumps({"mutation": "off-by-one", "kind": "function", "repo": "a/b"}), "off-by-one"),
        (json.dumps({"kind": "swapped-arguments", "repo": "a/b"}), "swapped-arguments"),
        (json.dumps({"repo": "owner/name", "commit": "abc", "subject": "fix"}), "owner/name"),
        (json.dumps({"mutation": "", "path": "x"}), ""),
        ("{not json", ""),
    ],
)
def test_the_stratum_of_a_source(source: str, expected: str) -> None:
    assert stratum_of(source) == expected


def test_toy_tasks_fall_into_the_parts_of_a_program() -> None:
    strata = {stratum_of(task["source"]) for task in toy.tasks("heldout", rows=60, seed=1)}
    assert strata == {"comparison", "bound", "goal", "operator", "operand"}
