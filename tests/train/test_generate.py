"""Answers are decided by seed, prompt and number: not by the batch, not by the process's random numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from crrl.data.sources import toy
from crrl.errors import ConfigError
from crrl.train.generate import Sampling, SeededChoice, generate
from crrl.train.model import load_model, load_tokenizer
from crrl.train.tiny import build_tiny_model

PROMPTS = [task["prompt"] for task in toy.tasks("heldout", rows=6, seed=3)]
pytestmark = pytest.mark.usefixtures("one_thread")
SAMPLED = Sampling(max_new_tokens=12, batch_size=4, temperature=1.0, seed=5)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRRL_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        folder: Path = build_tiny_model(1)
    return load_model(folder, "float32"), load_tokenizer(folder)


def answers(tiny: tuple[Any, Any], prompts: list[Any], **changes: Any) -> list[str]:
    return generate(*tiny, prompts, Sampling(**{**vars(SAMPLED), **changes}))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_batch_size_changes_nothing(tiny: tuple[Any, Any], temperature: float) -> None:
    asked = [prompt for prompt in PROMPTS for _ in range(2)]
    assert len({len(str(prompt)) for prompt in PROMPTS}) > 1  # so that batches are padded
    first = answers(tiny, asked, batch_size=1, temperature=temperature)
    assert answers(tiny, asked, batch_size=5, temperature=temperature) == first
    assert answers(tiny, asked, batch_size=12, temperature=temperature) == first


def test_the_other_tasks_change_nothing(tiny: tuple[Any, Any]) -> None:
    assert answers(tiny, PROMPTS[4:]) == answers(tiny, PROMPTS)[4:]


def test_samples_of_a_prompt_differ_and_the_first_are_the_same_however_many_follow(tiny: tuple[Any, Any]) -> None:
    many = answers(tiny, [PROMPTS[0]] * 6)
    assert len(set(many)) > 1
    assert answers(tiny, [PROMPTS[0]] * 3) == many[:3]


def test_another_seed_gives_other_samples_and_the_same_greedy_answer(tiny: tuple[Any, Any]) -> None:
    assert answers(tiny, PROMPTS, seed=6) != answers(tiny, PROMPTS)
    assert answers(tiny, PROMPTS, seed=6, temperature=0.0) == answers(tiny, PROMPTS, temperature=0.0)


def test_no_random_number_of_the_process_is_drawn(tiny: tuple[Any, Any]) -> None:
    before = torch.get_rng_state()
    answers(tiny, PROMPTS)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_models_mode_is_kept(tiny: tuple[Any, Any]) -> None:
    tiny[0].train()
    answers(tiny, PROMPTS[:1])
    assert tiny[0].training
    tiny[0].eval()


def test_an_answer_ends_with_any_token_that_ends_a_turn(tiny: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = tiny
    whole = answers(tiny, PROMPTS[:1], max_new_tokens=12)[0]
    first = tokenizer(whole, add_special_tokens=False)["input_ids"][0]
    monkeypatch.setattr(model.generation_config, "eos_token_id", [tokenizer.eos_token_id, first])
    ended = answers(tiny, PROMPTS[:1], max_new_tokens=12)[0]
    assert whole.startswith(ended) and len(ended) < len(whole)


def test_a_very_low_temperature_is_greedy(tiny: tuple[Any, Any]) -> None:
    assert answers(tiny, PROMPTS, temperature=1e-4) == answers(tiny, PROMPTS, temperature=0.0)


def test_tokens_are_chosen_as_often_as_they_are_likely() -> None:
    rows = 20_000
    uniforms = torch.rand(rows, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    scores = torch.log(torch.tensor([0.5, 0.0, 0.3, 0.2, 0.0])).expand(rows, -1)
    chosen = SeededChoice(uniforms, 3, 1.0)(torch.zeros(rows, 3), scores)
    assert torch.isfinite(chosen).sum(dim=-1).eq(1).all()
    counts = Counter(chosen.argmax(dim=-1).tolist())
    assert set(counts) == {0, 2, 3}
    for token, share in ((0, 0.5), (2, 0.3), (3, 0.2)):
        assert counts[token] / rows == pytest.approx(share, abs=0.015)  # four standard deviations


def test_the_ends_of_the_interval_choose_the_first_and_the_last_possible_token() -> None:
    ends = torch.tensor([[0.0], [1 - 2**-53]], dtype=torch.float64)
    scores = torch.log(torch.tensor([0.0, 0.25, 0.75, 0.0])).expand(2, -1)
    assert SeededChoice(ends, 1, 0.7)(torch.zeros(2, 1), scores).argmax(dim=-1).tolist() == [1, 2]


def test_what_does_not_fit_the_context_is_refused_before_anything_is_generated(tiny: tuple[Any, Any]) -> None:
    with pytest.raises(ConfigError, match=r"a prompt of \d+ tokens and 500 new ones exceed the context of 512"):
        answers(tiny, PROMPTS, max_new_tokens=500)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_running_out_of_memory_is_told_with_what_to_do(
    tiny: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def exhausted(**_: Any) -> None:
        raise error

    monkeypatch.setattr(tiny[0], "generate", exhausted)
    with pytest.raises(
        ConfigError, match=r"out of memory with 4 answers at once .* lower --batch-size .* to 2"
    ) as told:
        answers(tiny, PROMPTS)
    assert "\n" not in str(told.value)
    monkeypatch.setattr(tiny[0], "generate", lambda **_: (_ for _ in ()).throw(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        answers(tiny, PROMPTS)


def test_progress_is_told_from_none_to_all(tiny: tuple[Any, Any]) -> None:
    told: list[int] = []
    generate(*tiny, PROMPTS, SAMPLED, told.append)
    assert told == [0, 4, 6]


def test_no_prompts_give_no_answers() -> None:
    model = SimpleNamespace(training=False, eval=bool, train=bool, config=SimpleNamespace(get_text_config=lambda: None))
    assert generate(model, None, [], SAMPLED) == []  # type: ignore[arg-type]
