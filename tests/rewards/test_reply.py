"""Thought and answer are split in one way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crrl.diffs.deviations import TEXT_AROUND_ANSWER, UNCLOSED_ANSWER, UNCLOSED_THOUGHT
from crrl.rewards.reply import Reply, split_reply


@pytest.mark.parametrize(
    ("completion", "reply"),
    [
        ("patch\n", Reply("", "patch\n")),
        ("<think>why</think>patch\n", Reply("why", "patch\n")),
        ("\n <think>why</think>\n<answer>\npatch\n</answer>\n", Reply("why", "patch\n")),
        ("<answer>patch</answer>", Reply("", "patch")),
        ("<answer>\npatch\n", Reply("", "patch\n", (UNCLOSED_ANSWER,))),
        ("<answer>\na\n</answer>\nmore", Reply("", "a\n", (TEXT_AROUND_ANSWER,))),
        ("<answer>\na\n</answer>\nb\n</answer>\n", Reply("", "a\n</answer>\nb\n")),  # the last line that closes it
        ("<answer>\na\nb</answer>", Reply("", "a\nb", (UNCLOSED_ANSWER,))),  # the tag glued to the last line
        ("<answer>\na\nb</answer> \nc", Reply("", "a\nb", (UNCLOSED_ANSWER, TEXT_AROUND_ANSWER))),
        ("<answer>\na</answer>\nb\n</answer>\n", Reply("", "a</answer>\nb\n")),  # a line of its own comes first
        ("<answer>\na</answer> b\nc", Reply("", "a</answer> b\nc", (UNCLOSED_ANSWER,))),  # in the middle of a line
        ("<think><answer>\na\nb</answer>", Reply("<answer>\na\nb</answer>", "", (UNCLOSED_THOUGHT,))),
        ("<answer>yes</answer>\nmore", Reply("", "yes", (TEXT_AROUND_ANSWER,))),
        ("<think>why", Reply("why", "", (UNCLOSED_THOUGHT,))),
        ("<think>a</think>b</think>c", Reply("a", "b</think>c")),  # the first end
        ("<think><answer>\na\n</answer></think>b", Reply("<answer>\na\n</answer>", "b")),
        ("so: <think>why</think>patch", Reply("", "so: <think>why</think>patch")),  # it must start with the thought
        ("text <answer>a</answer>", Reply("", "text <answer>a</answer>")),
        ("", Reply("", "")),
    ],
)
def test_a_completion_is_split(completion: str, reply: Reply) -> None:
    assert split_reply(completion) == reply


def test_a_template_may_have_opened_the_thought() -> None:
    assert split_reply("why</think>patch", thought_opened=True) == Reply("why", "patch")
    assert split_reply("patch", thought_opened=True) == Reply("patch", "", (UNCLOSED_THOUGHT,))
    assert split_reply("<think>why</think>patch", thought_opened=True) == Reply("why", "patch")


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        ([{"role": "assistant", "content": "patch"}], "patch"),
        ([{"role": "user", "content": "x"}, {"role": "assistant", "content": "patch"}], "patch"),
        (
            [{"role": "assistant", "content": [{"type": "text", "text": "pa"}, {"type": "text", "text": "tch"}]}],
            "patch",
        ),
        ([{"role": "assistant", "content": None}], ""),
        ([{"role": "assistant"}], ""),
        ([], ""),
    ],
)
def test_chat_and_plain_are_read_alike(completion: Any, answer: str) -> None:
    assert split_reply(completion).answer == answer


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "\n", " ", "a"]), max_size=12).map(
        "".join
    )
)
def test_any_text_is_split_without_adding_to_it(text: str) -> None:
    reply = split_reply(text)
    assert reply.thought in text
    assert reply.answer in text
