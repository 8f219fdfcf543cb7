"""What differs between the chat templates of model families, made alike: system messages, thoughts that they open, ends of turns.

A template is the model's own and says what it was trained on; nothing else about a family is known here.
"""

from __future__ import annotations

from typing import Any

from crrl.errors import ConfigError
from crrl.rewards.reply import THINK

_SYSTEM_INTO_USER = """\
{%- if messages and messages[0]['role'] == 'system' -%}\
{%- set asked = messages[0]['content'] + '\\n\\n' + messages[1]['content'] -%}\
{%- set messages = [{'role': 'user', 'content': asked}] + messages[2:] -%}\
{%- endif -%}"""


def fit_template(tokenizer: Any, named: str) -> None:
    """Make a tokenizer's template take our prompts: where it refuses a system message, that goes before the user's first words.

    Gemma's first two generations and some of Mistral's models refuse them. Raises ConfigError without a template, as base
    models have none, and for one that takes neither.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise ConfigError(f"the tokenizer of {named!r} has no chat template; take the instruct variant")
    if _refusal(tokenizer) is None:
        return
    own = tokenizer.chat_template
    if isinstance(own, str):
        tokenizer.chat_template = _SYSTEM_INTO_USER + own
        if _refusal(tokenizer) is None:
            return
        tokenizer.chat_template = own
    raise ConfigError(f"the chat template of {named!r} refuses our prompts: {_refusal(tokenizer)}")


def opens_thought(tokenizer: Any) -> bool:
    """Whether the template writes `<think>` before each completion, which then begins within the thought (DeepSeek-R1's do)."""
    return _rendered(tokenizer).rstrip().endswith(THINK)


def end_of_turn(tokenizer: Any) -> str:
    """What the template writes after an assistant's words: the token that ends them, and what follows it."""
    mark = "words of the assistant"
    messages = [{"role": "user", "content": "u"}, {"role": "assistant", "content": mark}]
    _, found, end = str(tokenizer.apply_chat_template(messages, tokenize=False)).rpartition(mark)
    return (end if found else "") or str(tokenizer.eos_token)


def end_with_turn(tokenizer: Any) -> None:
    """Make the token that ends a turn in the template the tokenizer's end token.

    Base models may have a chat template while their own end token is that of a document (Qwen2.5's): an answer that ends its
    turn, as imitation teaches, would then go on until it is cut off.
    """
    special = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    end = tokenizer(end_of_turn(tokenizer), add_special_tokens=False)["input_ids"]
    ending = next((token for token in end if token in special), None)
    if ending is not None:
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(ending)


def _refusal(tokenizer: Any) -> str | None:
    from jinja2 import TemplateError

    try:
        _rendered(tokenizer)
    except TemplateError as error:
        return str(error)
    return None


def _rendered(tokenizer: Any) -> str:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    return str(tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))
