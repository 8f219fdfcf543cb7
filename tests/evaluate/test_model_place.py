"""Any saved model of a run can be named, and what cannot be loaded is told with what can."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crrl.config import RunConfig, to_yaml
from crrl.errors import ConfigError, RunError
from crrl.evaluate.model_place import find_model, untrained
from crrl.report.run_folder import RunFolder
from crrl.train.manifest import MANIFEST

FULL, ADAPTER = "config.json", "adapter_config.json"


def saved(folder: Path, file: str, *, whole: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / file).write_text(json.dumps({"base_model_name_or_path": "/elsewhere/base"}))
    if whole:
        (folder / MANIFEST).touch()
    return folder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run of the built-in model with a warm start, whose folder was moved since."""
    folder = RunFolder(tmp_path / "runs" / "r1")
    folder.path.mkdir(parents=True)
    folder.config.write_text(to_yaml(RunConfig(seed=7, stage="sft,grpo")))
    saved(folder.checkpoints / "warm-start", FULL)
    return folder


def test_a_run_stands_for_its_final_model_by_folder_and_by_id(run: RunFolder) -> None:
    final = saved(run.checkpoints / "final", FULL)
    for given in (str(run.path), "r1"):
        place = find_model(given, run.path.parent)
        assert (place.folder, place.adapter, place.given) == (final, None, given)
        assert place.run is not None
        assert (place.run.run_id, place.config and place.config.seed) == ("r1", 7)


def test_a_run_is_found_by_the_beginning_of_its_id_and_named_where_it_is_not(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = saved(run.checkpoints / "final", FULL)
    monkeypatch.chdir(run.path.parents[1])
    for given in ("r", "runs/r1", "runs/r"):
        assert find_model(given, Path("runs")).folder == Path("runs") / final.relative_to(run.path.parent)
    with pytest.raises(RunError, match=r"there is no run 'nope'.*the last ones are r1"):
        find_model("runs/nope", Path("runs"))
    assert find_model("s", Path("runs")).base == "s"


def test_a_full_checkpoint_is_its_own_base(run: RunFolder) -> None:
    checkpoint = saved(run.checkpoints / "grpo" / "checkpoint-40", FULL)
    place = find_model(str(checkpoint), run.path.parent)
    assert (place.base, place.adapter) == (str(checkpoint), None)


def test_an_adapter_lies_on_the_warm_start_and_the_warm_starts_own_on_the_first_model(run: RunFolder) -> None:
    reinforced = saved(run.checkpoints / "grpo" / "checkpoint-40", ADAPTER)
    place = find_model(str(reinforced), run.path.parent)
    assert (place.adapter, place.base) == (reinforced, str(run.checkpoints / "warm-start"))
    imitated = saved(run.checkpoints / "sft" / "checkpoint-20", ADAPTER)
    place = find_model(str(imitated), run.path.parent)
    assert (place.adapter, place.base, place.seed) == (imitated, "tiny", 7)


def test_an_adapter_outside_of_a_run_names_its_base(tmp_path: Path) -> None:
    adapter = saved(tmp_path / "adapter", ADAPTER)
    place = find_model(str(adapter), tmp_path)
    assert (place.adapter, place.base, place.run) == (adapter, "/elsewhere/base", None)


def test_an_adapter_is_read_with_its_own_tokenizer_if_it_has_one(run: RunFolder) -> None:
    adapter = saved(run.checkpoints / "grpo" / "checkpoint-40", ADAPTER)
    assert find_model(str(adapter), run.path.parent).tokenizer_source == str(run.checkpoints / "warm-start")
    (adapter / "tokenizer_config.json").write_text("{}")
    assert find_model(str(adapter), run.path.parent).tokenizer_source == str(adapter)


def test_a_name_of_the_hub_is_left_as_it_is(tmp_path: Path) -> None:
    place = find_model("Qwen/Qwen2.5-Coder-0.5B-Instruct", tmp_path)
    assert (place.base, place.adapter, place.run, place.folder) == (
        "Qwen/Qwen2.5-Coder-0.5B-Instruct",
        None,
        None,
        None,
    )
    assert untrained(place) is None


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("r1", "it has no final model yet; whole checkpoints of the run r1 are: .*warm-start, .*grpo/checkpoint-2"),
        ("r1/checkpoints/grpo/checkpoint-4", "checkpoint-4 is no whole checkpoint; whole .*grpo/checkpoint-2$"),
        ("r1/checkpoints/grpo/checkpoint-9", "there is no such checkpoint; whole .*grpo/checkpoint-2$"),
        ("r1/completions", "holds neither config.json nor adapter_config.json, and is no run's folder"),
        ("tiny", "tiny answers nothing before a run's warm start: name a run"),
        ("./nowhere", "no such folder, and no run of that name in .*runs"),
        ("", "no such folder"),
    ],
)
def test_what_is_no_model_is_told_with_what_is(run: RunFolder, given: str, problem: str) -> None:
    saved(run.checkpoints / "grpo" / "checkpoint-2", FULL)
    saved(run.checkpoints / "grpo" / "checkpoint-4", FULL, whole=False)
    run.completions.mkdir()
    path = run.path.parent / given
    with pytest.raises(ConfigError, match=problem):
        find_model(str(path) if given.startswith("r1/") else given, run.path.parent)


def test_the_untrained_model_is_the_warm_start_of_the_built_in_one_and_else_the_runs_model(run: RunFolder) -> None:
    saved(run.checkpoints / "final", FULL)
    before = untrained(find_model("r1", run.path.parent))
    assert before is not None
    assert before.base == str(run.checkpoints / "warm-start")
    run.config.write_text(to_yaml(RunConfig(model="some/model", stage="sft,grpo")))
    before = untrained(find_model("r1", run.path.parent))
    assert before is not None
    assert before.base == "some/model"
