"""The prompt shows exact bytes, teaches the patch form, and pays nothing when echoed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crrl.data.placeholder import placeholder
from crrl.data.prompts import classify_prompt, implement_prompt, render_files, repair_prompt
from crrl.diffs import Patch, apply_patch, parse_patch
from crrl.errors import PatchApplyError
from crrl.rewards import REWARDS

NO_NEWLINE = "\\ No newline at end of file"
LINES = [
    "x = 1\n",
    "\n",
    "```\n",
    "`````\n",
    "a.py\n",
    "<<<<<<< SEARCH\n",
    f"{NO_NEWLINE}\n",
    f"\\{NO_NEWLINE}\n",
    "x\r\n",
]
LINES += [f"{NO_NEWLINE}\r\n", "\x0b\x0c\u2028\n"]
ENDS = ["", "x", "\r", "``", NO_NEWLINE, f"\\{NO_NEWLINE}", "  "]
texts = st.builds(
    lambda lines, end: "".join(lines) + end, st.lists(st.sampled_from(LINES) | st.text()), st.sampled_from(ENDS)
)


def read_back(rendered: str) -> dict[str, str]:
    """An independent reader of the rendering, written from its description."""
    files: dict[str, str] = {}
    lines = [line + "\n" for line in rendered.split("\n")[:-1]]
    at = 0
    while at < len(lines):
        path, fence = lines[at][:-1], lines[at + 1]
        end = lines.index(fence, at + 2)
        body = lines[at + 2 : end]
        unterminated = bool(body) and body[-1] == f"{NO_NEWLINE}\n"
        if unterminated:
            body.pop()
        body = [re.sub(r"^\\(\\+ No newline at end of file\r?\n)$", r"\1", line) for line in body]
        text = "".join(body)
        files[path] = text[:-1] if unterminated else text
        at = end + 2
    return files


@given(st.dictionaries(st.sampled_from(["a.py", "b/c.py", "d e.txt"]), texts, min_size=1))
def test_every_byte_of_every_file_can_be_read_back_from_the_prompt(files: dict[str, str]) -> None:
    assert read_back(render_files(files)) == files


def test_a_file_is_shown_as_path_and_fence() -> None:
    assert render_files({"a.py": "x = 1\n"}) == "a.py\n```\nx = 1\n```\n"


def test_a_fence_is_longer_than_any_back_quotes_in_the_text() -> None:
    assert render_files({"a.md": "````\n"}) == "a.md\n`````\n````\n`````\n"


def test_repair_prompt_is_the_rules_then_the_spec_and_the_files() -> None:
    system, user = repair_prompt("f must add\n", {"a.py": "x = 1\n"})
    assert (system["role"], user["role"]) == ("system", "user")
    assert user["content"] == "f must add\n\na.py\n```\nx = 1\n```\n"


def test_repair_prompt_without_spec_is_only_files() -> None:
    assert repair_prompt("", {"a.py": ""})[1]["content"] == "a.py\n```\n```\n"


def test_the_rules_show_one_canonical_patch() -> None:
    patch = parse_patch(
        repair_prompt("", {})[0]["content"].partition("\n\n")[2].partition("\n\n")[2].partition("\n\n")[0]
    )
    assert patch.deviations == ()
    assert [edit.path for edit in patch.edits] == ["example/greeting.py"]
    assert len(repair_prompt("", {})[0]["content"].splitlines()) < 20


@pytest.mark.parametrize("make", [repair_prompt, implement_prompt])
@pytest.mark.parametrize("path", ["a.py", "example/greeting.py", "another_example/greeting.py"])
def test_an_echoed_prompt_holds_no_edit_that_applies(make, path) -> None:  # type: ignore[no-untyped-def]
    files = {path: '    return "Hello" + name\n', "example/greeting.py": '    return "Hello" + name\n'}
    messages = [message["content"] for message in make("Fix it", files)]
    for echo in (*messages, "\n".join(messages)):
        for edit in parse_patch(echo).edits:
            with pytest.raises(PatchApplyError):
                apply_patch(files, Patch((edit,)))


def test_the_example_applies_to_no_empty_tree_either() -> None:
    with pytest.raises(PatchApplyError):
        apply_patch({}, parse_patch(implement_prompt("Write it", {})[0]["content"]))


def test_the_rules_for_implementations_show_one_canonical_patch_that_replaces_a_placeholder() -> None:
    system = implement_prompt("", {})[0]["content"]
    (edit,) = parse_patch(system.partition("like this one.\n\n")[2].partition("\n\n- ")[0]).edits
    assert edit.search == f"    {placeholder('greeting')}\n"
    assert placeholder("greeting") in system.partition("Answer with a patch")[0]


def test_classify_prompt_asks_for_reasons_and_one_label_on_the_last_line() -> None:
    system, user = classify_prompt("Is there a bug?", {"a.py": "x\n"}, ["yes", "no"])
    assert "one of yes, no" in system["content"]
    assert user["content"] == "Is there a bug?\n\na.py\n```\nx\n```\n"
    system, _ = classify_prompt("Is there a bug?", {"a.c": "x\n"})
    assert "CWE-476, or benign" in system["content"]


@pytest.mark.parametrize("label", ["CWE-476", "benign", "CWE-787"])
def test_an_echoed_classify_prompt_earns_nothing(label: str) -> None:
    messages = [message["content"] for message in classify_prompt("Is there a bug?", {"a.c": "x\n"})]
    for echo in (*messages, "\n".join(messages)):
        assert REWARDS["label"]([echo], label=[label]) == [0.0]
