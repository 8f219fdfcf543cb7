"""Real code, broken once: every task's reference passes, nothing leaks, the order is fixed, a killed build goes on."""

from __future__ import annotations

import ast
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crrl.data import load_tasks
from crrl.data.options import BuildOptions
from crrl.data.rows import Dropped, Item, Sourced, split_of
from crrl.data.sources.mutations import MutationsOptions, identity, items
from crrl.data.sources.mutations.kinds import KINDS
from crrl.data.sources.mutations.mutants import mutants_of
from crrl.diffs import make_patch, render_patch
from crrl.errors import ConfigError, DataError
from crrl.rewards import REWARDS
from crrl.sandbox import Workers
from crrl.schema import TaskRow, files_from_rows
from crrl.syntax_tree import is_too_deep
from crrl.testing import run_tests, score

PRICES = '''\
"""Prices and discounts."""


def total(prices, discount=0, limit=100):
    """The sum of prices, less a discount where it is large enough.

    >>> total([60, 50], discount=10)
    100
    >>> total([10, 20])
    30
    """
    if not prices:
        return 0
    whole = sum(prices)
    if whole >= limit:
        whole = whole - discount
    return whole


def cheapest(prices, count=1):
    """The lowest prices, in order.

    >>> cheapest([3, 1, 2], count=2)
    [1, 2]
    """
    return sorted(prices)[:count]


async def ask(source, name):
    price = await source(name)
    return price + 1


def unseen(x):
    return x + 1
'''
COPY = '''\
def lowest(prices, count=1):
    """A copy under another name.

    >>> lowest([5, 4])
    [4]
    """
    return sorted(prices)[:count]
'''
TESTS = """\
import asyncio

import pytest

from shop.prices import ask, total


@pytest.mark.parametrize("prices, whole", [([], 0), ([100], 95), ([99], 99)])
def test_sums(prices, whole):
    assert total(prices, discount=5) == whole


class TestAsking:
    def test_it_waits(self):
        async def source(name):
            return {"tea": 3}[name]

        assert asyncio.run(ask(source, "tea")) == 4
"""


def write_shop(folder: Path) -> Path:
    for path, text in (("shop/prices.py", PRICES), ("shop/lowest.py", COPY), ("tests/test_prices.py", TESTS)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "shop/__init__.py").write_text("")
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("code") / "project")


@pytest.fixture(scope="module")
def kept_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the tests that do not care what is in it, so that each mutant is judged once."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def cached(kept_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRRL_CACHE_DIR", str(kept_cache))


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(2) as pool:
        yield pool


def found_in(shop: Path, *, seed: int = 1, split: str = "all", **options: Any) -> list[Item]:
    return list(items(MutationsOptions(path=str(shop), **{"mutants": 10, **options}), BuildOptions(seed=seed), split))


def tasks_in(shop: Path, **options: Any) -> list[TaskRow]:
    return [item.task for item in found_in(shop, **options) if isinstance(item, Sourced)]


def about(task: TaskRow) -> dict[str, Any]:
    known: dict[str, Any] = json.loads(task["source"])
    return known


def _first(found: Iterator[Item], count: int) -> list[TaskRow]:
    return list(itertools.islice((item.task for item in found if isinstance(item, Sourced)), count))


def check(task: TaskRow, workers: Workers) -> None:
    """What every task must hold: the reference earns 1.0 from the reward, the program as it is less."""
    files, reference = files_from_rows(task["files"]), files_from_rows(task["reference"])
    patch = render_patch(make_patch(files, reference))
    columns = {"files": [task["files"]], "tests": [task["tests"]]}
    assert REWARDS["tests"]([patch], **columns) == [1.0], task["task_id"]
    (path, text), *_ = files.items()
    unrepaired = render_patch(make_patch(files, {**files, path: f"{text}\n# a remark\n"}))
    assert REWARDS["tests"]([unrepaired], **columns)[0] < 1.0, task["task_id"]  # type: ignore[operator]
    assert score(run_tests(files, task["tests"], workers.run), task["tests"]) < 1.0  # type: ignore[operator]


@pytest.mark.parametrize("modules", ["colorsys", "heapq", "html"])
def test_of_the_standard_library_every_reference_earns_1_and_no_unrepaired_program(
    modules: str, workers: Workers
) -> None:
    """heapq: a module that servers have loaded; html: a package. Without Python's own tests only docstrings judge."""
    found = items(MutationsOptions(modules=(modules,), mutants=1), BuildOptions(seed=5), "all")
    built = [item.task for item in found if isinstance(item, Sourced)] if modules == "colorsys" else _first(found, 3)
    has_tests = (Path(json.__file__).parents[1] / "test" / "test_heapq.py").is_file()
    assert built or not has_tests
    for task in built:
        check(task, workers)
        assert about(task)["license"] == "PSF-2.0"
    if modules == "colorsys" and has_tests:
        assert {about(task)["oracle"] for task in built} == {"unittest"}


THE_RIGHT_ONE = "__import__('sysconfig').get_path('stdlib')"
CHEATS = {
    "reads it": f"exec(open({THE_RIGHT_ONE} + '/heapq.py').read())",
    "links to it": f"import os\nos.symlink({THE_RIGHT_ONE} + '/heapq.py', 'right.py')\nfrom right import *",
    "imports it": "import sys\nkept = sys.path[:]\nsys.path[:] = [p for p in kept if 'python3' in p]\n"
    "del sys.modules['heapq']\nimport heapq as right\nsys.path[:] = kept\nsys.modules['heapq'] = right",
    "loads it": "from importlib.util import module_from_spec as m, spec_from_file_location as s\n"
    f"spec = s('heapq', {THE_RIGHT_ONE} + '/heapq.py')\nright = m(spec)\nspec.loader.exec_module(right)\n"
    "globals().update(vars(right))",
    "is deleted": "",
}


@pytest.fixture(scope="module")
def heap_task(tmp_path_factory: pytest.TempPathFactory) -> TaskRow:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRRL_CACHE_DIR", str(tmp_path_factory.mktemp("heap")))
        return _first(items(MutationsOptions(modules=("heapq",)), BuildOptions(seed=5), "all"), 1)[0]


@pytest.mark.parametrize("how", CHEATS)
def test_the_installed_module_is_no_way_around_the_broken_one(how: str, heap_task: TaskRow) -> None:
    files = files_from_rows(heap_task["files"])
    cheat = {path: f"{CHEATS[how]}\n" for path in files if CHEATS[how]}
    answer = render_patch(make_patch(files, cheat))
    assert REWARDS["tests"]([answer], files=[heap_task["files"]], tests=[heap_task["tests"]]) == [0.0]


def test_of_a_folder_every_reference_earns_1_by_pytest_and_by_docstrings(
    shop: Path, cached: None, workers: Workers
) -> None:
    built = tasks_in(shop)
    assert {about(task)["oracle"] for task in built} == {"pytest", "doctest"}
    assert {"missing-await", "wrong-default", "dropped-call"} <= {about(task)["kind"] for task in built}
    for task in built[::4]:
        check(task, workers)


def test_what_is_recorded_is_true(shop: Path, cached: None) -> None:
    for task in tasks_in(shop):
        known = about(task)
        broken, right = task["files"][0]["text"].split("\n"), task["reference"][0]["text"].split("\n")
        differing = next(
            number for number, pair in enumerate(zip(broken, right, strict=False), 1) if pair[0] != pair[1]
        )
        assert known["kind"] in KINDS
        assert known["line"] == differing
        assert known["file"] == task["files"][0]["path"]
        assert f"def {known['function']}" in task["reference"][0]["text"]
        assert known["fail_to_pass"] == task["tests"]["fail_to_pass"]
        assert not set(known["fail_to_pass"]) & set(known["pass_to_pass"])


def test_a_function_that_nothing_covers_is_dropped_and_counted(shop: Path, cached: None) -> None:
    dropped = {(item.where, item.reason) for item in found_in(shop) if isinstance(item, Dropped)}
    assert ("shop.prices.unseen", "function: no test or example covers it") in dropped


def test_the_prompt_holds_neither_the_right_line_nor_the_kind_nor_the_place(shop: Path, cached: None) -> None:
    for task in tasks_in(shop):
        known = about(task)
        prompt = "\n".join(message["content"] for message in task["prompt"])
        broken = task["files"][0]["text"]
        spec = task["prompt"][1]["content"].partition(known["file"])[0]
        wrong, right = (set(task[column][0]["text"].split("\n")) for column in ("files", "reference"))  # type: ignore[literal-required]
        for line in right - wrong:
            assert line not in prompt.replace(broken, "")
            assert line.strip() not in spec
        assert known["kind"] not in prompt
        assert not any(word in spec for word in ("mutant", "mutation", f"line {known['line']}", known["kind"]))
        assert broken in prompt


def test_the_same_seed_gives_the_same_tasks_whatever_the_number_of_workers(shop: Path, cached: None) -> None:
    one, more = tasks_in(shop, workers=1), tasks_in(shop, workers=3)
    assert one == more
    other = tasks_in(shop, seed=2)
    assert [task["task_id"] for task in other] != [task["task_id"] for task in one]


def test_no_function_and_no_copy_of_it_is_in_both_splits(shop: Path, cached: None) -> None:
    parts = {split: tasks_in(shop, split=split) for split in ("train", "heldout", "all")}
    ids = {split: [task["task_id"] for task in tasks] for split, tasks in parts.items()}
    assert sorted(ids["train"] + ids["heldout"]) == sorted(ids["all"])
    where = {name: {about(task)["function"] for task in parts[name]} for name in ("train", "heldout")}
    assert not where["train"] & where["heldout"]
    assert any({"cheapest", "lowest"} <= functions for functions in where.values())
    found = [item for item in found_in(shop) if isinstance(item, Sourced)]
    heldout = [item.task["task_id"] for item in found if split_of(item.split_key, 0.1) == "heldout"]
    assert heldout == ids["heldout"], "a built file is split as its source is"


def test_at_most_the_wanted_number_of_bugs_a_function(shop: Path, cached: None) -> None:
    for wanted in (1, 3):
        functions = [about(task)["function"] for task in tasks_in(shop, mutants=wanted)]
        assert max(map(functions.count, functions)) == wanted


def test_a_killed_build_goes_on_where_it_was(tmp_path: Path, own_cache: Path) -> None:
    shop = write_shop(tmp_path / "project")
    out = tmp_path / "out.jsonl"
    command = [
        sys.executable,
        "-m",
        "crrl.cli",
        "data",
        "build",
        f"mutations:{shop}",
        "--split",
        "all",
        "--mutants",
        "10",
    ]
    process = subprocess.Popen([*command, "--out", str(out)], start_new_session=True, stderr=subprocess.DEVNULL)
    while process.poll() is None and sum(text.count("mutant ") for text in journals(own_cache)) < 3:
        os.sched_yield()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    begun = journals(own_cache)
    assert not out.exists()
    assert len(tasks_in(shop)) > 10
    (before,), (after,) = begun, journals(own_cache)
    whole = before[: before.rfind("\n") + 1]
    assert whole.count("\n") >= 3
    assert after.startswith(whole)
    keys = [json.loads(line)[0] for line in [*whole.splitlines(), *after[len(before) :].splitlines()] if line]
    assert len(set(keys)) == len(keys), "something was judged twice"


def journals(cache: Path) -> list[str]:
    return [path.read_text() for path in (cache / "mutations").glob("*.jsonl")]


def test_a_reader_who_has_enough_need_not_wait_for_the_rest(shop: Path, own_cache: Path) -> None:
    few = list(itertools.islice(items(MutationsOptions(path=str(shop)), BuildOptions(), "all"), 2))
    assert len(few) == 2


def test_a_long_file_is_shown_in_part_with_the_whole_function(shop: Path, cached: None) -> None:
    for task in tasks_in(shop, window_chars=400):
        spec, _, shown = task["prompt"][1]["content"].partition("shop/prices.py\n```\n")
        if shown:
            body = shown.rpartition("```")[0]
            assert body in task["files"][0]["text"]
            assert len(body) < len(task["files"][0]["text"])
            assert f"def {about(task)['function']}" in body
            assert "are shown" in spec


def test_tasks_become_a_dataset_with_their_lists(shop: Path, cached: None) -> None:
    tasks = load_tasks(f"mutations:{shop}", kind="repair", split="all", mutants=2)
    assert all(task["tests"]["fail_to_pass"] for task in tasks)


CHECKED = """\
import pytest


@pytest.fixture
def check():
    def check(found, wanted):
        assert found == wanted

    return check
"""
USES_IT = "from calc import total\n\n\ndef test_total(check):\n    check(total(3, 4), 7)\n"


def test_what_lies_around_the_tests_decides_as_they_do(tmp_path: Path, own_cache: Path) -> None:
    (tmp_path / "calc.py").write_text("def total(x, y):\n    return x + y\n")
    (tmp_path / "test_calc.py").write_text(USES_IT)
    (tmp_path / "conftest.py").write_text(CHECKED)
    options = MutationsOptions(path=str(tmp_path))
    before = identity(options)
    assert tasks_in(tmp_path)
    (tmp_path / "conftest.py").write_text(CHECKED.replace("assert found == wanted", "pass"))
    assert identity(options) != before
    assert not tasks_in(tmp_path)


def test_what_is_installed_or_hidden_in_a_folder_is_no_part_of_it(tmp_path: Path, shop: Path, cached: None) -> None:
    project = write_shop(tmp_path / "project")
    for place in (".venv/lib", "env/lib/python3.11", "node_modules/x", "build/lib", "lib/site-packages"):
        (project / place).mkdir(parents=True)
        for number in range(3):
            (project / place / f"big{number}.py").write_text(f"x = {number}\n" * 30_000)
    (project / "env" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    assert tasks_in(project) == tasks_in(shop)


def test_a_folder_that_is_too_large_to_bring_along_is_refused_before_any_test_runs(tmp_path: Path) -> None:
    project = write_shop(tmp_path / "project")
    (project / "tests" / "test_ran.py").write_text("raise SystemExit\n")
    for number in range(3):
        (project / f"table{number}.py").write_text("x = 1\n" * 25_000)
    with pytest.raises(
        DataError, match=r"project: holds 45\d KB of Python, .* at most 400 KB .* package=NAME"
    ) as error:
        identity(MutationsOptions(path=str(project)))
    assert "\n" not in str(error.value)


def test_modules_that_cannot_be_broken_take_no_other_with_them(tmp_path: Path, own_cache: Path) -> None:
    project = write_shop(tmp_path / "project")
    long = f"def f():\n    return {' + '.join('1' for _ in range(600))}\n"
    example = 'def g(x):\n    """\n    >>> g(1)\n    2\n    """\n    return x + 1\n'
    (project / "shop" / "long.py").write_text(f"{example}\n\n{long}")
    (project / "shop" / "old.py").write_text("print 1\n")
    found = found_in(project, mutants=1)
    dropped = {item.where: item.reason for item in found if isinstance(item, Dropped)}
    assert dropped["shop.long"] == "module: nested too deeply"
    assert dropped["shop.old"] == "module: does not parse"
    assert any(isinstance(item, Sourced) for item in found)


DEEP = {
    "a sum": ("1", "{} + 1"),
    "calls": ("1", "f({})"),
    "named arguments": ("1", "f(x=[{}])"),
    "items": ("x", "x[{}]"),
    "slices": ("x", "x[0:{}]"),
    "attributes": ("x", "{}.y"),
    "dictionaries": ("1", "{{1: {}}}"),
    "conditions": ("x", "not ({} if x else 1)"),
    "lambdas": ("1", "lambda x: {}"),
    "awaits": ("x", "(await {})"),
}


@pytest.mark.parametrize("what", DEEP)
def test_what_is_as_deep_as_may_be_can_be_walked(what: str) -> None:
    inner, around = DEEP[what]
    text, at_most = "", 0
    while not is_too_deep(ast.parse(grown := f"async def f(x):\n    y = {inner}\n    return y + 1\n")):
        text, at_most, inner = grown, at_most + 1, around.format(inner)
    assert at_most > 15
    assert ast.unparse(ast.parse(text))
    assert list(mutants_of(text, frozenset(["f"])))
    assert len(inner) < 2000


MISTAKES = [
    ({"mutants": 11}, "1 to 10"),
    ({"mutants": 0}, "1 to 10"),
    ({"path": "nowhere"}, "no such folder"),
    ({"split_by": "line"}, "function or module"),
    ({"path": ".", "package": "json"}, "not both"),
    ({"window_chars": -1}, "0 or more"),
]


@pytest.mark.parametrize(("options", "said"), MISTAKES)
def test_impossible_options_are_refused_in_one_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        MutationsOptions(**options)


@pytest.mark.parametrize("options", [{"modules": ("no_such_module",)}, {"package": "no_such_package"}])
def test_unknown_modules_and_packages_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="no_such"):
        next(items(MutationsOptions(**options), BuildOptions(), "all"))
