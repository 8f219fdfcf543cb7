"""Answers from a model, greedy or sampled: each one decided by the seed, its prompt and its number, not by its batch."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import LogitsProcessor, PreTrainedTokenizerBase

from crrl.errors import ConfigError
from crrl.rewards.reply import THINK
from crrl.schema import Prompt


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn: from the model's own distribution, without penalties or cut-offs of its saved settings."""

    max_new_tokens: int
    batch_size: int
    """Answers generated at once."""
    temperature: float = 0.0
    """0: greedy, the likeliest token each time."""
    seed: int = 1
    """Of the sampling; greedy answers have none."""


def generate(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    sampling: Sampling,
    told: Callable[[int], None] = lambda done: None,
) -> list[str]:
    """One completion a prompt; a prompt that comes n times gets n samples.

    A sample depends on the seed, the text of its prompt, and how many equal prompts came before, not on the other prompts
    or the batch size: each has random numbers of its own, and none are drawn from the process's. What batches do change
    is the last bits of the model's numbers (sums over more padding, other kernels), and now and then, more often
    in bfloat16, a token with them.

    Args:
        model: a causal language model on the device to use.
        told: hears how many answers are done, after each batch.

    Returns:
        N texts, without the prompt. Where the chat template opens the thought, each begins with its `<think>`.

    Raises:
        ConfigError: a prompt that does not fit the model's context, or a batch that does not fit the memory.

    Cost: the longest batch comes first, so memory runs out at once or never.
    """
    texts, tokens = rendered(tokenizer, prompts)
    require_context(
        getattr(model.config.get_text_config(), "max_position_embeddings", None), tokens, sampling.max_new_tokens
    )
    seeds = list(_seeds(texts, sampling.seed))
    order = sorted(range(len(tokens)), key=lambda index: -len(tokens[index]))  # stable: samples of a prompt together
    completions = [""] * len(tokens)
    was_training = model.training
    model.eval()
    told(0)
    try:
        for start in range(0, len(order), sampling.batch_size):
            batch = order[start : start + sampling.batch_size]
            answers = _generate_batch(model, tokenizer, [tokens[i] for i in batch], [seeds[i] for i in batch], sampling)
            for index, answer in zip(batch, answers, strict=True):
                completions[index] = answer
            told(start + len(batch))
    finally:
        model.train(was_training)
    return [whole_completion(text, answer) for text, answer in zip(texts, completions, strict=True)]


def rendered(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Prompt]) -> tuple[list[str], list[list[int]]]:
    """Prompts as the chat template writes them, as text and as token ids."""
    if not prompts:
        return [], []
    template: Any = tokenizer.apply_chat_template
    texts = [str(template(prompt, add_generation_prompt=True, tokenize=False)) for prompt in prompts]
    return texts, tokenizer(texts, add_special_tokens=False)["input_ids"]


def whole_completion(prompt: str, answer: str) -> str:
    """A completion by itself, which must say what is thought: where the template has opened the thought, it begins so."""
    return f"{THINK}\n" * prompt.rstrip().endswith(THINK) + answer


class SeededChoice(LogitsProcessor):
    """Samples each row's next token by the row's own random numbers, and leaves only that one to choose from.

    A number u in [0, 1) picks the first token, in the vocabulary's order, at which the sum of probabilities exceeds u. In
    64 bits, so that no token of a large vocabulary is lost to rounding.
    """

    def __init__(self, uniforms: torch.Tensor, prompt_tokens: int, temperature: float) -> None:
        """`uniforms`: [rows, steps] in [0, 1), float64."""
        self._uniforms = uniforms
        self._prompt_tokens = prompt_tokens
        self._temperature = temperature

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """[rows, tokens so far], [rows, vocabulary] → scores of 0 for the chosen tokens and -inf for all others."""
        step = input_ids.shape[1] - self._prompt_tokens
        cumulative = torch.softmax(scores.double() / self._temperature, dim=-1).cumsum(dim=-1)
        total = cumulative[:, -1:]
        # Below the total even if the product rounds up to it: else the choice would lie past the last token.
        wanted = torch.minimum(self._uniforms[:, step : step + 1] * total, torch.nextafter(total, total * 0))
        chosen = torch.searchsorted(cumulative, wanted, right=True)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)


def _generate_batch(
    model: Any, tokenizer: PreTrainedTokenizerBase, prompts: list[list[int]], seeds: list[int], sampling: Sampling
) -> list[str]:
    batch = tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt").to(model.device)
    width = batch["input_ids"].shape[1]
    choice = []
    if sampling.temperature > 0:
        uniforms = _uniforms(seeds, sampling.max_new_tokens).to(model.device)
        choice = [SeededChoice(uniforms, width, sampling.temperature)]
    try:
        with torch.inference_mode():
            output = model.generate(
                **batch,
                max_new_tokens=sampling.max_new_tokens,
                do_sample=False,  # SeededChoice samples
                num_beams=1,
                repetition_penalty=1.0,
                logits_processor=choice,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=end_tokens(model, tokenizer),
                # With ZeRO-3 transformers would keep all ranks in step, token by token; here each has the whole weights, and
                # as many batches as its share needs.
                synced_gpus=False,
            )
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        raise ConfigError(
            f"out of memory with {len(prompts)} answers at once (prompts of {width} tokens, up to "
            f"{sampling.max_new_tokens} new ones); lower --batch-size (in a run: eval.batch_size) to "
            f"{max(1, len(prompts) // 2)}, or --max-new-tokens"
        ) from error
    return tokenizer.batch_decode(output[:, width:], skip_special_tokens=True)


def end_tokens(model: Any, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """All tokens that end an answer: chat models may end their turn by another one than the tokenizer's."""
    known = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    named = known if isinstance(known, list) else [known]
    return [token for token in dict.fromkeys([tokenizer.eos_token_id, *named]) if token is not None]


def _is_out_of_memory(error: Exception) -> bool:
    # On the CPU, PyTorch raises a plain RuntimeError.
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def require_context(context: int | None, prompts: Sequence[Sequence[int]], new_tokens: int) -> None:
    """Raises ConfigError for a prompt that does not fit a context of so many tokens; None: nobody knows its length."""
    longest = max(map(len, prompts), default=0)
    if context and longest + new_tokens > context:
        raise ConfigError(
            f"a prompt of {longest} tokens and {new_tokens} new ones exceed the context of {context}; leave long "
            f"tasks out: --data-options max_prompt_tokens=N (in a run --data.max-prompt-tokens N), N at most "
            f"{max(0, context - new_tokens)}, or lower --max-new-tokens (in a run --grpo.max-completion-length)"
        )


def _seeds(texts: Sequence[str], seed: int) -> Iterator[int]:
    """A seed for each prompt: of the run's seed, the text, and how often it came before."""
    before: Counter[str] = Counter()
    for text in texts:
        digest = hashlib.sha256(f"{seed}\0{before[text]}\0{text}".encode("utf-8", "surrogatepass"))
        before[text] += 1
        yield int.from_bytes(digest.digest()[:8], "big") >> 1


def _uniforms(seeds: Sequence[int], steps: int) -> torch.Tensor:
    """[rows, steps] numbers in [0, 1), each row drawn by its own seed, on the CPU: the same on every device."""
    return torch.stack(
        [torch.rand(steps, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in seeds]
    )
