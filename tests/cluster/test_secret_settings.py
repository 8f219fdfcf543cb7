"""A secret in a setting is refused before it is written anywhere, and is not in the refusal either."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import launch
from crrl.cluster.site_file import apply_site
from crrl.config import load_preset, validate
from crrl.errors import ConfigError


def check(**cluster: Any) -> None:
    preset = load_preset("tiny")
    validate(dataclasses.replace(preset, cluster=dataclasses.replace(preset.cluster, **cluster)))


@pytest.mark.parametrize(
    ("cluster", "complaint"),
    [
        ({"env": {"WANDB_API_KEY": "hunter2"}}, "cluster.env.WANDB_API_KEY looks like a secret"),
        ({"env": {"X": "http://me:hunter2@host"}}, "cluster.env.X looks like a secret"),
        ({"proxy": "http://me:hunter2@proxy:3128"}, "cluster.proxy holds a password"),
        ({"proxy": "me:hunter2@proxy:3128"}, "cluster.proxy holds a password"),
        (
            {"setup": ("module load a", "export WANDB_API_KEY=hunter2")},
            "cluster.setup: the value of WANDB_API_KEY looks",
        ),
        ({"setup": ("HF_TOKEN='hunter2' true",)}, "cluster.setup: the value of HF_TOKEN looks"),
        ({"setup": ("curl http://me:hunter2@host",)}, "cluster.setup holds an address with a password"),
        ({"sbatch": ("export=ALL,HF_TOKEN=hunter2",)}, "cluster.sbatch: the value of HF_TOKEN looks"),
        (
            {"srun": ("export=ALL,AWS_SECRET_ACCESS_KEY=hunter2",)},
            "cluster.srun: the value of AWS_SECRET_ACCESS_KEY looks",
        ),
        ({"container_flags": ("--env=WANDB_API_KEY=hunter2",)}, "container_flags: the value of WANDB_API_KEY looks"),
    ],
)
def test_a_secret_in_a_setting_is_refused_and_not_repeated(cluster: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        check(**cluster)
    assert complaint in str(error.value)
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("option", ["api-key=hunter2", "--hf-token=hunter2", "--hf-token hunter2"])
def test_a_secret_in_an_option_of_the_server_is_refused(option: str) -> None:
    preset = load_preset("small")
    with pytest.raises(ConfigError, match=r"serve.extra: the value of (api-key|hf-token) looks like a secret"):
        validate(dataclasses.replace(preset, serve=dataclasses.replace(preset.serve, extra=(option,))))


def test_what_only_sounds_like_a_secret_is_taken() -> None:
    check(
        env={"TOKENIZERS_PARALLELISM": "false", "NCCL_IB_PKEY": "1", "X": "http://proxy:3128"},
        setup=(
            "export HF_TOKEN=$(cat ~/.token)",
            'export WANDB_API_KEY="$MINE"',
            "module load key-tools # no token is",
        ),
        sbatch=("wckey=project",),
    )
    preset = load_preset("small")
    validate(dataclasses.replace(preset, serve=dataclasses.replace(preset.serve, extra=("max-num-batched-tokens=9",))))


def test_a_site_file_with_a_secret_is_named(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("setup: [export HF_TOKEN=hunter2]")
    with pytest.raises(ConfigError, match=r"site.yaml: cluster.setup: the value of HF_TOKEN looks like a secret"):
        apply_site(load_preset("tiny"), site)


def test_a_dry_run_does_not_print_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRRL_SITE", "none")
    assert launch.main(["--size", "tiny", "--dry-run", "--cluster.env", "WANDB_API_KEY=hunter2"]) == 2
    printed = capsys.readouterr()
    assert "hunter2" not in printed.out + printed.err
