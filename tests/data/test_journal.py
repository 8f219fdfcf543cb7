"""The journal of a build: each thing is found out once, whoever asks, and whatever was killed."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from crrl.data.journal import NOTHING_KEPT, Journal


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
    lines = path.read_bytes().split(b"\n")
    assert lines == [b'["key", 1]', b'["other", ', b'["other", 2]', b""]


def test_parts_of_a_journal_do_not_know_of_each_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "unit.jsonl")
    assert [journal.part(name).get("key", lambda name=name: name) for name in ("a", "b")] == ["a", "b"]
    again = Journal(tmp_path / "unit.jsonl")
    assert [again.part(name).get("key", lambda: "none") for name in ("a", "b", "c")] == ["a", "b", "none"]


def test_two_processes_may_write_one_journal(tmp_path: Path) -> None:
    path = tmp_path / "unit.jsonl"
    one, other = Journal(path), Journal(path)
    for number in range(5):
        assert one.get(f"one {number}", lambda number=number: {"of": ["one", number, "\ud800é"]})
        assert other.get(f"other {number}", lambda number=number: number) == number
    assert one.get("one 3", dict) == {"of": ["one", 3, "\ud800é"]}
    assert [Journal(path).get(f"other {number}", lambda: None) for number in range(5)] == list(range(5))


def test_what_is_whole_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "unit.jsonl")
    assert journal.get("key", lambda: 1) == 1
    journal.remove()
    assert list(tmp_path.iterdir()) == []
    assert journal.get("key", lambda: 2) == 2
    assert [NOTHING_KEPT.get("key", lambda number=number: number) for number in (1, 2)] == [1, 2]
