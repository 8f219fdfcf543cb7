"""What would keep a run from working is found before anything is made, and told in a line that says what to do."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import pytest

import launch
from crrl.cluster import image_commit
from crrl.cluster.image_file import image_problem
from crrl.cluster.model_files import division_problem, model_problem, weights_bytes
from crrl.cluster.preflight import GIB, data_problem, disk_bytes, disk_problem, download_bytes, hints, notes, problems
from crrl.config import DataConfig, LoraConfig, NodesConfig, RunConfig, load_preset


def config(tmp_path: Path, *, model: str = "tiny", source: str = "toy", **cluster: Any) -> RunConfig:
    preset = load_preset("tiny")
    given = {"image": "none", "hf_home": str(tmp_path / "hf"), "cache_dir": str(tmp_path / "c"), **cluster}
    runs = {"runs": str(tmp_path / "runs"), **given}
    return dataclasses.replace(
        preset, model=model, data=DataConfig(source=source), cluster=dataclasses.replace(preset.cluster, **runs)
    )


def make_model(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / name).write_text("{}")
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_a_model_s_folder_must_be_whole(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m")
    given = config(tmp_path, model=str(folder))
    assert model_problem(given) is None
    (folder / "tokenizer.json").unlink()
    assert "has no tokenizer" in (model_problem(given) or "")
    (folder / "model.safetensors").unlink()
    assert "has no weights (*.safetensors)" in (model_problem(given) or "")
    (folder / "config.json").unlink()
    assert "has no config.json" in (model_problem(given) or "")
    assert "there is no model folder" in (model_problem(config(tmp_path, model=str(tmp_path / "none"))) or "")


def test_a_shard_that_the_index_names_must_be_there(tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})
    folder = make_model(tmp_path / "m")
    (folder / "model.safetensors.index.json").write_text(index)
    (folder / "model-1.safetensors").touch()
    assert "lacks model-2.safetensors, which its index names" in (
        model_problem(config(tmp_path, model=str(folder))) or ""
    )


def test_offline_nodes_need_the_model_in_the_cache(tmp_path: Path) -> None:
    name = "Qwen/Qwen2.5-Coder-7B-Instruct"
    offline = config(tmp_path, model=name, offline=True)
    assert f"do: HF_HOME={tmp_path}/hf hf download {name}" in (model_problem(offline) or "")
    assert model_problem(config(tmp_path, model=name)) is None
    make_model(tmp_path / "hf/hub/models--Qwen--Qwen2.5-Coder-7B-Instruct/snapshots/abc")
    assert model_problem(offline) is None


@pytest.mark.parametrize(
    ("heads", "gpus", "complaint"),
    [
        (
            (12, 2),
            3,
            "over 3 GPUs (serve.tensor_parallel), and its 12 attention heads, 2 of keys and values, cannot be; use "
            "--serve.data-parallel 3: so many copies, each on 1",
        ),
        (
            (28, 4),
            8,
            "over 8 GPUs (serve.tensor_parallel), and its 28 attention heads, 4 of keys and values, cannot be; use "
            "--serve.data-parallel 2: so many copies, each on 4",
        ),
        ((12, 2), 2, None),
        ((40, 8), 8, None),
        ((32, 2), 4, None),
    ],
)
def test_a_model_that_no_server_could_divide_over_its_gpus_is_refused(
    tmp_path: Path, heads: tuple[int, int], gpus: int, complaint: str | None
) -> None:
    values = {"num_attention_heads": heads[0], "num_key_value_heads": heads[1]}
    for nested in (values, {"text_config": values}):
        folder = make_model(tmp_path / f"m{len(nested)}", config__json=json.dumps(nested))
        given = config(tmp_path, model=str(folder), gpus_per_node=gpus, nodes=NodesConfig(server=1))
        served = dataclasses.replace(given, grpo=dataclasses.replace(given.grpo, use_vllm=True))
        problem = division_problem(served)
        assert problem == (complaint and f"each server would divide {folder} {complaint}")
        assert division_problem(given) is None


def test_what_is_neither_a_folder_nor_a_name_is_refused(tmp_path: Path) -> None:
    assert "neither a folder nor a name of the hub" in (model_problem(config(tmp_path, model="a/b/c")) or "")


def sif(architecture: bytes, magic: bytes = b"SIF_MAGIC\0") -> bytes:
    return b"#!/usr/bin/env run-singularity\n\0" + magic + b"01\0" + architecture + b"\0" + bytes(32)


def test_an_image_must_be_one_for_this_machine(tmp_path: Path) -> None:
    image = tmp_path / "crrl.sif"
    assert "there is no image" in (image_problem(str(image)) or "")
    image.write_bytes(sif(b"02", magic=b"nothing at"))
    assert "is no Apptainer image" in (image_problem(str(image)) or "")
    ours, other = (b"02", b"04") if platform.machine() == "x86_64" else (b"04", b"02")
    image.write_bytes(sif(other))
    assert f"and this machine is {platform.machine()}" in (image_problem(str(image)) or "")
    image.write_bytes(sif(ours))
    assert image_problem(str(image)) is None
    (tmp_path / "folder" / ".singularity.d").mkdir(parents=True)
    assert image_problem(str(tmp_path / "folder")) is None


@pytest.mark.parametrize("source", ["swe:SWE-Gym/SWE-Gym", "mutations:0.5,swe:SWE-Gym/SWE-Gym:0.5", "swe"])
def test_a_data_set_of_the_hub_must_have_been_fetched(tmp_path: Path, source: str) -> None:
    given = config(tmp_path, source=source)
    if source == "swe":
        given = dataclasses.replace(given, data=DataConfig(source=source, options={"path": "SWE-Gym/SWE-Gym"}))
    home = tmp_path / "hf"
    assert data_problem(given) == (
        f"the data set SWE-Gym/SWE-Gym is not in {home}, and runs fetch none; where there is a network, do: HF_HOME={home} "
        "crrl data download SWE-Gym/SWE-Gym"
    )
    (home / "hub/datasets--SWE-Gym--SWE-Gym/snapshots/abc").mkdir(parents=True)
    assert data_problem(given) is None


def test_data_must_be_there_and_readable(tmp_path: Path) -> None:
    path = tmp_path / "fixes.jsonl.gz"
    given = config(tmp_path, source=str(path))
    assert f"there is no {path} to train on" in (data_problem(given) or "")
    path.write_bytes(b"no gzip")
    assert "is no JSON Lines file" in (data_problem(given) or "")
    path.write_bytes(gzip.compress(b""))
    assert "holds no rows" in (data_problem(given) or "")
    path.write_bytes(gzip.compress(b'{"before": {}}\n'))
    assert data_problem(given) is None
    path.write_bytes(gzip.compress(b'{"kind": "classify"}\n{"kind": "implement"}\n'))
    said = f"{path} holds classify and implement tasks, none to repair; use --task classify, or name another file with --data"
    assert data_problem(given) == said
    assert data_problem(config(tmp_path, source=f"swe:{path}")) is None  # its rows have a form of their own
    path.write_bytes(gzip.compress(b'{"kind": "classify"}\n{"kind": "repair"}\n'))
    assert data_problem(given) is None
    assert "is no git repository" in (data_problem(config(tmp_path, source=f"commits:{tmp_path}")) or "")
    assert data_problem(config(tmp_path)) is None


def test_checkpoints_and_models_must_fit_on_the_disk(tmp_path: Path) -> None:
    full = config(tmp_path, model="some/model-100000B")
    weights = weights_bytes(full)
    assert weights == 200_000_000_000_000
    assert (
        disk_bytes(full) == GIB + 23 * weights
    )  # three checkpoints, and the model at the end of each of its two stages
    assert disk_bytes(dataclasses.replace(full, stage="grpo")) == GIB + 22 * weights
    assert "free, and the run may write" in (disk_problem(full) or "")
    adapters = dataclasses.replace(full, lora=LoraConfig(rank=8), stage="grpo")
    assert weights < disk_bytes(adapters) < 1.2 * weights
    assert disk_problem(config(tmp_path)) is None


def test_a_model_that_is_still_to_be_loaded_must_fit_on_the_hub_s_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = config(tmp_path, model="some/model-7B")
    assert download_bytes(given) == 14_000_000_000
    assert download_bytes(config(tmp_path, model="some/model-7B", offline=True)) == 0
    place, too_much = Path("/dev/shm"), 1_000_000_000_000_000  # a disk of its own
    monkeypatch.setattr("crrl.cluster.preflight.disk_bytes", lambda _: 0)
    monkeypatch.setattr("crrl.cluster.preflight.download_bytes", lambda _: too_much)
    elsewhere = config(tmp_path, model="some/model-7B", hf_home=str(place / "hub"))
    assert f"{place} has" in (disk_problem(elsewhere) or "")
    assert "(the model, downloaded); make room, or choose another place with --cluster.hf-home" in (
        disk_problem(elsewhere) or ""
    )
    make_model(tmp_path / "hf/hub/models--some--model-7B/snapshots/abc")
    monkeypatch.undo()
    assert download_bytes(given) == 0


def test_a_place_that_holds_no_files_is_refused_as_such(tmp_path: Path) -> None:
    assert disk_problem(config(tmp_path, runs="/proc/nope")) == (
        "you cannot write to /proc; choose another place with --runs"
    )


def test_weights_that_are_here_are_measured(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "m-7B", model__safetensors="x" * 1000)
    assert weights_bytes(config(tmp_path, model=str(folder))) == 1000
    assert weights_bytes(config(tmp_path, model="Qwen/Qwen2.5-Coder-1.5B-Instruct")) == 3_000_000_000
    assert weights_bytes(config(tmp_path, model="some/model")) == 0


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    assert f"you cannot write to {tmp_path}" in (disk_problem(config(tmp_path)) or "")


def test_a_path_that_a_bind_cannot_say_is_refused(tmp_path: Path) -> None:
    image = tmp_path / "crrl.sif"
    image.write_bytes(sif(b"02" if platform.machine() == "x86_64" else b"04"))
    found = problems(config(tmp_path, image=str(image), runs=str(tmp_path / "a,b")), {})
    assert found == [
        f"{tmp_path}/a,b: the image cannot be given a path with a colon or a comma; rename it, or link to it"
    ]


def test_a_variable_that_sbatch_takes_before_the_script_is_noted(tmp_path: Path) -> None:
    given = config(tmp_path, cluster="slurm", account="a", partition="p")
    assert (notes(given, {}), hints(given)) == ([], [])
    assert "SBATCH_QOS in your environment goes before" in notes(given, {"SBATCH_QOS": "x"})[0]
    assert len(hints(config(tmp_path, cluster="slurm"))) == 2


def test_a_folder_for_the_image_that_is_not_here_stops_a_local_run_and_is_noted_for_a_cluster(tmp_path: Path) -> None:
    image = tmp_path / "crrl.sif"
    image.write_bytes(sif(b"02" if platform.machine() == "x86_64" else b"04"))
    given = {"image": str(image), "binds": (f"{tmp_path}:/x", "/nonexistent:/y:ro"), "container": "none"}
    said = "there is no /nonexistent here, which cluster.binds gives to the image; name another"
    assert problems(config(tmp_path, cluster="local", **given), {}) == [said]
    assert said in notes(config(tmp_path, cluster="slurm", **given), {})
    assert problems(config(tmp_path, cluster="local", **{**given, "binds": ()}), {}) == []


def test_an_image_of_another_commit_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *words], check=True)
    here = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    monkeypatch.setattr(image_commit, "ROOT", tmp_path)
    apptainer = tmp_path / "apptainer"
    apptainer.write_text('#!/bin/sh\necho "crrl.commit: $(cat "$3")"\n')
    apptainer.chmod(0o755)
    image = tmp_path / "crrl.sif"
    cluster = config(tmp_path, image=str(image), container=str(apptainer)).cluster
    image.write_text(here)
    assert image_commit.commit_note(cluster) is None
    image.write_text("0" * 40)
    assert f"of commit 000000000000, this checkout is at {here[:12]}" in (image_commit.commit_note(cluster) or "")
    assert image_commit.commit_note(dataclasses.replace(cluster, code="checkout")) is None
    image.write_text("unknown")
    assert "of commit unknown" in (image_commit.commit_note(cluster) or "")


@pytest.mark.parametrize(
    "words", [["--model", "EMPTY", "--data", "DATA"], ["--data", "none.jsonl"], ["--image", "none.sif"]]
)
def test_a_run_that_cannot_work_makes_nothing(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRRL_SITE", "none")
    (tmp_path / "empty").mkdir()
    (tmp_path / "data.jsonl").write_text("{}\n")
    places = {"EMPTY": str(tmp_path / "empty"), "DATA": str(tmp_path / "data.jsonl")}
    given = ["--size", "small", "--gpus-per-node", "0", "--cluster", "local", "--runs", str(tmp_path / "runs")]
    assert launch.main([*given, *(places.get(word, word) for word in words)]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert not (tmp_path / "runs").exists()
