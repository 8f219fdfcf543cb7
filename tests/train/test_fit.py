"""Tasks, rewards, model and machine that do not fit each other are refused before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from datasets import Dataset

from crrl.config import ClusterConfig, RunConfig, read_config
from crrl.data import load_tasks
from crrl.errors import ConfigError, RunError
from crrl.report.run_folder import RunFolder
from crrl.train.fit import refuse_missing_gpu, refuse_unfit_tasks
from crrl.train.model import load_tokenizer, model_folder
from crrl.train.tiny import CONTEXT, TINY

TOKENIZER = load_tokenizer(model_folder(TINY, 1))


@pytest.fixture(scope="module")
def tasks() -> Dataset:
    return load_tasks("toy", kind="repair", split="train", rows=12)


@pytest.fixture
def config(short_run: Callable[[str], RunFolder]) -> RunConfig:
    return read_config(short_run("fit").config)


def refuse(config: RunConfig, tasks: Dataset, heldout: Dataset, context: int | None = CONTEXT) -> None:
    refuse_unfit_tasks(config, tasks, heldout, TOKENIZER, context)


def without(tasks: Dataset, rows: int, **columns: Any) -> Dataset:
    """The first `rows` with other values."""
    return tasks.map(lambda task, index: columns if index < rows else {}, with_indices=True)


def test_what_fits_is_taken(config: RunConfig, tasks: Dataset) -> None:
    for rewards in ({"tests": 1.0}, {"similarity": 1.0}, {"format": 1.0}):
        refuse(replace(config, rewards=rewards), tasks, tasks)


def test_a_batch_must_be_drawn_from_as_many_tasks_as_it_has_groups(config: RunConfig, tasks: Dataset) -> None:
    refuse(config, tasks.select(range(4)), tasks)
    with pytest.raises(ConfigError, match=r"^3 tasks to train on, and a batch of completions is drawn for 4 of them"):
        refuse(config, tasks.select(range(3)), tasks)


def test_the_tests_of_a_task_that_has_none_are_missed(config: RunConfig, tasks: Dataset) -> None:
    given = replace(config, rewards={"tests": 0.9, "format": 0.1})
    untested = without(tasks, 2, tests={"files": [], "command": [], "timeout_s": 0.0})
    wanted = (
        r"^2 of 24 tasks have no tests, by which the reward tests judges; .* of format, applies, similarity, syntax,"
    )
    for train, heldout in ((untested, tasks), (tasks, untested)):
        with pytest.raises(ConfigError, match=wanted):
            refuse(given, train, heldout)
    refuse(config, untested, untested)


def test_a_reference_that_a_task_lacks_is_missed(config: RunConfig, tasks: Dataset) -> None:
    open_ended = without(tasks, 1, reference=[])
    with pytest.raises(ConfigError, match=r"^1 of 24 tasks have no reference, by which the reward similarity judges; "):
        refuse(config, open_ended, tasks)
    refuse(replace(config, rewards={"tests": 1.0}), open_ended, tasks)


def test_a_prompt_must_fit_the_context_with_its_answer(config: RunConfig, tasks: Dataset) -> None:
    lengths = [
        len(TOKENIZER.apply_chat_template(prompt, add_generation_prompt=True)["input_ids"])
        for prompt in tasks["prompt"]
    ]
    exactly = max(lengths) + config.grpo.max_completion_length
    refuse(config, tasks, tasks, exactly)
    refuse(config, tasks, tasks, None)
    with pytest.raises(
        ConfigError, match=rf"^a prompt of {max(lengths)} tokens and 40 new ones exceed .* of {exactly - 1}"
    ):
        refuse(config, tasks, tasks, exactly - 1)
    served = replace(
        config, grpo=replace(config.grpo, use_vllm=True), serve=replace(config.serve, max_model_len=exactly - 1)
    )
    with pytest.raises(ConfigError, match=rf"exceed .* of {exactly - 1};"):
        refuse(served, tasks, tasks)
    with pytest.raises(ConfigError, match=rf"{CONTEXT} new ones exceed .* of {CONTEXT};"):
        refuse(replace(config, eval=replace(config.eval, max_new_tokens=CONTEXT)), tasks, tasks)


def test_a_run_on_gpus_needs_one(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_missing_gpu(config)
    given = replace(config, cluster=ClusterConfig(gpus_per_node=2))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(RunError, match=r"^cluster.gpus_per_node is 2, and PyTorch .* built for CPUs only; .*--image"):
        refuse_missing_gpu(given)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(RunError, match=r"new enough for CUDA 13\.0, and does the container get --nv\?$"):
        refuse_missing_gpu(given)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    refuse_missing_gpu(given)
