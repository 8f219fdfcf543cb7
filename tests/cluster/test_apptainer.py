"""The image sees what a run needs, nothing of the host's Python, and no secret stands in an argv."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest

from crrl.cluster.apptainer import ROOT, exec_command, exec_environment
from crrl.cluster.environment import submission_environment
from crrl.config import DataConfig, RunConfig, load_preset
from crrl.report.run_folder import RunFolder

SECRETS = {"WANDB_API_KEY": "sentinel-w", "HF_TOKEN": "sentinel-h", "HUGGING_FACE_HUB_TOKEN": "sentinel-hub"}
HOST = {
    **SECRETS,
    "PATH": "/usr/bin",
    "HOME": "/home/ada",
    "PYTHONPATH": "/home/ada/lib",
    "APPTAINERENV_PYTHONPATH": "/home/ada/lib",
    "SINGULARITYENV_LD_PRELOAD": "/home/ada/x.so",
    "CUDA_VISIBLE_DEVICES": "2,3",
    "SLURM_JOB_ID": "77",
    "OTHER": "of the host",
}
FOLDER, SCRATCH = RunFolder(Path("/runs/r1")), Path("/local/crrl-77-0-0")
WORDS = ["python", "-m", "crrl.train", "/runs/r1"]


def config(**changes: Any) -> RunConfig:
    preset = load_preset("tiny")
    given = {"cluster": "slurm", "image": "/images/crrl.sif", "hf_home": "/hf", "cache_dir": "/cache", **changes}
    return dataclasses.replace(preset, cluster=dataclasses.replace(preset.cluster, **given))


def command(given: RunConfig, *, gpus: bool = False) -> list[str]:
    return exec_command(WORDS, config=given, folder=FOLDER, scratch=SCRATCH, gpus=gpus)


def inside(given: RunConfig, **extra: str) -> dict[str, str]:
    """The variables that the image is given."""
    return inside_of(HOST, given, **extra)


def inside_of(host: dict[str, str], given: RunConfig, **extra: str) -> dict[str, str]:
    env = exec_environment(config=given, scratch=SCRATCH, host=host, extra=extra)
    prefix = "APPTAINERENV_"
    return {name.removeprefix(prefix): value for name, value in env.items() if name.startswith(prefix)}


@pytest.fixture(autouse=True)
def no_keys_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", "/nowhere/.netrc")
    monkeypatch.setenv("HF_TOKEN_PATH", "/nowhere/token")


def test_the_whole_argv() -> None:
    assert command(config()) == [
        *("apptainer", "exec", "--cleanenv", "--home", f"{SCRATCH}/home", "--pwd", "/runs/r1"),
        *("--bind", "/runs/r1", "--bind", str(SCRATCH), "--bind", "/hf", "--bind", "/cache"),
        *("/images/crrl.sif", *WORDS),
    ]


def test_gpus_flags_and_binds_of_the_site_come_before_the_image() -> None:
    argv = command(
        config(container="/opt/bin/singularity", container_flags=("--no-mount=tmp",), binds=("/d:/d:ro",)), gpus=True
    )
    before = argv[: argv.index("/images/crrl.sif")]
    assert argv[0] == "/opt/bin/singularity"
    assert "--nv" in before
    assert "--no-mount=tmp" in before
    assert before[-2:] == ["--bind", "/d:/d:ro"]


def test_model_and_data_folders_are_bound_for_reading() -> None:
    given = dataclasses.replace(config(), model="/models/m", data=DataConfig(source="jsonl:/data/fixes.jsonl"))
    argv = command(given)
    assert "/models/m:/models/m:ro" in argv
    assert "/data/fixes.jsonl:/data/fixes.jsonl:ro" in argv
    by_path = dataclasses.replace(given, data=DataConfig(source="/data/fixes.jsonl.gz"))
    assert "/data/fixes.jsonl.gz:/data/fixes.jsonl.gz:ro" in command(by_path)


def test_what_links_in_a_model_s_folder_lead_to_is_bound_where_they_lead(tmp_path: Path) -> None:
    snapshot, blobs = tmp_path / "hub/models--X/snapshots/abc", tmp_path / "hub/models--X/blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for name in ("01", "02"):
        (blobs / name).touch()
    (snapshot / "config.json").symlink_to("../../blobs/01")
    (snapshot / "model.safetensors").symlink_to(blobs / "02")
    (snapshot / "same.json").symlink_to("config.json")
    (snapshot / "lost.json").symlink_to("../../blobs/03")
    given = dataclasses.replace(config(), model=str(snapshot))
    bound = {word for word in command(given) if word.endswith(":ro")}
    assert bound == {f"{path}:{path}:ro" for path in (snapshot, blobs / "01", blobs / "02")}


def test_links_are_followed_as_the_image_sees_them_where_the_folder_itself_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "real/a").mkdir(parents=True)
    (tmp_path / "real/weights").touch()
    (tmp_path / "real/a/model.safetensors").symlink_to("../weights")
    (tmp_path / "short").mkdir()
    (tmp_path / "short/m").symlink_to(tmp_path / "real/a")
    given = dataclasses.replace(config(), model=f"{tmp_path}/short/m")
    assert f"{tmp_path}/real/weights:{tmp_path}/short/weights:ro" in command(given)


def test_secrets_go_by_the_environment_and_never_by_argv() -> None:
    given = config()
    assert not any("sentinel" in word for word in command(given))
    assert {name: inside(given)[name] for name in SECRETS} == SECRETS


def test_of_the_host_only_what_is_named_is_seen() -> None:
    seen = inside(config(), RANK="3")
    assert seen["CUDA_VISIBLE_DEVICES"] == "2,3"
    assert seen["SLURM_JOB_ID"] == "77"
    assert seen["RANK"] == "3"
    assert seen["PYTHONNOUSERSITE"] == "1"
    assert not {"OTHER", "PYTHONPATH", "LD_PRELOAD", "HOME", "PATH"} & set(seen)
    env = exec_environment(config=config(), scratch=SCRATCH, host=HOST)
    assert "SINGULARITYENV_LD_PRELOAD" not in env
    assert "PYTHONPATH" not in env


def test_no_shell_changes_a_value_on_its_way_into_the_image() -> None:
    proxy = "http://ada:a$b@proxy:3128"
    env = exec_environment(config=config(), scratch=SCRATCH, host={**HOST, "http_proxy": proxy})
    assert (env["APPTAINERENV_http_proxy"], env["APPTAINER_NO_EVAL"]) == (proxy, "1")


def test_singularity_gets_its_own_prefix() -> None:
    env = exec_environment(config=config(container="/opt/singularity"), scratch=SCRATCH, host=HOST)
    assert env["SINGULARITYENV_PYTHONNOUSERSITE"] == "1"
    assert env["SINGULARITY_NO_EVAL"] == "1"
    assert not any(name.startswith("APPTAINERENV_") for name in env)


def test_what_is_compiled_is_cached_in_the_job_s_own_folder_and_what_is_downloaded_where_the_site_says() -> None:
    seen = inside(config())
    assert (seen["HF_HOME"], seen["CRRL_CACHE_DIR"]) == ("/hf", "/cache")
    for name in (
        *("TMPDIR", "XDG_CACHE_HOME", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "VLLM_CACHE_ROOT"),
        *("HF_DATASETS_CACHE", "HF_MODULES_CACHE", "CUDA_CACHE_PATH"),
    ):
        assert seen[name].startswith(f"{SCRATCH}/"), name


def test_the_network_is_the_site_s() -> None:
    seen = inside(config(network_interface="ib0", offline=True, proxy="http://proxy:3128", no_proxy=".example"))
    assert seen["NCCL_SOCKET_IFNAME"] == seen["GLOO_SOCKET_IFNAME"] == "ib0"
    assert seen["HF_HUB_OFFLINE"] == "1"
    assert seen["WANDB_MODE"] == "offline"
    assert seen["https_proxy"] == seen["HTTPS_PROXY"] == "http://proxy:3128"
    assert seen["no_proxy"] == "localhost,127.0.0.1,.example"


def test_what_modules_say_of_the_network_is_carried_in() -> None:
    said = {"NCCL_IB_HCA": "mlx5", "UCX_TLS": "rc", "FI_PROVIDER": "cxi", "TP_SOCKET_IFNAME": "hsn1"}
    seen = inside_of({**HOST, **said}, config())
    assert {name: seen[name] for name in said} == said
    assert inside_of({**HOST, **said}, config(network_interface="ib0"))["TP_SOCKET_IFNAME"] == "ib0"


def test_the_interface_that_was_found_is_gloo_s_and_nccl_s_unless_somebody_said_another() -> None:
    found = {"GLOO_SOCKET_IFNAME": "eth1"}
    assert inside(config(), **found)["NCCL_SOCKET_IFNAME"] == "=eth1"
    assert inside(config(env={"NCCL_SOCKET_IFNAME": "ib"}), **found)["NCCL_SOCKET_IFNAME"] == "ib"
    assert inside_of({**HOST, "NCCL_SOCKET_IFNAME": "ib"}, config(), **found)["NCCL_SOCKET_IFNAME"] == "ib"
    assert inside_of({**HOST, "GLOO_SOCKET_IFNAME": "ib0"}, config(), **found)["GLOO_SOCKET_IFNAME"] == "ib0"
    assert "NCCL_SOCKET_IFNAME" not in inside(config(), GLOO_SOCKET_IFNAME="lo")


def test_this_checkout_s_crrl_runs_in_the_image_when_asked() -> None:
    given = config(code="checkout")
    assert f"{ROOT}:{ROOT}:ro" in command(given)
    assert inside(given)["PYTHONPATH"] == str(ROOT)


def test_without_an_image_it_is_this_python_with_the_same_variables() -> None:
    given = config(image="none")
    assert command(given) == [sys.executable, *WORDS[1:]]
    env = exec_environment(config=given, scratch=SCRATCH, host=HOST)
    assert env["PYTHONPATH"] == str(ROOT)
    assert env["OTHER"] == "of the host"
    assert env["TRITON_CACHE_DIR"].startswith(str(SCRATCH))


def test_a_laptop_keeps_its_environment_and_caches() -> None:
    given = config(image="none", cluster="local")
    assert exec_environment(config=given, scratch=SCRATCH, host=HOST) == {**HOST, "PYTHONUNBUFFERED": "1"}


def test_the_key_that_wandb_login_left_is_found_in_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.wandb.ai login user password sentinel-n\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert f"{netrc}:{netrc}:ro" in command(config())
    assert inside(config())["NETRC"] == str(netrc)


@pytest.mark.parametrize("image", ["/images/crrl.sif", "none"])
def test_the_hub_s_token_is_found_where_the_user_logged_in_whatever_hf_home_is(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("hf_sentinel")
    monkeypatch.delenv("HF_TOKEN_PATH")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    given = config(image=image)
    env = exec_environment(config=given, scratch=SCRATCH, host=HOST)
    assert env["HF_TOKEN_PATH" if image == "none" else "APPTAINERENV_HF_TOKEN_PATH"] == str(token)
    assert (f"{token}:{token}:ro" in command(given)) == (image != "none")
    assert "HF_TOKEN_PATH" not in inside(config(hf_home=str(tmp_path)))


def test_a_shell_inside_another_job_does_not_shape_this_one() -> None:
    host = {**HOST, "SLURM_CONF": "/etc/slurm.conf", "SUBMITIT_EXECUTOR": "local", "SLURM_NTASKS": "4", "PATH": "/bin"}
    env = submission_environment(host)
    assert not {"SLURM_JOB_ID", "SLURM_NTASKS", "SUBMITIT_EXECUTOR", "PYTHONPATH", "APPTAINERENV_PYTHONPATH"} & set(env)
    assert env["SLURM_CONF"] == "/etc/slurm.conf"
    assert env["WANDB_API_KEY"] == "sentinel-w"


def test_what_a_site_has_sbatch_do_by_default_does_not_undo_what_the_run_says() -> None:
    host = {**HOST, "SBATCH_EXPORT": "NONE", "SBATCH_WAIT": "1", "SBATCH_QOS": "long"}
    assert {name for name in submission_environment(host) if name.startswith("SBATCH_")} == {"SBATCH_QOS"}
