"""A mutant that its tests notice → a task row."""

from __future__ import annotations

import doctest
import hashlib
import json
import platform
import random

from crrl.data.prompts import repair_prompt
from crrl.data.sources.mutations.judge import Bench, Verdict, with_lists
from crrl.data.sources.mutations.library import Unit
from crrl.data.sources.mutations.mutants import Function, Mutant
from crrl.schema import TaskRow, rows_from_files

_MAX_SHOWN = 3
"""Failing tests or examples that the prompt names."""


def task_of(unit: Unit, bench: Bench, mutant: Mutant, verdict: Verdict, *, window_chars: int) -> TaskRow:
    """The task: the broken file, how its tests fail, and the right file as the reference."""
    module, broken = bench.module, mutant.change.apply(bench.module.text.encode())
    name = f"{module.name}.{mutant.function}"
    task_id = f"{name}-{hashlib.sha256(f'{module.text}{mutant.change}'.encode()).hexdigest()[:10]}"
    lines = broken.splitlines(keepends=True)
    grown = len(lines) - len(module.text.splitlines())
    first, last = window(lines, bench.function, grown, window_chars, random.Random(task_id))
    row = with_lists(bench.row, verdict)
    spec = describe(bench, verdict)
    if last - first < len(lines):
        spec += f"\n\nOf {len(lines)} lines of the file, lines {first + 1} to {last} are shown."
    provenance = {
        "source": "mutations",
        "kind": mutant.kind,
        "oracle": bench.suite.oracle,
        "origin": unit.name,
        "module": module.name,
        "file": module.path,
        "function": mutant.function,
        "line": mutant.line,
        "python": platform.python_version(),
        "license": unit.license,
        "fail_to_pass": verdict["fail_to_pass"],
        "pass_to_pass": verdict["pass_to_pass"],
    }
    return {
        "task_id": task_id,
        "kind": "repair",
        "prompt": repair_prompt(spec, {module.path: "".join(lines[first:last])}),
        "files": rows_from_files({module.path: broken, **bench.around}),
        "reference": rows_from_files({module.path: module.text, **bench.around}),
        "tests": row,
        "label": "",
        "source": json.dumps(provenance, ensure_ascii=False),
    }


def describe(bench: Bench, verdict: Verdict) -> str:
    """How the bug shows, in the words of whoever ran the tests. Neither function nor line nor kind is named."""
    failing = verdict["fail_to_pass"]
    counted = f"{len(failing)} of the {len(bench.passing)}"
    if bench.suite.oracle != "doctest":
        shown = "\n".join(f"- {name}" for name in failing[:_MAX_SHOWN])
        return f"`{bench.module.name}` has a bug: {counted} tests that cover it here fail, among them\n{shown}"
    shown = "\n".join(_examples(bench, failing)[:_MAX_SHOWN])
    return f"`{bench.module.name}` has a bug: {counted} examples here do not give what they should. This is right:\n{shown}"


def window(lines: list[str], function: Function, grown: int, chars: int, draw: random.Random) -> tuple[int, int]:
    """Which lines the prompt shows: all, or a part of about `chars` characters that holds the whole function.

    Where the function lies in the part is drawn, so that the middle says nothing. Returns (first, behind the last), from 0.
    """
    if not chars or sum(map(len, lines)) <= chars:
        return 0, len(lines)
    first, last = function.first_line - 1, function.last_line + grown
    left = chars - sum(map(len, lines[first:last]))
    above = int(left * draw.random()) if left > 0 else 0
    first, spent = _extend(lines[:first][::-1], first, above, -1)
    last, more = _extend(lines[last:], last, left - spent, 1)
    first, _ = _extend(lines[:first][::-1], first, left - spent - more, -1)
    return first, last


def _extend(lines: list[str], place: int, chars: int, step: int) -> tuple[int, int]:
    """Move a border over whole lines for `chars` characters. Returns (border, characters spent)."""
    spent = 0
    for line in lines:
        if spent + len(line) > chars:
            break
        spent += len(line)
        place += step
    return place, spent


def _examples(bench: Bench, failing: list[str]) -> list[str]:
    """The failing examples as a session would show them, with what they should print."""
    shown = []
    for file in bench.row["files"]:
        if file["path"].endswith(".txt"):
            for example in doctest.DocTestParser().get_examples(file["text"]):
                if f"{file['path']}:{example.lineno + 1}" in failing:
                    first, *rest = example.source.splitlines()
                    source = "\n".join((f">>> {first}", *(f"... {line}" for line in rest)))
                    shown.append(f"{source}\n{example.want}")
    return shown
