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

from crrl.cores import cores
from crrl.data.in_order import in_processes
from crrl.data.journal import Journal
from crrl.data.placeholder import placeholder
from crrl.data.prompts import implement_prompt
from crrl.data.rows import BadRow, Dropped, Item, Sourced
from crrl.data.sources.stack.code_files import CodeFile, code_files
from crrl.data.sources.stack.docstring_tests import DocstringTests
from crrl.data.sources.stack.functions import (
    Function,
    FunctionNode,
    body_lines,
    functions_of,
    masked,
    parse_file,
)
from crrl.data.sources.stack.near import Bodies, Shingles, repeated, shingles_of
from crrl.data.sources.stack.options import StackOptions
from crrl.data.sources.stack.quality import body_problem, count_statements, docstring_problem, is_generated
from crrl.data.window import UNCLEAR, part_around
from crrl.diffs.line_diff import split_lines
from crrl.schema import NO_TESTS, TaskRow, rows_from_files
from crrl.syntax_tree import is_too_deep


class _Found(NamedTuple):
    """One function, judged by itself."""

    item: Sourced | Dropped | BadRow
    body: int | None = None
    """A task's among those of its file, to be compared with others; None where that is not asked for."""
    docstring: str = ""
    """A task's, if it has examples."""


class _Judged(NamedTuple):
    """One file, judged by itself."""

    found: list[_Found]
    file: CodeFile | None = None
    group: str = ""
    bodies: tuple[Shingles, ...] = ()
    """Of all its functions that are long enough, which each of its tasks shows but its own; empty where they are not compared."""


def items(options: StackOptions, journal: Journal) -> Iterator[Item]:
    """Yields a task or a reason for every function, in the order of the files.

    All functions of a file lie in one split, by a hash of its text: a file shows the bodies of its other functions. No task
    shows, in its own file, nearly the body that it or a task of another file asks for, in whichever split that is.

    Files are judged in parallel; what depends on those before, and examples in the sandbox, is not.
    """
    with ExitStack() as stack:
        known = Bodies(options.near_duplicates) if options.near_duplicates else None
        if known:
            stack.callback(known.close)
        tests = stack.enter_context(DocstringTests()) if options.doctests else None
        jobs = (partial(_judged, options, file) for file in code_files(options))
        for judged in in_processes(jobs, options.workers or cores()):
            for found in _compared(judged, known) if known else judged.found:
                yield _with_tests(judged.file, found, tests, journal) if judged.file and tests else found.item


def _compared(judged: _Judged, known: Bodies) -> Iterator[_Found]:
    """Drops what an earlier file shows, and everything of a file that shows what one of an earlier file asks for."""
    near = [known.near(body, judged.group) for body in judged.bodies]
    shows_an_answer = any(one.is_asked_elsewhere for one in near)
    asked: set[int] = set()
    for found in judged.found:
        if found.body is None:
            yield found
        elif near[found.body].is_known:
            yield _Found(Dropped(found.item.where, "function: nearly the same as an earlier one"))
        elif shows_an_answer:
            yield _Found(Dropped(found.item.where, "file: shows nearly what a task of an earlier file asks for"))
        else:
            asked.add(found.body)
            yield found
    if asked:
        for at, body in enumerate(judged.bodies):
            known.add(body, judged.group, near[at], is_asked=at in asked)


def _with_tests(file: CodeFile, found: _Found, tests: DocstringTests, journal: Journal) -> Item:
    item = found.item
    if not isinstance(item, Sourced) or not found.docstring:
        return item
    task = item.task
    run = partial(tests.of, file, found.docstring, task["files"][0]["text"])
    if row := journal.get(f"examples {file.root} {task['task_id']}", run):
        source = {**json.loads(task["source"]), "judged_by": "doctest"}
        return replace(item, task={**task, "tests": row, "source": json.dumps(source, ensure_ascii=False)})
    return item


def _judged(options: StackOptions, file: CodeFile | Dropped | BadRow) -> _Judged:
    """A file's functions, each by itself, in a process that may know of no other file."""
    if isinstance(file, Dropped | BadRow):
        return _Judged([_Found(file)])
    tree = parse_file(file.text) if _is_plain(file.text) else None
    if tree is None:
        return _Judged([_Found(Dropped(file.where, "file: does not parse, or has unusual line ends"))])
    functions = list(functions_of(tree))
    asked = [index for index, function in enumerate(functions) if _is_asked_for(file, function.node)]
    if not asked and any(_is_asked_for(file, node) for node in ast.walk(tree) if isinstance(node, FunctionNode)):
        return _Judged([_Found(Dropped(file.where, "function: inside of another function"))])
    if file.function and not asked:
        problem = f"no function {file.function!r} starts at line {file.line} of file_content"
        return _Judged([_Found(BadRow(file.where, problem))])
    group = hashlib.sha256(file.text.encode()).hexdigest()
    lines, reason = split_lines(file.text), _file_problem(options, file)
    found = {index: _of_function(options, file, functions[index], lines, reason, group) for index in asked}
    has_tasks = any(isinstance(one.item, Sourced) for one in found.values())
    if has_tasks and is_too_deep(tree):
        return _Judged([_Found(Dropped(file.where, "file: nested too deeply"))])
    if not options.near_duplicates or not has_tasks:
        return _Judged(list(found.values()), file, group)
    long_enough = [  # shorter ones are nobody's answer
        index for index, function in enumerate(functions) if count_statements(function.body) >= options.min_statements
    ]
    bodies = tuple(shingles_of(_code_of(functions[index])) for index in long_enough)
    again = repeated(bodies, options.near_duplicates)
    for at, index in enumerate(long_enough):
        if index in found and isinstance(found[index].item, Sourced):
            found[index] = _with_body(found[index], at, again[at])
    return _Judged(list(found.values()), file, group, bodies)


def _with_body(found: _Found, body: int, is_repeated: bool) -> _Found:
    if is_repeated:
        return _Found(Dropped(found.item.where, "function: nearly the same as another one of its file"))
    return found._replace(body=body)


def _of_function(
    options: StackOptions, file: CodeFile, function: Function, lines: list[str], reason: str, group: str
) -> _Found:
    where = f"{file.where}:{function.node.lineno} {function.name}"
    why = docstring_problem(function, options) or reason or body_problem(function, options)
    place = None if why else body_lines(function, lines)
    if not why and place is None:
        why = "function: its body shares a line with the docstring"
    if not why and placeholder(function.node.name) in file.text:
        why = "function: the file holds the placeholder already"
    task = None if why or place is None else _task(options, file, function, lines, place)
    if task is None:
        return _Found(Dropped(where, why or UNCLEAR))
    return _Found(Sourced(task, where, group), docstring=function.docstring if ">>>" in function.docstring else "")


def _is_plain(text: str) -> bool:
    """Lines that end in LF or CRLF only, as far as Python's syntax tree counts them; text that a file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return (
        "\0" not in text and "\f" not in text and not text.startswith("\ufeff") and "\r" not in text.replace("\r\n", "")
    )


def _is_asked_for(file: CodeFile, node: FunctionNode) -> bool:
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
