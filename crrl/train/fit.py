"""Whether machine, model, tasks and rewards of a run fit each other: what would stop it after hours is found before the first."""

from __future__ import annotations

import os

import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from crrl.config import RunConfig, groups_of_a_batch
from crrl.errors import ConfigError, RunError
from crrl.rewards import KINDS_OF, NEEDS
from crrl.train.generate import rendered, require_context


def refuse_missing_gpu(config: RunConfig) -> None:
    """Raises RunError if the run trains on a GPU and PyTorch sees none here, where it would fall back to the CPU or fail late."""
    if not config.cluster.gpus_per_node or torch.cuda.is_available():
        return
    if torch.version.cuda is None:
        why = "it is built for CPUs only; give the run an image with GPUs (--image crrl.sif, docs/image.md)"
    else:
        why = (
            "does nvidia-smi show one there, is its driver new enough for CUDA "
            f"{torch.version.cuda}, and does the container get --nv?"
        )
    raise RunError(
        f"cluster.gpus_per_node is {config.cluster.gpus_per_node}, and PyTorch {torch.__version__} sees no GPU on node "
        f"{os.uname().nodename}: {why}"
    )


def refuse_unfit_tasks(
    config: RunConfig,
    tasks: Dataset,
    heldout: Dataset,
    tokenizer: PreTrainedTokenizerBase,
    context: int | None,
) -> None:
    """Raises ConfigError if the run could not draw a batch, judge a task, or hold a prompt with its answer.

    Args:
        tasks, heldout: task rows of both splits.
        context: the longest sequence that the model was made for, in tokens; None: nobody knows. Servers may have less.

    Cost: where the run does not limit its prompts, all are tokenized.
    """
    _refuse_too_few(config, len(tasks))
    _refuse_unjudged(config, tasks, heldout)
    answered = config.eval.max_new_tokens or config.grpo.max_completion_length
    new_tokens = max(answered, config.grpo.max_completion_length * config.reinforces)
    longest, served = config.data.max_prompt_tokens, config.serve.max_model_len * config.grpo.use_vllm
    context = min(filter(None, (context, served)), default=None)
    if not longest or (context and longest + new_tokens > context):
        require_context(context, rendered(tokenizer, [*tasks["prompt"], *heldout["prompt"]])[1], new_tokens)


def _refuse_too_few(config: RunConfig, tasks: int) -> None:
    groups = groups_of_a_batch(config)
    if config.reinforces and tasks < groups:
        raise ConfigError(
            f"{tasks} tasks to train on, and a batch of completions is drawn for {groups} of them at once; give more data "
            "(docs/data.md says what was left out and why), or make the batch smaller: grpo.per_device_batch_size, "
            "grpo.gradient_accumulation, grpo.generation_batch_size"
        )


def _refuse_unjudged(config: RunConfig, tasks: Dataset, heldout: Dataset) -> None:
    for reward, part in ((reward, NEEDS[reward]) for reward in config.rewards if reward in NEEDS):
        rows = [*tasks[part], *heldout[part]]
        without = sum(not (row["command"] if part == "tests" else row) for row in rows)
        if without:
            fitting = ", ".join(
                name for name, kinds in KINDS_OF.items() if config.task in kinds and NEEDS.get(name) != part
            )
            raise ConfigError(
                f"{without} of {len(rows)} tasks have no {part}, by which the reward {reward} judges; give data that has it "
                f"(docs/data.md), or other rewards: --rewards NAME=WEIGHT, of {fitting}"
            )
