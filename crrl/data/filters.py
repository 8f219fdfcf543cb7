"""Which sound tasks are left out of training, and why.

A filter takes a task and answers with a reason, or None to keep it. The reason is a category that the build counts by.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crrl.chat import fit_template
from crrl.data.changes import changed_lines, changes_code
from crrl.data.options import BuildOptions
from crrl.data.paths import local_path
from crrl.diffs import Patch, apply_patch, parse_patch
from crrl.errors import ConfigError, PatchApplyError, PatchParseError
from crrl.schema import TaskRow, files_from_rows
from crrl.testing.steering import steers_tests, without_tests
from crrl.testing.tree import SETTING_FILES

Filter = Callable[[TaskRow], str | None]


def filters_for(options: BuildOptions) -> list[Filter]:
    """The filters that these options ask for, cheap ones first. Loads the tokenizer if prompts are to be counted."""
    filters: list[Filter] = []
    if options.max_files:
        filters.append(too_many_files(options.max_files))
    filters += [reference_changes_no_code, reference_unseen_by_tests]
    if options.max_changed_lines:
        filters.append(change_too_large(options.max_changed_lines))
    filters.append(prompt_holds_an_answer)
    if options.max_prompt_tokens:
        filters.append(prompt_too_long(load_tokenizer(options.tokenizer), options.max_prompt_tokens))
    return filters


def too_many_files(limit: int) -> Filter:
    """Drops tasks that show, or whose reference holds, more than `limit` files."""

    def reason(task: TaskRow) -> str | None:
        return f"more than {limit} files" if max(len(task["files"]), len(task["reference"])) > limit else None

    return reason


def change_too_large(limit: int) -> Filter:
    """Drops tasks whose reference removes and adds more than `limit` lines."""

    def reason(task: TaskRow) -> str | None:
        if not task["reference"]:
            return None
        lines = changed_lines(files_from_rows(task["files"]), files_from_rows(task["reference"]))
        return f"more than {limit} changed lines" if lines > limit else None

    return reason


def prompt_too_long(tokenizer: Any, limit: int) -> Filter:
    """Drops tasks whose prompt exceeds `limit` tokens as the model sees it: chat template, generation prompt and all.

    Args:
        tokenizer: a transformers tokenizer with a chat template.
        limit: tokens; a prompt of exactly that many is kept.

    The filter raises ConfigError for a prompt that the template refuses.
    """
    from jinja2 import TemplateError

    def reason(task: TaskRow) -> str | None:
        try:
            text = tokenizer.apply_chat_template(task["prompt"], add_generation_prompt=True, tokenize=False)
        except TemplateError as error:
            raise ConfigError(
                f"the tokenizer's chat template refuses the prompt of {task['task_id']}: {error}"
            ) from error
        length = len(tokenizer(text, add_special_tokens=False)["input_ids"])
        return f"prompt longer than {limit} tokens" if length > limit else None

    return reason


def reference_changes_no_code(task: TaskRow) -> str | None:
    """Drops references that change only comments, blank lines or trailing blanks: no reward could see them."""
    if not task["reference"]:
        return None
    has_code = changes_code(files_from_rows(task["files"]), files_from_rows(task["reference"]))
    return None if has_code else "reference changes no code"


def reference_unseen_by_tests(task: TaskRow) -> str | None:
    """Drops tasks with tests whose human fix the reward `tests` would give 0 (docs/rewards.md): it could not be repeated.

    Either it brings what steers tests (a conftest.py, say), or it changes nothing but tests and their settings.
    """
    if not task["tests"]["command"] or not task["reference"]:
        return None
    tests = files_from_rows(task["tests"]["files"])
    before, after = (files_from_rows(task[column]) for column in ("files", "reference"))
    if steers_tests(before, after, tests):
        return "the human fix brings a file that steers its tests"
    kept, fixed = without_tests(before, tests), without_tests(after, tests)
    changed = [path for path in kept.keys() | fixed.keys() if kept.get(path) != fixed.get(path)]
    if all(posixpath.basename(path) in SETTING_FILES for path in changed):
        return "the human fix changes only tests or their settings"
    return None


def prompt_holds_an_answer(task: TaskRow) -> str | None:
    """Drops tasks whose prompt, echoed whole or message by message, is a patch that fits: repeating must not pay.

    Files that hold patches themselves (a patch tool's tests) are the case in the wild.
    """
    messages = [message["content"] for message in task["prompt"]]
    if not any("SEARCH" in message for message in messages):
        return None
    files = files_from_rows(task["files"])
    for echo in (*messages, "\n".join(messages)):
        try:
            edits = parse_patch(echo).edits
        except PatchParseError:
            continue
        for edit in edits:
            try:
                apply_patch(files, Patch((edit,)))
            except PatchApplyError:
                continue
            return "prompt holds a patch that applies"
    return None


def load_tokenizer(tokenizer: Any) -> Any:
    """A tokenizer by name or folder, or the given one, without the network.

    Raises ConfigError without one, or without a chat template.
    """
    named = tokenizer if isinstance(tokenizer, str) else getattr(tokenizer, "name_or_path", "") or "the model"
    if isinstance(tokenizer, str):
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(_tokenizer_folder(tokenizer), local_files_only=True)
        except (OSError, ValueError) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise ConfigError(f"tokenizer={tokenizer!r} cannot be loaded: {first_line}") from error
    fit_template(tokenizer, named)
    return tokenizer


def _tokenizer_folder(name: str) -> str:
    """The folder itself, or that of a model in the Hugging Face cache. Nothing of the hub's is called that asks the network."""
    from huggingface_hub import try_to_load_from_cache

    if local_path(name).is_dir():
        return str(local_path(name))
    for file in ("tokenizer_config.json", "tokenizer.json", "config.json"):
        found = try_to_load_from_cache(name, file)
        if isinstance(found, str):
            return str(Path(found).parent)
    raise OSError(
        "it is neither a folder nor in the Hugging Face cache of this machine; where there is a network: "
        f"hf download {name} (HF_HOME says where it goes)"
    )
