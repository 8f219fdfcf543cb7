"""`crrl eval` and `crrl compare` on a real, briefly trained model: whole, and as an adapter."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate import Accelerator

from crrl import cli
from crrl.config import read_config
from crrl.data import load_tasks
from crrl.evaluate import read_answers, read_evaluations
from crrl.report.heartbeat import TRAINER, Heartbeat
from crrl.report.run_folder import RunFolder
from crrl.train import run as training
from crrl.train.checkpoints import write_folder
from crrl.train.clock import StepClock
from crrl.train.examine import Examiner
from crrl.train.interrupt import StopRequest
from crrl.train.model import load_model, load_tokenizer, model_folder
from crrl.train.ranks import ALONE
from crrl.train.sft import imitate
from tests.train.conftest import one_thread, short_run

__all__ = ["one_thread", "short_run"]
pytestmark = pytest.mark.usefixtures("one_thread")
ROWS = 12
UNWATCHED = Heartbeat(None, TRAINER, "here")


@pytest.fixture(scope="module")
def run(one_thread: None, short_run: Callable[[str], RunFolder]) -> RunFolder:
    """A run with a warm start of 40 small steps, that start as its final model, and an adapter on it."""
    folder = short_run("evaluated")
    config = read_config(folder.config)
    config = replace(config, sft=replace(config.sft, steps=40, batch_size=8, rows=120, save_steps=40))
    tokenizer = load_tokenizer(model_folder("tiny", config.seed))
    tasks = load_tasks("toy", kind="repair", rows=64, seed=config.seed)
    warm = imitate(
        config,
        folder,
        model_folder("tiny", config.seed),
        tokenizer,
        tasks,
        StopRequest(),
        ALONE,
        UNWATCHED,
        Examiner(config, folder, tokenizer, [], ALONE, UNWATCHED, StopRequest()),
    )
    write_folder(folder.checkpoints / "final", lambda aside: _copy(warm, aside))
    write_folder(folder.checkpoints / "grpo" / "checkpoint-4", lambda aside: _adapter(warm, aside, tokenizer))
    return folder


def _copy(source: Path, target: Path) -> None:
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())


def _adapter(warm: Path, folder: Path, tokenizer: Any) -> None:
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(load_model(warm, "float32"), LoraConfig(r=2, target_modules="all-linear"))
    torch.manual_seed(3)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)  # a new adapter changes nothing: its B is 0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def evaluated(run: RunFolder, out: Path, *arguments: object, model: str = "") -> dict[str, Any]:
    words = ["eval", "--model", str(run.path / model), "--rows", str(ROWS), "--out", str(out), *map(str, arguments)]
    assert cli.main(words) == 0
    result: dict[str, Any] = json.loads(out.read_text())
    return result


def test_a_run_is_evaluated_on_its_own_tasks_with_intervals_and_by_kind(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = evaluated(run, tmp_path / "a.json", "--n", 2, "--baseline", "--predictions", tmp_path / "p.jsonl")
    assert list(result["metrics"]) == [*("pass@1", "pass@2", "tests", "format", "similarity", "applies", "syntax")]
    for estimate in result["metrics"].values():
        assert 0 <= estimate["low"] <= estimate["value"] <= estimate["high"] <= 1
        assert (estimate["tasks"], estimate["unjudged_answers"]) == (ROWS, 0)
    assert result["passing"] == ["tests"]
    assert result["settings"]["judging"]["level"] == read_config(run.config).sandbox.level
    assert set(result["strata"]) <= {"bound", "comparison", "goal", "operand", "operator"}
    assert sum(measured["pass@1"]["tasks"] for measured in result["strata"].values()) == ROWS
    assert result["baselines"]["reference"]["pass@2"]["value"] == 1.0
    assert result["baselines"]["empty patch"]["pass@2"]["value"] == 0.0
    assert len((tmp_path / "p.jsonl").read_text().splitlines()) == ROWS
    answers = read_answers(tmp_path / "a.parquet")
    assert len({answer.completion for answer in answers}) > ROWS
    assert [answer.task_id for answer in answers] == [task["task_id"] for task in result["tasks"] for _ in range(2)]
    assert [answer.scores for answer in answers] == [
        {name: task["scores"][name][sample] for name in task["scores"]}
        for task in result["tasks"]
        for sample in range(2)
    ]
    shown = capsys.readouterr()
    assert f"{ROWS} tasks, 2 answers each at temperature 1; pass: the tests pass" in " ".join(shown.out.split())
    assert "By kind of task" in shown.out
    assert f"answering  {2 * ROWS}/{2 * ROWS}" in shown.err


def test_what_is_recorded_is_enough_to_do_it_again_whatever_the_batch_size(run: RunFolder, tmp_path: Path) -> None:
    first = evaluated(
        run, tmp_path / "a.json", "--n", 2, "--batch-size", 40, "--seed", 9, "--rewards", "format,applies"
    )
    again = first["settings"]["sampling"]
    second = evaluated(
        run, tmp_path / "b.json", "--n", again["n"], "--temperature", again["temperature"], "--seed", again["seed"],
        "--batch-size", 7, "--max-new-tokens", again["max_new_tokens"], "--rewards", "format", "applies",
    )  # fmt: skip
    assert read_answers(tmp_path / "a.parquet") == read_answers(tmp_path / "b.parquet")
    assert first["settings"]["model"]["sha256"] == second["settings"]["model"]["sha256"]
    assert first["settings"]["data"] == second["settings"]["data"]
    assert [first[part] for part in ("metrics", "tasks", "passing")] == [
        second[part] for part in ("metrics", "tasks", "passing")
    ]


def test_training_and_the_command_give_the_same_answers(run: RunFolder, tmp_path: Path) -> None:
    config = read_config(run.config)
    tokenizer = load_tokenizer(run.checkpoints / "final")
    heldout = list(training._tasks(config, "heldout", ROWS, tokenizer))
    model = load_model(run.checkpoints / "final", "float32")
    trainer = SimpleNamespace(model=model, accelerator=Accelerator(cpu=True), clock=StepClock(), servers=None)
    Examiner(config, run, tokenizer, heldout, ALONE, UNWATCHED, StopRequest()).examine(trainer, 77)
    (kept,) = [evaluation for evaluation in read_evaluations(run.completions) if evaluation.step == 77]
    evaluated(run, tmp_path / "a.json")
    assert read_answers(tmp_path / "a.parquet") == kept.answered


def test_an_adapter_is_loaded_on_its_warm_start_and_answers_as_folded_in(run: RunFolder, tmp_path: Path) -> None:
    from peft import PeftModel

    adapter = run.checkpoints / "grpo" / "checkpoint-4"
    result = evaluated(run, tmp_path / "adapter.json", "--rewards", "format", model="checkpoints/grpo/checkpoint-4")
    assert result["settings"]["model"]["adapter"] == str(adapter)
    folded = PeftModel.from_pretrained(load_model(run.checkpoints / "warm-start", "float32"), str(adapter))
    folder = tmp_path / "folded"
    folded.merge_and_unload().save_pretrained(folder)
    load_tokenizer(adapter).save_pretrained(folder)
    words = [
        "--data",
        "toy",
        "--rows",
        ROWS,
        "--max-new-tokens",
        read_config(run.config).grpo.max_completion_length,
        "--rewards",
        "format",
        "--out",
        tmp_path / "f.json",
    ]
    assert cli.main(["eval", "--model", str(folder), *map(str, words)]) == 0
    texts = [
        [answer.completion for answer in read_answers(tmp_path / name)] for name in ("adapter.parquet", "f.parquet")
    ]
    assert texts[0] == texts[1]
    evaluated(run, tmp_path / "warm.json", "--rewards", "format")
    assert [answer.completion for answer in read_answers(tmp_path / "warm.parquet")] != texts[0]


def test_two_results_are_compared(run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        evaluated(run, tmp_path / f"{name}.json", "--temperature", 1, "--seed", seed, "--rewards", "similarity")
    capsys.readouterr()
    assert cli.main(["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 0
    assert f"b against a, {ROWS} common tasks" in capsys.readouterr().out


def test_rewards_that_say_nothing_of_passing_leave_the_comparison_out_and_the_predictions_there(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--rewards", "format", "applies", "--baseline", "--predictions", tmp_path / "p.jsonl"]
    evaluated(run, tmp_path / "a.json", *words, model="checkpoints/grpo/checkpoint-4")
    assert len((tmp_path / "p.jsonl").read_text().splitlines()) == ROWS
    shown = capsys.readouterr().out
    assert "not compared with untrained: no reward says which answers pass: evaluate with --rewards that do" in shown
    assert f"predictions in {tmp_path / 'p.jsonl'}" in shown


def test_the_untrained_model_is_not_compared_with_itself_however_it_is_named(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.path.parent)
    words = ["--rows", str(ROWS), "--out", str(tmp_path / "a.json"), "--baseline", "--rewards", "format"]
    assert cli.main(["eval", "--model", f"{run.path.name}/checkpoints/warm-start", *words]) == 0
    assert list(json.loads((tmp_path / "a.json").read_text())["baselines"]) == ["empty patch", "reference"]
    assert not (tmp_path / "a.untrained.json").exists()


def test_ctrl_c_leaves_nothing(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import crrl.train.generate as generation

    def interrupted(*_: Any) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(generation, "_generate_batch", interrupted)
    out = tmp_path / "new" / "a.json"
    assert cli.main(["eval", "--model", str(run.path), "--rows", "4", "--out", str(out)]) == 130
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--n", "2", "--k", "4"], "pass@k needs 1 <= k <= n, and --n is 2"),
        (["--n", "2", "--temperature", "0"], "greedy answers are all alike"),
        (["--n", "0"], "--n 0: must be 1 or more"),
        (["--temperature", "-1"], "must be 0 (greedy) or above"),
        (["--sandbox.deadline-s", "0"], "--sandbox.deadline-s 0.0: must be above 0"),
        (["--rewards", "similarty"], "did you mean similarity?"),
        (["--rewards", "label"], "cannot judge repair tasks"),
        (["--data", "nosuch"], "unknown data source"),
        (["--data-options", "rows"], "must be name=value"),
        (["--data-options", "rows=3"], "write --rows N"),
        (["--split", "all"], "toy has no split 'all'"),
        (["--out", "x.txt"], "must end in .json"),
        (["--max-new-tokens", "5000"], "exceed the context of 512"),
    ],
)
def test_a_mistake_is_one_line(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], problem: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert cli.main(["eval", "--model", str(run.path.resolve()), "--rows", "4", *arguments]) == 2
    told = capsys.readouterr().err
    (line,) = [line for line in told.splitlines() if line.startswith("error: ")]
    assert problem in line
    assert "Traceback" not in told


def test_data_that_names_its_kind_is_asked_for_that_one(run: RunFolder, tmp_path: Path) -> None:
    result = evaluated(run, tmp_path / "out.json", "--data", "toy-classify", "--max-new-tokens", 8)
    assert result["settings"]["data"]["kind"] == "classify"


def test_a_model_without_a_run_needs_data(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["eval", "--model", "some/model"]) == 2
    said = "error: --model some/model is no run in the folder --runs, and only a run's model has tasks of its own; name the run,"
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("text", ["{broken", "[]", '{"text_config": null}'])
def test_a_folder_with_damaged_settings_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert cli.main(["eval", "--model", str(tmp_path), "--data", "toy", "--out", str(tmp_path / "a.json")]) == 2
    error = capsys.readouterr().err
    assert f"error: --model {tmp_path}: {tmp_path / 'config.json'} is no model's settings (" in error
    assert error.count("\n") == 1


def test_the_help_says_what_a_batch_counts_and_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["eval", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "--batch-size N completions generated at once: the --n answers to a task count as n" in shown
    assert "(default: the run's eval.batch_size, else 16)" in shown
