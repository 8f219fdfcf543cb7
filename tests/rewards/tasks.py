"""Realistic tasks that reward tests share: a fix in two files, a guard, a deletion, one function, a classification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crrl.diffs import make_patch, render_patch
from crrl.schema import NO_TESTS, Files, TaskRow, TestsRow, rows_from_files

# The judge imports the answer in a child and compares here, where the answer's code never runs.
_JUDGE = """\
import os, sys
receive, send = os.pipe()
if os.fork() == 0:
    {setup}
    os.write(send, repr({calls}).encode())
    os._exit(0)
os.close(send)
with os.fdopen(receive) as pipe:
    got = pipe.read(65536)
if got != {expected!r}:
    sys.exit(f"got {{got!r}}")
"""


def judge(setup: str, calls: str, expected: str) -> TestsRow:
    text = _JUDGE.format(setup=setup, calls=calls, expected=expected)
    return {"files": rows_from_files({"test_it.py": text}), "command": ["python", "-I", "test_it.py"], "timeout_s": 5.0}


def task(name: str, before: Files, after: Files, tests: TestsRow = NO_TESTS) -> TaskRow:
    return {
        "task_id": name,
        "kind": "repair",
        "prompt": [{"role": "user", "content": "\n".join(f"{path}\n{text}" for path, text in before.items())}],
        "files": rows_from_files(before),
        "reference": rows_from_files(after),
        "tests": tests,
        "label": "",
        "source": "made for this test",
    }


def changed(before: Files, **texts: str) -> dict[str, str]:
    return {**before, **texts}


AVERAGE = {
    "stats/average.py": '''\
"""Averages of numbers."""


def mean(values):
    """The arithmetic mean; 0.0 for no values."""
    total = 0
    for value in values:
        total += value
    return total / len(values)


def spread(values):
    """Largest minus smallest."""
    return max(values) - min(values)
''',
    "stats/report.py": """\
from stats.average import mean


def line(name, values):
    return f"{name}: {mean(values):.1f}"
""",
}
GUARD = task(
    "guard",
    AVERAGE,
    changed(
        AVERAGE,
        **{
            "stats/average.py": AVERAGE["stats/average.py"].replace(
                "    total = 0\n", "    if not values:\n        return 0.0\n    total = 0\n"
            )
        },
    ),
    judge(
        "sys.path.insert(0, '.'); from stats.average import mean, spread",
        "[mean([1, 2, 6]), mean([]), spread([3, 9])]",
        "[3.0, 0.0, 6]",
    ),
)

CLAMP = {
    "clamp.py": '''\
def clamp(value, low, high):
    """Value, but at least low and at most high."""
    if value < low:
        return low
    if value < high:
        return high
    return value
'''
}
OPERATOR = task(
    "operator",
    CLAMP,
    {"clamp.py": CLAMP["clamp.py"].replace("value < high", "value > high")},
    judge(
        "sys.path.insert(0, '.'); from clamp import clamp",
        "[clamp(5, 0, 3), clamp(-1, 0, 3), clamp(2, 0, 3)]",
        "[3, 0, 2]",
    ),
)

SHOP = {
    "shop/price.py": """\
TAX = 0.2


def gross(net, tax=TAX):
    return net * (1 + tax)


def net(gross, tax=TAX):
    return gross * (1 - tax)
""",
    "shop/cart.py": """\
from shop.price import gross


def total(items):
    amount = 0
    for item in items:
        amount += gross(item["net"])
    return round(amount, 2)


def count(items):
    return len(items) + 1
""",
}
TWO_FILES = task(
    "two files",
    SHOP,
    {
        "shop/price.py": SHOP["shop/price.py"].replace("gross * (1 - tax)", "gross / (1 + tax)"),
        "shop/cart.py": SHOP["shop/cart.py"].replace("len(items) + 1", 'sum(item["count"] for item in items)'),
    },
    judge(
        "sys.path.insert(0, '.'); from shop.price import net; from shop.cart import count, total",
        "[net(120), count([{'count': 2}, {'count': 3}]), total([{'net': 10}])]",
        "[100.0, 5, 12.0]",
    ),
)

DOUBLE = {
    "log.py": """\
def add(entries, entry):
    entries.append(entry)
    entries.append(entry)
    entries.sort()
    return entries
"""
}
DELETION = task(
    "deletion",
    DOUBLE,
    {"log.py": DOUBLE["log.py"].replace("    entries.append(entry)\n", "", 1)},
    judge("sys.path.insert(0, '.'); from log import add", "[add([3], 1)]", "[[1, 3]]"),
)

REPAIRS: dict[str, TaskRow] = {row["task_id"]: row for row in (GUARD, OPERATOR, TWO_FILES, DELETION)}
LABEL: TaskRow = {
    **task("label", CLAMP, {}),
    "kind": "classify",
    "prompt": [{"role": "user", "content": "Is there a vulnerability? Answer with a CWE number, or none."}],
    "label": "CWE-787",
}


def fixed(row: TaskRow) -> str:
    """The human fix as the canonical answer."""
    return render_patch(make_patch(tree(row, "files"), tree(row, "reference")))


def tree(row: Mapping[str, Any], column: str) -> dict[str, str]:
    return {file["path"]: file["text"] for file in row[column]}


def columns(row: TaskRow, count: int = 1) -> dict[str, list[Any]]:
    """What TRL hands to a reward for `count` completions of one task, its own extras too."""
    given: Mapping[str, Any] = row
    names = ("prompt", "files", "reference", "tests", "label", "task_id", "kind", "source")
    return {"prompts": [row["prompt"]] * count, **{name: [given[name]] * count for name in names}}
