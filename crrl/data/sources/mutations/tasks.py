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
from crrl.data.sources.mutations.mutants import Mutant
from crrl.data.window import part_around
from crrl.schema import TaskRow, rows_from_files

_MAX_SHOWN = 3
"""Failing tests or examples that the prompt names."""


def task_of(unit: Unit, bench: Bench, mutant: Mutant, verdict: Verdict, *, window_chars: int) -> TaskRow | None:
    """The task: the broken file, how its tests fail, and the right file as the reference. None as of `part_around`."""
    module, broken = bench.module, mutant.change.apply(bench.module.text.encode())
    name = f"{module.name}.{mutant.function}"
    task_id = f"{name}-{hashlib.sha256(f'{module.text}{mutant.change}'.encode()).hexdigest()[:10]}"
    grown = broken.count("\n") - module.text.count("\n")
    function = bench.function
    span = function.first_line - 1, function.last_line + grown
    part = part_around(broken, module.text, window_chars, random.Random(task_id), whole=[span])
    if part is None:
        return None
    row = with_lists(bench.row, verdict)
    spec = describe(bench, verdict)
    if part.cut:
        spec += f"\n\n{part.cut}"
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
        "prompt": repair_prompt(spec, {module.path: part.text}),
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
