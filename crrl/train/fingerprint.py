"""Whether servers generate from the weights that are trained: log-probabilities of a fixed text, theirs against the trainer's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from crrl.config import RunConfig
from crrl.errors import DriftError

PROBE_TOKENS = 128
MAX_DRIFT = {"float32": 1e-3, "bfloat16": 0.1}
"""Where serve.max_drift is 0, by the coarser of both sides. In float32 they agree to 1e-6 (tests/hpc/test_server.py)."""


class Drift(NamedTuple):
    """How far apart they are, in nats: over the tokens of the probe, of the server that is farthest off."""

    mean: float
    largest: float
    server: str


def probe_tokens(tokenizer: PreTrainedTokenizerBase, tasks: Dataset) -> list[int]:
    """The fixed text: the beginning of the first task's prompt, at most 128 tokens."""
    text: Any = tokenizer.apply_chat_template(tasks[0]["prompt"], tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text)["input_ids"])[:PROBE_TOKENS]


def trainer_logprobs(trainer: Any, tokens: Sequence[int]) -> list[float]:
    """The log-probability of each token after those before it, without the first; on all ranks, as ZeRO-3 gathers weights."""
    model = trainer.model
    was_training = model.training
    model.eval()
    ids = torch.tensor([list(tokens)], device=trainer.accelerator.device)
    with torch.no_grad():
        logits = model(input_ids=ids).logits.float()
    model.train(was_training)
    logprobs = logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])
    return [float(value) for value in logprobs[:, 0]]


def drift_between(trained: Sequence[float], served: Mapping[str, Sequence[float]]) -> Drift:
    """The drift of the server that is farthest off; none if no server told."""
    found = [Drift(0.0, 0.0, "")]
    for name, logprobs in served.items():
        apart = [abs(one - two) for one, two in zip(trained, logprobs, strict=True)]
        found.append(Drift(sum(apart) / len(apart), max(apart), name))
    return max(found)


def refuse_drift(drift: Drift, config: RunConfig, version: int) -> None:
    """Raises DriftError if the servers are farther off than the run allows."""
    dtype = config.grpo.dtype
    limit = config.serve.max_drift or max(MAX_DRIFT[dtype], MAX_DRIFT[config.serve.dtype or dtype])
    if not drift.mean <= limit:  # not a number is no agreement either
        raise DriftError(
            f"the server on {drift.server} does not have the trainer's weights of step {version}: their log-probabilities are "
            f"{drift.mean:.2g} apart on average, {limit:g} is allowed (serve.max_drift); completions from it would be "
            "learned from wrongly"
        )
