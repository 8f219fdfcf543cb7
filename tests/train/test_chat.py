"""Chat templates of other families: no system messages, thoughts that the template opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crrl.chat import fit_template, opens_thought
from crrl.config import read_config
from crrl.data.filters import load_tokenizer as tokenizer_of_filters
from crrl.errors import ConfigError
from crrl.report.run_folder import RunFolder
from crrl.rewards import REWARDS
from crrl.rewards.reply import split_reply
from crrl.train.generate import Sampling, generate
from crrl.train.model import load_model, load_tokenizer
from crrl.train.tiny import build_tiny_model

ALTERNATING = (
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "[{{ message['role'] }}] {{ message['content'] }}\n"
    "{% endfor %}{% if add_generation_prompt %}[model] {% endif %}"
)
THINKING = (
    "{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] <think>\n{% endif %}"
)
NOT_THINKING = THINKING.replace("<think>\n", "<think>\n\n</think>\n\n")
MESSAGES = [{"role": "system", "content": "You repair."}, {"role": "user", "content": "Repair this."}]


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], Path]:
    """A tokenizer's folder with another template."""

    def make(template: str) -> Path:
        tokenizer: Any = load_tokenizer(build_tiny_model(1))
        tokenizer.chat_template = template
        tokenizer.save_pretrained(tmp_path / "tokenizer")
        return tmp_path / "tokenizer"

    return make


@pytest.mark.parametrize("load", [load_tokenizer, lambda path: tokenizer_of_filters(str(path))])
def test_a_template_without_system_messages_gets_them_in_the_user_s(folder: Callable[[str], Path], load: Any) -> None:
    tokenizer = load(folder(ALTERNATING))
    text = tokenizer.apply_chat_template(MESSAGES, add_generation_prompt=True, tokenize=False)
    assert text == "[user] You repair.\n\nRepair this.\n[model] "
    more = [*MESSAGES, {"role": "assistant", "content": "So."}, {"role": "user", "content": "And this."}]
    text = tokenizer.apply_chat_template(more, tokenize=False)
    assert text == "[user] You repair.\n\nRepair this.\n[assistant] So.\n[user] And this.\n"
    assert tokenizer.apply_chat_template(MESSAGES[1:], tokenize=False) == "[user] Repair this.\n"
    fit_template(tokenizer, "again")  # a tokenizer that was saved by a run and is loaded again
    assert tokenizer.apply_chat_template(MESSAGES, tokenize=False) == "[user] You repair.\n\nRepair this.\n"


def test_a_template_that_takes_system_messages_stays_as_it_is(folder: Callable[[str], Path]) -> None:
    assert load_tokenizer(folder(THINKING)).chat_template == THINKING


def test_a_template_that_takes_nothing_of_ours_is_refused_in_one_line(folder: Callable[[str], Path]) -> None:
    with pytest.raises(ConfigError, match="refuses our prompts: it never works") as caught:
        load_tokenizer(folder("{{ raise_exception('it never works') }}"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("template", "opened"), [(THINKING, True), (NOT_THINKING, False), (ALTERNATING, False), (THINKING.strip(), True)]
)
def test_a_template_opens_the_thought_or_does_not(folder: Callable[[str], Path], template: str, opened: bool) -> None:
    assert opens_thought(load_tokenizer(folder(template))) is opened


def test_an_evaluated_answer_of_a_thinking_model_says_what_is_thought(
    folder: Callable[[str], Path], one_thread: None
) -> None:
    model = load_model(build_tiny_model(1), "float32")
    tokenizer = load_tokenizer(folder(THINKING))
    (text,) = generate(model, tokenizer, [MESSAGES], Sampling(max_new_tokens=4, batch_size=1))
    assert text.startswith("<think>\n") and len(text) > len("<think>\n")
    assert split_reply(text).answer == ""  # it never ends its thought


def test_training_tells_the_rewards_that_the_thought_was_opened(
    short_run: Callable[..., RunFolder], folder: Callable[[str], Path]
) -> None:
    from crrl.train.run import _tasks

    config = read_config(short_run("thinking").config)
    config = replace(config, data=replace(config.data, rows=2))
    plain = _tasks(config, "train", 2, load_tokenizer(build_tiny_model(1)))
    assert "thought_opened" not in plain.column_names
    tasks = _tasks(config, "train", 2, load_tokenizer(folder(THINKING)))
    assert tasks["thought_opened"] == [True, True]
    reference = tasks[0]["reference"][0]["text"]
    patch = f"f.py\n<<<<<<< SEARCH\n{tasks[0]['files'][0]['text']}=======\n{reference}>>>>>>> REPLACE\n"
    columns = {name: [tasks[0][name]] * 2 for name in ("files", "reference", "thought_opened")}
    thought, answer = f"Perhaps\n{patch}", f"I see.\n</think>\n{patch}"
    assert REWARDS["similarity"]([thought, answer], **columns) == [0.0, 1.0]
