"""`crrl data build`: what it is told, what it finds out by itself, and what it does not write over."""

from __future__ import annotations

import contextlib
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


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("primevul-repair:x", "repair"),  # said
        ("toy", "classify"),
        ("a.jsonl", "classify"),
        ("stack", "implement"),  # it holds nothing else
        ("primevul:x", "classify"),
    ],
)
def test_the_kind_that_is_wanted_is_the_one_where_the_source_leaves_a_choice(source: str, kind: str) -> None:
    assert default_kind(source, "classify") == kind


def test_a_source_whose_name_says_the_kind_is_built_without_another_word(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "train_paired.jsonl", pairs(4))
    out = tmp_path / "out.jsonl"
    assert main(["data", "build", f"primevul-classify:{path}", "--out", str(out)]) == 0
    assert {json.loads(line)["kind"] for line in out.read_text().splitlines()} == {"classify"}


def test_options_of_one_part_of_a_mixture(repository: Repository, tmp_path: Path) -> None:
    for number in (1, 2):
        repository.commit(f"Fix number {number}", {"a.py": f"x = {number}\n"})
    rows = write_rows(tmp_path / "rows.jsonl", [pair(number) for number in range(4)])
    mixture = f"commits:{repository.folder}:0.5,{rows}:0.5"
    build = ["data", "build", mixture, "--split", "all", "--out", str(tmp_path / "out.jsonl")]
    assert main([*build, "--data-options", "commits.message=number 2", "jsonl.max_files=1"]) == 0
    sources = [json.loads(json.loads(line)["source"]) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert {row["subject"] for row in sources if row["subject"].startswith("Fix number")} == {"Fix number 2"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kind", "classify"], "ask for the kind that they are (--kind, in a run --task), or give other data"),
        (
            ["--heldout-share", "1"],
            "all lie in the other split: ask for that one, or for all (--split all), or hold out another",
        ),
        (["--max-changed-lines", "1", "--split", "all"], "give more data, filter less, or hold out another share"),
    ],
)
def test_where_no_task_is_left_it_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [pair(1), pair(2)])
    out = tmp_path / "out.jsonl"
    assert main(["data", "build", str(rows), "--out", str(out), *words]) == 2
    assert capsys.readouterr().err.startswith(f"error: no task is left, so {out} is not written; {said}")
    assert not out.exists()


def test_two_paths_are_one_too_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", [pair(1)])
    assert main(["data", "build", str(rows), "--path", "other.jsonl", "--out", str(tmp_path / "out.jsonl")]) == 2
    said = f"error: {rows} and path=other.jsonl: both name where jsonl reads; give one of them\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["commits:.", "--mesage", "x"], "unrecognized arguments: --mesage x; did you mean --message?"),
        (["commits:.", "--split", "test"], "argument --split: invalid choice: 'test' (choose from "),
        (
            ["commits:.", "--data-options", "message"],
            "--data-options message: must be name=value, as in heldout_share=0.2",
        ),
        ([], "the following arguments are required: SOURCE; crrl data build --help shows what is possible"),
    ],
)
def test_a_mistake_in_the_command_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    with contextlib.suppress(SystemExit):
        assert main(["data", "build", "--out", str(tmp_path / "out.jsonl"), *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {said}")
    assert error.count("\n") == 1
