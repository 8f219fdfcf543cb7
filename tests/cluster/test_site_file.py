"""A site file changes the preset, flags change both, and a mistake in it is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from crrl.cluster.apptainer import ROOT
from crrl.cluster.site_file import apply_site, find_site, runs_of_site
from crrl.config import from_yaml, load_preset, to_yaml, validate
from crrl.errors import ConfigError
from crrl.flags import parse

EXAMPLES = sorted((ROOT / "examples" / "sites").glob("*.yaml"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site.yaml"


def test_later_ones_win_from_default_to_flag(site: Path) -> None:
    site.write_text("partition: site\nmem_gb: 7\nsizes: {small: {mem_gb: 8, nodes: {trainer: 1}}, tiny: {mem_gb: 9}}")
    words = ["--site", str(site), "--size", "small"]
    given = parse([*words, "--partition", "flag"]).cluster
    assert (given.partition, given.mem_gb) == ("flag", 8)
    assert parse(words).cluster.partition == "site"
    assert parse(words).cluster.time == load_preset("small").cluster.time
    assert parse(["--site", str(site), "--size", "medium"]).cluster.mem_gb == 7
    assert parse(["--site", "none", "--size", "medium"]).cluster.mem_gb == load_preset("medium").cluster.mem_gb


def test_what_a_site_says_is_in_the_run_s_config(site: Path) -> None:
    site.write_text("setup: [module load x]\nenv: {NCCL_DEBUG: INFO}\noffline: yes\nscratch: $LOCAL")
    config = apply_site(load_preset("small"), site)
    assert from_yaml(to_yaml(config)) == config
    assert config.cluster.setup == ("module load x",)
    assert config.cluster.env == {"NCCL_DEBUG": "INFO"}
    assert config.cluster.offline
    assert config.cluster.scratch == "$LOCAL"  # read on the node


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("account: a\npartitoin: gpu", "site.yaml:2: there is no setting partitoin; did you mean partition?"),
        ("gpu_request: slots", "site.yaml:1: gpu_request 'slots': must be one of gpus-per-node, gres, none"),
        ("offline: maybe", "site.yaml:1: offline 'maybe': must be true or false"),
        ("sbatch: exclusive", "site.yaml:1: sbatch 'exclusive': must be a list, like [a, b]"),
        ("qos: a\nsizes:\n  large:\n    qoss: b", "site.yaml:4: there is no setting qoss; did you mean qos?"),
        ("sizes: {huge: {qos: a}}", "unknown size 'huge' under sizes; known are tiny, small, medium, large"),
        ("sizes: [large]", "sizes must hold settings by size"),
        ("- partition", "site.yaml must hold settings by name, like `partition: gpu`"),
        ("partition: [", "site.yaml is no YAML"),
        ("env: {MY_TOKEN: abc}", "env.MY_TOKEN looks like a secret"),
        ("env: {X: 'http://me:word@host'}", "env.X looks like a secret"),
        ("proxy: http://me:word@proxy:3128", "proxy holds a password"),
    ],
)
def test_a_mistake_is_told_with_its_place(site: Path, text: str, complaint: str) -> None:
    site.write_text(text)
    with pytest.raises(ConfigError) as error:
        apply_site(load_preset("tiny"), site)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)
    assert "word@" not in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the site file"):
        apply_site(load_preset("tiny"), tmp_path)


def test_the_file_is_the_one_asked_for_then_the_variable_s_then_the_user_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    asked, named, own = tmp_path / "a.yaml", tmp_path / "b.yaml", tmp_path / ".config/crrl/site.yaml"
    assert find_site("", {}) is None
    own.parent.mkdir(parents=True)
    for path in (asked, named, own):
        path.write_text(f"runs: {path.stem}")
    assert find_site(str(asked), {"CRRL_SITE": str(named)}) == asked
    assert find_site("", {"CRRL_SITE": str(named)}) == named
    assert find_site("", {}) == own
    assert find_site("none", {"CRRL_SITE": str(named)}) is None
    assert runs_of_site(named) == "b"
    with pytest.raises(ConfigError, match="CRRL_SITE=/nowhere: there is no such file"):
        find_site("", {"CRRL_SITE": "/nowhere"})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("size", ["tiny", "small", "medium", "large"])
def test_every_preset_is_valid_on_every_example_site(path: Path, size: str) -> None:
    validate(apply_site(load_preset(size), path))
