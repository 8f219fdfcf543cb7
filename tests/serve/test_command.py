"""vLLM's command line follows from the config, and holds no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from crrl.config import RunConfig, from_yaml, load_preset
from crrl.serve.command import MIDDLEWARE, server_command, server_environment


def value_of(config: RunConfig, flag: str) -> str | None:
    """What follows a flag; None without the flag."""
    words = server_command(config, "/models/m", "10.0.0.1", 20_001)
    return words[words.index(flag) + 1] if flag in words else None


@pytest.mark.parametrize(
    ("size", "tensors", "copies", "length"),
    [("small", "1", "1", "4096"), ("medium", "1", "4", "8192"), ("large", "8", "1", "12288")],
)
def test_the_presets_use_all_gpus_of_their_server_and_the_length_that_they_train(
    size: str, tensors: str, copies: str, length: str
) -> None:
    config = load_preset(size)
    assert value_of(config, "--tensor-parallel-size") == tensors
    assert value_of(config, "--data-parallel-size") == copies
    assert value_of(config, "--max-model-len") == length
    assert value_of(config, "--dtype") == "bfloat16"
    assert value_of(config, "--max-lora-rank") == "32"


def test_the_server_listens_on_one_address_and_asks_for_the_token() -> None:
    config = load_preset("medium")
    assert (value_of(config, "--host"), value_of(config, "--port")) == ("10.0.0.1", "20001")
    assert value_of(config, "--middleware") == MIDDLEWARE
    assert server_environment(config, Path("/run/token"))["CRRL_SERVER_TOKEN_FILE"] == "/run/token"
    assert not any(
        "token" in word.lower().replace(MIDDLEWARE.lower(), "") for word in server_command(config, "m", "h", 1)
    )


@pytest.mark.parametrize(("rank", "slot"), [(1, "1"), (3, "8"), (16, "16"), (65, "128")])
def test_an_adapter_gets_the_next_slot_that_holds_it(rank: int, slot: str) -> None:
    assert value_of(from_yaml(f"lora: {{rank: {rank}}}"), "--max-lora-rank") == slot


def test_a_server_on_the_cpu_is_told_of_no_gpu_and_without_lora_of_no_adapter() -> None:
    config = from_yaml("serve: {sync: files, cpu_cache_gb: 3, max_model_len: 700, extra: [block-size=32]}")
    words = server_command(config, "m", "127.0.0.1", 1)
    assert not [word for word in words if "lora" in word or "parallel" in word or "gpu" in word]
    assert words[-1] == "--block-size=32"
    assert value_of(config, "--max-model-len") == "700"
    assert server_environment(config, Path("t"))["VLLM_CPU_KVCACHE_SPACE"] == "3"


def test_all_weights_by_nccl_are_announced_to_vllm_and_no_server_comes_back() -> None:
    config = from_yaml("serve: {sync: nccl}\ncluster: {gpus_per_node: 4, nodes: {server: 1}}")
    assert value_of(config, "--weight-transfer-config") == '{"backend": "nccl"}'
    assert value_of(load_preset("medium"), "--weight-transfer-config") is None
    assert (config.serve.most_restarts, load_preset("medium").serve.most_restarts) == (0, 3)
