"""Functions to write: what is kept, that the masked file parses and leaks nothing, that the reference earns 1.0."""

from __future__ import annotations

import ast
import itertools
import json
import random
import re
import textwrap
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from crrl.data import load_tasks
from crrl.data.build import Report, build_tasks, make_plan
from crrl.data.placeholder import placeholder
from crrl.data.sources.stack.near import SHINGLE, Bodies, repeated, shingles_of
from crrl.data.sources.stack.quality import words_of
from crrl.errors import ConfigError, DataError
from crrl.evaluate.baselines import reference_answer
from crrl.evaluate.evaluation import rewards_for
from crrl.rewards import REWARDS
from crrl.schema import TaskRow

GOOD = '''\
def spread(values, least=0):
    """Give the distance between the largest and the smallest of the values that are above a least one.

    >>> spread([3, 9, 4])
    6
    >>> spread([])
    0
    """
    # the interesting part
    kept = [value for value in values if value > least]
    if not kept:
        return 0
    return max(kept) - min(kept)
    # nothing is rounded
'''
METHOD = '''\
class Basket:
    """Holds things."""

    @classmethod
    async def gather(cls, things):
        """Collect all of the things that are not yet in any other basket, one after the other."""
        found = cls()
        for thing in things:
            found.add(thing)
        return found

    other = 1
'''
BODY = "    total = 0\n    for x in xs:\n        total += x\n    return total\n"
DOCSTRING = '    """Add up all of the numbers that are in the list, one after the other."""\n'


def build(where: Path, *, split: str = "all", **options: Any) -> tuple[list[TaskRow], Report]:
    plan = make_plan("stack", kind="implement", split=split, options={"path": str(where), **options})
    report = Report()
    return list(build_tasks(plan, report)), report


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_bytes(text.encode())
    return tmp_path


def only_reason(report: Report) -> str:
    (reason,) = report.dropped
    return reason


def earned(task: TaskRow, answer: str, *names: str) -> set[float | None]:
    columns = {name: [task[name]] for name in ("files", "reference", "tests")}  # type: ignore[literal-required]
    return {REWARDS[name]([answer], **columns)[0] for name in names or rewards_for(task)}


def test_the_body_is_one_placeholder_at_its_own_indentation_and_the_file_parses(tmp_path: Path) -> None:
    tasks, _ = build(folder(tmp_path, a=GOOD, b=METHOD), doctests=0)
    assert [task["kind"] for task in tasks] == ["implement"] * 2
    for task, name, indent in zip(tasks, ("spread", "gather"), ("    ", "        "), strict=True):
        text = task["files"][0]["text"]
        ast.parse(text)
        assert f"\n{indent}{placeholder(name)}\n" in text
    assert tasks[0]["files"][0]["text"].endswith(f'    """\n    {placeholder("spread")}\n')
    assert tasks[1]["files"][0]["text"].endswith(f"        {placeholder('gather')}\n\n    other = 1\n")


def test_nothing_of_the_body_is_left_not_even_its_comments(tmp_path: Path) -> None:
    (task,), _ = build(folder(tmp_path, a=GOOD), doctests=0)
    shown = task["files"][0]["text"] + "".join(message["content"] for message in task["prompt"])
    for word in ("kept", "interesting", "rounded", "max(", "return 0"):
        assert word not in shown
    assert task["reference"] == [{"path": "a.py", "text": GOOD}]


def test_bodies_of_any_length_leave_files_of_one_length(tmp_path: Path) -> None:
    bodies = ("    return sum(xs) + 0 * len(xs) if xs else [y for y in xs][0]\n", BODY, BODY * 9)
    shown = set()
    for number, body in enumerate(bodies):
        place = tmp_path / str(number)
        place.mkdir()
        (task,), _ = build(folder(place, a=f"def f(xs):\n{DOCSTRING}{body}"), min_statements=1, doctests=0)
        shown.add(task["files"][0]["text"])
        assert all(message["content"].count("line") < 20 for message in task["prompt"])
    assert len(shown) == 1


def test_the_reference_earns_everything_and_the_placeholder_nothing(tmp_path: Path) -> None:
    tasks, _ = build(folder(tmp_path, a=GOOD, b=METHOD))
    for task in tasks:
        assert earned(task, reference_answer(task) or "") == {1.0}
        assert earned(task, "", "similarity", "applies") == {0.0}
    assert "tests" in rewards_for(tasks[0])
    assert "tests" not in rewards_for(tasks[1])


def test_examples_of_the_docstring_become_tests_that_lie_apart(tmp_path: Path) -> None:
    (task,), _ = build(folder(tmp_path, a=GOOD))
    assert len(task["tests"]["fail_to_pass"] or ()) == 2
    assert json.loads(task["source"])["judged_by"] == "doctest"
    edited = GOOD.replace(">>> spread([3, 9, 4])\n    6", ">>> spread([3, 9, 4])\n    0").replace(
        "return max", "return 0 * max"
    )
    answer = reference_answer({**task, "reference": [{"path": "a.py", "text": edited}]}) or ""
    assert earned(task, answer, "tests") == {0.5}  # the empty list is right


def test_examples_that_do_not_pass_here_judge_nothing(tmp_path: Path) -> None:
    wrong = GOOD.replace("    6\n", "    7\n").replace('    0\n    """', '    8\n    """')
    (task,), _ = build(folder(tmp_path, a=wrong))
    assert not task["tests"]["command"]
    assert rewards_for(task) == ["format", "similarity", "applies", "syntax"]


def test_a_package_brings_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "shop" / "base.py").write_text("LEAST = 0\n")
    (tmp_path / "shop" / "price.py").write_text("from .base import LEAST\n\n\n" + GOOD)
    tasks, _ = build(tmp_path)
    (task,) = tasks
    assert task["files"][0]["path"] == "shop/price.py"
    assert earned(task, reference_answer(task) or "", "tests") == {1.0}


def test_an_environment_inside_of_a_folder_costs_no_examples(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    for number in range(3):
        (tmp_path / ".venv" / f"big{number}.py").write_text("x = 1\n" * 30_000)
    (task,), _ = build(folder(tmp_path, a=GOOD))
    assert task["tests"]["command"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (f"def f(xs):\n{BODY}", "function: no docstring"),
        (f'def f(xs):\n    """Add up."""\n{BODY}', "function: the docstring has fewer than 8 words"),
        (
            f'def f(xs):\n    """\n    >>> f([1, 2])  # one two three four five six seven eight nine\n    3\n    """\n{BODY}',
            "function: the docstring has fewer",
        ),
        (
            f'def f(xs):\n    """_summary_ of what the function does with all of its values."""\n{BODY}',
            "function: the docstring is a placeholder",
        ),
        (f"def f(self):\n{DOCSTRING}    return self._x\n", "function: a trivial getter, setter or wrapper"),
        (f"def f(self, x):\n{DOCSTRING}    self._x = x\n", "function: a trivial getter, setter or wrapper"),
        (f"def f(self, x):\n{DOCSTRING}    return self.g(x, 1)\n", "function: a trivial getter, setter or wrapper"),
        (f"def f(xs):\n{DOCSTRING}    raise NotImplementedError\n", "function: a stub"),
        (f"def f(xs):\n{DOCSTRING}", "function: a stub"),
        (f"def f(xs):\n{DOCSTRING}    ...\n", "function: a stub"),
        (f"def f(xs):\n{DOCSTRING}    x = xs + 1\n    return x\n", "function: fewer than 3 statements"),
        (f"def f(xs):\n{DOCSTRING}{BODY * 30}", "function: more than 60 lines"),
        (f"@overload\ndef f(xs):\n{DOCSTRING}{BODY}", "function: a declaration only"),
        (f"@abc.abstractmethod\ndef f(xs):\n{DOCSTRING}{BODY}", "function: a declaration only"),
        (f"def test_f(xs):\n{DOCSTRING}{BODY}", "function: a test"),
        (f"def f(xs):\n{DOCSTRING[:-1]}; y = 1\n{BODY}", "function: its body shares a line with the docstring"),
        (f"def f(xs):\n{DOCSTRING}{BODY}\n# {placeholder('f')}\n", "function: the file holds the placeholder already"),
        (
            f"# This file is generated by make_tables.py, do not edit.\ndef f(xs):\n{DOCSTRING}{BODY}",
            "file: is generated",
        ),
        (f"def f(xs):\n{DOCSTRING}{BODY}\n\nx = {' + '.join(['1'] * 500)}\n", "file: nested too deeply"),
        ("def f(:\n", "file: does not parse, or has unusual line ends"),
        (f"def f(xs):\n{DOCSTRING}{BODY}".replace("\n", "\r"), "file: does not parse, or has unusual line ends"),
    ],
)
def test_a_function_that_is_not_worth_writing_is_dropped_with_the_reason(
    tmp_path: Path, code: str, reason: str
) -> None:
    tasks, report = build(folder(tmp_path, a=code))
    assert not tasks
    assert only_reason(report).startswith(reason)


def test_nested_functions_are_part_of_their_outer_one_and_conditional_ones_are_found(tmp_path: Path) -> None:
    nested = f"    def g():\n        {DOCSTRING.strip()}\n        return 1\n"
    code = f"def f(xs):\n{DOCSTRING}{nested}    y = g()\n    return y + len(xs)\n"
    inner = textwrap.indent(f"def h(xs):\n{DOCSTRING}{BODY}", "    ")
    code += f"try:\n    import z\nexcept ImportError:\n{inner}"
    tasks, report = build(folder(tmp_path, a=code), doctests=0)
    assert report.read == 2
    assert [task["task_id"].rpartition("-")[0] for task in tasks] == ["a.py:f", "a.py:h"]


@pytest.mark.parametrize(
    "around",
    [
        "if 1:\n    pass\nelse:\n{}",
        "for x in ():\n    pass\nelse:\n{}",
        "try:\n    pass\nexcept* OSError:\n{}",
        "try:\n    pass\nfinally:\n{}",
        "match 1:\n    case 1:\n        pass\n    case _:\n{}",
    ],
)
def test_functions_under_every_statement_are_found(tmp_path: Path, around: str) -> None:
    code = around.format(textwrap.indent(f"def f(xs):\n{DOCSTRING}{BODY}", " " * 8))
    (task,), _ = build(folder(tmp_path, a=code), doctests=0)
    assert task["task_id"].startswith("a.py:f-")


@pytest.mark.parametrize("near_duplicates", [0.8, 0])
def test_a_file_that_is_nested_too_deeply_takes_no_other_with_it(tmp_path: Path, near_duplicates: float) -> None:
    long = f"def f(xs):\n{DOCSTRING}    y = {' + '.join(f'a{n}' for n in range(600))}\n    z = y\n    return z\n"
    tasks, report = build(folder(tmp_path, a=long, b=GOOD), doctests=0, near_duplicates=near_duplicates)
    assert [task["files"][0]["path"] for task in tasks] == ["b.py"]
    assert report.dropped == {"file: nested too deeply": 1}


def test_crlf_files_keep_their_line_ends(tmp_path: Path) -> None:
    (task,), _ = build(folder(tmp_path, a=GOOD.replace("\n", "\r\n")), doctests=0)
    assert task["files"][0]["text"].count("\r\n") == task["files"][0]["text"].count("\n")
    assert earned(task, reference_answer(task) or "") == {1.0}


def test_a_file_without_a_last_newline_and_form_feeds_in_names_are_handled(tmp_path: Path) -> None:
    (task,), _ = build(folder(tmp_path, a=f"def f(xs):\n{DOCSTRING}{BODY}".rstrip("\n")), doctests=0)
    assert task["files"][0]["text"].endswith(placeholder("f"))
    assert earned(task, reference_answer(task) or "") == {1.0}


def test_near_duplicates_are_dropped_whatever_their_names_of_files_and_comments(tmp_path: Path) -> None:
    other = GOOD.replace("# the interesting part", "# something else").replace("spread", "gap")
    tasks, report = build(folder(tmp_path, a=GOOD, b=other), doctests=0)
    assert len(tasks) == 1
    assert only_reason(report) == "function: nearly the same as an earlier one"
    assert len(build(tmp_path, near_duplicates=0, doctests=0)[0]) == 2


REPEATED = "function: nearly the same as another one of its file"
COPIED = "file: shows nearly what a task of an earlier file asks for"
KNOWN = "function: nearly the same as an earlier one"


def test_a_body_that_its_own_file_shows_elsewhere_is_no_task(tmp_path: Path) -> None:
    documented = GOOD.replace("spread", "gap")
    plain = "def hidden(values, least=0):\n" + GOOD.partition('"""\n    # ')[2].replace("the interesting part\n", "", 1)
    for number, other in enumerate((documented, plain)):
        place = tmp_path / str(number)
        place.mkdir()
        tasks, report = build(folder(place, a=f"{GOOD}\n\n{other}"), doctests=0)
        assert not tasks
        assert report.dropped[REPEATED] == 2 - number  # the one without a docstring is no task anyway


def test_a_file_that_shows_what_an_earlier_one_asks_for_gives_no_tasks(tmp_path: Path) -> None:
    fork = f"# a fork\n{GOOD}\n\ndef total(xs):\n{DOCSTRING}{BODY}"
    tasks, report = build(folder(tmp_path, a=GOOD, b=fork), doctests=0)
    assert [task["task_id"].partition("-")[0] for task in tasks] == ["a.py:spread"]
    assert report.dropped == {KNOWN: 1, COPIED: 1}


def test_what_an_earlier_file_shows_is_no_task_later(tmp_path: Path) -> None:
    early = f"def total(xs):\n{BODY}\n\n{GOOD}"
    tasks, report = build(folder(tmp_path, a=early, b=f"def add(xs):\n{DOCSTRING}{BODY}"), doctests=0)
    assert [task["task_id"].partition("-")[0] for task in tasks] == ["a.py:spread"]
    assert report.dropped == {KNOWN: 1, "function: no docstring": 1}


def test_rows_of_one_file_may_show_each_others_functions(tmp_path: Path) -> None:
    both = f"{GOOD}\n\ndef total(xs):\n{DOCSTRING}{BODY}"
    start = both.splitlines().index("def total(xs):") + 1
    rows = [docstrings_row(both, "spread", 1, 13), docstrings_row(both, "total", start, start + 5)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet")
    assert len(build(tmp_path, doctests=0)[0]) == 2  # two rows of one file, which lie in one split


def strings_of(text: str) -> set[tuple[str, ...]]:
    """The shingles of a text, as texts: what the numbers must agree with."""
    tokens = re.findall(r"\w+|[^\w\s]", text)
    return {tuple(tokens[at : at + SHINGLE]) for at in range(max(1, len(tokens) - SHINGLE + 1))}


def jaccard(one: str, other: str) -> float:
    left, right = strings_of(one), strings_of(other)
    return len(left & right) / len(left | right)


def drawn_bodies(draw: random.Random, count: int) -> list[str]:
    """Texts of 1 to 40 tokens, most of which are an earlier one with a few tokens drawn anew."""
    texts: list[list[str]] = []
    for _ in range(count):
        tokens = [draw.choice("abcdefgh") * draw.randrange(1, 30) for _ in range(draw.randrange(1, 40))]
        if texts and draw.random() < 0.8:
            tokens = list(draw.choice(texts))
            for at in draw.sample(range(len(tokens)), min(len(tokens), draw.randrange(4))):
                tokens[at] = draw.choice(["x", "yy", "_" * 20])
        texts.append(tokens)
    return [" ".join(tokens) for tokens in texts]


@pytest.mark.parametrize("similarity", [0.05, 0.3, 0.5, 0.55, 0.8, 0.95, 1.0])
def test_near_texts_are_exactly_those_that_share_so_many_of_their_shingles(similarity: float) -> None:
    texts = drawn_bodies(random.Random(f"near {similarity}"), 150)
    bodies = [shingles_of(text) for text in texts]
    known = Bodies(similarity)
    for at, (text, body) in enumerate(zip(texts, bodies, strict=True)):
        near = known.near(body, "")
        assert near.is_known == any(jaccard(text, earlier) >= similarity for earlier in texts[:at])
        known.add(body, str(at), near, is_asked=False)
    known.close()
    again = [
        any(jaccard(text, other) >= similarity for other in texts[:at] + texts[at + 1 :])
        for at, text in enumerate(texts)
    ]
    assert repeated(bodies, similarity) == again


def test_texts_without_four_tokens_are_told_apart() -> None:
    assert len({shingles_of(text).tobytes() for text in ("", "a", "a b", "b a", "a b c", "a b c d")}) == 6
    assert shingles_of("a  b\n").tolist() == shingles_of("a b").tolist()


def test_a_body_is_known_by_who_asks_for_it_and_who_shows_it() -> None:
    known, body = Bodies(0.8), shingles_of(" ".join(f"word{number}" for number in range(50)))
    known.add(body, "a", known.near(body, "a"), is_asked=False)
    assert not known.near(body, "a").is_known
    assert known.near(body, "b").is_known
    known.add(body, "a", known.near(body, "a"), is_asked=True)
    assert known.near(body, "a")[:2] == (True, False)
    assert known.near(body, "b")[:2] == (True, True)
    known.close()


def drawn_function(draw: random.Random, name: str, statements: list[str]) -> str:
    docstring = f'"""Work out all of the many values that are needed here, {draw.random()} of them."""'
    return "\n    ".join([f"def {name}():", docstring, *statements, "return v1"]) + "\n"


def drawn_statement(draw: random.Random) -> str:
    return f"v{draw.randrange(99)} = v{draw.randrange(99)} + w{draw.randrange(99)} * {draw.randrange(999)}"


@pytest.mark.parametrize("similarity", [0.5, 0.8])
def test_no_two_tasks_ask_for_nearly_the_same(tmp_path: Path, similarity: float) -> None:
    draw = random.Random(7)
    bodies = [[drawn_statement(draw) for _ in range(draw.randrange(3, 20))] for _ in range(40)]
    for number in range(120):
        functions = []
        for place in range(draw.randrange(1, 4)):
            statements = list(draw.choice(bodies))
            for at in draw.sample(range(len(statements)), draw.randrange(3)):
                statements[at] = drawn_statement(draw)
            functions.append(drawn_function(draw, f"work{place}", statements))
        (tmp_path / f"m{number}.py").write_text("\n\n".join(functions))
    tasks, report = build(tmp_path, doctests=0, near_duplicates=similarity)
    asked = [task_body(task) for task in tasks]
    assert len(asked) >= 20
    assert not [pair for pair in itertools.combinations(asked, 2) if jaccard(*pair) >= similarity]
    assert sum(report.dropped.values()) + len(asked) == report.read


def task_body(task: TaskRow) -> str:
    """What a task asks for, as the bodies are compared."""
    name = json.loads(task["source"])["function"]
    tree = ast.parse(task["reference"][0]["text"])
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    return "\n".join(map(ast.unparse, function.body[1:]))


def test_of_a_function_and_its_copy_with_another_statement_one_is_kept(tmp_path: Path) -> None:
    draw = random.Random(5)
    for number in range(100):
        body = [drawn_statement(draw) for _ in range(20)]
        copy = [*body[:9], drawn_statement(draw), *body[10:]]
        assert jaccard("\n".join(body), "\n".join(copy)) > 0.8
        for file, statements in (("a", body), ("b", copy)):
            (tmp_path / f"{file}{number}.py").write_text(drawn_function(draw, "work", statements))
    tasks, report = build(tmp_path, doctests=0)
    assert len(tasks) == 100
    assert report.dropped == {KNOWN: 100}


def test_all_functions_of_a_file_lie_in_one_split(tmp_path: Path) -> None:
    for number in range(12):
        code = "".join(f"def f{n}(xs):\n{DOCSTRING}{BODY.replace('total', f't{n}_{number}')}\n" for n in range(3))
        (tmp_path / f"m{number}.py").write_text(code)
    options: dict[str, Any] = {"doctests": 0, "near_duplicates": 0, "heldout_share": 0.4}
    train, heldout = (build(tmp_path, split=split, **options)[0] for split in ("train", "heldout"))
    paths = [{task["files"][0]["path"] for task in tasks} for tasks in (train, heldout)]
    assert not paths[0] & paths[1]
    assert paths[0]
    assert paths[1]
    assert len(train) + len(heldout) == 36


def test_a_long_file_is_cut_to_a_window_with_the_placeholder_and_the_patch_still_applies(tmp_path: Path) -> None:
    filler = "".join(f"x{number} = {number}\n" for number in range(2000))
    (task,), _ = build(folder(tmp_path, a=f"{filler}{GOOD}{filler}"), window_chars=2000, doctests=0)
    user = task["prompt"][1]["content"]
    assert len(user) < 3000
    assert placeholder("spread") in user
    assert "def spread" in user
    assert "of the file, lines" in user
    answer = reference_answer(task) or ""
    assert earned(task, answer) == {1.0}


def test_words_are_those_of_prose() -> None:
    assert words_of("Add two numbers.\n\nArgs:\n    x: the first\n\n>>> add(1, 2)\n3\n") == 5
    assert words_of(":param x: a\n:returns: b\n") == 0


# rows of published sets


def stack_smol(text: str, **changes: Any) -> dict[str, Any]:
    """A row in the schema of bigcode/the-stack-smol."""
    return {
        "content": text,
        "avg_line_length": 20.0,
        "max_line_length": 90,
        "alphanum_fraction": 0.6,
        "licenses": ["MIT"],
        "repository_name": "owner/name",
        "path": "pkg/mod.py",
        "size": len(text),
        "lang": "Python",
        **changes,
    }


def docstrings_row(text: str, name: str, start: int, end: int, **changes: Any) -> dict[str, Any]:
    """A row in the schema of ASSERT-KTH/stack-smol-docstrings, with its placeholder that leaks the length."""
    lines = text.splitlines()
    masked = [*lines[: start - 1], f"# MASKED: {name} function (lines {start}-{end})", *lines[end:]]
    return {
        "function_name": name,
        "docstring": "…",
        "masked_code": "\n".join(masked),
        "implementation": "\n".join(lines[start - 1 : end]),
        "start_line": start,
        "end_line": end,
        "file_content": text,
        **changes,
    }


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_rows_of_the_stack_smol_are_read_from_parquet_with_their_licence(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "data.parquet", [stack_smol(GOOD), stack_smol(METHOD, path="b.py", licenses=[])])
    tasks, report = build(path)
    assert report.kept == 2
    about = json.loads(tasks[0]["source"])
    assert (about["repo"], about["license"], about["file"], about["row"]) == (
        "owner/name",
        "MIT",
        "pkg/mod.py",
        "data.parquet row 1",
    )
    assert json.loads(tasks[1]["source"])["license"] == "unknown"
    assert tasks[0]["tests"]["command"]  # a single file that imports nothing can be run


def test_rows_of_stack_smol_docstrings_are_masked_anew(tmp_path: Path) -> None:
    code = f"X = 1\n\n\n{GOOD}\n\n\n{METHOD}"
    rows = [docstrings_row(code, "spread", 4, 16), docstrings_row(code, "gather", 24, 30)]
    tasks, _ = build(write_parquet(tmp_path / "train.parquet", rows))
    assert [task["files"][0]["text"].count("# TODO: implement") for task in tasks] == [1, 1]
    assert not any("MASKED" in message["content"] for task in tasks for message in task["prompt"])
    assert [json.loads(task["source"])["function"] for task in tasks] == ["spread", "Basket.gather"]


def test_a_row_that_names_a_function_that_is_not_there_stops_the_build(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "train.parquet", [docstrings_row(GOOD, "spread", 1, 13), docstrings_row(GOOD, "nowhere", 1, 13)]
    )
    with pytest.raises(DataError, match=r"train.parquet row 2: no function 'nowhere' starts at line 1"):
        build(path)
    assert build(path, skip_bad=1)[1].kept == 1


def test_a_row_of_a_function_inside_of_another_is_dropped_as_such(tmp_path: Path) -> None:
    """The published rows are of every function that `ast.walk` finds."""
    inner = textwrap.indent(f"@cache\ndef inner(xs):\n{DOCSTRING}{BODY}", "    ")
    code = f"def outer(xs):\n{DOCSTRING}{inner}    return [inner(x) for x in xs] + [0] if xs else []\n"
    rows = [
        docstrings_row(code, "inner", 3, 8),
        docstrings_row(code, "inner", 4, 8),
        docstrings_row(GOOD, "spread", 1, 13),
    ]
    tasks, report = build(write_parquet(tmp_path / "train.parquet", rows), doctests=0)
    assert report.dropped == {"function: inside of another function": 2}
    assert len(tasks) == 1


def test_rows_of_the_stack_smol_are_read_from_its_data_json_and_from_no_other_json(tmp_path: Path) -> None:
    place = tmp_path / "data" / "python"
    place.mkdir(parents=True)
    (place / "data.json").write_text("".join(json.dumps(stack_smol(code)) + "\n" for code in (GOOD, METHOD)))
    (place / "dataset_infos.json").write_text("{}\n")
    (place / "more-data.json").write_text("{}\n")
    for path in (tmp_path, place, place / "data.json"):
        tasks, _ = build(path, doctests=0)
        assert [json.loads(task["source"])["row"] for task in tasks] == ["data.json row 1", "data.json row 2"]
    with pytest.raises(DataError, match=r"is no file of rows; those are called \*.jsonl, .*, data.json"):
        build(place / "more-data.json")


def test_a_schema_that_changed_is_named_with_file_and_row(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "train.parquet", [{"code": GOOD, "function_name": "spread"}])
    with pytest.raises(DataError, match=r"train.parquet row 1: column file_content is missing; a row of ASSERT-KTH"):
        build(path)
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"content": GOOD}) + "\n")
    with pytest.raises(
        DataError, match=r"rows.jsonl row 1: column path is missing; a row of bigcode/the-stack-smol has"
    ):
        build(rows)


def test_a_half_downloaded_parquet_file_is_named(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "data.parquet", [stack_smol(GOOD)] * 50)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"data.parquet: is no whole parquet file"):
        build(path)


def test_an_offline_node_with_an_empty_cache_is_told_how_to_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        DataError, match=r"is not in the Hugging Face cache .* crrl data download nobody/nothing"
    ) as error:
        build(Path("nobody/nothing"))
    assert "\n" not in str(error.value)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no file of rows"):
        build(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"near_duplicates": 2}, "share between 0 and 1"),
        ({"doctests": 2}, "must be 0 or 1"),
        ({"max_body_lines": -1}, "0 or more"),
    ],
)
def test_impossible_options_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(tmp_path, **options)


def test_the_source_holds_implementations_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the stack source holds implement tasks, not repair"):
        make_plan("stack", kind="repair", split="all", options={})
    folder(tmp_path, a=GOOD)
    assert len(load_tasks(f"stack:{tmp_path}", kind="implement", split="all", cache_dir=str(tmp_path / "c"))) == 1
