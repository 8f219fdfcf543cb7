"""From files of code to implementation tasks: function by function, each kept or dropped with a reason."""

from __future__ import annotations

import ast
import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from crrl.data.in_order import cores, in_processes
from crrl.data.placeholder import placeholder
from crrl.data.prompts import implement_prompt
from crrl.data.rows import BadRow, Dropped, Item, Sourced
from crrl.data.sources.stack.code_files import CodeFile, code_files
from crrl.data.sources.stack.docstring_tests import DocstringTests
from crrl.data.sources.stack.functions import (
    Function,
    body_lines,
    functions_of,
    masked,
    parse_file,
)
from crrl.data.sources.stack.near import NearDuplicates, Signature, signature_of
from crrl.data.sources.stack.options import StackOptions
from crrl.data.sources.stack.quality import body_problem, docstring_problem, is_generated
from crrl.data.window import UNCLEAR, part_around
from crrl.diffs.line_diff import split_lines
from crrl.schema import NO_TESTS, TaskRow, rows_from_files


class _Found(NamedTuple):
    """One function, judged by itself."""

    item: Item
    signature: Signature | None = None
    """What a task's function is compared with others by; None where that is not asked for."""
    docstring: str = ""
    """A task's, if it has examples."""


def items(options: StackOptions) -> Iterator[Item]:
    """Yields a task or a reason for every function, in the order of the files.

    All functions of a file lie in one split, by a hash of its text: a file shows the bodies of its other functions. A
    function that is nearly one of an earlier file is dropped, in whichever split that was.

    Files are judged in parallel; what depends on those before, and examples in the sandbox, is not.
    """
    with ExitStack() as stack:
        near = NearDuplicates(options.near_duplicates) if options.near_duplicates else None
        if near:
            stack.callback(near.close)
        tests = stack.enter_context(DocstringTests()) if options.doctests else None
        jobs = (partial(_judged, options, file) for file in code_files(options))
        for file, found in in_processes(jobs, options.workers or cores()):
            yield from (_compared(file, one, near, tests) for one in found)


def _compared(file: CodeFile | None, found: _Found, near: NearDuplicates | None, tests: DocstringTests | None) -> Item:
    item = found.item
    if not isinstance(item, Sourced) or file is None:
        return item
    if near and found.signature is not None and not near.add(found.signature):
        return Dropped(item.where, "function: nearly the same as an earlier one")
    task = item.task
    if tests and found.docstring and (row := tests.of(file, found.docstring, task["files"][0]["text"])):
        source = {**json.loads(task["source"]), "judged_by": "doctest"}
        return replace(item, task={**task, "tests": row, "source": json.dumps(source, ensure_ascii=False)})
    return item


def _judged(options: StackOptions, file: CodeFile | Dropped | BadRow) -> tuple[CodeFile | None, list[_Found]]:
    """A file's functions, each by itself, in a process that may know of no other file."""
    if isinstance(file, Dropped | BadRow):
        return None, [_Found(file)]
    return file, list(_of_file(options, file))


def _of_file(options: StackOptions, file: CodeFile) -> Iterator[_Found]:
    tree = parse_file(file.text) if _is_plain(file.text) else None
    if tree is None:
        yield _Found(Dropped(file.where, "file: does not parse, or has unusual line ends"))
        return
    functions = [function for function in functions_of(tree) if _is_asked_for(file, function)]
    if file.function and not functions:
        problem = f"no function {file.function!r} starts at line {file.line} of file_content"
        yield _Found(BadRow(file.where, problem))
        return
    lines = split_lines(file.text)
    reason = _file_problem(options, file)
    group = hashlib.sha256(file.text.encode()).hexdigest()
    for function in functions:
        where = f"{file.where}:{function.node.lineno} {function.name}"
        why = docstring_problem(function, options) or reason or body_problem(function, options)
        place = None if why else body_lines(function, lines)
        if not why and place is None:
            why = "function: its body shares a line with the docstring"
        if not why and placeholder(function.node.name) in file.text:
            why = "function: the file holds the placeholder already"
        task = None if why or place is None else _task(options, file, function, lines, place)
        if task is None:
            yield _Found(Dropped(where, why or UNCLEAR))
        else:
            signature = signature_of(_code_of(function)) if options.near_duplicates else None
            examples = function.docstring if ">>>" in function.docstring else ""
            yield _Found(Sourced(task, where, group), signature, examples)


def _is_plain(text: str) -> bool:
    """Lines that end in LF or CRLF only, as far as Python's syntax tree counts them; text that a file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return (
        "\0" not in text and "\f" not in text and not text.startswith("\ufeff") and "\r" not in text.replace("\r\n", "")
    )


def _is_asked_for(file: CodeFile, function: Function) -> bool:
    node = function.node
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return not file.function or (node.name == file.function and file.line in (first, node.lineno))


def _file_problem(options: StackOptions, file: CodeFile) -> str:
    if options.max_file_chars and len(file.text) > options.max_file_chars:
        return f"file: more than {options.max_file_chars} characters"
    return "file: is generated" if is_generated(file.text) else ""


def _code_of(function: Function) -> str:
    """The body as the tree has it: without comments, blank lines and the docstring."""
    return "\n".join(map(ast.unparse, function.body))


def _task(
    options: StackOptions,
    file: CodeFile,
    function: Function,
    lines: list[str],
    place: tuple[int, int],
) -> TaskRow | None:
    before = masked(function, lines, place)
    text = "".join(before)
    name = f"{file.path}:{function.name}"
    task_id = f"{name}-{hashlib.sha256(f'{file.text}{function.node.lineno}'.encode()).hexdigest()[:10]}"
    start = min([function.node.lineno, *(decorator.lineno for decorator in function.node.decorator_list)]) - 1
    head = start, place[0] + 1
    part = part_around(text, file.text, options.window_chars, random.Random(task_id), whole=[head])
    if part is None:
        return None
    spec = f"Write the body of `{function.name}` in {file.path}. Its docstring says what it does."
    if part.cut:
        spec += f"\n\n{part.cut}"
    provenance = {"source": "stack", **file.provenance, "file": file.path, "function": function.name}
    provenance |= {"line": function.node.lineno, "judged_by": "similarity"}
    return {
        "task_id": task_id,
        "kind": "implement",
        "prompt": implement_prompt(spec, {file.path: part.text}),
        "files": rows_from_files({file.path: text}),
        "reference": rows_from_files({file.path: file.text}),
        "tests": NO_TESTS,
        "label": "",
        "source": json.dumps(provenance, ensure_ascii=False),
    }
