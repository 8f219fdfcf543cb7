"""Imitation alone, by the references or by a file of answers, packed or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset

from crrl.config import RunConfig, read_config
from crrl.data import load_tasks
from crrl.data.sources import toy
from crrl.errors import ConfigError, DataError
from crrl.evaluate import read_evaluations
from crrl.report.heartbeat import Heartbeat
from crrl.report.metrics_log import read_metrics
from crrl.report.run_folder import RunFolder
from crrl.train.interrupt import StopRequest
from crrl.train.model import load_model, load_tokenizer, model_folder
from crrl.train.ranks import ALONE
from crrl.train.run import train
from crrl.train.run_trainer import ImitationTrainer
from crrl.train.sft import demonstrations, sft_arguments

SHORT = {"steps": 20, "batch_size": 8, "save_steps": 10, "rows": 200}


def messages(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


@pytest.fixture
def config(short_run: Callable[..., RunFolder]) -> RunConfig:
    found = read_config(short_run("sft").config)
    return replace(found, stage="sft", sft=replace(found.sft, **SHORT))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(model_folder("tiny", 1))


def test_a_run_of_imitation_alone_is_evaluated_and_leaves_a_final_model(
    short_run: Callable[..., RunFolder], config: RunConfig, one_thread: None
) -> None:
    from crrl.config import to_yaml

    folder = short_run("alone")
    folder.config.write_text(to_yaml(config))
    for _ in range(2):  # the second time nothing is left to do
        train(folder, StopRequest(), ALONE, Heartbeat(None, "trainer", "n0"))
    entries = list(read_metrics(folder.metrics))
    assert {entry["stage"] for entry in entries} == {"sft", "heldout"}
    losses = [entry["loss"] for entry in entries if entry["stage"] == "sft"]
    assert losses[-1] < 0.8 * losses[0]
    assert [evaluation.step for evaluation in read_evaluations(folder.completions)] == [0, 5, 10, 15, 20]
    assert (folder.checkpoints / "final" / "model.safetensors").is_file()
    assert not (folder.checkpoints / "warm-start").exists()


def test_a_file_of_answers_is_imitated_instead_of_the_references(
    config: RunConfig, tokenizer: Any, tmp_path: Path
) -> None:
    path = tmp_path / "d.jsonl"
    rows = [{"prompt": messages("user", "q"), "completion": messages("assistant", "a" * n)} for n in (1, 400)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = replace(config, sft=replace(config.sft, demonstrations=str(path)))
    none: Any = Dataset.from_list([])
    shown = demonstrations(given, none, tokenizer)
    assert learned(shown, tokenizer) == [f"{'a' * n}<|im_end|>\n" for n in (1, 400)]
    short = replace(given, sft=replace(given.sft, max_length=60))
    assert demonstrations(short, none, tokenizer).to_list() == shown.to_list()[:1]
    with pytest.raises(ConfigError, match="all 2 demonstrations are longer"):
        demonstrations(replace(short, sft=replace(short.sft, max_length=3)), none, tokenizer)


def test_tasks_show_their_own_references(config: RunConfig, tokenizer: Any) -> None:
    tasks = load_tasks("toy", kind="repair", split="train", rows=3, seed=1)
    other = replace(config, data=replace(config.data, source="mutations"))
    shown = demonstrations(other, tasks, tokenizer)
    assert asked(shown, tokenizer) == [
        tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False) for prompt in tasks["prompt"]
    ]
    assert all("<<<<<<< SEARCH" in text for text in learned(shown, tokenizer))
    bare = tasks.map(lambda task: {"reference": []})
    with pytest.raises(ConfigError, match=r"nothing to imitate.*--sft\.demonstrations"):
        demonstrations(other, bare, tokenizer)


THINKING = (
    "{% for m in messages %}{% if m.role == 'assistant' %}<|im_start|>{{ m.content.split('</think>')[-1] }}<|im_end|>"
    "{% else %}[{{ m.content }}]{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|><think>\n{% endif %}"
)
"""Like DeepSeek-R1's: it opens the thought, and takes thoughts out of what was said."""
EMPTY_THOUGHT = THINKING.replace("<|im_start|>{{", "<|im_start|><think>\n\n</think>\n\n{{").replace(
    "<think>\n{% endif", "{% endif"
)
"""Like Qwen3's: an answer is shown after an empty thought."""


@pytest.mark.parametrize(
    ("template", "answer", "context", "wanted"),
    [
        (THINKING, "So x.\n</think>\nfixed", "<|im_start|><think>\n", "So x.\n</think>\nfixed<|im_end|>"),
        (THINKING, "<think>\nSo x.\n</think>\nfixed", "<|im_start|><think>\n", "So x.\n</think>\nfixed<|im_end|>"),
        (THINKING, "fixed", "<|im_start|><think>\n", "\n</think>\n\nfixed<|im_end|>"),
        (THINKING.replace("<think>\n", "<think>"), "fixed", "<|im_start|><think>", "\n</think>\n\nfixed<|im_end|>"),
        (EMPTY_THOUGHT, "<think>\nSo.\n</think>\nfixed", "<|im_start|>", "<think>\nSo.\n</think>\nfixed<|im_end|>"),
        (EMPTY_THOUGHT, "fixed", "<|im_start|>", "fixed<|im_end|>"),
    ],
)
def test_what_is_learned_is_the_whole_answer_after_the_prompt_that_is_asked(
    config: RunConfig, tmp_path: Path, template: str, answer: str, context: str, wanted: str
) -> None:
    tokenizer = load_tokenizer(model_folder("tiny", 1))
    tokenizer.chat_template = template
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps({"prompt": messages("user", "q"), "completion": messages("assistant", answer)}) + "\n")
    none: Any = Dataset.from_list([])
    shown = demonstrations(replace(config, sft=replace(config.sft, demonstrations=str(path))), none, tokenizer)
    assert asked(shown, tokenizer) == [f"[q]{context}"]
    assert learned(shown, tokenizer) == [wanted]


def test_what_the_tiny_model_s_template_renders_itself_is_learned_token_by_token(
    config: RunConfig, tokenizer: Any
) -> None:
    none: Any = Dataset.from_list([])
    pairs = toy.demonstrations(rows=200, seed=config.seed, habit_share=config.sft.habit_share, kind="repair")
    whole = [[*task["prompt"], *messages("assistant", answer)] for task, answer in pairs]
    texts = [tokenizer.apply_chat_template(chat, tokenize=False) for chat in whole]
    assert demonstrations(config, none, tokenizer)["input_ids"][:] == tokenizer(texts)["input_ids"]


def test_a_demonstration_answers_once(config: RunConfig, tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps({"prompt": messages("user", "q"), "completion": 2 * messages("assistant", "a")}) + "\n")
    with pytest.raises(DataError, match="must be one message of the assistant, not 2 messages"):
        demonstrations(
            replace(config, sft=replace(config.sft, demonstrations=str(path))), Dataset.from_list([]), tokenizer
        )


def asked(rows: Dataset, tokenizer: Any) -> list[str]:
    return [_decoded(row, tokenizer, 0) for row in rows]


def learned(rows: Dataset, tokenizer: Any) -> list[str]:
    return [_decoded(row, tokenizer, 1) for row in rows]


def _decoded(row: Any, tokenizer: Any, bit: int) -> str:
    pairs = zip(row["input_ids"], row["completion_mask"], strict=True)
    return str(tokenizer.decode([token for token, is_learned in pairs if is_learned == bit]))


def losses(config: RunConfig, tokenizer: Any, folder: Path, rows: Any) -> tuple[float, int, int]:
    """Mean loss a token of the answers, their number, and the positions that the model computed, over all batches."""
    trainer = ImitationTrainer(
        model=load_model(model_folder("tiny", 1), "float32"),
        args=sft_arguments(config, folder),
        train_dataset=rows,
        processing_class=tokenizer,
        ranks=ALONE,
        heartbeat=Heartbeat(None, "trainer", "n0"),
    )
    trainer.model.eval()
    total, learned, computed = 0.0, 0, 0
    for batch in trainer.get_train_dataloader():
        count = int((batch["labels"][:, 1:] != -100).sum())
        inputs = {name: value for name, value in batch.items() if isinstance(value, torch.Tensor)}
        with torch.no_grad():
            total += float(trainer.model(**inputs).loss) * count
        learned += count
        computed += batch["input_ids"].numel()
    return total / learned, learned, computed


def test_packed_demonstrations_do_not_see_each_other_and_only_answers_are_learned(
    config: RunConfig, tokenizer: Any, tmp_path: Path, one_thread: None
) -> None:
    rows = demonstrations(replace(config, sft=replace(config.sft, rows=64)), Dataset.from_list([]), tokenizer)
    plain = losses(config, tokenizer, tmp_path / "plain", rows)
    packed = replace(config, sft=replace(config.sft, packing=True, max_length=400, batch_size=2))
    found = losses(packed, tokenizer, tmp_path / "packed", rows)
    assert found[0] == pytest.approx(plain[0], rel=1e-5)
    assert found[1] == plain[1]
    assert found[2] < plain[2]  # there is no padding
    assert plain[1] == sum(sum(row["completion_mask"]) for row in rows)
