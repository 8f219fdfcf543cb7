"""Over how many GPUs a model's heads can be divided, and how many copies share a server's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crrl.evaluate.model_place import ModelPlace
from crrl.serve.command import server_command
from crrl.serve.division import Heads, heads_in, heads_of
from crrl.train.generate import Sampling
from crrl.train.served_answers import _config


@pytest.mark.parametrize(
    ("own", "shared", "gpus", "parts"),
    [(12, 2, 2, 2), (12, 2, 3, 1), (12, 2, 8, 4), (28, 4, 8, 4), (40, 8, 8, 8), (32, 32, 6, 2), (16, 1, 8, 8)],
)
def test_a_copy_is_divided_over_as_many_as_its_heads_allow(own: int, shared: int, gpus: int, parts: int) -> None:
    assert Heads(own, shared).most_parts(gpus) == parts


def test_a_model_s_settings_say_its_heads(tmp_path: Path) -> None:
    assert heads_in({"num_attention_heads": 28, "num_key_value_heads": 4}) == (28, 4)
    assert heads_in({"num_attention_heads": 12, "num_key_value_heads": None}) == (12, 12)
    assert heads_in({"text_config": {"num_attention_heads": 8}}) == (8, 8)
    assert heads_in({}) is None
    assert heads_of(tmp_path) is None
    (tmp_path / "config.json").write_text("[")
    assert heads_of(tmp_path) is None
    (tmp_path / "config.json").write_text(json.dumps({"num_attention_heads": 4}))
    assert heads_of(tmp_path) == (4, 4)


def test_an_evaluation_shares_all_gpus_out_among_copies() -> None:
    place = ModelPlace("m", "/models/m", None, None)
    config = _config(place, Sampling(max_new_tokens=64, batch_size=4), "bfloat16", 8, 2, 1000)
    words = server_command(config, "/models/m", "127.0.0.1", 1)
    given = {flag: words[words.index(flag) + 1] for flag in ("--tensor-parallel-size", "--data-parallel-size")}
    assert given == {"--tensor-parallel-size": "4", "--data-parallel-size": "2"}
