"""`similarity`, `syntax`, `tests` and `label`: exact scores, shared work, bad data, a broken sandbox."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crrl.diffs import Edit, Patch, make_patch, render_patch
from crrl.errors import ConfigError, DataError
from crrl.rewards import KINDS_OF, REWARDS, check_rewards, judging
from crrl.rewards.kept_results import KeptResults
from crrl.sandbox import Outcome, Workers
from crrl.schema import KINDS, rows_from_files
from tests.rewards.tasks import GUARD, LABEL, OPERATOR, columns, fixed, task, tree


def patch(*edits: Edit) -> str:
    return render_patch(Patch(edits))


def score(reward: str, completion: str, **given: Any) -> float | None:
    return REWARDS[reward]([completion], **given)[0]


# syntax


def syntax(before: dict[str, str], after: dict[str, str], reference: dict[str, str] | None = None) -> float | None:
    answer = render_patch(make_patch(before, after))
    rows = [rows_from_files(reference)] if reference is not None else None
    return score("syntax", answer, files=[rows_from_files(before)], reference=rows)


SOURCES = {
    "a.py": ("def f():\n    return 1\n", "def f(:\n    return 1\n"),
    "a.js": ("function f() { return 1; }\n", "function f( { return 1; }\n"),
    "a.ts": ("const a: number = 1;\n", "const a: number = ;\n"),
    "a.tsx": ("const a = <b>1</b>;\n", "const a = <b>1</c;\n"),
    "A.java": ("class A { int f() { return 1; } }\n", "class A { int f( { return 1; } }\n"),
    "a.c": ("int f(void) { return 1; }\n", "int f(void { return 1; }\n"),
    "a.cpp": ("int f() { return 1; }\n", "int f( { return 1; }\n"),
    "a.go": ("package a\n\nfunc f() int { return 1 }\n", "package a\n\nfunc f( int { return 1 }\n"),
    "a.rs": ("fn f() -> i32 { 1 }\n", "fn f( -> i32 { 1 }\n"),
    "a.rb": ("def f\n  1\nend\n", "def f(\n  1\nend\n"),
    "a.php": ("<?php function f() { return 1; }\n", "<?php function f( { return 1; }\n"),
    "a.cs": ("class A { int F() { return 1; } }\n", "class A { int F( { return 1; } }\n"),
    "a.sh": ("f() { echo 1; }\n", "f() { echo 1; \n"),
}


@pytest.mark.parametrize("path", SOURCES)
def test_every_grammar_tells_sound_from_broken(path: str) -> None:
    sound, broken = SOURCES[path]
    assert syntax({path: sound}, {path: sound.replace("1", "2")}) == 1.0
    assert syntax({path: sound}, {path: broken}) == 0.0


def test_a_file_may_be_as_broken_as_it_was_or_as_the_human_left_it() -> None:
    sound, broken = SOURCES["a.py"]
    assert syntax({"a.py": broken}, {"a.py": broken + "x = 1\n"}) == 1.0
    assert syntax({"a.py": sound}, {"a.py": broken}, {"a.py": broken}) == 1.0


def test_one_broken_file_among_many_sound_ones_earns_nothing() -> None:
    sound, broken = SOURCES["a.py"]
    many = {f"n{number}.py": "x = 1\n" for number in range(20)}
    assert syntax({"a.py": sound}, {"a.py": broken, **many}) == 0.0
    assert syntax({"a.py": sound}, {"a.py": sound.replace("1", "2"), **many}) == 1.0


@pytest.mark.parametrize(("path", "text"), [("A.java", "a<b" * 20_000), ("a.cpp", "a && b < " * 20_000)])
def test_a_text_that_the_parser_chokes_on_earns_nothing_and_the_next_one_is_judged(path: str, text: str) -> None:
    sound = SOURCES["A.java" if path == "A.java" else "a.cpp"][0]
    started = time.monotonic()
    assert syntax({path: sound}, {path: text}) == 0.0
    assert time.monotonic() - started < 30
    assert syntax({path: sound}, {path: sound.replace("1", "2")}) == 1.0


def test_an_answer_cannot_choose_not_to_be_judged() -> None:
    before = {"a.py": SOURCES["a.py"][0], "notes.txt": "a\n"}
    assert syntax(before, {**before, "notes.txt": "b\n"}) == 0.0
    assert syntax({"notes.txt": "a\n"}, {"notes.txt": "b\n"}) is None


def test_a_task_whose_fix_is_in_no_language_with_a_grammar_is_not_judged_whatever_is_answered() -> None:
    before = {"a.py": SOURCES["a.py"][0], "page.html": "a\n"}
    fix = {**before, "page.html": "b\n"}
    for answer in (fix, {**before, "a.py": "def (:\n"}, {**before, "a.py": "x = 1\n"}):
        assert syntax(before, answer, fix) is None


def test_a_file_that_is_deleted_is_sound_only_if_the_human_deleted_it() -> None:
    before = {"a.py": "x = 1\n", "b.py": "y = 1\n"}
    without = {"a.py": "x = 2\n"}
    assert syntax(before, without, {**before, "a.py": "x = 2\n"}) == 0.0
    assert syntax(before, without, without) == 1.0
    assert syntax(before, {**without, "b.py": ""}, without) == 1.0
    assert syntax(before, {**without, "b.py": "\n"}) == 0.0


# tests


class CountedWorkers(Workers):
    """Workers that count what they run."""

    def __init__(self) -> None:
        super().__init__(2)
        self.runs = 0

    def run(self, *args: Any, **options: Any) -> Outcome:
        self.runs += 1
        return super().run(*args, **options)


@pytest.fixture
def judge(tmp_path: Path) -> Iterator[judging.Judge]:
    """A judge that knows nothing yet, for this test."""
    before = judging.current_judge()
    with CountedWorkers() as workers:
        judging.install(judging.Judge(judging.Settings(), results=KeptResults(tmp_path / "kept"), workers=workers))
        yield judging.current_judge()
    judging.install(before)


def counted(judge: judging.Judge) -> int:
    workers: Any = judge._own_workers
    return int(workers.runs)


COUNTED = task(
    "counted",
    {"f.py": "x = 0\n"},
    {"f.py": "x = 1\n"},
    {
        "files": rows_from_files({"t.py": "import f\nassert f.x == 1\n"}),
        "command": ["python", "t.py"],
        "timeout_s": 5.0,
    },
)


def test_the_program_runs_once_however_often_it_is_answered(judge: judging.Judge) -> None:
    wrong = patch(Edit("f.py", "x = 0\n", "x = 2\n"))
    answers = [fixed(COUNTED), wrong, fixed(COUNTED), f"<think>so</think>{fixed(COUNTED)}", wrong, "no"]
    for _ in range(2):
        assert REWARDS["tests"](answers, **columns(COUNTED, 6)) == [1.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    assert counted(judge) == 2


def test_a_program_that_the_sandbox_cannot_run_is_not_judged() -> None:
    row = {**OPERATOR, "tests": {**OPERATOR["tests"], "command": ["no-such-program"]}}
    assert score("tests", fixed(OPERATOR), **columns(row)) is None  # type: ignore[arg-type]


def test_a_loop_ends_at_the_time_limit() -> None:
    row = {**OPERATOR, "tests": {**OPERATOR["tests"], "timeout_s": 0.5}}
    loop = patch(Edit("clamp.py", "    if value < low:\n", "    while True:\n        pass\n    if value < low:\n"))
    assert score("tests", loop, **columns(row)) == 0.0  # type: ignore[arg-type]


# bad data


@pytest.mark.parametrize("reward", ["similarity", "swe_rl_similarity"])
def test_a_reference_that_changes_nothing_is_bad_data(reward: str) -> None:
    row = {**OPERATOR, "reference": OPERATOR["files"]}
    for completion in ("no", fixed(OPERATOR)):
        with pytest.raises(DataError):
            score(reward, completion, **columns(row))  # type: ignore[arg-type]
        with pytest.raises(DataError):
            score(reward, completion, **columns({**row, "reference": []}))  # type: ignore[arg-type, typeddict-item]


@pytest.mark.parametrize("path", ["./f.py", "a//f.py", "/f.py", "a/../f.py", "f.py/"])
def test_a_path_that_no_edit_can_have_is_bad_data(path: str) -> None:
    row = {**OPERATOR, "files": [{"path": path, "text": "x = 1\n"}]}
    with pytest.raises(DataError, match="no path of a file"):
        score("format", "no", **columns(row))  # type: ignore[arg-type]


def test_a_task_without_tests_is_bad_data() -> None:
    with pytest.raises(DataError, match="needs tests"):
        score("tests", "no", **columns({**OPERATOR, "tests": {"files": [], "command": [], "timeout_s": 0.0}}))


@pytest.mark.parametrize("label", ["", " ", "a\nb"])
def test_a_label_that_is_no_line_is_bad_data(label: str) -> None:
    with pytest.raises(DataError):
        score("label", "no", **columns({**LABEL, "label": label}))


# as TRL calls them


@pytest.mark.parametrize("name", REWARDS)
def test_a_reward_is_called_as_trl_calls_it(name: str) -> None:
    row = LABEL if name == "label" else GUARD
    answer = LABEL["label"] if name == "label" else fixed(GUARD)
    extras = {"completion_ids": [[1]] * 2, "trainer_state": None, "log_extra": None, "log_metric": None}
    assert REWARDS[name](completions=[answer, "no"], **columns(row, 2), **extras) == [1.0, 0.0]


@pytest.mark.parametrize("name", REWARDS)
def test_a_reward_has_its_name_and_can_be_pickled(name: str) -> None:
    assert REWARDS[name].__name__ == name
    assert pickle.loads(pickle.dumps(REWARDS[name])) is REWARDS[name]


def test_a_batch_of_nothing_scores_nothing() -> None:
    for name, reward in REWARDS.items():
        assert reward([], **columns(LABEL if name == "label" else GUARD, 0)) == []


def test_mixed_tasks_are_judged_each_by_its_own() -> None:
    both = {name: columns(GUARD)[name] + columns(OPERATOR)[name] for name in columns(GUARD)}
    answers = [fixed(GUARD), fixed(OPERATOR)]
    for name in ("format", "applies", "similarity", "syntax", "tests"):
        assert REWARDS[name](answers, **both) == [1.0, 1.0]
        assert REWARDS[name](answers[::-1], **both) != [1.0, 1.0] or name == "format"


def test_an_answer_is_compared_again_where_the_fix_is_another() -> None:
    answer, files = fixed(GUARD), GUARD["files"]
    other = [{"path": row["path"], "text": row["text"] + "print(1)\n"} for row in files]
    references = [GUARD["reference"], other, GUARD["reference"]]
    first, second, third = REWARDS["similarity"]([answer] * 3, files=[files] * 3, reference=references)
    assert first == third == 1.0
    assert second == 0.0


def test_the_scores_are_the_same_when_nothing_is_remembered_yet() -> None:
    before, after = tree(GUARD, "files"), tree(GUARD, "reference")
    other = {**before, "unseen.py": "x = 1\n"}
    row = {**GUARD, "files": rows_from_files(other), "reference": rows_from_files({**after, "unseen.py": "x = 1\n"})}
    for _ in range(2):
        assert score("similarity", fixed(GUARD), **columns(row)) == 1.0  # type: ignore[arg-type]


# weights


def test_weights_that_sum_to_one_are_taken() -> None:
    check_rewards({"tests": 0.9, "format": 0.1}, "repair")
    check_rewards({"label": 1.0}, "classify")
    check_rewards(dict.fromkeys(("format", "applies", "syntax"), 0.1) | {"tests": 0.7}, "implement")


@pytest.mark.parametrize(
    ("weights", "kind", "message"),
    [
        ({}, "repair", "no rewards"),
        ({"test": 1.0}, "repair", "did you mean tests"),
        ({"zzz": 1.0}, "repair", "known are format"),
        ({"tests": 0.9}, "repair", "sum to 0.9"),
        ({"tests": 1.5, "format": -0.5}, "repair", "weights are above 0"),
        ({"tests": float("nan")}, "repair", "weights are above 0"),
        ({"label": 1.0}, "repair", "cannot judge repair"),
        ({"similarity": 1.0}, "classify", "cannot judge classify"),
    ],
)
def test_weights_that_cannot_work_are_refused_with_what_can(weights: dict[str, float], kind: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_rewards(weights, kind)


def test_every_reward_says_which_kinds_it_judges_and_every_kind_has_one() -> None:
    assert KINDS_OF.keys() == REWARDS.keys()
    assert {kind for kinds in KINDS_OF.values() for kind in kinds} == set(KINDS)
