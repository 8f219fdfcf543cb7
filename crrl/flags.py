"""The command line of launch.py: a preset, then what the flags change."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, get_type_hints

from crrl.cluster.site_file import apply_site, find_site, runs_of_site
from crrl.config import RunConfig, load_preset, read_config
from crrl.data.paths import local_path
from crrl.errors import ConfigError
from crrl.reasoning import is_reasoning_model, with_reasoning_budget

SHORT_FLAGS = {
    "--data": "--data.source",
    "--cluster": "--cluster.cluster",
    "--nodes.server": "--cluster.nodes.server",
    "--nodes.trainer": "--cluster.nodes.trainer",
    "--gpus-per-node": "--cluster.gpus-per-node",
    "--time": "--cluster.time",
    "--partition": "--cluster.partition",
    "--account": "--cluster.account",
    "--qos": "--cluster.qos",
    "--image": "--cluster.image",
    "--runs": "--cluster.runs",
    "--sync": "--serve.sync",
}
"""What is set most often, without the name of its group."""
_PAIR_FLAGS = {
    "--rewards": "tests=0.9 format=0.1",
    "--data.options": "max_changed_lines=50",
    "--cluster.env": "NCCL_DEBUG=INFO",
}
"""Flags that take `name=value`, several times, each with an example."""


@dataclass(frozen=True)
class Launch(RunConfig):
    """A run's settings, and what to do with them."""

    preset: str = ""
    """A YAML file that takes the place of jobs/SIZE.yaml: a changed copy of one, or the config.yaml of a run to repeat."""
    dry_run: bool = False
    """Print the resolved config and the Slurm job, and what this machine lacks for it; submit nothing."""
    follow: bool = False
    """Show the run's log until it ends. Ctrl-C stops a local run so that it can be resumed; a Slurm run goes on."""
    site: str = ""
    """The cluster's site file (docs/cluster.md); empty: $CRRL_SITE, or ~/.config/crrl/site.yaml; none: no file."""
    resume: str = ""
    """Go on with this run (its id, or its folder) instead of starting one; other settings stay as they were."""


def parse(arguments: Sequence[str], about: str = "") -> Launch:
    """The settings of a command line: the preset of `--size` or `--preset`, then what the flags change.

    `about` heads the help. Raises ConfigError for a mistake, naming the nearest known flag; `--help` ends the process.
    """
    words = [part for word in arguments for part in _long_form(word)]
    words, pairs = _take_pairs(words)
    _refuse_bare_nodes(words)
    site = find_site(_last(words, "--site"), os.environ)
    if _last(words, "--resume"):  # the settings are the run's own; of the site only where runs are is asked
        preset = replace(load_preset("tiny"), cluster=replace(load_preset("tiny").cluster, runs=runs_of_site(site)))
    else:
        preset = _preset(words)
        preset = apply_site(preset, site) if site else preset
        # A file of one's own says itself how long completions are: a run's config.yaml has been given the budget already.
        if not _last(words, "--preset") and is_reasoning_model(_last(words, "--model")):
            preset = with_reasoning_budget(preset)
    if "--rewards" in pairs:
        preset = replace(preset, rewards={name: _weight(name, value) for name, value in pairs["--rewards"].items()})
    if "--data.options" in pairs:
        preset = replace(preset, data=replace(preset.data, options=preset.data.options | pairs["--data.options"]))
    if "--cluster.env" in pairs:
        env = preset.cluster.env | pairs["--cluster.env"]
        preset = replace(preset, cluster=replace(preset.cluster, env=env))
    default = Launch(**{field.name: getattr(preset, field.name) for field in fields(RunConfig)})
    launch = _read_flags(_switched(words), default, about)
    if launch.resume:
        _refuse_settings(launch)
    return launch


def _preset(words: Sequence[str]) -> RunConfig:
    size, file = _last(words, "--size"), _last(words, "--preset")
    if not file:
        return load_preset(size or "tiny", _last(words, "--task"))
    if size:
        raise ConfigError(f"--size {size} and --preset {file}: give one of them; a file says its size itself")
    return read_config(local_path(file))


def _read_flags(words: Sequence[str], default: Launch, about: str) -> Launch:
    """What tyro makes of the flags; its boxed complaint becomes one line."""
    import tyro

    boxed = io.StringIO()
    try:
        with contextlib.redirect_stderr(boxed):
            return tyro.cli(Launch, args=words, default=default, prog="launch.py", description=_description(about))
    except SystemExit as ended:
        if not ended.code:
            raise
    raise ConfigError(_in_one_line(boxed.getvalue()))


def _in_one_line(box: str) -> str:
    """tyro's boxed complaint, whatever its frame and width, as one line with the nearest flag."""
    sections: list[list[str]] = [[]]
    for framed in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines():
        line = framed.strip("│ ")
        if line.startswith(("╭", "╰")):
            continue
        if re.fullmatch("─{3,}|-{3,}", line):
            sections.append([])
        elif line:
            sections[-1].append(line)
    complaint, *hints = sections if "╭" in box else sections[1:] or sections  # without a frame, a title comes first
    nearest = [line.split()[0] for hint in hints for line in hint[1:] if line.startswith("--") and "meant" in hint[0]]
    hint = f"did you mean {nearest[0]}?" if nearest else "python launch.py --help shows what is possible"
    return f"{' '.join(complaint).rstrip('.')}; {hint}"


def settings_of(launch: Launch) -> RunConfig:
    """The run's settings alone."""
    return RunConfig(**{field.name: getattr(launch, field.name) for field in fields(RunConfig)})


def _refuse_settings(launch: Launch) -> None:
    """A resumed run keeps its settings: refuse others, rather than leave them out in silence."""
    preset = load_preset("tiny")
    if settings_of(launch) != replace(preset, cluster=replace(preset.cluster, runs=launch.cluster.runs)):
        raise ConfigError(
            f"--resume {launch.resume} goes on with the settings in the run's config.yaml; leave all others out, or "
            "start a new run without --resume"
        )


def _description(about: str) -> str:
    short = ", ".join(f"{flag} for {long}" for flag, long in SHORT_FLAGS.items())
    return f"{about}\nShort forms: {short}. Rewards: --rewards tests=0.9 format=0.1. Presets: jobs/*.yaml."


def _long_form(word: str) -> list[str]:
    flag, equals, value = word.partition("=")
    if not flag.startswith("--"):
        return [word]
    flag = SHORT_FLAGS.get(flag.replace("_", "-"), flag)
    return [flag, value] if equals else [flag]


def _switched(words: Sequence[str]) -> list[str]:
    """`--grpo.use-vllm False` as tyro writes it, `--grpo.no-use-vllm`; both are understood."""
    switches = _switches(Launch, "--")
    told: list[str] = []
    for word in words:
        flag = told[-1].replace("_", "-") if told else ""
        if flag in switches and word in ("True", "true", "False", "false"):
            if word.lower() == "false":
                group, dot, name = flag.removeprefix("--").rpartition(".")
                told[-1] = f"--{group}{dot}no-{name}"
        else:
            told.append(word)
    return told


def _switches(kind: Any, prefix: str) -> set[str]:
    found: set[str] = set()
    for name, hint in get_type_hints(kind).items():
        flag = prefix + name.replace("_", "-")
        found |= _switches(hint, f"{flag}.") if is_dataclass(hint) else {flag} if hint is bool else set()
    return found


def _last(words: Sequence[str], flag: str) -> str:
    """The value of a flag, the last one where it is given twice; empty if it is not given."""
    places = [index for index, word in enumerate(words) if word == flag]
    return words[places[-1] + 1] if places and places[-1] + 1 < len(words) else ""


def _refuse_bare_nodes(words: Sequence[str]) -> None:
    if "--nodes" in words:
        raise ConfigError(
            f"--nodes {_last(words, '--nodes')}: say which; --nodes.server N serve, --nodes.trainer N train"
        )


def _take_pairs(words: Sequence[str]) -> tuple[list[str], dict[str, dict[str, str]]]:
    """`--rewards a=1 b=2` and the like, apart from the other words."""
    rest: list[str] = []
    pairs: dict[str, dict[str, str]] = {}
    flag = ""
    for word in words:
        if word.startswith("--"):
            flag = word if word in _PAIR_FLAGS else ""
            if flag:
                pairs.setdefault(flag, {})
                continue
        if not flag:
            rest.append(word)
            continue
        several = [word] if flag == "--cluster.env" else word.split(",")  # a variable may hold commas
        for pair in filter(None, several):
            name, equals, value = pair.partition("=")
            if not equals:
                raise ConfigError(f"{flag} {pair!r}: must be name=value, as in {flag} {_PAIR_FLAGS[flag]}")
            pairs[flag][name] = value
    return rest, pairs


def _weight(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ConfigError(f"--rewards {name}={value}: a weight is a number, as in tests=0.9") from None
