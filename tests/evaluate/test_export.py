"""An exported model answers as the run's does, and its card says where it comes from without naming a path."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from crrl.cli import main
from crrl.config import from_yaml, to_yaml
from crrl.report.model_card import model_card
from crrl.report.run_folder import RunFolder, write_aside
from crrl.train.checkpoints import write_folder
from crrl.train.model import load_model, load_tokenizer
from crrl.train.ranks import ALONE
from crrl.train.tiny import build_tiny_model

CONFIG = """
model: /models/base-1b
stage: sft,grpo
data: {source: "commits:/home/ada/project", options: {path: /data/rows.jsonl, min_lines: "2"}}
rewards: {tests: 0.9, format: 0.1}
grpo: {dtype: float32, steps: 4, num_generations: 8}
lora: {rank: 4, alpha: 8}
eval: {tasks: 12}
"""
TOKENS = torch.tensor([[5, 6, 7, 8, 9, 300, 41]])


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with a warm start, a checkpoint that is an adapter on it, and a final model."""
    folder = RunFolder(tmp_path / "runs" / "20260102-030405-small-repair-abcd")
    folder.path.mkdir(parents=True)
    write_aside(folder.config, to_yaml(from_yaml(CONFIG)))
    for step, tests in ((0, 0.25), (4, 0.5)):
        folder.append_metrics(step, {"stage": "heldout", "heldout/tests": tests})
    write_aside(folder.attempt(1).facts, json.dumps({"commit": "c0ffee", "python": "3.11.2"}))
    write_aside(folder.attempt(1).image, json.dumps({"path": "/images/crrl.sif", "sha256": "5e" * 32}))
    base = build_tiny_model(1)
    tokenizer = load_tokenizer(base)
    torch.manual_seed(1)
    adapted: Any = get_peft_model(load_model(base, "float32"), LoraConfig(r=4, target_modules="all-linear"))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    models = {
        "warm-start": load_model(base, "float32"),
        "grpo/checkpoint-4": adapted,
        "final": load_model(base, "float32"),
    }
    for name, model in models.items():

        def save(aside: Path, model: Any = model) -> None:
            model.save_pretrained(aside)
            tokenizer.save_pretrained(aside)

        write_folder(folder.checkpoints / name, save, ALONE)
    (folder.checkpoints / "grpo/checkpoint-4/optimizer.pt").write_bytes(b"state")
    return folder


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=TOKENS).logits
    return found


def test_the_final_model_is_exported_as_it_is(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run.path)]) == 0
    out = run.path / "export"
    assert f"{out} holds the model, 4 MB" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == sorted(
        {path.name for path in (run.checkpoints / "final").iterdir()} - {"manifest.json"} | {"README.md"}
    )
    assert torch.equal(
        logits(AutoModelForCausalLM.from_pretrained(out)), logits(load_model(run.checkpoints / "final", "float32"))
    )


def test_an_adapter_is_folded_in(run: RunFolder, tmp_path: Path) -> None:
    out = tmp_path / "model"
    assert main(["export", str(run.path), "--checkpoint", "grpo/checkpoint-4", "--out", str(out)]) == 0
    assert not list(out.glob("adapter*")) and not (out / "optimizer.pt").exists()
    adapter = run.checkpoints / "grpo" / "checkpoint-4"
    wanted = logits(PeftModel.from_pretrained(load_model(run.checkpoints / "warm-start", "float32"), str(adapter)))
    found = logits(AutoModelForCausalLM.from_pretrained(out))
    assert torch.allclose(found, wanted, atol=1e-4)
    assert not torch.allclose(found, logits(load_model(run.checkpoints / "warm-start", "float32")), atol=1e-2)
    assert AutoTokenizer.from_pretrained(out).chat_template
    assert not [path.name for path in out.glob("*.json") if str(tmp_path) in path.read_text()]


def test_the_card_says_what_made_the_model_and_names_no_path(run: RunFolder, tmp_path: Path) -> None:
    assert main(["export", str(run.path), "--out", str(tmp_path / "model")]) == 0
    card = (tmp_path / "model" / "README.md").read_text()
    for part in (
        "tags: [crrl, code, repair, sft, grpo]",
        "| base model | base-1b |",
        "| data | commits:project |",
        "| options of the data | path=rows.jsonl, min_lines=2 |",
        "| rewards | tests × 0.9, format × 0.1 |",
        "| reinforcement | GRPO, 4 steps, groups of 8 |",
        "| tests | 0.250 | 0.500 |",
        "| commit of CodeRepairRL | c0ffee |",
        f"| image | sha256 {'5e' * 32} |",
    ):
        assert part in card
    assert "base_model:" not in card  # it is a folder; the hub knows it by no name
    for path in ("/models", "/home", "/data", "/images", str(tmp_path)):
        assert path not in card


@pytest.mark.parametrize(
    ("checkpoint", "there", "absent"),
    [
        (
            "warm-start",
            ["tags: [crrl, code, repair, sft]", "| mean of | step 0 |\n|---|---|\n| tests | 0.250 |"],
            "GRPO",
        ),
        (
            "grpo/checkpoint-2",
            [
                "| reinforcement | GRPO, 2 of 4 steps, groups of 8 |",
                "| mean of | step 0 | step 2 |",
                "| 0.250 | 0.375 |",
            ],
            "0.500",
        ),
        ("sft/checkpoint-5", ["| imitation | 5 of 500 steps of"], "mean of"),
    ],
)
def test_the_card_of_a_checkpoint_knows_nothing_of_what_came_later(
    run: RunFolder, tmp_path: Path, checkpoint: str, there: list[str], absent: str
) -> None:
    run.metrics.unlink()
    for step, tests in ((0, 0.25), (2, 0.375), (4, 0.5)):
        run.append_metrics(step, {"stage": "heldout", "heldout/tests": tests})
    card = model_card(run, checkpoint)
    assert all(part in card for part in there)
    assert absent not in card


def test_the_card_names_the_demonstrations_and_the_parts_of_a_mixture_without_their_folders(run: RunFolder) -> None:
    config = from_yaml(CONFIG)
    source = "mutations:0.5,commits:/home/ada/secret/project:0.25, /home/ada/b.jsonl:0.15,primevul-repair:own/er:0.1"
    data = replace(config.data, source=source, options={"swe.clones": "/home/ada/clones"})
    write_aside(
        run.config,
        to_yaml(replace(config, data=data, sft=replace(config.sft, demonstrations="/home/ada/best.jsonl"))),
    )
    card = model_card(run, "final")
    assert "| data | mutations:0.5,commits:project:0.25, b.jsonl:0.15,primevul-repair:own/er:0.1 |" in card
    assert "| options of the data | swe.clones=clones |" in card
    assert "demonstrations a process, of best.jsonl |" in card
    assert "/home" not in card


def test_of_a_checkpoint_only_the_model_is_exported(run: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(run.checkpoints / "final", run.checkpoints / "grpo/checkpoint-2")
    state = ["optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth", "rng_state_1.pth", "trainer_state.json"]
    state += ["training_args.bin", "latest", "zero_to_fp32.py", "global_step2/zero_pp_rank_0_optim_states.pt"]
    for name in state:
        path = run.checkpoints / "grpo/checkpoint-2" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(tmp_path))
    out = tmp_path / "model"
    assert main(["export", str(run.path), "--checkpoint", "grpo/checkpoint-2", "--out", str(out)]) == 0
    wanted = {path.name for path in (run.checkpoints / "final").iterdir()} - {"manifest.json"} | {"README.md"}
    assert {str(path.relative_to(out)) for path in out.rglob("*")} == wanted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--checkpoint", "grpo/checkpoint-9"], "there is no such checkpoint; whole checkpoints of the run"),
        (["--out", "OUT"], "is there already; name another folder, or remove it"),
        (["--out", "OUT/a/b"], "there is no folder"),
    ],
)
def test_a_mistake_is_one_line(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    (tmp_path / "out").mkdir()
    given = [word.replace("OUT", str(tmp_path / "out")) for word in words]
    assert main(["export", str(run.path), *given]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not list((tmp_path / "out").iterdir())


def test_an_upload_that_cannot_be_made_is_one_line_and_the_export_stays(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    assert main(["export", str(run.path), "--out", str(tmp_path / "model"), "--push", "ada/model"]) == 2
    error = capsys.readouterr().err
    assert "error: --push ada/model: " in error and error.count("\n") == 1
    assert (tmp_path / "model" / "README.md").is_file()
