"""The job's own folder on a node: its user's alone, of this job, and gone with it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from crrl.cluster.job_folder import job_folder, local_folder
from crrl.config import ClusterConfig, RunConfig, load_preset
from crrl.errors import RunError

JOB = {"SLURM_JOB_ID": "5"}


def config(scratch: Path) -> RunConfig:
    preset = load_preset("tiny")
    cluster = dataclasses.replace(preset.cluster, cluster="slurm", scratch=str(scratch))
    return dataclasses.replace(preset, cluster=cluster)


def open_and_close(given: RunConfig, host: Mapping[str, str] = JOB) -> Path:
    with job_folder(given, host) as folder:
        return folder


def test_two_jobs_on_a_node_have_two_folders(tmp_path: Path) -> None:
    cluster = ClusterConfig(scratch="$LOCAL/x")
    hosts = [{"LOCAL": str(tmp_path), "SLURM_JOB_ID": job, "SLURM_NODEID": node} for job in "12" for node in "01"]
    assert len({local_folder(cluster, host) for host in hosts}) == 4
    assert local_folder(cluster, hosts[0]).parent == tmp_path / "x"
    assert local_folder(ClusterConfig(), {"TMPDIR": "/t", "SLURM_TMPDIR": "/s", **JOB}).parent == Path("/s")


def test_a_local_run_inside_a_job_has_a_folder_that_no_other_run_in_that_job_removes(tmp_path: Path) -> None:
    cluster = ClusterConfig(cluster="local", scratch=str(tmp_path))
    assert local_folder(cluster, JOB) == tmp_path / f"crrl-pid{os.getpid()}-0-0"


def test_a_job_s_folder_is_its_user_s_alone_and_goes_with_the_job(tmp_path: Path) -> None:
    with job_folder(config(tmp_path), JOB) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "tmp").is_dir()
        assert (folder / "home").is_dir()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("planted", ["open to others", "a link", "a file"])
def test_a_folder_that_somebody_may_have_planted_is_refused_and_left_alone(planted: str, tmp_path: Path) -> None:
    folder = local_folder(config(tmp_path).cluster, JOB)
    if planted == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    elif planted == "a file":
        folder.touch(mode=0o700)
    else:
        folder.mkdir()
        folder.chmod(0o777)
    with pytest.raises(RunError, match=r"crrl-5-0-0 is there already and is not yours alone"):
        open_and_close(config(tmp_path))
    assert folder.lstat()


def test_another_user_s_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = local_folder(config(tmp_path).cluster, JOB)
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)  # only root could give the folder away
    with pytest.raises(RunError, match="is not yours alone"):
        open_and_close(config(tmp_path))


def test_what_an_earlier_start_left_is_taken_and_removed(tmp_path: Path) -> None:
    local_folder(config(tmp_path).cluster, JOB).mkdir(mode=0o700)
    open_and_close(config(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_a_node_does_not_know_is_refused_in_one_line() -> None:
    for host in ({}, {"LOCALDIR": ""}):
        with pytest.raises(RunError, match=r"cluster.scratch \$LOCALDIR/x: LOCALDIR is not set on .*; name another"):
            local_folder(ClusterConfig(scratch="$LOCALDIR/x"), host)
    with pytest.raises(RunError, match="local, is no absolute path"):
        local_folder(ClusterConfig(), {"TMPDIR": "local"})


def test_a_place_too_long_for_a_server_s_sockets_is_refused_with_its_length(tmp_path: Path) -> None:
    given = config(tmp_path / ("x" * 80))
    open_and_close(given)  # nobody serves
    serving = dataclasses.replace(given, grpo=dataclasses.replace(given.grpo, use_vllm=True))
    with pytest.raises(RunError, match=r"tmp has \d+ bytes, and vLLM's sockets there can have a folder of 70 at most"):
        open_and_close(serving)
