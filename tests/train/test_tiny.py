"""The built-in model is the real architecture, with a tokenizer that reads text the same after a reload."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from crrl.data.sources import toy
from crrl.train.tiny import CONTEXT, build_tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRRL_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        return build_tiny_model(1)


def test_the_model_is_a_qwen2_of_about_a_million_parameters(folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.config.model_type == "qwen2"
    assert 0.5e6 < model.num_parameters() < 2e6


def test_every_toy_text_survives_the_tokenizer_and_fits_the_context(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for task, answer in toy.demonstrations(rows=200, seed=9):
        text = task["prompt"][0]["content"] + answer
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids) == text
        assert len(ids) < CONTEXT / 2


def test_the_end_of_a_turn_ends_generation_and_is_not_the_padding(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.eos_token == "<|im_end|>"
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "x"}], add_generation_prompt=True, tokenize=False
    )
    assert prompt == "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n"


def test_it_is_built_once(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("CRRL_CACHE_DIR", str(folder.parent))
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert build_tiny_model(1) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
