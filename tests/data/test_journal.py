"""The journal of a build: each thing is found out once, whoever asks, and whatever was killed."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from crrl.data.sources.mutations.journal import Journal


def test_what_two_threads_ask_for_at_once_is_found_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "unit.jsonl")
    begun, go_on = threading.Event(), threading.Event()
    found: list[str] = []

    def find() -> int:
        found.append("once")
        begun.set()
        assert go_on.wait(60)
        return 7

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(journal.get, "key", find)
        assert begun.wait(60)
        second = pool.submit(journal.get, "key", find)
        assert journal.get("another", lambda: 1) == 1, "who asks for something else does not wait"
        go_on.set()
        assert (first.result(), second.result()) == (7, 7)
    assert found == ["once"]
    keys = [json.loads(line)[0] for line in (tmp_path / "unit.jsonl").read_text().splitlines()]
    assert sorted(keys) == ["another", "key"]


def test_a_search_that_failed_is_made_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "unit.jsonl")

    def fail() -> int:
        raise OSError("no room")

    try:
        journal.get("key", fail)
    except OSError as error:
        assert str(error) == "no room"
    assert journal.get("key", lambda: 3) == 3


def test_a_line_that_was_cut_off_counts_as_never_written(tmp_path: Path) -> None:
    path = tmp_path / "unit.jsonl"
    assert Journal(path).get("key", lambda: 1) == 1
    path.write_bytes(path.read_bytes() + b'["other", ')
    again = Journal(path)
    assert again.get("key", lambda: 2) == 1
    assert again.get("other", lambda: 2) == 2
    assert Journal(path).get("other", lambda: 3) == 2
