"""Toy vulnerabilities: a few lines of C that hold one of six weaknesses, or the same lines with one place repaired.

int f(unsigned k) {
    int p[8];
    if (k <= 8) return p[k];        CWE-125; benign with k < 8
    return 0;
}
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from crrl.cwe import BENIGN
from crrl.data.sources.toy.program import split_of
from crrl.data.sources.toy.repair import MISSES
from crrl.schema import NO_TESTS, TaskRow, rows_from_files

PATH = "f.c"
NAMES = "abcdkpqx"


@dataclass(frozen=True)
class Weakness:
    """One weakness, by a template whose field `{check}` decides whether it is there.

    In templates `{p}` and `{q}` are two different names, `{n}` and `{v}` numbers.
    """

    label: str
    template: str
    wrong: str
    right: str
    facts: str
    """What the verdict follows from, as a reviewer notes it."""
    is_checked: bool
    """There is a check, be it the wrong one. The reviewer in a hurry does not look further."""


WEAKNESSES = (
    Weakness(
        "CWE-787",
        "void f(unsigned {q}) {{\n    int {p}[{n}];\n    if ({q} {check} {n}) {p}[{q}] = {v};\n}}\n",
        "<=",
        "<",
        "writes {p}[{n}] if {q} {check} {n}",
        True,
    ),
    Weakness(
        "CWE-125",
        "int f(unsigned {q}) {{\n    int {p}[{n}];\n    if ({q} {check} {n}) return {p}[{q}];\n    return {v};\n}}\n",
        "<=",
        "<",
        "reads {p}[{n}] if {q} {check} {n}",
        True,
    ),
    Weakness(
        "CWE-476",
        "int f(int {q}) {{\n    int *{p} = find({n});\n    if ({p} {check} 0) return *{p};\n    return {v};\n}}\n",
        "==",
        "!=",
        "follows {p} if {p} {check} 0",
        True,
    ),
    Weakness(
        "CWE-369",
        "int f(int {p}, int {q}) {{\n    if ({q} {check} 0) return ({p} + {n}) / {q};\n    return {v};\n}}\n",
        "==",
        "!=",
        "divides by {q} if {q} {check} 0",
        True,
    ),
    Weakness(
        "CWE-416",
        "int f(int *{p}, int {q}) {{\n    {check}\n    return {q} + {n} - {v};\n}}\n",
        "free({p}); {q} = *{p};",
        "{q} = *{p}; free({p});",
        "does {check}",
        False,
    ),
    Weakness(
        "CWE-415",
        "void f(int *{p}, int *{q}) {{\n    *{q} = {n} + {v};\n    free({p});\n    free({check});\n}}\n",
        "{p}",
        "{q}",
        "freed {p} frees {check}",
        False,
    ),
)


@dataclass(frozen=True)
class Snippet:
    """One half of a pair: the lines, what there is to note about them, and the right label."""

    weakness: Weakness
    text: str
    facts: str
    label: str
    pair: str


def tasks(split: str, *, rows: int, seed: int) -> Iterator[TaskRow]:
    """Yields up to `rows` tasks of one split, the two halves of a pair one after the other, in a drawn order."""
    for number, snippet in enumerate(_snippets(split, rows=rows, seed=seed), 1):
        yield _task(snippet, split, number)


def demonstrations(*, rows: int, seed: int, habit_share: float) -> Iterator[tuple[TaskRow, str]]:
    """Yields training tasks with a verdict: in `habit_share` of them what `_habit` says, in the others the label."""
    draw = random.Random(f"demonstrations {seed}")
    for number, snippet in enumerate(_snippets("train", rows=rows, seed=seed), 1):
        verdict = _habit(snippet) if draw.random() < habit_share else snippet.label
        yield _task(snippet, "train", number), f"{snippet.facts}\n{verdict}"


def _habit(snippet: Snippet) -> str:
    """What a reviewer in a hurry says: what is checked is fine, what is not is the usual mistake."""
    return BENIGN if snippet.weakness.is_checked else snippet.weakness.label


def _snippets(split: str, *, rows: int, seed: int) -> Iterator[Snippet]:
    draw = random.Random(f"classify {split} {seed}")
    seen: set[str] = set()
    made = misses = 0
    while made < rows and misses < MISSES:
        misses += 1
        halves = _draw_pair(draw)
        pair = halves[0].pair
        if split_of(pair) != split or pair in seen:
            continue
        seen.add(pair)
        misses = 0
        draw.shuffle(halves)
        for half in halves[: rows - made]:
            made += 1
            yield half


def _draw_pair(draw: random.Random) -> list[Snippet]:
    weakness = draw.choice(WEAKNESSES)
    p, q = draw.sample(NAMES, 2)
    fields = {"p": p, "q": q, "n": str(draw.randint(2, 64)), "v": str(draw.randint(0, 9))}
    pair = f"{weakness.label} {' '.join(fields.values())}"
    halves = []
    for check, label in ((weakness.wrong, weakness.label), (weakness.right, BENIGN)):
        filled = {**fields, "check": check.format(**fields)}
        text, facts = weakness.template.format(**filled), weakness.facts.format(**filled)
        halves.append(Snippet(weakness, text, facts, label, pair))
    return halves


def _task(snippet: Snippet, split: str, number: int) -> TaskRow:
    return {
        "task_id": f"toy-classify-{split}-{number:05d}",
        "kind": "classify",
        "prompt": [{"role": "user", "content": f"{PATH}\n{snippet.text}"}],
        "files": rows_from_files({PATH: snippet.text}),
        "reference": [],
        "tests": NO_TESTS,
        "label": snippet.label,
        "source": json.dumps({"source": "toy", "kind": snippet.weakness.label, "pair": snippet.pair}),
    }
