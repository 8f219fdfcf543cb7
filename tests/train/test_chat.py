"""Chat templates of other families: no system messages, thoughts that the template opens, turns with an end of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, GenerationConfig

from crrl.chat import fit_template, opens_thought
from crrl.config import LoraConfig, read_config, to_yaml
from crrl.data.filters import load_tokenizer as tokenizer_of_filters
from crrl.errors import ConfigError
from crrl.report.heartbeat import Heartbeat
from crrl.report.run_folder import RunFolder
from crrl.rewards import REWARDS
from crrl.rewards.reply import split_reply
from crrl.train.generate import Sampling, generate
from crrl.train.interrupt import StopRequest
from crrl.train.model import load_model, load_tokenizer
from crrl.train.ranks import ALONE
from crrl.train.run import train
from crrl.train.tiny import CHAT_TEMPLATE, build_tiny_model

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
def folder(tmp_path: Path) -> Callable[..., Path]:
    """A tokenizer's folder with another template, and perhaps another end token."""

    def make(template: str, eos_token: str = "<|im_end|>") -> Path:
        tokenizer: Any = load_tokenizer(build_tiny_model(1))
        tokenizer.chat_template, tokenizer.eos_token = template, eos_token
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


@pytest.mark.parametrize(
    ("template", "own", "ending"),
    [
        (CHAT_TEMPLATE, "<|endoftext|>", "<|im_end|>"),  # as of the base models of Qwen2.5
        (CHAT_TEMPLATE, "<|im_end|>", "<|im_end|>"),
        (CHAT_TEMPLATE.replace("<|im_end|>", "\\n<|im_end|>"), "<|endoftext|>", "<|im_end|>"),
        (ALTERNATING, "<|endoftext|>", "<|endoftext|>"),
        (CHAT_TEMPLATE.replace("message['content']", "message['content']|upper"), "<|endoftext|>", "<|endoftext|>"),
    ],
)
def test_a_completion_ends_with_its_turn(folder: Callable[..., Path], template: str, own: str, ending: str) -> None:
    tokenizer = load_tokenizer(folder(template, eos_token=own))
    assert tokenizer.eos_token == ending
    assert tokenizer.pad_token == "<|endoftext|>"


def test_a_model_that_was_taught_to_end_its_turn_ends_wherever_it_is_loaded(
    short_run: Callable[..., RunFolder], folder: Callable[..., Path], one_thread: None
) -> None:
    base = folder(CHAT_TEMPLATE, eos_token="<|endoftext|>")
    model = load_model(build_tiny_model(1), "float32")
    model.config.eos_token_id = model.generation_config.eos_token_id = 0
    model.save_pretrained(base)
    run = short_run("base")
    config = read_config(run.config)
    config = replace(config, model=str(base), stage="sft", sft=replace(config.sft, steps=1), lora=LoraConfig(rank=4))
    run.config.write_text(to_yaml(config))
    train(run, StopRequest(), ALONE, Heartbeat(None, "trainer", "n0"))
    final = run.checkpoints / "final"
    assert GenerationConfig.from_pretrained(final).eos_token_id == [2, 0]
    assert AutoTokenizer.from_pretrained(final).eos_token == "<|im_end|>"


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
