"""What makes two tasks the same, and which split a task belongs to: laws, for any tasks."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.data.rows import SeenKeys, content_key, split_key, split_of
from tests.data.rows import task

TREES = st.dictionaries(st.sampled_from(["a.py", "b.py", "c/d.py"]), st.text(max_size=20), min_size=1)
SHARES = st.floats(0, 1)


def rows(tree: dict[str, str], *, backwards: bool = False) -> list[dict[str, str]]:
    listed = [{"path": path, "text": text} for path, text in tree.items()]
    return listed[::-1] if backwards else listed


def made(files: dict[str, str], reference: dict[str, str], **changes: Any) -> Any:
    return task(files=rows(files), reference=rows(reference), **changes)


@settings(deadline=None, max_examples=60)
@given(TREES, TREES, st.text(), st.text(), st.text())
def test_content_knows_no_names_no_origin_no_prompt_and_no_order(
    files: dict[str, str], reference: dict[str, str], name: str, origin: str, spec: str
) -> None:
    one = made(files, reference)
    other = task(
        files=rows(files, backwards=True),
        reference=rows(reference, backwards=True),
        task_id=name,
        source=origin,
        prompt=[{"role": "user", "content": spec}],
    )
    assert content_key(one) == content_key(other)
    assert split_key(one) == split_key(other)


@settings(deadline=None, max_examples=60)
@given(TREES, TREES, TREES, TREES)
def test_content_is_equal_only_if_the_trees_are(
    files: dict[str, str], reference: dict[str, str], other_files: dict[str, str], other_reference: dict[str, str]
) -> None:
    same = (files, reference) == (other_files, other_reference)
    assert (content_key(made(files, reference)) == content_key(made(other_files, other_reference))) == same


def test_moving_text_between_path_and_content_changes_the_content() -> None:
    assert content_key(made({"a": "bc"}, {"a": "x"})) != content_key(made({"ab": "c"}, {"a": "x"}))
    assert content_key(made({"a": "x"}, {"b": "y"})) != content_key(made({"b": "y"}, {"a": "x"}))


@settings(deadline=None, max_examples=60)
@given(TREES, TREES, TREES, SHARES)
def test_two_fixes_of_the_same_broken_files_are_never_in_two_splits(
    files: dict[str, str], one: dict[str, str], other: dict[str, str], share: float
) -> None:
    assert split_of(split_key(made(files, one)), share) == split_of(split_key(made(files, other)), share)


@settings(deadline=None, max_examples=60)
@given(TREES, SHARES, SHARES)
def test_a_larger_share_only_adds_to_heldout(files: dict[str, str], one: float, other: float) -> None:
    row = made(files, {"z.py": ""})
    if split_of(split_key(row), min(one, other)) == "heldout":
        assert split_of(split_key(row), max(one, other)) == "heldout"
    assert (split_of(split_key(row), 0.0), split_of(split_key(row), 1.0)) == ("train", "heldout")


def test_tasks_without_a_reference_are_told_by_prompt_tests_and_label() -> None:
    tests = {"files": [], "command": ["make"], "timeout_s": 1.0}
    variants: list[Any] = [
        task(kind="implement", reference=[], tests=tests),
        task(kind="implement", reference=[], tests={**tests, "command": ["make", "test"]}),
        task(kind="implement", reference=[], tests=tests, prompt=[{"role": "user", "content": "Other"}]),
        task(kind="classify", reference=[], label="yes"),
        task(kind="classify", reference=[], label="no"),
    ]
    assert len({content_key(row) for row in variants}) == len(variants)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(max_size=4)))
def test_seen_keys_is_a_set(keys: list[str]) -> None:
    known: set[str] = set()
    with closing(SeenKeys()) as seen:
        for key in keys:
            assert seen.add(key) == (key not in known)
            known.add(key)
