"""A build that was killed goes on where it was: what took git or the sandbox to find out is not found out again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data.rows import Repository, write_rows
from tests.data.test_swe_source import BASE, change, row
from tests.data.test_tests_check import row_with_tests

ROWS = 24
FUNCTION = '''
def scaled_{n}(values, factor):
    """Multiply every one of the given values by a factor, and {n} more.

    >>> scaled_{n}([1, 2], {n})
    {results}
    """
    scaled = []
    for value in values:
        scaled.append(value * (factor + {n}))
    return scaled
'''


def issues(folder: Path) -> list[str]:
    clone = Repository(folder / "clones/acme__shop")
    base = clone.commit("Start", BASE)
    patches = [change(shop__price=f"def price(count):\n    return count * {100 + number}\n") for number in range(ROWS)]
    rows = write_rows(folder / "rows.jsonl", [row(base, patch, number) for number, patch in enumerate(patches)])
    return [f"swe:{rows}", "--clones", str(folder / "clones"), "--workers", "1"]


def docstrings(folder: Path) -> list[str]:
    (folder / "code").mkdir()
    for n in range(ROWS):
        text = FUNCTION.format(n=n, results=[2 * n, 4 * n])
        (folder / f"code/f{n}.py").write_text(text)
    return [f"stack:{folder}/code", "--near-duplicates", "0", "--workers", "1"]


def rows_with_tests(folder: Path) -> list[str]:
    rows = [row_with_tests(number, 2) for number in range(ROWS)]
    return [str(write_rows(folder / "rows.jsonl", rows)), "--check-tests", "1"]


def keys(text: bytes) -> list[str]:
    return [json.loads(line)[0] for line in text.split(b"\n") if line]


def start(words: list[str], cache: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "crrl.cli", "data", "build", *words, "--split", "all", "--out", str(out)]
    environment = {**os.environ, "CRRL_CACHE_DIR": str(cache)}
    return subprocess.Popen(command, env=environment, start_new_session=True)


@pytest.mark.parametrize("source", [issues, docstrings, rows_with_tests])
def test_a_killed_build_goes_on_where_it_was(tmp_path: Path, source: Callable[[Path], list[str]]) -> None:
    words = source(tmp_path)
    undisturbed = tmp_path / "undisturbed.jsonl"
    assert start(words, tmp_path / "other", undisturbed).wait() == 0
    assert undisturbed.read_bytes().count(b"\n") == ROWS

    cache, out = tmp_path / "cache", tmp_path / "out.jsonl"
    build = start(words, cache, out)
    while build.poll() is None and sum(path.read_bytes().count(b"\n") for path in cache.glob("data/.*.jsonl")) < 3:
        os.sched_yield()
    os.killpg(build.pid, signal.SIGKILL)
    build.wait()
    assert not out.exists()
    (journal,) = cache.glob("data/.*.jsonl")
    before = journal.read_bytes()
    whole = before[: before.rfind(b"\n") + 1]
    assert 3 <= len(keys(whole)) < ROWS
    kept = tmp_path / "journal"
    kept.hardlink_to(journal)

    assert start(words, cache, out).wait() == 0
    assert out.read_bytes() == undisturbed.read_bytes()
    after = [*keys(whole), *keys(kept.read_bytes()[len(before) :])]
    assert len(after) == len(set(after)) == ROWS, "something was found out twice, or not at all"
    assert not list(cache.glob("data/.*.jsonl"))
