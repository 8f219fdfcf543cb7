"""`crrl data build` writes over no source, and finds out the kind of task by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crrl.cli import main
from crrl.data.build import default_kind
from tests.data.rows import Repository, pair, write_rows
from tests.data.test_primevul_source import pairs


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("{0}/a.jsonl", "{0}/a.jsonl"),
        ("{0}/a.jsonl:0.5,{0}/b.jsonl:0.5", "{0}/b.jsonl"),
        ("jsonl:{0}/b.jsonl:0.5,{0}/a.jsonl:0.5", "{0}/linked.jsonl"),
        ("primevul-repair:{0}/set", "{0}/set/train_paired.jsonl"),
        ("{0}/a.jsonl:0.5,primevul-repair:{0}/set/..:0.5", "{0}/set/train_paired.jsonl"),
    ],
)
def test_no_source_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, out: str) -> None:
    (tmp_path / "set").mkdir()
    write_rows(tmp_path / "set" / "train_paired.jsonl", pairs(4))
    write_rows(tmp_path / "a.jsonl", [pair(number) for number in range(4)])
    write_rows(tmp_path / "b.jsonl", [pair(number) for number in range(4, 8)])
    (tmp_path / "linked.jsonl").hardlink_to(tmp_path / "a.jsonl")
    place = Path(out.format(tmp_path))
    before = place.read_bytes()
    assert main(["data", "build", source.format(tmp_path), "--out", str(place), "--kind", "repair", "--force"]) == 2
    assert f"--out {place}: is a file of the source, which would be lost" in capsys.readouterr().err
    assert place.read_bytes() == before


def test_what_was_built_of_a_repository_may_lie_in_it_and_be_replaced(repository: Repository) -> None:
    repository.commit("Add half", {"half.py": "def half(x):\n    return x * 2\n"})
    repository.commit("Fix half", {"half.py": "def half(x):\n    return x / 2\n"})
    build = ["data", "build", f"commits:{repository.folder}", "--split", "all", "--force", "--out"]
    for _ in range(2):
        assert main([*build, str(repository.folder / "tasks.jsonl")]) == 0


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("primevul:x", "classify"),
        ("primevul-repair:x", "repair"),
        ("primevul-classify:x", "classify"),
        ("toy-implement", "implement"),
        ("stack", "implement"),
        ("a.jsonl", "repair"),
        ("toy:0.5,primevul-classify:x:0.5", "classify"),
        ("stack:0.5,a.jsonl:0.5", "implement"),
        ("nosuch", "repair"),
    ],
)
def test_the_kind_is_what_the_name_says_else_what_the_source_can_hold(source: str, kind: str) -> None:
    assert default_kind(source) == kind


def test_a_source_whose_name_says_the_kind_is_built_without_another_word(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "train_paired.jsonl", pairs(4))
    out = tmp_path / "out.jsonl"
    assert main(["data", "build", f"primevul-classify:{path}", "--out", str(out)]) == 0
    assert {json.loads(line)["kind"] for line in out.read_text().splitlines()} == {"classify"}
