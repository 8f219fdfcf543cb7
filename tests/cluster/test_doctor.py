"""`crrl doctor` says what a machine offers and what is missing, in a line each."""

from __future__ import annotations

from pathlib import Path

import pytest

from crrl.cli import main

SINFO = "main*|up|3|4|8000|gpu:a100:2(S:0-1)|1:00:00|1-infinite|(null)\ncpu|down|1|8|16000|(null)|infinite|1-2|(null)\n"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_API_KEY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return folder


def add_tool(folder: Path, name: str, said: str, code: int = 0) -> None:
    (folder / name).write_text(f"#!/bin/sh\necho '{said}'\nexit {code}\n")
    (folder / name).chmod(0o755)


def lines_of(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, list[str]]:
    assert main(["doctor", *words]) == 0
    found: dict[str, list[str]] = {}
    for line in capsys.readouterr().out.splitlines():
        found.setdefault(line[:10].strip(), []).append(line[11:])
    return found


def test_what_is_missing_is_said_with_what_to_do(tools: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = lines_of(capsys, "--site", "none")
    assert said["sandbox"] in (["namespaces"], ["landlock"])
    assert said["site file"] == ["none; examples are in examples/sites/ (docs/cluster.md)"]
    assert said["Slurm"] == [
        "MISSING  there is no sbatch on this machine: submit where Slurm is, or run here with --cluster local"
    ]
    assert said["container"][0].startswith("MISSING  there is no apptainer on this machine")
    assert said["models"][0].endswith("GiB free: no models; no HF_TOKEN")
    assert said["W&B"][0].startswith("no key: ")


def test_what_is_there_is_shown(
    tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_tool(tools, "sbatch", "slurm 23.11.4")
    add_tool(tools, "sinfo", SINFO)
    add_tool(tools, "singularity", "singularity-ce version 4.1.1")
    (tmp_path / "image/.singularity.d").mkdir(parents=True)
    (tmp_path / "hf/hub/models--Qwen--Qwen2.5-Coder-7B-Instruct").mkdir(parents=True)
    site = tmp_path / "site.yaml"
    site.write_text(f"image: {tmp_path}/image\ncontainer: singularity\nruns: {tmp_path}/runs\n")
    monkeypatch.setenv("HF_TOKEN", "a-secret-token")
    monkeypatch.setenv("WANDB_API_KEY", "another-secret")
    said = lines_of(capsys, "--site", str(site))
    assert said["Slurm"] == [
        "slurm 23.11.4, 2 partitions",
        "  main (default): 3 nodes of 4 cores, 7 GB, 2 GPUs a100; up to 1 h",
        "  cpu (down): 1 nodes of 8 cores, 15 GB; no time limit",
    ]
    assert said["container"] == ["singularity-ce version 4.1.1"]
    assert said["image"] == [f"{tmp_path}/image, a folder"]
    assert said["runs"][0].startswith(f"{tmp_path}/runs, ")
    assert said["models"][0].endswith("Qwen/Qwen2.5-Coder-7B-Instruct; HF_TOKEN is set")
    assert said["W&B"] == ["a key for https://api.wandb.ai"]
    assert "secret" not in str(said)


def test_a_site_file_that_cannot_be_used_hides_nothing_else(
    tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("runs: $NOWHERE_AT_ALL/runs\n")
    said = lines_of(capsys, "--site", str(site))
    assert said["site file"][1].startswith(
        "MISSING  cluster.runs '$NOWHERE_AT_ALL/runs': NOWHERE_AT_ALL is not set here"
    )
    assert {"code", "sandbox", "GPUs", "Slurm", "container", "image", "runs", "models", "W&B"} <= said.keys()
