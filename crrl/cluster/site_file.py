"""The site file: what one cluster needs, written once. It changes the preset; flags change both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from crrl.cluster.secret_settings import refuse_secrets
from crrl.config import SIZES, ClusterConfig, RunConfig, Size, as_dict, build_part, load_preset
from crrl.config_text import read_yaml
from crrl.data.paths import local_path
from crrl.errors import ConfigError

VARIABLE = "CRRL_SITE"
DEFAULT = "~/.config/crrl/site.yaml"
NO_SITE = "none"
_BY_SIZE = "sizes"


def find_site(asked: str, host: Mapping[str, str]) -> Path | None:
    """The site file: the one asked for, else $CRRL_SITE, else ~/.config/crrl/site.yaml if it is there; `none`: no file.

    Raises ConfigError if a file that was named is not there.
    """
    named = asked or host.get(VARIABLE, "")
    if named == NO_SITE:
        return None
    if not named:
        path = local_path(DEFAULT)
        return path if path.is_file() else None
    path = local_path(named)
    if not path.is_file():
        by = f"--site {asked}" if asked else f"{VARIABLE}={named}"
        raise ConfigError(
            f"{by}: there is no such file; examples are in examples/sites/, and `none` means no site file"
        )
    return path


def apply_site(preset: RunConfig, path: Path) -> RunConfig:
    """The preset as a site file changes it: its settings of `cluster`, then those under `sizes` for the preset's size.

    Raises ConfigError, naming the line and the nearest known name, for an unknown name or a wrong type.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the site file {path}: {error}") from error
    values, lines = read_yaml(text, str(path))
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold settings by name, like `partition: gpu`")
    by_size = _by_size(values.pop(_BY_SIZE, {}), path)
    clusters = {"": build_part(ClusterConfig, _over(as_dict(preset)["cluster"], values), str(path), lines)}
    for size, more in by_size.items():  # also those of other sizes: a typo is found today, not with the next large run
        prefix = f"{_BY_SIZE}.{size}."
        shifted = {name.removeprefix(prefix): line for name, line in lines.items() if name.startswith(prefix)}
        base = as_dict(replace(preset, cluster=clusters[""]))["cluster"]
        clusters[size] = build_part(ClusterConfig, _over(base, more), str(path), shifted)
    for cluster in clusters.values():
        refuse_secrets(replace(preset, cluster=cluster), f"{path}: ")
    return replace(preset, cluster=clusters.get(preset.size, clusters[""]))


def runs_of_site(path: Path | None) -> str:
    """The folder of all runs, as a site file names it."""
    preset = load_preset("tiny")
    return (apply_site(preset, path) if path else preset).cluster.runs


def _by_size(values: Any, path: Path) -> dict[Size, dict[str, Any]]:
    if not isinstance(values, dict) or not all(isinstance(more, dict) for more in values.values()):
        raise ConfigError(f"{path}: {_BY_SIZE} must hold settings by size, like `{_BY_SIZE}: {{large: {{qos: long}}}}`")
    for size in values:
        if size not in SIZES:
            raise ConfigError(f"{path}: unknown size {size!r} under {_BY_SIZE}; known are {', '.join(SIZES)}")
    return values


def _over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with changes, group by group; an unknown name stays in it, to be refused."""
    groups = {entry.name for entry in fields(ClusterConfig) if entry.name in ("nodes", "env")}
    merged = dict(base)
    for name, value in changes.items():
        is_group = name in groups and isinstance(value, dict)
        merged[name] = {**merged[name], **value} if is_group else value
    return merged
