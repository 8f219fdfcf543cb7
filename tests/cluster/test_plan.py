"""A config says which nodes and GPUs serve and train, and the Slurm job is a pure function of it."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest

from crrl.cluster.plan import missing, roles, sbatch_parameters, where
from crrl.cluster.slurm import render_sbatch
from crrl.config import RunConfig, load_preset
from crrl.report.run_folder import RunFolder

FOLDER = RunFolder(Path("/cluster/runs/20260102-030405-medium-repair-abcd"))


def with_cluster(config: RunConfig, **changes: Any) -> RunConfig:
    return dataclasses.replace(config, cluster=dataclasses.replace(config.cluster, **changes))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("tiny", "1 × no GPUs train and generate"),
        ("small", "the same node × 1 GPUs serve, 1 × 1 GPUs train"),
        ("medium", "1 node × 4 GPUs serve, 1 × 4 GPUs train"),
        ("large", "1 node × 8 GPUs serve, 3 × 8 GPUs train"),
    ],
)
def test_roles_of_every_preset(size: str, words: str) -> None:
    assert str(roles(load_preset(size))) == words


def test_the_sbatch_text_is_exactly_the_golden_one() -> None:
    config = with_cluster(
        load_preset("medium"),
        account="a1",
        partition="gpu",
        qos="high",
        constraint="a100",
        sbatch=("exclude=n7,n8", "exclusive"),
    )
    text = render_sbatch(config, FOLDER).replace(sys.executable, "PYTHON")
    golden = (Path(__file__).parent / "samples" / "medium.sbatch").read_text()
    assert len(text) == len(golden)
    assert text == golden


def test_what_is_not_asked_for_is_left_to_the_cluster() -> None:
    config = with_cluster(load_preset("tiny"), mem_gb=0)
    assert set(sbatch_parameters(config, FOLDER)) == {
        *("job_name", "nodes", "ntasks_per_node", "cpus_per_task", "time", "stderr_to_stdout"),
    }


def test_a_path_with_blanks_is_quoted_in_the_sbatch_text() -> None:
    text = render_sbatch(load_preset("tiny"), RunFolder(Path("/cluster/my runs/r1")))
    assert text.rstrip().endswith("-m submitit.core._submit '/cluster/my runs/r1/submission'")


def test_a_relative_folder_is_rendered_as_an_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"submitit.core._submit {tmp_path}/runs/r1/submission" in render_sbatch(
        load_preset("tiny"), RunFolder(Path("runs/r1"))
    )


def test_auto_means_slurm_where_sbatch_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = with_cluster(load_preset("tiny"), cluster="auto")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert where(config) == "local"
    sbatch = tmp_path / "sbatch"
    sbatch.write_text("#!/bin/sh\n")
    sbatch.chmod(0o755)
    assert where(config) == "slurm"
    assert where(with_cluster(config, cluster="local")) == "local"


def test_what_a_machine_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    bare = with_cluster(load_preset("tiny"), image=str(tmp_path / "crrl.sif"))
    found = "\n".join(missing(bare))
    for what in ("no sbatch", "no apptainer", f"no image {tmp_path}/crrl.sif", "no account", "no partition"):
        assert what in found
    (tmp_path / "crrl.sif").touch()
    for name in ("sbatch", "apptainer"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert missing(with_cluster(bare, account="a1", partition="gpu")) == []
