"""Answers from a model by a vLLM server that is started for them: many at once, the prompt of n samples read once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence

from transformers import AutoConfig, PreTrainedTokenizerBase

from crrl.config import ClusterConfig, GrpoConfig, LoraConfig, NodesConfig, RunConfig
from crrl.evaluate.model_place import ModelPlace
from crrl.schema import Prompt
from crrl.serve import client, fleet
from crrl.serve.alone import serving
from crrl.serve.division import heads_in
from crrl.serve.seeds import seed_of_group
from crrl.serve.settings import ServeConfig
from crrl.train.generate import Sampling, rendered, require_context, whole_completion
from crrl.train.model import context_of, model_folder


def generate_by_server(
    place: ModelPlace,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    sampling: Sampling,
    dtype: str,
    gpus: int,
    told: Callable[[int], None] = lambda done: None,
) -> list[str]:
    """One completion a prompt; a prompt that comes n times gets n samples, as by `crrl.train.generate.generate`.

    Greedy answers are that function's but for the last bits of the model's numbers. Samples are not: vLLM draws them, on GPUs by
    a seed for each prompt, on the CPU without any.

    Args:
        place: the model; an adapter is loaded onto its base, as in training.
        gpus: that copies of the model share, each divided over as many as its attention heads allow; 0: the CPU.
        told: hears how many answers are done.

    Raises:
        ConfigError: a prompt that does not fit the model's context. ServerError: no vLLM here, or it ends, with its words.
    """
    texts, tokens = rendered(tokenizer, prompts)
    base = model_folder(place.base, place.seed, place.task)
    require_context(context_of(base), tokens, sampling.max_new_tokens)
    groups: dict[str, list[int]] = defaultdict(list)
    for index, text in enumerate(texts):
        groups[text].append(index)
    completions = [""] * len(texts)
    if not groups:
        return completions
    longest = max(map(len, tokens)) + sampling.max_new_tokens
    heads = heads_in(AutoConfig.from_pretrained(base).to_dict())
    copies = gpus // heads.most_parts(gpus) if gpus and heads else 1
    config = _config(place, sampling, dtype, gpus, copies, longest)
    # On GPUs what they have room for. On a CPU of so many at once the last would not come within a request's time.
    at_once = config.serve.max_num_seqs if gpus else sampling.batch_size * max(map(len, groups.values()))
    drawn = client.Sampling(
        max_tokens=sampling.max_new_tokens,
        temperature=sampling.temperature,
        stop_token_ids=(tokenizer.eos_token_id,),  # the server's own tokenizer may end by another one
    )
    told(0)
    done = 0
    with serving(config, base) as endpoint:
        servers = fleet.Fleet(
            lambda: [endpoint],
            completions_at_once=at_once,
            request_timeout_s=3600.0,
            patience_s=60.0,
        )
        if place.adapter is not None:
            servers.publish(fleet.Adapter("adapter", str(place.adapter.resolve())))
        for asked, count in _of_one_size(groups):
            # As in training: the copies of a server would draw alike.
            seeds = [seed_of_group(sampling.seed, 0, indices[0]) if gpus else None for indices in asked]
            wanted = [fleet.Prompt(tokens[indices[0]], seed) for indices, seed in zip(asked, seeds, strict=True)]
            for at, samples in servers.generate(wanted, count, drawn):
                for index, sample in zip(asked[at], samples, strict=True):
                    answer = tokenizer.decode(sample.token_ids, skip_special_tokens=True)
                    completions[index] = whole_completion(texts[index], str(answer))
                done += count
                told(done)
        servers.close()
    return completions


def _of_one_size(groups: dict[str, list[int]]) -> list[tuple[list[list[int]], int]]:
    """The groups, those with as many samples together."""
    sizes: dict[int, list[list[int]]] = defaultdict(list)
    for indices in groups.values():
        sizes[len(indices)].append(indices)
    return [(found, size) for size, found in sizes.items()]


def _config(place: ModelPlace, sampling: Sampling, dtype: str, gpus: int, copies: int, longest: int) -> RunConfig:
    rank = 0
    if place.adapter is not None:
        rank = int(json.loads((place.adapter / "adapter_config.json").read_text())["r"])
    return RunConfig(
        model=place.base,
        seed=sampling.seed,
        lora=LoraConfig(rank=rank),
        grpo=GrpoConfig(
            dtype="float32" if dtype == "float32" else "bfloat16", max_completion_length=sampling.max_new_tokens
        ),
        serve=ServeConfig(max_model_len=longest, enforce_eager=not gpus, data_parallel=copies),
        cluster=ClusterConfig(cluster="local", gpus_per_node=gpus, nodes=NodesConfig(server=1)),
    )
