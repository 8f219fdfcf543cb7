"""Weights come as they were announced, and a broadcast that never ends does not keep the trainer."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

import pytest
import torch

from crrl.serve.client import ServerError
from crrl.train.model import load_model
from crrl.train.nccl import WholeWeights, finish_or_break
from crrl.train.tiny import build_tiny_model


def test_weights_come_in_the_announced_order_type_and_shape() -> None:
    model: Any = load_model(build_tiny_model(1), "float32")
    weights = WholeWeights(model, torch.bfloat16)
    told, came = weights.metadata(), list(weights)
    assert [(name, tensor.dtype, tuple(tensor.shape)) for name, tensor in came] == [tuple(one) for one in told]
    assert weights.size == 2 * sum(weight.numel() for weight in model.parameters())
    own = dict(model.named_parameters())
    assert all(torch.equal(tensor, own[name].to(torch.bfloat16)) for name, tensor in came)
    assert [name for name, _ in weights] == [name for name, _ in came]  # each round anew


def test_what_comes_stays_when_the_model_goes_on() -> None:
    model: Any = load_model(build_tiny_model(1), "float32")
    name, tensor = next(iter(WholeWeights(model, torch.float32)))
    before = tensor.clone()
    with torch.no_grad():
        dict(model.named_parameters())[name].add_(1)
    assert torch.equal(tensor, before)


def test_a_server_that_fails_ends_a_broadcast_that_never_would() -> None:
    broken: Future[None] = Future()
    never = threading.Event()
    threading.Timer(0.1, broken.set_exception, [ServerError("server n1 is gone")]).start()
    with pytest.raises(ServerError, match="n1 is gone"):
        finish_or_break(lambda: never.wait() and None, broken)
    never.set()


def test_a_failure_of_the_broadcast_itself_is_raised() -> None:
    def fail() -> None:
        raise ValueError("shapes")

    with pytest.raises(ValueError, match="shapes"):
        finish_or_break(fail, Future())
    finish_or_break(lambda: None, Future())
