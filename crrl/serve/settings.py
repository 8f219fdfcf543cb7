"""How the vLLM servers of a run are set up, and which settings cannot work together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from crrl.errors import ConfigError

if TYPE_CHECKING:
    from crrl.config import RunConfig

Sync = Literal["adapter", "nccl", "files"]


@dataclass(frozen=True)
class ServeConfig:
    """The vLLM servers of a run; without effect where grpo.use_vllm is off (docs/serve.md)."""

    sync: Sync = "adapter"
    """How new weights reach the servers: LoRA adapters as files, all weights by NCCL, or all weights as files."""
    tensor_parallel: int = 0
    """GPUs that one copy of the model is divided over; 0: all that a server has for each copy."""
    data_parallel: int = 1
    """Copies of the model on each server. After new weights are published, one of them is compared with the trainer."""
    max_model_len: int = 0
    """Tokens of prompt and completion together; 0: data.max_prompt_tokens and a completion, or what the model was made for."""
    gpu_memory_share: float = 0.9
    """Share of each GPU's memory that the server takes, in (0, 1]."""
    cpu_cache_gb: int = 1
    """GiB for keys and values where the server is on the CPU."""
    dtype: Literal["", "float32", "bfloat16"] = ""
    """The server's weights; empty: grpo.dtype, so that server and trainer agree."""
    lora_slots: int = 1
    """Adapters that the server holds at a time."""
    max_num_seqs: int = 256
    """Completions that one server generates at a time; the trainer sends no more."""
    enforce_eager: bool = False
    """Start sooner and generate slower: no CUDA graphs, nothing compiled."""
    start_min: float = 30.0
    """Minutes that a server has to load its model and give a first completion, above 0."""
    request_s: float = 600.0
    """Seconds that one group has, above 0; then it is asked for again. Four times as long in presets for reasoning models."""
    silent_s: float = 60.0
    """Seconds in which a server must answer its supervisor with a completion, or go on with others, each of its copies with its
    own; else it is started again."""
    restarts: int = 3
    """How often a server is started again in one attempt; then the attempt ends as lost. Never with sync nccl."""
    max_drift: float = 0.0
    """How far log-probabilities of server and trainer may differ after new weights: the mean over a fixed text, in nats.
    More ends the run. 0: 0.001 where both are in float32, else 0.1."""
    extra: tuple[str, ...] = ()
    """Further options of vLLM, without their dashes, as in `enable-expert-parallel` or `block-size=32`."""

    @property
    def most_restarts(self) -> int:
        """How often a server may come back: one that did would be missing in NCCL's process group."""
        return 0 if self.sync == "nccl" else self.restarts


def check_serving(config: RunConfig) -> None:
    """Refuse a server that cannot work. Raises ConfigError with what to do. `config` has its ranges checked."""
    if config.grpo.use_vllm:
        _check_sync(config)
        _check_gpus(config)
        _check_lengths(config)
        _check_filters(config)


def _check_sync(config: RunConfig) -> None:
    sync, rank = config.serve.sync, config.lora.rank
    if sync == "adapter" and not rank:
        raise ConfigError(
            "serve.sync adapter publishes LoRA adapters, and lora.rank is 0: there would be none; use --lora.rank 32, or "
            f"--sync {'nccl' if config.cluster.gpus_per_node else 'files'} for all weights"
        )
    if sync == "nccl" and not config.cluster.gpus_per_node:
        raise ConfigError(
            "serve.sync nccl moves weights from GPU to GPU, and cluster.gpus_per_node is 0; use --sync adapter with LoRA, "
            "or --sync files"
        )
    if sync != "adapter" and rank:
        raise ConfigError(
            f"serve.sync {sync} publishes all weights, and lora.rank {rank} trains an adapter alone; use --sync adapter, or "
            "--lora.rank 0"
        )


def _check_gpus(config: RunConfig) -> None:
    serve, cluster = config.serve, config.cluster
    gpus = cluster.gpus_per_node if cluster.nodes.server else min(cluster.server_gpus, cluster.gpus_per_node)
    if not gpus:
        if serve.tensor_parallel > 1 or serve.data_parallel > 1:
            raise ConfigError(
                f"serve.tensor_parallel {serve.tensor_parallel} × serve.data_parallel {serve.data_parallel} without GPUs; "
                "a server on the CPU holds one copy in one piece"
            )
    elif gpus % serve.data_parallel:
        raise ConfigError(
            f"serve.data_parallel {serve.data_parallel}: so many copies of the model cannot share the {gpus} GPUs of a server "
            f"evenly; use one that divides {gpus}, as in --serve.data-parallel {gpus}"
        )
    elif serve.tensor_parallel not in (0, gpus // serve.data_parallel):
        raise ConfigError(
            f"serve.tensor_parallel {serve.tensor_parallel} × serve.data_parallel {serve.data_parallel} must be "
            f"the {gpus} GPUs of a server; leave tensor_parallel 0, and choose a data_parallel that divides them"
        )


def _check_lengths(config: RunConfig) -> None:
    serve, grpo = config.serve, config.grpo
    if serve.max_num_seqs < grpo.num_generations:
        raise ConfigError(
            f"serve.max_num_seqs {serve.max_num_seqs} is below grpo.num_generations {grpo.num_generations}: a group is one "
            "request, and would never fit; make it larger"
        )
    longest, prompt = longest_completion(config), config.data.max_prompt_tokens
    if serve.max_model_len and serve.max_model_len < max(1, prompt) + longest:
        name = "eval.max_new_tokens" if longest > grpo.max_completion_length else "grpo.max_completion_length"
        room = f"a prompt of data.max_prompt_tokens {prompt}" if prompt else "a prompt"
        raise ConfigError(
            f"serve.max_model_len {serve.max_model_len} leaves no room for {room} beside {name} {longest}; make it "
            f"{max(1, prompt) + longest} or more, or 0"
        )


def _check_filters(config: RunConfig) -> None:
    """Refuse weights of whole completions where only the servers' log-probabilities know of a filter.

    Each token's ratio is then the share of the probability that the filter kept. Over a completion they are multiplied: of 300
    tokens, each with 95 %, remain 2e-7.
    """
    grpo = config.grpo
    neutral = {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
    used = [f"grpo.{name} {getattr(grpo, name)}" for name, value in neutral.items() if getattr(grpo, name) != value]
    if used and grpo.importance_sampling.startswith("sequence"):
        raise ConfigError(
            f"{', '.join(used)} with grpo.importance_sampling {grpo.importance_sampling}: the server's log-probabilities are "
            "those after such filters and the trainer's are not, so a completion's weight would fall exponentially with its "
            "length; use --grpo.importance-sampling token_truncate, or leave tokens as likely as the model says (top_p 1, "
            "top_k 0, min_p 0, repetition_penalty 1)"
        )


def longest_completion(config: RunConfig) -> int:
    """Tokens of a completion that the servers are asked for at most, in training or held-out evaluation."""
    return max(config.grpo.max_completion_length, config.eval.max_new_tokens)
