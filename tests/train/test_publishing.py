"""What is published are the trainer's weights, and servers that have others are noticed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file

from crrl.config import from_yaml
from crrl.errors import DriftError
from crrl.serve.adapters import KEPT_VERSIONS, write_adapter
from crrl.train.fingerprint import Drift, drift_between, refuse_drift, trainer_logprobs
from crrl.train.model import load_model
from crrl.train.publishing import AdapterPublisher
from crrl.train.tiny import build_tiny_model

TOKENS = [5, 6, 7, 8, 9, 300, 41]


@pytest.fixture(scope="module")
def trainer() -> Any:
    """As much of a trainer as publishing looks at, over a real model whose adapter is not zero."""
    torch.manual_seed(1)
    model: Any = get_peft_model(
        load_model(build_tiny_model(1), "float32"), LoraConfig(r=4, target_modules="all-linear")
    )
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    accelerator = SimpleNamespace(unwrap_model=lambda model: model, is_main_process=True, device="cpu")
    return SimpleNamespace(model=model, accelerator=accelerator)


def test_a_published_adapter_is_the_trainer_s(trainer: Any, tmp_path: Path) -> None:
    published: list[Any] = []
    fleet: Any = SimpleNamespace(publish=published.append)
    size = AdapterPublisher(trainer, tmp_path, "float32").collect(3)(fleet)
    (adapter,) = published
    assert adapter.path == str(tmp_path / "v000003")
    assert size == sum(path.stat().st_size for path in (tmp_path / "v000003").iterdir())
    served = PeftModel.from_pretrained(load_model(build_tiny_model(1), "float32"), adapter.path)
    again = SimpleNamespace(model=served, accelerator=trainer.accelerator)
    assert trainer_logprobs(again, TOKENS) == trainer_logprobs(trainer, TOKENS)
    with served.disable_adapter():
        assert trainer_logprobs(again, TOKENS) != trainer_logprobs(trainer, TOKENS)


def test_an_adapter_is_published_in_the_server_s_precision(trainer: Any, tmp_path: Path) -> None:
    fleet: Any = SimpleNamespace(publish=lambda adapter: None)
    sizes = {
        dtype: AdapterPublisher(trainer, tmp_path, dtype).collect(step)(fleet)
        for step, dtype in enumerate(("float32", "bfloat16"))
    }
    (half,) = (tmp_path / "v000001").glob("*.safetensors")
    assert {weight.dtype for weight in load_file(half).values()} == {torch.bfloat16}
    assert sizes["bfloat16"] < 0.6 * sizes["float32"]


def test_the_fingerprint_is_the_log_probability_of_each_token_after_those_before_it(trainer: Any) -> None:
    trainer.model.train()
    found = trainer_logprobs(trainer, TOKENS)
    assert trainer.model.training
    trainer.model.eval()
    for place in range(1, len(TOKENS)):
        with torch.no_grad():
            logits = trainer.model(input_ids=torch.tensor([TOKENS[:place]])).logits[0, -1]
        assert found[place - 1] == pytest.approx(logits.log_softmax(-1)[TOKENS[place]].item(), abs=1e-5)


def test_the_server_that_is_farthest_off_is_named() -> None:
    served = {"n0": [-1.0, -2.0], "n1": [-1.0, -2.5]}
    assert drift_between([-1.0, -2.0], served) == Drift(0.25, 0.5, "n1")
    assert drift_between([-1.0, -2.0], {"n0": [-1.0, -2.0]}).mean == 0.0


@pytest.mark.parametrize(
    ("given", "allowed", "refused"),
    [
        ("grpo: {dtype: float32}", 0.0009, 0.0011),
        ("grpo: {dtype: bfloat16}", 0.09, 0.11),
        ("grpo: {dtype: bfloat16}\nserve: {dtype: float32}", 0.09, 0.11),
        ("serve: {max_drift: 0.5}", 0.49, 0.51),
        ("serve: {max_drift: 0.5}", 0.0, float("nan")),
    ],
)
def test_drift_beyond_the_bound_ends_the_run_and_names_the_server(given: str, allowed: float, refused: float) -> None:
    config = from_yaml(given)
    refuse_drift(Drift(allowed, 1.0, "n0"), config, 7)
    with pytest.raises(DriftError, match="the server on n0 does not have the trainer's weights of step 7"):
        refuse_drift(Drift(refused, 1.0, "n0"), config, 7)


def test_versions_after_the_current_one_go_as_their_steps_are_taken_again(tmp_path: Path) -> None:
    for version in (1, 2, 3, 4, 5, 2):
        write_adapter(tmp_path, version, lambda folder: (folder / "adapter_config.json").touch())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v000002"]
    for version in (3, 4, 5):
        write_adapter(tmp_path, version, lambda folder: (folder / "adapter_config.json").touch())
    assert len(list(tmp_path.iterdir())) == KEPT_VERSIONS
